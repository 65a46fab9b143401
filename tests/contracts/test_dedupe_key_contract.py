"""Keys of dedupe nodes, on every kind of store."""

from __future__ import annotations

import asyncio

import pytest

from flowtui.storage.data_store import DataStore
from flowtui.storage.queue_store import Commit
from flowtui.storage.records import Key

HOUR_MS = 3_600_000


async def test_the_first_item_has_the_key_and_the_same_item_has_it_again(data_store: DataStore) -> None:
    queues = data_store.queues()
    await queues.join("o-1", None)
    assert await queues.claim("o-1", "k", "first\udc80 one")
    assert not await queues.claim("o-1", "k", "second")
    assert await queues.claim("o-1", "k", "first\udc80 one")
    assert await queues.claim("o-1", "other", "second")
    await queues.commit("o-1", Commit(1, keys=(Key("k", "first\udc80 one", HOUR_MS),)))
    assert not await queues.claim("o-1", "k", "second")
    assert await queues.claim("o-1", "k", "first\udc80 one")


@pytest.mark.parametrize("committed", [True, False])
async def test_a_key_outlives_its_owner_only_if_it_was_committed(store, committed) -> None:
    opened = store.open()
    try:
        queues = opened.queues()
        for owner in ("o-1", "o-2"):
            await queues.join(owner, None)
        assert await queues.claim("o-1", "k", "first")
        assert not await queues.claim("o-2", "k", "second")
        if committed:
            await queues.commit("o-1", Commit(1, keys=(Key("k", "first", HOUR_MS),)))
        store.end_owners("o-1")
        assert await queues.claim("o-2", "k", "second") is not committed
    finally:
        await opened.release()
        opened.close()


async def test_a_key_is_free_again_after_its_time(data_store: DataStore) -> None:
    queues = data_store.queues()
    await queues.join("o-1", None)
    await queues.claim("o-1", "k", "first")
    await queues.commit("o-1", Commit(1, keys=(Key("k", "first", 50),)))
    async with asyncio.timeout(10):
        while not await queues.claim("o-1", "k", "second"):
            await asyncio.sleep(0.01)


async def test_a_commit_that_is_repeated_keeps_its_keys_once(data_store: DataStore) -> None:
    queues = data_store.queues()
    await queues.join("o-1", None)
    commit = Commit(1, keys=(Key("a", "x", HOUR_MS), Key("b", "x", HOUR_MS)))
    await queues.commit("o-1", commit)
    await queues.commit("o-1", commit)
    assert [await queues.claim("o-1", name, "y") for name in "abc"] == [False, False, True]
