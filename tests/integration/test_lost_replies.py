"""Connections that break, or are slow, between what the store does and what the client hears of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis

from fault_proxy import FaultProxy, Moment, Trap
from flowtui.model.errors import StoreUnavailable
from flowtui.storage.connection import ServerConnector
from flowtui.storage.data_store import DataStore
from flowtui.storage.opening import open_store
from flowtui.storage.queue_store import Commit, Item, Source

READS = Source("shop.orders", "shop.fulfil")


@pytest.fixture
def proxy(redis_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(("127.0.0.1", int(redis_url.rpartition(":")[2]))) as proxy:
        yield proxy


@pytest.fixture
async def data_store(proxy, short_path) -> AsyncIterator[DataStore]:
    def opened() -> DataStore:
        return open_store(proxy.url, state_dir=short_path, namespace=uuid4().hex, url=None)

    store = await asyncio.to_thread(opened)
    yield store
    await store.release()
    await asyncio.to_thread(store.close)


def items(*names: str) -> tuple[tuple[str, Item], ...]:
    return tuple((READS.queue, Item(name, b"{}", "", "")) for name in names)


async def test_a_commit_whose_reply_was_lost_is_repeated_without_doubling(data_store, proxy):
    queues = data_store.queues()
    await queues.join("writer", None)
    await queues.join("reader", READS)
    reply = proxy.catch("commit", moment=Moment.AFTER)
    reply.cut()
    commit = Commit(1, pushes=items("a", "b"))
    with pytest.raises(StoreUnavailable):
        await queues.commit("writer", commit)
    assert reply.is_caught
    await queues.commit("writer", commit)
    assert [delivery.item.id for delivery in await queues.fetch("reader", READS, 10)] == ["a", "b"]
    assert (await queues.queue_stats([READS.queue]))[READS.queue].pushed == 2


async def test_items_of_a_fetch_whose_reply_was_lost_are_found_in_flight(data_store, proxy):
    queues = data_store.queues()
    await queues.join("reader", READS)
    await queues.commit("reader", Commit(1, pushes=items("a", "b", "c")))
    proxy.catch("fetch", moment=Moment.AFTER).cut()
    with pytest.raises(StoreUnavailable):
        await queues.fetch("reader", READS, 2)
    assert [delivery.item.id for delivery in await queues.in_flight("reader", READS)] == ["a", "b"]
    await queues.commit("reader", Commit(2, READS, 2))
    assert [delivery.item.id for delivery in await queues.fetch("reader", READS, 2)] == ["c"]


async def lost_on_its_way(call: Coroutine[Any, Any, Any], trap: Trap, proxy: FaultProxy) -> None:
    """Make a call whose connection breaks while it is still on its way, as in a network that holds back a packet."""
    task = asyncio.create_task(call)
    await asyncio.to_thread(trap.wait)
    proxy.cut_all()
    with pytest.raises(StoreUnavailable):
        await task


async def arrives(trap: Trap) -> None:
    """Let the call that was held back reach the store."""
    await asyncio.to_thread(trap.release)


async def test_a_commit_that_never_reached_the_store_is_repeated(data_store, proxy):
    queues = data_store.queues()
    await queues.join("reader", READS)
    proxy.catch("commit").cut()
    with pytest.raises(StoreUnavailable):
        await queues.commit("reader", Commit(1, pushes=items("a")))
    assert await queues.fetch("reader", READS, 10) == []
    await queues.commit("reader", Commit(1, pushes=items("a")))
    assert [delivery.item.id for delivery in await queues.fetch("reader", READS, 10)] == ["a"]


@pytest.mark.parametrize("moment", Moment)
async def test_a_commit_on_a_connection_that_falls_silent_is_repeated_on_another_without_doubling(
    monkeypatch, data_store, proxy, moment
):
    monkeypatch.setattr(ServerConnector, "line", functools.partialmethod(ServerConnector.line, 0.3))
    queues = data_store.queues()
    await queues.join("writer", None)
    await queues.join("reader", READS)
    await queues.commit("writer", Commit(1, pushes=items("a", "b")))
    await queues.fetch("reader", READS, 2)
    held = proxy.catch("commit", moment=moment)
    commit = Commit(1, READS, 2, pushes=(("done", Item("a", b"{}", "", "")),))
    fetching = asyncio.create_task(queues.commit("reader", commit, 10))
    behind = asyncio.create_task(queues.commit("writer", Commit(2, pushes=items("c"))))
    for call in (fetching, behind):
        with pytest.raises(StoreUnavailable, match=r"no answer within 0\.3 s"):
            await call
    assert "no answer within 0.3 s" in data_store.trouble
    await queues.commit("reader", commit)
    assert data_store.trouble == ""
    await queues.commit("writer", Commit(2, pushes=items("c")))
    await arrives(held)
    left = await queues.in_flight("reader", READS) + await queues.fetch("reader", READS, 10)
    assert [delivery.item.id for delivery in left] == ["c"]
    stats = await queues.queue_stats([READS.queue, "done"])
    assert (stats[READS.queue].acknowledged, stats["done"].pushed, stats[READS.queue].unaccounted) == (2, 1, 0)


async def test_a_fetch_that_arrives_after_it_was_given_up_takes_nothing(data_store, proxy):
    queues = data_store.queues()
    await queues.join("reader", READS)
    await queues.commit("reader", Commit(1, pushes=items("a", "b", "c")))
    assert await queues.fetch("reader", Source("other", "other"), 1) == []  # now the server knows the script
    late = proxy.catch("fetch")
    await lost_on_its_way(queues.fetch("reader", READS, 2), late, proxy)
    assert await queues.in_flight("reader", READS) == []
    await arrives(late)
    fetched = await queues.fetch("reader", READS, 2)
    assert [delivery.item.id for delivery in fetched] == ["a", "b"]
    assert await queues.in_flight("reader", READS) == fetched


async def test_items_that_were_fetched_since_are_not_given_back_by_a_late_call(data_store, proxy):
    queues = data_store.queues()
    await queues.join("reader", READS)
    await queues.commit("reader", Commit(1, pushes=items("a", "b", "c")))
    await queues.fetch("reader", READS, 2)
    assert await queues.give_back("reader", READS, 2) == 0  # now the server knows the script
    late = proxy.catch("give_back")
    await lost_on_its_way(queues.give_back("reader", READS, 0), late, proxy)
    assert await queues.give_back("reader", READS, 0) == 2
    fetched = await queues.fetch("reader", READS, 3)
    await arrives(late)
    assert await queues.in_flight("reader", READS) == fetched


async def test_a_cancelled_call_leaves_the_connection_fit_for_the_next(data_store):
    queues = data_store.queues()
    await queues.join("reader", READS)
    for turn in range(20):
        call = asyncio.create_task(queues.commit("reader", Commit(turn + 1, pushes=items(str(turn)))))
        for _ in range(turn % 5):
            await asyncio.sleep(0)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        await queues.commit("reader", Commit(turn + 1, pushes=items(str(turn))))
    fetched = await queues.fetch("reader", READS, 100)
    assert [delivery.item.id for delivery in fetched] == [str(turn) for turn in range(20)]


async def test_a_doorbell_rings_when_a_lost_connection_is_back(data_store, proxy, redis_url):
    queues = data_store.queues()
    bell = queues.doorbell(READS)
    await asyncio.wait_for(bell.wait(), 10)
    bell.clear()
    async with asyncio.timeout(30):
        while not bell.is_set():
            # The connection may be a moment younger than its first ring to the server, and is not there to be killed.
            await asyncio.to_thread(_kill_subscribers, redis_url)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), 1)


def _kill_subscribers(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.client_kill_filter(_type="pubsub")
