"""What every store promises about cached values: one body, every kind of store."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from flowtui.model.errors import StoreError
from flowtui.storage.cache_store import CacheStore
from flowtui.storage.data_store import DataStore


@pytest.fixture
async def cache(data_store: DataStore) -> CacheStore:
    return data_store.cache()


async def test_a_value_comes_back_as_it_was_given(cache):
    awkward = {"plain": b"[1]", "a:b{c}%": b"\x00\xff\r\n", "": b"", "ü 日本": "日本".encode(), "big": b"x" * 300_000}
    for key, value in awkward.items():
        await cache.put(key, value, 60)
    assert {key: await cache.get(key) for key in awkward} == awkward
    assert await cache.get("never") is None


async def test_a_later_value_takes_the_place_of_the_earlier_one(cache):
    await cache.put("key", b"1", 60)
    await cache.put("key", b"2", 60)
    assert await cache.get("key") == b"2"


async def test_a_value_is_gone_after_its_time_and_not_before(cache):
    await cache.put("short", b"1", 0.05)
    await cache.put("long", b"2", 3600)
    while await cache.get("short") is not None:
        await asyncio.sleep(0.005)
    assert await cache.get("long") == b"2"


async def test_a_time_of_less_than_a_millisecond_is_no_error(cache):
    await cache.put("key", b"1", 0.0001)


async def test_a_time_that_the_store_cannot_count_is_refused_and_the_next_call_is_served(cache, store):
    if store.kind != "memory":  # it takes any number
        with pytest.raises(StoreError):
            await cache.put("key", b"1", 1e17)
    await cache.put("key", b"1", 60)
    assert await cache.get("key") == b"1"


async def test_other_processes_see_it_and_other_namespaces_do_not(cache, store, data_store):
    await cache.put("key", b"1", 60)
    with contextlib.closing(store.open()) as other:
        assert await other.cache().get("key") == b"1"
        await other.release()
    store.namespace = "{elsewhere}"
    with contextlib.closing(store.open()) as elsewhere:
        assert await elsewhere.cache().get("key") is None
        await elsewhere.release()


async def test_each_event_loop_has_one_of_its_own(data_store):
    async def use() -> CacheStore:
        cache = data_store.cache()
        assert data_store.cache() is cache
        await cache.put("key", b"1", 60)
        await data_store.release()
        return cache

    assert await asyncio.to_thread(lambda: asyncio.run(use())) is not data_store.cache()
    assert await data_store.cache().get("key") == b"1"


async def test_many_tasks_at_once_are_served(cache):
    await asyncio.gather(*(cache.put(str(n), b"%d" % n, 60) for n in range(40)))
    assert await asyncio.gather(*(cache.get(str(n)) for n in range(40))) == [b"%d" % n for n in range(40)]
