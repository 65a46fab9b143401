"""Faust: a stream over a channel in memory. Neither worker nor broker is started."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import faust

from peers.items import Sink, payloads, same


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    app = faust.App("bench", store="memory://", autodiscover=False, datadir=str(state))
    sink = Sink()

    async def send(items: int) -> float:
        app.flow_control.resume()  # a worker does this when it starts
        channel = app.channel()
        stream = channel.stream()
        for _ in range(4):
            stream.add_processor(same)
        values = aiter(stream)
        began = perf_counter()
        for item in payloads(items):
            await channel.put(item)
            sink.take(await anext(values))
        took = perf_counter() - began
        await stream.stop()
        sink.expect(items)
        return took

    yield lambda items: asyncio.run(send(items))
