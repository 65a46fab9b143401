"""Ray: tasks in a local cluster of one worker, which is the only mode that is not made for debugging."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import ray

from peers.items import Sink, payloads, same


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL)
    task = ray.remote(same)
    sink = Sink()

    def send(items: int) -> float:
        began = perf_counter()
        last = [task.remote(task.remote(task.remote(task.remote(item)))) for item in payloads(items)]
        for result in ray.get(last):
            sink.take(result)
        took = perf_counter() - began
        sink.expect(items)
        return took

    try:
        yield send
    finally:
        ray.shutdown()
