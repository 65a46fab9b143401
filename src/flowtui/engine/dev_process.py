"""The processes in which nodes under test run, as the app holds them: one is kept warm, each can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import selectors
import subprocess
import time
from collections.abc import Callable
from multiprocessing.connection import Pipe
from typing import Protocol

from flowtui.engine.dev_wire import Begun, Hello, Result, Task
from flowtui.engine.output_lines import OutputLines
from flowtui.engine.processes import Process, Surroundings, how_it_ended, kill, launch
from flowtui.model.development import DevLine, NodeFailure
from flowtui.model.errors import FlowtuiError

#: How often to make sure that the process lives, should the socket not tell, in seconds.
_LOOK_S = 1.0
#: Runs after which a process makes room for another one: what nodes leave in it must not add up.
_MOST_RUNS = 200
#: With this begins what the interpreter says when it dies of a signal.
_FATAL = "Fatal Python error: "
OnLine = Callable[[DevLine], None]
Start = Callable[[str, int, int], Process]


class RunsNodes(Protocol):
    """What `Development` needs of who runs its nodes, for one event loop."""

    def warm(self) -> None:
        """See to it that the next run begins at once."""

    async def run(self, task: Task, on_line: OnLine = ...) -> Result:
        """Run a node; `on_line` is told each line while it runs, on another thread."""

    def close(self) -> None:
        """End what runs; from any thread."""


def unheard(_: DevLine) -> None:
    """Take a line that nobody wants to hear."""


class DevProcess:
    """One process. `run` blocks, and is called on one thread at a time; `kill` on any."""

    def __init__(self, log_level: int, start: Start = launch) -> None:
        """Start it; it gets ready while nobody waits."""
        self.runs = 0
        self._on_line: OnLine = unheard
        self._fatal: list[str] = []  # what the interpreter said when it died
        self._is_closed = False
        self._connection, theirs = Pipe()
        reading_end, writing_end = os.pipe()
        self._output = OutputLines(reading_end, self._say)
        try:
            self._process = start("flowtui.engine.dev_child", theirs.fileno(), writing_end)
        except BaseException:
            self._connection.close()
            self._output.close()
            raise
        finally:
            theirs.close()
            os.close(writing_end)
        with contextlib.suppress(OSError):  # gone already: `run` will say so
            self._connection.send(Hello(Surroundings.here(), log_level))

    def run(self, task: Task, on_line: OnLine) -> Result | None:
        """Run a node; `on_line` is told each line while it runs. Return None if the process had ended before.

        Raises:
            Exception: what `on_line` raises.
        """
        self.runs += 1
        self._on_line = on_line
        self._fatal = []
        try:
            self._connection.send(task)
        except OSError:
            return None
        began, result = self._listen()
        if result is not None:
            return result
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LOOK_S)  # its socket is closed: unless a node has done that, it ends now
        self.close()
        return _crashed(self._process.returncode, self._fatal) if began else None

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def last_words(self) -> str:
        """What it wrote last, behind a colon; empty if it wrote nothing."""
        return f": {self._output.last}" if self._output.last else ""

    def kill(self) -> None:
        """End it now, with all that its nodes have started."""
        kill(self._process)

    def close(self) -> None:
        """Kill it, and let go of what belongs to it; not while it runs something."""
        if self._is_closed:
            return
        self._is_closed = True
        self.kill()
        self._process.wait()
        self._connection.close()
        self._output.close()

    def _listen(self) -> tuple[bool, Result | None]:
        """Take everything that comes until the task is done or the process has ended; return whether it has begun."""
        began = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            selector.register(self._output, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select(_LOOK_S)]
                if self._output in ready and not self._output.read():
                    selector.unregister(self._output)
                if self._connection in ready:
                    try:
                        message = self._connection.recv()
                    except (EOFError, OSError):
                        return began, None
                    if isinstance(message, Result):
                        self._output.read()
                        return True, message
                    if isinstance(message, DevLine):
                        self._on_line(message)
                    began = began or isinstance(message, Begun)
                # Should a process that it has forked still hold its end of the socket, this one will not end.
                elif not ready and self._process.poll() is not None:
                    return began, None

    def _say(self, line: str) -> None:
        if self._fatal or line.startswith(_FATAL):
            self._fatal.append(line)
        self._on_line(DevLine(time.time(), logging.WARNING, line))


class DevProcesses:
    """Runs nodes under test, each in a process of its own, of which one waits for the next run. For one event loop."""

    def __init__(self, log_level: int = logging.INFO, start: Start = launch) -> None:
        """Make them; none is started yet.

        Args:
            log_level: the least grave lines that are told.
            start: `launch`, or `fork` where that is possible.
        """
        self._log_level = log_level
        self._start = start
        self._warm: DevProcess | None = None
        self._busy: set[DevProcess] = set()
        self._is_closed = False

    def warm(self) -> None:
        """See to it that the next run finds a process that is ready; if none can be started, the next run says so."""
        if self._warm is not None and self._warm.has_ended:
            self._warm.close()
            self._warm = None
        if self._warm is None and not self._is_closed:
            with contextlib.suppress(OSError):
                self._warm = DevProcess(self._log_level, self._start)

    async def run(self, task: Task, on_line: OnLine = unheard) -> Result:
        """Run a node. If this is cancelled, the node ends at once, with all that it has started.

        Args:
            on_line: is told each line while it runs, on another thread.
        """
        result = None
        while result is None:  # the warm process may have ended meanwhile
            if self._is_closed:
                raise FlowtuiError("no node can be run any more: flowtui ends")
            before, self._warm = self._warm, None
            process = before or self._new()
            result = await self._run(process, task, on_line)
            if result is None and before is None:
                raise FlowtuiError(f"the process for the node could not start{process.last_words}")
        return result

    def _new(self) -> DevProcess:
        try:
            return DevProcess(self._log_level)
        except OSError as error:
            raise FlowtuiError(f"no process for the node could be started: {error.strerror or error}") from error

    async def _run(self, process: DevProcess, task: Task, on_line: OnLine) -> Result | None:
        self._busy.add(process)
        run = asyncio.ensure_future(asyncio.to_thread(process.run, task, on_line))
        try:
            result = await asyncio.shield(run)
        except BaseException:
            process.kill()
            run.add_done_callback(lambda ended: _given_up(ended, process))
            self.warm()
            raise
        finally:
            self._busy.discard(process)
        may_stay = result is not None and result.is_clean and process.runs < _MOST_RUNS and not self._is_closed
        if may_stay and self._warm is None:
            self._warm = process
        else:
            await asyncio.to_thread(process.close)
            if result is not None:
                self.warm()
        return result

    def close(self) -> None:
        """End all processes; what runs in them ends as if it had crashed. From any thread."""
        self._is_closed = True
        for process in tuple(self._busy):
            process.kill()
        warm, self._warm = self._warm, None
        if warm is not None:
            warm.close()


def _given_up(run: asyncio.Future[Result | None], process: DevProcess) -> None:
    if not run.cancelled():
        run.exception()  # who has left it does not want to know
    process.close()


def _crashed(code: int, fatal: list[str]) -> Result:
    what = f"its process {how_it_ended(code)}"
    if code >= 0:
        what += ", as os._exit() does: a node raises an error instead"
    return Result(failure=NodeFailure("Crashed", what, traceback="\n".join(fatal)), is_clean=False)
