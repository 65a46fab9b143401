"""No engine: two coroutines with the client library, the JSON and the batch sizes of flowtui.

The one pushes in batches; the other fetches in batches with a script, reads the JSON, and acknowledges by trimming its
own list.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator

import redis.asyncio

from child import Send
from flowtui.engine.commits import _LARGEST_COMMIT
from flowtui.engine.source import _LARGEST_BATCH
from job_queues import PAYLOAD_TEXT
from job_queues.jobs import socket_url

_READY, _RUN = "{raw}:ready", "{raw}:run"
_FETCH = """
local items = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
if #items > 0 then
  redis.call('RPUSH', KEYS[2], unpack(items))
  redis.call('LTRIM', KEYS[1], #items, -1)
end
return items
"""
_REST_S = 0.0005


@contextlib.contextmanager
def hop() -> Iterator[Send]:
    yield lambda items: asyncio.run(_hop(items))


async def _hop(items: int) -> float:
    async with redis.asyncio.Redis.from_url(socket_url(), protocol=2) as client:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_push(client, items))
            tasks.create_task(_drain(client, items))
        return time.perf_counter() - began


async def _push(client: redis.asyncio.Redis, items: int) -> None:
    for first in range(1, items + 1, _LARGEST_COMMIT):
        batch = [
            json.dumps({"n": n, "text": PAYLOAD_TEXT}, separators=(",", ":"), allow_nan=False).encode()
            for n in range(first, min(first + _LARGEST_COMMIT, items + 1))
        ]
        await client.rpush(_READY, *batch)


async def _drain(client: redis.asyncio.Redis, items: int) -> None:
    fetch = client.register_script(_FETCH)
    left = items
    while left:
        batch = await fetch(keys=[_READY, _RUN], args=[_LARGEST_BATCH])
        if not batch:
            await asyncio.sleep(_REST_S)
            continue
        for item in batch:
            json.loads(item)
        await client.ltrim(_RUN, len(batch), -1)
        left -= len(batch)
