"""Commands that end with the engine, however it ends."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator

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
            self._process.wait()  # somebody has killed it
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


@contextlib.contextmanager
def guarded(process: asyncio.subprocess.Process) -> Iterator[None]:
    """Watch over a process that leads a group of its own: the group is killed if this process ends before the block."""
    _guard.watch(process.pid)
    try:
        yield
    finally:
        _guard.forget(process.pid)


def signal_group(group: int, number: signal.Signals) -> bool:
    """Send a signal to all processes of a group; return False if there are none."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
