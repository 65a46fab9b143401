"""Commands that end with the engine, however it ends."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

#: Kills the groups that it was told of when its input ends, as happens when the process that tells it is gone.
_SCRIPT = """
trap '' HUP INT QUIT TERM
groups=
while read -r what group; do
  kept=
  for each in $groups; do
    [ "$each" = "$group" ] || kept="$kept $each"
  done
  groups=$kept
  [ "$what" = - ] || groups="$groups $group"
done
for each in $groups; do
  kill -KILL "-$each" 2>/dev/null
done
"""


class _Guard:
    """A tiny process beside this one that outlives it for a moment.

    The kernel's own way, PDEATHSIG, follows the thread that has started a command, not the process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def prepare(self) -> None:
        """Start it, so that it learns of the next group without delay."""
        with self._lock:
            if self._process is None:
                self._tell("")

    def watch(self, group: int) -> None:
        with self._lock:
            self._groups.add(group)
            self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        with self._lock:
            self._groups.discard(group)
            self._tell(f"- {group}\n")

    def _tell(self, line: str) -> None:
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._write(line)
                return
            self._end()  # somebody has killed it
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            bufsize=0,
        )
        self._write("".join(f"+ {group}\n" for group in self._groups))

    def _write(self, text: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        if text:
            self._process.stdin.write(text.encode())

    def close(self) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def after_fork(self) -> None:
        """A forked child must not hold the pipe of its parent's guard open."""
        if self._process is not None and self._process.stdin is not None:
            os.close(self._process.stdin.fileno())
        self.__init__()  # type: ignore[misc]


_guard = _Guard()
atexit.register(_guard.close)
os.register_at_fork(after_in_child=_guard.after_fork)


class Command(asyncio.subprocess.SubprocessStreamProtocol):
    """A process that leads a group of its own, with pipes to its input, output and errors.

    Attributes:
        exited: set when it has ended and is reaped, even if others hold its pipes open, unlike asyncio's `wait`.
    """

    transport: asyncio.SubprocessTransport

    def __init__(self) -> None:
        super().__init__(limit=2**16, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        self.exited.set()
        super().process_exited()

    @property
    def group(self) -> int:
        return self.transport.get_pid()

    @property
    def code(self) -> int:
        """The exit code, negative for a signal; to be asked for only when it has exited."""
        return self.transport.get_returncode() or 0


@contextlib.asynccontextmanager
async def started(command: Sequence[str], cwd: Path, env: Mapping[str, str], grace: float) -> AsyncIterator[Command]:
    """Start a command, and end what is left of its group when the block ends or this process dies.

    In the end it gets SIGTERM and, if it still lives after `grace` seconds, as what it has left running, SIGKILL.

    Raises:
        OSError, ValueError: if it cannot be started.
    """
    _guard.prepare()
    starting = asyncio.ensure_future(_start(command, cwd, env))
    try:
        running = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Cancelled in the middle, asyncio ends the leader alone.
        await asyncio.wait([starting])
        if starting.exception() is None:
            await _ended(starting.result(), grace)
        raise
    try:
        yield running
    finally:
        await _ended(running, grace)


async def _start(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Command:
    transport, running = await asyncio.get_running_loop().subprocess_exec(
        Command, *command, cwd=cwd, env=env, start_new_session=True
    )
    running.transport = transport
    _guard.watch(running.group)
    return running


async def _ended(running: Command, grace: float) -> None:
    try:
        await _end(running, grace)
    finally:
        _guard.forget(running.group)


async def _end(running: Command, grace: float) -> None:
    """End what is left of the group, and wait until its leader is reaped, also if this is cancelled."""
    exited = asyncio.ensure_future(running.exited.wait())
    cancelled = False
    if signal_group(running.group, signal.SIGTERM):
        try:
            await asyncio.wait([exited], timeout=grace)
        except asyncio.CancelledError:
            cancelled = True
        signal_group(running.group, signal.SIGKILL)
    while not exited.done():
        try:
            await asyncio.wait([exited])
        except asyncio.CancelledError:
            cancelled = True
    running.transport.close()  # a stranger may hold the pipes
    if cancelled:
        raise asyncio.CancelledError


def signal_group(group: int, number: signal.Signals) -> bool:
    """Send a signal to all processes of a group; return False if there are none."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
