"""Connections that break, or are slow, between what the store does and what the client hears of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any
from uuid import uuid4

import pytest
import redis

from flowtui.model.errors import StoreUnavailable
from flowtui.storage.data_store import DataStore
from flowtui.storage.opening import open_store
from flowtui.storage.queue_store import Commit, Item, Source

READS = Source("shop.orders", "shop.fulfil")


class Proxy:
    """Stands before a server.

    On request it swallows the reply to the next call of a script and hangs up, or holds the next call back.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._connections: set[asyncio.Task[None]] = set()
        self.swallow = False
        self.swallowed = 0
        self.hold = False
        self.holds = asyncio.Event()
        self.release = asyncio.Event()
        self.late_reply = asyncio.Event()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.create_task(self._serve(reader, writer)))

    async def ended(self) -> None:
        await asyncio.gather(*self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        doomed = False

        async def there() -> None:
            nonlocal doomed
            while data := await reader.read(65536):
                if self.swallow and b"EVALSHA" in data:
                    self.swallow = False
                    doomed = True
                if self.hold and b"EVALSHA" in data:
                    self.hold = False
                    self.holds.set()
                    await self.release.wait()
                    server_writer.write(data)
                    await self.late_reply.wait()
                    return
                server_writer.write(data)

        async def back() -> None:
            while data := await server_reader.read(65536):
                if doomed:
                    self.swallowed += 1
                    return
                if self.release.is_set():
                    self.late_reply.set()
                writer.write(data)

        tasks = {asyncio.create_task(there()), asyncio.create_task(back())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in (writer, server_writer):
                each.close()
                with contextlib.suppress(ConnectionError):
                    await each.wait_closed()


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[tuple[Proxy, str]]:
    proxy = Proxy(int(redis_url.rpartition(":")[2]))
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    yield proxy, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await proxy.ended()


@pytest.fixture
async def data_store(proxy, short_path) -> AsyncIterator[DataStore]:
    def opened() -> DataStore:
        return open_store(proxy[1], state_dir=short_path, namespace=uuid4().hex, url=None)

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
    proxy[0].swallow = True
    commit = Commit(1, pushes=items("a", "b"))
    with pytest.raises(StoreUnavailable):
        await queues.commit("writer", commit)
    assert proxy[0].swallowed == 1
    await queues.commit("writer", commit)
    assert [delivery.item.id for delivery in await queues.fetch("reader", READS, 10)] == ["a", "b"]
    assert (await queues.queue_stats([READS.queue]))[READS.queue].pushed == 2


async def test_items_of_a_fetch_whose_reply_was_lost_are_found_in_flight(data_store, proxy):
    queues = data_store.queues()
    await queues.join("reader", READS)
    await queues.commit("reader", Commit(1, pushes=items("a", "b", "c")))
    proxy[0].swallow = True
    with pytest.raises(StoreUnavailable):
        await queues.fetch("reader", READS, 2)
    assert [delivery.item.id for delivery in await queues.in_flight("reader", READS)] == ["a", "b"]
    await queues.commit("reader", Commit(2, READS, 2))
    assert [delivery.item.id for delivery in await queues.fetch("reader", READS, 2)] == ["c"]


async def given_up(call: Coroutine[Any, Any, Any], proxy: Proxy) -> None:
    """Make a call and give it up while it is still on its way."""
    proxy.hold = True
    task = asyncio.create_task(call)
    await proxy.holds.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def arrives(proxy: Proxy) -> None:
    """Let the call that was held back reach the store."""
    proxy.release.set()
    await proxy.late_reply.wait()


async def test_a_fetch_that_arrives_after_it_was_given_up_takes_nothing(data_store, proxy):
    queues = data_store.queues()
    await queues.join("reader", READS)
    await queues.commit("reader", Commit(1, pushes=items("a", "b", "c")))
    await given_up(queues.fetch("reader", READS, 2), proxy[0])
    assert await queues.in_flight("reader", READS) == []
    await arrives(proxy[0])
    fetched = await queues.fetch("reader", READS, 2)
    assert [delivery.item.id for delivery in fetched] == ["a", "b"]
    assert await queues.in_flight("reader", READS) == fetched


async def test_items_that_were_fetched_since_are_not_given_back_by_a_late_call(data_store, proxy):
    queues = data_store.queues()
    await queues.join("reader", READS)
    await queues.commit("reader", Commit(1, pushes=items("a", "b", "c")))
    await queues.fetch("reader", READS, 2)
    await given_up(queues.give_back("reader", READS, 0), proxy[0])
    assert await queues.give_back("reader", READS, 0) == 2
    fetched = await queues.fetch("reader", READS, 3)
    await arrives(proxy[0])
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
    await asyncio.to_thread(_kill_subscribers, redis_url)
    await asyncio.wait_for(bell.wait(), 10)


def _kill_subscribers(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.client_kill_filter(_type="pubsub")
