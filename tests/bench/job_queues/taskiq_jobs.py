"""taskiq: on a list, where a worker that dies loses what it has, and on a stream, where it acknowledges each job."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from taskiq import AsyncBroker
from taskiq_redis import ListQueueBroker, RedisStreamBroker

from child import Send
from job_queues.jobs import Senders, count, socket_url, worked_off

on_list = ListQueueBroker(socket_url(), queue_name="list")
on_stream = RedisStreamBroker(socket_url(), queue_name="stream", consumer_id="0", maxlen=1_000_000)


@on_list.task("list")
async def _on_list(item: dict[str, Any]) -> None:
    count()


@on_stream.task("stream")
async def _on_stream(item: dict[str, Any]) -> None:
    count()


@contextlib.contextmanager
def list_hop() -> Iterator[Send]:
    with _hop("list", on_list) as send:
        yield send


@contextlib.contextmanager
def stream_hop() -> Iterator[Send]:
    with _hop("stream", on_stream) as send:
        yield send


@contextlib.contextmanager
def _hop(name: str, broker: AsyncBroker) -> Iterator[Send]:
    worker = f"-m taskiq worker job_queues.taskiq_jobs:on_{name} --workers 2 --log-level WARNING --no-parse".split()
    worker += ["--max-async-tasks", "100", "--max-prefetch", "100", "--shutdown-timeout", "1"]
    task = broker.find_task(name)
    assert task is not None
    with Senders(task.kiq, broker.startup, broker.shutdown) as senders, worked_off(worker, senders.enqueue) as send:
        yield send
