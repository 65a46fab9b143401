"""Hamilton: a graph of functions that take each other's names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from hamilton import ad_hoc_utils, driver

from peers.items import Sink, payloads


def first(item: dict) -> dict:
    return item


def second(first: dict) -> dict:
    return first


def third(second: dict) -> dict:
    return second


def fourth(third: dict) -> dict:
    return third


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    graph = ad_hoc_utils.create_temporary_module(first, second, third, fourth, module_name="bench_graph")
    built = driver.Builder().with_modules(graph).build()
    sink = Sink()

    def send(items: int) -> float:
        began = perf_counter()
        for item in payloads(items):
            sink.take(built.execute(["fourth"], inputs={"item": item})["fourth"])
        took = perf_counter() - began
        sink.expect(items)
        return took

    yield send
