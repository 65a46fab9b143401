"""What the job queues have in common: a worker in processes of its own, and the proof that each job ran once.

A worker starts with `SOCKET` and `TALLY` in its environment; nothing of flowtui is imported here.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from child import Send
from job_queues import PAYLOAD_TEXT
from rounds import BenchFailed

#: Names of variables: the server's socket, and the folder in which jobs are counted.
SOCKET, TALLY = "FLOWTUI_BENCH_SOCKET", "FLOWTUI_BENCH_TALLY"
_WARM_UP = 64
_SENDERS = 32
_PATIENCE_S = 120.0
_POLL_S = 0.005
_END_S = 3.0
_BYTES = 8


class _Tally:
    """Counts in a file of the process that others can look at; costs a job about a microsecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = 0

    def add(self) -> None:
        with self._lock:
            if self._process != os.getpid():  # a worker may fork after this was imported
                self._open()
            self._count += 1
            self._memory[:] = self._count.to_bytes(_BYTES, sys.byteorder)

    def _open(self) -> None:
        self._process, self._count = os.getpid(), 0
        with (Path(os.environ[TALLY]) / str(self._process)).open("w+b") as file:
            file.truncate(_BYTES)
            self._memory = mmap.mmap(file.fileno(), _BYTES)


#: Called by every job, once.
count = _Tally().add


def socket_url() -> str:
    """Return the URL of the server, in a worker and where the jobs come from."""
    return f"unix://{os.environ[SOCKET]}"


def payloads(items: int) -> Iterator[dict[str, object]]:
    """Make what the jobs are called with."""
    for n in range(items):
        yield {"n": n, "text": PAYLOAD_TEXT}


class Senders:
    """Enqueues from an event loop, some jobs at a time. Leave it as a context manager."""

    def __init__(
        self,
        send: Callable[[dict[str, object]], Awaitable[object]],
        open_: Callable[[], Awaitable[object]],
        close: Callable[[], Awaitable[object]],
    ) -> None:
        """`open_` and `close` are awaited at the beginning and at the end."""
        self._send, self._open, self._close = send, open_, close
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._runner.run(_awaited(self._open))
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(_awaited(self._close))
        self._runner.close()

    def enqueue(self, items: int) -> None:
        """Make that many jobs."""
        self._runner.run(self._enqueue(payloads(items)))

    async def _enqueue(self, items: Iterator[dict[str, object]]) -> None:
        async def work() -> None:
            for item in items:
                await self._send(item)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_SENDERS):
                tasks.create_task(work())


async def _awaited(call: Callable[[], Awaitable[object]]) -> None:
    await call()


@contextlib.contextmanager
def worked_off(worker: Sequence[str], enqueue: Callable[[int], None]) -> Iterator[Send]:
    """Yield what sends jobs through: `enqueue` makes them here, while the `worker`, a Python command, runs them.

    The worker is started and warm before the clock is; no other worker runs at the time.
    """
    folder = Path(os.environ[TALLY])

    def send(items: int) -> float:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with _running(worker) as process:
            enqueue(_WARM_UP)
            _wait(process, folder, _WARM_UP)
            began = time.perf_counter()
            enqueue(items)
            _wait(process, folder, _WARM_UP + items)
            took = time.perf_counter() - began
        if (done := _counted(folder)) != _WARM_UP + items:
            raise BenchFailed(f"{done} jobs ran where there were {_WARM_UP + items}")
        return took

    yield send


@contextlib.contextmanager
def _running(worker: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, *worker]
    where = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(where), os.environ.get("PYTHONPATH"))))}
    process = subprocess.Popen(command, cwd=where, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        # The whole group: some leave their own children behind.
        for number, patience in ((signal.SIGTERM, _END_S), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)


def _wait(process: subprocess.Popen[bytes], folder: Path, jobs: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while _counted(folder) < jobs:
        if process.poll() is not None:
            raise BenchFailed(f"the worker has ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise BenchFailed(f"{_counted(folder)} of {jobs} jobs ran")
        time.sleep(_POLL_S)


def _counted(folder: Path) -> int:
    return sum(int.from_bytes(file.read_bytes(), sys.byteorder) for file in folder.iterdir())
