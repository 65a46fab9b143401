"""Dask's distributed scheduler and a worker, both in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import dask
from distributed import Client

from peers.items import Sink, payloads, same


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    sink = Sink()
    options = {"distributed.worker.profile.enabled": False, "distributed.admin.system-monitor.interval": "60s"}
    with (
        dask.config.set(options),
        Client(
            processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None, local_directory=str(state)
        ) as client,
    ):

        def send(items: int) -> float:
            began = perf_counter()
            last = []
            for item in payloads(items):
                task = client.submit(same, item, pure=False)
                for _ in range(3):
                    task = client.submit(same, task, pure=False)
                last.append(task)
            for result in client.gather(last):
                sink.take(result)
            took = perf_counter() - began
            sink.expect(items)
            return took

        yield send
