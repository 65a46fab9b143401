"""What every store promises about requests from one process to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from flowtui.storage.data_store import DataStore

PATIENCE_S = 20


async def listed(store: DataStore) -> DataStore:
    """Return the store when the engine is known by it."""
    store.enlist(Path("flows"))
    while not store.instances:
        await asyncio.sleep(0.005)
    return store


@pytest.fixture
async def engine(data_store) -> AsyncIterator[DataStore]:
    return await listed(data_store)


async def ask(store: DataStore, *instances: str, name: str = "greet", timeout_s: float = PATIENCE_S, **arguments):
    return (await store.requests().ask(name, arguments, instances, timeout_s)).answers


async def next_request(store: DataStore):
    """Wait for the bell, as an engine does."""
    inbox, bell = store.requests(), store.requests().doorbell()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            bell.clear()
            if found := await inbox.take():
                (request,) = found
                return request
            await bell.wait()


async def test_a_request_reaches_the_engine_and_its_answer_the_one_who_asked(engine):
    asking = asyncio.create_task(ask(engine, engine.instance, names=["ana", "bö"], deep={"n": None}))
    request = await next_request(engine)
    assert (request.name, request.arguments) == ("greet", {"names": ["ana", "bö"], "deep": {"n": None}})
    await engine.requests().answer(request, {"hello": [1, 2.5, "ä"]})
    assert await asking == {engine.instance: {"hello": [1, 2.5, "ä"]}}


async def test_a_request_of_another_process_rings_the_bell(store):
    if store.kind == "memory":
        pytest.skip("no other process reaches the memory")
    with closing(store.open()) as opened, closing(store.open()) as asker:
        engine = await listed(opened)
        bell = engine.requests().doorbell()
        assert await engine.requests().take() == []
        bell.clear()
        asking = asyncio.create_task(ask(asker, engine.instance))
        await asyncio.wait_for(bell.wait(), PATIENCE_S)
        (request,) = await engine.requests().take()
        await engine.requests().answer(request, "done")
        assert await asking == {engine.instance: "done"}
        for each in (opened, asker):
            await each.release()


async def test_several_engines_are_asked_at_once_and_one_that_does_not_answer_is_missing(store):
    with closing(store.open()) as first, closing(store.open()) as second:
        for each in (first, second):
            await listed(each)
        asking = asyncio.create_task(ask(first, first.instance, second.instance, timeout_s=0.5))
        request = await next_request(first)
        await first.requests().answer(request, 1)
        assert await asking == {first.instance: 1}
        for each in (first, second):
            await each.release()


async def test_what_nobody_waits_for_any_more_is_not_begun(engine):
    replies = await engine.requests().ask("greet", {}, [engine.instance], 0.02)
    assert (replies.answers, replies.begun) == ({}, frozenset())
    assert await engine.requests().take() == []


async def test_who_asked_learns_that_an_engine_has_begun_though_it_does_not_answer_in_time(engine):
    asking = asyncio.create_task(engine.requests().ask("greet", {}, [engine.instance], 0.5))
    request = await next_request(engine)
    assert (await asking).begun == {engine.instance}
    await engine.requests().answer(request, "too late")


async def test_a_request_of_one_that_died_while_it_waited_does_not_count_for_long(engine, store, monkeypatch):
    monkeypatch.setattr("flowtui.storage.request_list._SPARE_S", 0)
    asking = asyncio.create_task(engine.requests().ask("greet", {}, [engine.instance], 0.3))
    with store.connector.client() as client:
        while not client.exists(f"{store.namespace}:requests:{engine.instance}"):
            await asyncio.sleep(0.005)
    asking.cancel()
    await asyncio.wait([asking])
    await asyncio.sleep(0.4)  # the store's clock goes on by itself
    assert await engine.requests().take() == []


async def test_requests_are_taken_once_and_in_their_order(engine):
    asking = [asyncio.create_task(ask(engine, engine.instance, name=name, timeout_s=1)) for name in "abc"]
    inbox = engine.requests()
    found = []
    while len(found) < len(asking):
        found += await inbox.take()
    assert sorted(request.name for request in found) == ["a", "b", "c"]
    assert await inbox.take() == []
    for request in found:
        await inbox.answer(request, request.name)
    assert [list((await each).values()) for each in asking] == [["a"], ["b"], ["c"]]


async def test_an_engine_that_is_gone_is_not_waited_for(engine, store):
    store.end_owners(engine.instance)
    async with asyncio.timeout(PATIENCE_S / 2):
        assert await ask(engine, engine.instance, "never:1:1:was") == {}


async def test_requests_go_with_the_engine_they_were_for(engine, store):
    asking = asyncio.create_task(ask(engine, engine.instance, timeout_s=1))
    key = f"{store.namespace}:requests:{engine.instance}"
    with store.connector.client() as client:
        while not client.exists(key):
            await asyncio.sleep(0.005)
        store.end_owners(engine.instance)
        assert not client.exists(key)
    assert await asking == {}


async def test_the_engines_on_the_store_are_known_to_one_that_is_none(engine, store):
    with closing(store.open()) as asker:
        (found,) = await asker.requests().instances()
        assert found.id == engine.instance
        await asker.release()
