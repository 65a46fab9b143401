"""dramatiq on Redis: it acknowledges, and what a dead worker held is handed out again after its heartbeat ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from child import Send
from job_queues.jobs import count, payloads, socket_url, worked_off

broker = RedisBroker(url=socket_url(), middleware=[])
dramatiq.set_broker(broker)


@dramatiq.actor(broker=broker)
def job(item: dict[str, Any]) -> None:
    count()


def _enqueue(items: int) -> None:
    for item in payloads(items):
        job.send(item)


@contextlib.contextmanager
def hop() -> Iterator[Send]:
    worker = ["-m", "dramatiq", "job_queues.dramatiq_jobs", "--processes", "2", "--threads", "32", "--skip-logging"]
    with worked_off(worker, _enqueue) as send:
        yield send
