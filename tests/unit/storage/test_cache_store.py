"""How a cache keeps those who ask it from waiting for a store that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from flowtui.model.errors import StoreUnavailable
from flowtui.storage.cache_store import REST_S, CacheStore
from flowtui.storage.connection import url_connector


class Deaf:
    """A server that takes connections and never answers."""

    def __init__(self) -> None:
        self.connections = 0
        self.connected = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    async def take(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.connections += 1
        self.connected.set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.take, "127.0.0.1", 0)
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in self._writers:
            writer.close()
        server.close()
        await server.wait_closed()


@pytest.fixture
async def deaf() -> Deaf:
    return Deaf()


@asynccontextmanager
async def cache_at(url: str, patience: float) -> AsyncIterator[CacheStore]:
    connector = url_connector(url)
    cache = CacheStore(connector.async_client(patience), connector.address, "{t}", patience)
    yield cache
    await cache.close()


@pytest.fixture
def passing_time(monkeypatch) -> Iterator[list[float]]:
    """Seconds to add to the clock of caches made from now on."""
    added = [0.0]
    loop_time = asyncio.BaseEventLoop.time
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda loop: loop_time(loop) + added[0])
    yield added
    added[0] = 0.0


async def test_a_store_that_does_not_answer_is_left_alone_for_a_while(deaf, passing_time):
    async with deaf.serve() as url, cache_at(url, 1) as cache:
        with pytest.raises(StoreUnavailable):
            await cache.get("key")
        for _ in range(100):
            with pytest.raises(StoreUnavailable):
                await cache.get("key")
            with pytest.raises(StoreUnavailable):
                await cache.put("key", b"1", 60)
        assert deaf.connections == 1
        passing_time[0] = REST_S + 1
        with pytest.raises(StoreUnavailable):
            await cache.get("key")
        assert deaf.connections == 2


async def test_who_is_cancelled_while_the_store_does_not_answer_is_cancelled(deaf):
    async with deaf.serve() as url, cache_at(url, 30) as cache:
        task = asyncio.create_task(cache.get("key"))
        await deaf.connected.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_nobody_at_the_address_is_said_at_once():
    async with cache_at("redis://127.0.0.1:1", 0.5) as cache:
        with pytest.raises(StoreUnavailable, match=r"redis://127\.0\.0\.1:1/0 does not answer"):
            await cache.get("key")
