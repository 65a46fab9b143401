"""reactivex: a pipe of operators."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import reactivex
from reactivex import operators

from peers.items import Sink, payloads, same


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    sink = Sink()

    def send(items: int) -> float:
        began = perf_counter()
        source = reactivex.from_iterable(payloads(items))
        steps = (operators.map(same), operators.map(same), operators.map(same), operators.map(same))
        source.pipe(*steps).subscribe(sink.take)
        took = perf_counter() - began
        sink.expect(items)
        return took

    yield send
