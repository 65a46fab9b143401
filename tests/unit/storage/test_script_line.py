"""The line over which an event loop calls scripts: a connection that falls silent is given up for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import redis

from fault_proxy import FaultProxy, Moment
from flowtui.storage.connection import url_connector
from flowtui.storage.script_line import PipelinedLine

PATIENCE_S = 0.3
NAMESPACE = f"{{{uuid4().hex}}}"


@pytest.fixture
def proxy(redis_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(("127.0.0.1", int(redis_url.rpartition(":")[2]))) as proxy:
        yield proxy


@pytest.fixture
async def line(proxy) -> AsyncIterator[PipelinedLine]:
    line = url_connector(proxy.url).line(PATIENCE_S)
    yield line
    await line.close()


async def inject(line: PipelinedLine, *names: str) -> list[object]:
    calls = [line.call("inject", NAMESPACE, (name, b"item")) for name in names]
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_a_connection_that_falls_silent_fails_all_its_calls_and_the_next_one_opens_another(line, proxy):
    assert await inject(line, "a", "b") == [[], []]
    held = proxy.catch("inject", number=2, moment=Moment.AFTER)
    first, *others = await inject(line, "a", "b", "c")
    assert first == []
    assert [(type(each), str(each)) for each in others] == [(redis.TimeoutError, "no answer within 0.3 s")] * 2
    assert proxy.connections == 1
    assert await inject(line, "d") == [[]]
    assert proxy.connections == 2
    held.release()  # the reply comes after all, to nobody
    assert await inject(line, "e", "f") == [[], []]
    assert proxy.connections == 2


async def test_a_server_that_is_silent_from_the_start_fails_the_call_and_is_asked_again(line, proxy):
    held = proxy.catch("ping")
    for failure in await inject(line, "a", "b"):
        assert isinstance(failure, redis.TimeoutError)
    held.cut()
    assert await inject(line, "a") == [[]]
