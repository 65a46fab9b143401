"""streamz: a stream without event loop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from streamz import Stream

from peers.items import Sink, payloads, same


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    sink = Sink()
    stream = Stream()
    stream.map(same).map(same).map(same).map(same).sink(sink.take)

    def send(items: int) -> float:
        began = perf_counter()
        for item in payloads(items):
            stream.emit(item)
        took = perf_counter() - began
        sink.expect(items)
        return took

    yield send
