"""A process that runs nodes under test, one after the other: `python -P -m flowtui.engine.dev_child DESCRIPTOR`.

The descriptor is a socket to the app, which ends the process whenever it likes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any

from flowtui.engine.dev_task import run_task
from flowtui.engine.dev_wire import Begun, Hello, Result, Task
from flowtui.engine.event_loops import tune_interpreter
from flowtui.engine.logs import LogBuffer, LogCapture
from flowtui.engine.processes import begin
from flowtui.model.development import DevLine
from flowtui.nodes.masking import masker

#: A process that is asked for nothing ends by itself, after so many seconds.
IDLE_S = 600.0
#: How often the process makes sure that its parent lives, should the socket not tell, in seconds.
_PARENT_LOOK_S = 2.0
#: Lines of one run that are told; the rest is counted.
MOST_LINES = 5_000


class _Lines(LogBuffer):
    """Tells the parent every line at once: the process may die right behind it."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        super().__init__(1)
        self._connection = connection
        self._sending = threading.Lock()
        self._told = 0

    def say(self, message: Begun | Result) -> None:
        with self._sending:
            if isinstance(message, Begun):
                self._told = 0
            elif self._told > MOST_LINES:
                self._send(logging.WARNING, f"… {self._told - MOST_LINES} more lines were written than are kept")
            self._connection.send(message)

    def add(self, level: int, message: str, *, loop: str = "", node: str = "", item: str = "") -> None:
        # If nobody listens any more, the thread that listens for the parent ends this process.
        with self._sending, contextlib.suppress(OSError):
            self._told += 1
            if self._told <= MOST_LINES:
                self._send(level, masker.mask(message))

    def _send(self, level: int, message: str) -> None:
        self._connection.send(DevLine(time.time(), level, message))


class _Child:
    def __init__(self, connection: Connection[Any, Any], hello: Hello) -> None:
        self._connection = connection
        self._parent = hello.surroundings.parent
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._lines = _Lines(connection)
        self._capture = LogCapture(self._lines, hello.log_level)

    def run(self) -> None:
        """Work until the parent ends this, or has no use for it any more."""
        threading.Thread(target=self._listen, name="flowtui-parent", daemon=True).start()
        self._capture.install()
        # What a node forks writes to file descriptors 1 and 2, which the parent reads.
        os.register_at_fork(after_in_child=self._capture.remove)
        with contextlib.suppress(Empty, OSError):
            while True:
                task = self._tasks.get(timeout=IDLE_S)
                self._lines.say(Begun())
                self._lines.say(run_task(task))

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                if self._connection.poll(_PARENT_LOOK_S):
                    self._tasks.put(self._connection.recv())
                elif os.getppid() != self._parent:
                    break  # a process that it has forked still holds its end of the socket
        os.killpg(os.getpgrp(), signal.SIGKILL)  # with what its nodes have started


def main() -> None:
    """Run what the parent sends."""
    connection = begin()
    try:
        hello: Hello = connection.recv()
    except EOFError:
        return
    hello.surroundings.enter()
    tune_interpreter()
    _Child(connection, hello).run()
    # Threads of nodes, and what these have registered for the end of the process, must not hold it up.
    os._exit(0)


if __name__ == "__main__":
    main()
