"""What every store promises about loops that only one owner may run."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from flowtui.model.errors import Fenced
from flowtui.storage.lease import owner_name
from flowtui.storage.loop_lease import Runs
from flowtui.storage.queue_store import Commit, Item, QueueStore

LOOP = "shop.incoming"
HERE = f"{socket.gethostname()}:{os.getpid()}"
PATIENCE_S = 20


def nothing() -> None:
    pass


async def take(queues: QueueStore, owner: str, seen: Runs | None = None) -> Runs | None:
    return await queues.loops.take(owner, LOOP, seen, nothing)


def gone_owner() -> str:
    """Return the name of an owner of a process of this host that has ended."""
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    host, _, rest = owner_name(LOOP, 0).split(":", 2)
    return f"{host}:{child.stdout.decode().strip()}:{rest}"


@pytest.fixture
async def queues(data_store):
    return data_store.queues()


async def test_a_loop_belongs_to_one_owner_and_others_learn_whose_it_is(queues):
    first, second = owner_name(LOOP, 0), owner_name(LOOP, 0)
    assert await take(queues, first) is None
    runs = await take(queues, second)
    assert (runs.who, runs.owner, runs.is_over) == (HERE, first, False)
    with pytest.raises(Fenced):
        await queues.commit(second, Commit(1))
    assert await queues.loops.take(second, "shop.other", None, nothing) is None


async def test_the_owner_that_asks_again_as_after_a_lost_reply_has_it_still(queues):
    owner = owner_name(LOOP, 0)
    for _ in range(2):
        assert await take(queues, owner) is None
    await queues.commit(owner, Commit(1, pushes=(("/q", Item("1", b"{}", "", "")),)))
    assert await take(queues, owner) is None
    await queues.commit(owner, Commit(2, pushes=(("/q", Item("2", b"{}", "", "")),)))


async def test_who_stands_by_hears_that_the_owner_has_left(queues):
    first, second = owner_name(LOOP, 0), owner_name(LOOP, 0)
    await take(queues, first)
    bell = queues.loops.bell(LOOP)
    bell.clear()
    assert await take(queues, second)
    await queues.leave(first, None)
    await asyncio.wait_for(bell.wait(), PATIENCE_S)
    assert await take(queues, second) is None


async def test_who_stands_by_hears_that_the_owner_was_ended_and_the_owner_is_fenced(queues, data_store):
    first, second = owner_name(LOOP, 0), owner_name(LOOP, 0)
    await take(queues, first)
    await queues.commit(first, Commit(1, cursor=(LOOP, b"1")))
    bell = queues.loops.bell(LOOP)
    bell.clear()
    assert await take(queues, second)
    await asyncio.to_thread(data_store.end_owner, first)
    await asyncio.wait_for(bell.wait(), PATIENCE_S)
    assert await take(queues, second) is None
    with pytest.raises(Fenced):
        await queues.commit(first, Commit(2, cursor=(LOOP, b"2")))
    assert await queues.cursor(LOOP) == b"1"


async def test_the_end_of_an_owner_that_has_lost_the_loop_does_not_free_it(queues, data_store):
    first, second, third = (owner_name(LOOP, 0) for _ in range(3))
    await take(queues, first)
    await asyncio.to_thread(data_store.end_owner, first)
    await take(queues, second)
    await queues.leave(first, None)
    await asyncio.to_thread(data_store.end_owner, first)
    assert (await take(queues, third)).owner == second


async def test_an_owner_whose_process_has_died_is_replaced_long_before_its_lease_is_over(store, queues):
    dead, heir = gone_owner(), owner_name(LOOP, 0)
    async with store.without_heartbeat(lease_s=1000) as others:
        await take(others, dead)
    bell = queues.loops.bell(LOOP)
    bell.clear()
    assert (await take(queues, heir)).owner == dead
    await asyncio.wait_for(bell.wait(), PATIENCE_S)
    assert await take(queues, heir) is None


async def test_an_owner_that_is_not_heard_of_is_replaced_when_its_lease_is_over(store):
    silent, heir = owner_name(LOOP, 0), owner_name(LOOP, 0)
    async with store.without_heartbeat(lease_s=0.5) as others:
        await take(others, silent)
    with closing(store.open(lease_s=0.5)) as opened:
        queues = opened.queues()
        bell = queues.loops.bell(LOOP)
        while await take(queues, heir):
            bell.clear()
            await asyncio.wait_for(bell.wait(), PATIENCE_S)
        await opened.release()


async def test_an_owner_that_lives_has_its_lease_renewed_and_keeps_its_loop_though_others_stand_by(store):
    owner, other = owner_name(LOOP, 0), owner_name(LOOP, 0)
    with closing(store.open(lease_s=3)) as first, closing(store.open(lease_s=3)) as second:
        assert await take(first.queues(), owner) is None
        assert await take(second.queues(), other)
        with store.connector.client() as client:

            def lease_end() -> float:
                return client.zscore(f"{store.namespace}:owners", owner)

            began = lease_end()
            async with asyncio.timeout(PATIENCE_S):
                while lease_end() < began + 1000:
                    await asyncio.sleep(0.01)
        assert (await take(second.queues(), other)).owner == owner
        await first.release()
        await second.release()


async def test_an_owner_hears_that_its_lease_was_ended_though_it_stores_nothing(store):
    heard = threading.Event()
    owner = owner_name(LOOP, 0)
    with closing(store.open(lease_s=1)) as opened:
        assert await opened.queues().loops.take(owner, LOOP, None, heard.set) is None
        store.end_owners(owner)
        assert await asyncio.to_thread(heard.wait, PATIENCE_S)
        await opened.release()


async def test_one_that_has_left_hears_nothing(store):
    heard = threading.Event()
    owner, other = owner_name(LOOP, 0), owner_name(LOOP, 0)
    with closing(store.open(lease_s=0.1)) as opened:
        queues = opened.queues()
        await queues.loops.take(owner, LOOP, None, heard.set)
        told = threading.Event()
        await queues.loops.take(other, "shop.other", None, told.set)
        await queues.leave(owner, None)
        store.end_owners(other)
        assert await asyncio.to_thread(told.wait, PATIENCE_S)
        assert not heard.is_set()
        await opened.release()


async def test_a_completed_loop_is_over_for_those_that_waited_and_free_for_those_that_come(queues):
    first, waits, comes = (owner_name(LOOP, 0) for _ in range(3))
    await take(queues, first)
    seen = await take(queues, waits)
    await queues.leave(first, None, completed=True)
    over = await take(queues, waits, seen)
    assert (over.who, over.is_over) == (HERE, True)
    assert await take(queues, comes) is None


async def test_who_stands_by_no_more_leaves_nothing_behind(queues):
    first, second, third = (owner_name(LOOP, 0) for _ in range(3))
    await take(queues, first)
    await take(queues, second)
    await queues.leave(second, None)
    assert (await take(queues, third)).owner == first
    await queues.leave(first, None)
    assert await take(queues, third) is None


@pytest.mark.parametrize("fate", ["ended", "left", "left before it had the loop"])
async def test_a_call_that_comes_after_its_owner_has_gone_does_not_take_the_loop(queues, store, fate):
    gone, heir = owner_name(LOOP, 0), owner_name(LOOP, 0)
    if fate != "left before it had the loop":
        await take(queues, gone)
        await queues.commit(gone, Commit(1, cursor=(LOOP, b"1")))
    if fate == "ended":
        store.end_owners(gone)
    else:
        await queues.leave(gone, None)
    for seen in (None, Runs("", completed=0)):
        with pytest.raises(Fenced):
            await take(queues, gone, seen)
    assert await take(queues, heir) is None
    with pytest.raises(Fenced):
        await queues.commit(gone, Commit(2, cursor=(LOOP, b"2")))
