"""arq on a sorted set: a job stays in the queue until it is done, so that one of a dead worker is run again later."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

from arq.connections import ArqRedis, RedisSettings

from child import Send
from job_queues.jobs import SOCKET, Senders, count, worked_off


async def job(context: dict[str, Any], item: dict[str, Any]) -> None:
    count()


async def _quiet(context: dict[str, Any]) -> None:
    logging.getLogger("arq").setLevel(logging.WARNING)


class WorkerSettings:
    """Read by arq's command."""

    functions = (job,)
    redis_settings = RedisSettings(unix_socket_path=os.environ[SOCKET])
    on_startup = _quiet
    max_jobs = 256
    queue_read_limit = 256
    poll_delay = 0.005
    keep_result = 0
    log_results = False


@contextlib.contextmanager
def hop() -> Iterator[Send]:
    pool = ArqRedis(unix_socket_path=os.environ[SOCKET])
    with (
        Senders(lambda item: pool.enqueue_job("job", item), pool.ping, pool.close) as senders,
        worked_off(["-m", "arq", "job_queues.arq_jobs.WorkerSettings"], senders.enqueue) as send,
    ):
        yield send
