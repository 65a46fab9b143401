"""huey on Redis lists. A worker takes a job with BRPOP: what it has when it dies is lost; huey has nothing safer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from huey import RedisHuey

from child import Send
from job_queues.jobs import count, payloads, socket_url, worked_off

WORKER = ["-m", "huey.bin.huey_consumer", "job_queues.huey_jobs.huey", "-q", "-n", "-C"]
huey = RedisHuey("hop", url=socket_url(), results=False)


@huey.task()  # type: ignore[untyped-decorator]
def job(item: dict[str, Any]) -> None:
    count()


def _enqueue(items: int) -> None:
    for item in payloads(items):
        job(item)


@contextlib.contextmanager
def hop() -> Iterator[Send]:
    with worked_off([*WORKER, "-k", "process", "-w", "2"], _enqueue) as send:
        yield send
