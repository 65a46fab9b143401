"""bytewax: a dataflow of `map` steps on one worker in this thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import bytewax.operators as steps
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, run_main

from peers.items import Payload, Sink, payloads, same


class _Out(DynamicSink[Payload], StatelessSinkPartition[Payload]):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def build(self, *where: Any) -> _Out:
        return self

    def write_batch(self, items: list[Payload]) -> None:
        self._sink.count += len(items)


@contextlib.contextmanager
def chain(state: Path, batch: int = 1) -> Iterator[Callable[[int], float]]:
    sink = Sink()

    def send(items: int) -> float:
        began = perf_counter()
        flow = Dataflow("bench")
        stream = steps.input("in", flow, TestingSource(payloads(items), batch))
        for number in range(4):
            stream = steps.map(f"map{number}", stream, same)
        steps.output("out", stream, _Out(sink))
        run_main(flow)
        took = perf_counter() - began
        sink.expect(items)
        return took

    yield send
