"""Runs nodes under test in this process, for commands that end with the node anyway."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable

from flowtui.engine.dev_process import OnLine, unheard
from flowtui.engine.dev_task import run_task
from flowtui.engine.dev_wire import Result, Task
from flowtui.engine.logs import LogBuffer, LogCapture
from flowtui.model.development import DevLine
from flowtui.nodes.masking import masker


class RunsHere:
    """Takes the place of `DevProcesses` where a process of its own for each node would take too long to start.

    A node that crashes takes this process along. One that is cancelled runs on, on a thread that does not keep the
    process from ending.
    """

    def __init__(self, log_level: int = logging.INFO) -> None:
        """`log_level`: the least grave lines that are told."""
        self._log_level = log_level
        self._one_at_a_time = asyncio.Lock()

    def warm(self) -> None:
        """There is nothing to get ready."""

    async def run(self, task: Task, on_line: OnLine = unheard) -> Result:
        """Run a node; `on_line` is told each line while it runs, on another thread."""
        async with self._one_at_a_time:  # what it logs and prints is told from what others do by nothing else
            done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            capture = LogCapture(_Lines(on_line), self._log_level)
            capture.install()
            try:
                threading.Thread(target=_work, args=(task, done), name="flowtui-node", daemon=True).start()
                return await done
            finally:
                capture.remove()

    def close(self) -> None:
        """There is nothing to end."""


class _Lines(LogBuffer):
    def __init__(self, on_line: Callable[[DevLine], None]) -> None:
        super().__init__(1)
        self._on_line = on_line

    def add(self, level: int, message: str, *, loop: str = "", node: str = "", item: str = "") -> None:
        self._on_line(DevLine(time.time(), level, masker.mask(message)))


def _work(task: Task, done: asyncio.Future[Result]) -> None:
    result = run_task(task)
    with contextlib.suppress(RuntimeError):  # closed: whoever asked for it has gone
        done.get_loop().call_soon_threadsafe(_tell, done, result)


def _tell(done: asyncio.Future[Result], result: Result) -> None:
    if not done.done():
        done.set_result(result)
