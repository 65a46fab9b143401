"""Prefect 3: task calls within one flow run. Its server on 127.0.0.1 is started by the first flow run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from peers.items import Payload, Sink, payloads


@task(cache_policy=NO_CACHE, persist_result=False)
def same(item: Payload) -> Payload:
    return item


@flow(persist_result=False)
def send(items: int) -> float:
    sink = Sink()
    began = perf_counter()
    for item in payloads(items):
        sink.take(same(same(same(same(item)))))
    took = perf_counter() - began
    sink.expect(items)
    return took


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    yield send
