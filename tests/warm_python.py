"""A Python that has imported flowtui and forks itself: what it becomes starts ten times as fast as a new one.

Run as a script, with the number of a socket, it is that Python; imported, it is what tests start processes with.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

#: What an engine imports, and a child of it; it starts no thread.
ENGINE = ("flowtui.cli.main", "flowtui.cli.run", "flowtui.nodes.builtin.schedule", "flowtui.storage.memory")
#: What the app on a screen imports.
SCREEN = ("flowtui.tui.app",)
#: More descriptors than any process is given.
_MANY = 16


class WarmProcess:
    """A process that the warm Python has become; used like one of `subprocess`."""

    stdout = None

    def __init__(self, args: Sequence[str], line: BinaryIO) -> None:
        """`line` is where its number comes, and its exit code at its end."""
        self.args = args
        self.returncode: int | None = None
        self._line = line
        self._lock = threading.Lock()
        self.pid = int(line.readline())

    def poll(self) -> int | None:
        """Return its exit code if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended; negative if a signal has ended it."""
        with contextlib.suppress(ValueError):  # another thread has heard of its end meanwhile
            if self.returncode is None and not select.select([self._line], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        with self._lock:
            if self.returncode is None:
                self.returncode = int(self._line.readline())
                self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class WarmPython:
    """Starts processes that behave as if a new Python had been started."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def start(
        self,
        args: Sequence[str],
        *,
        stdout: int,
        stderr: int,
        env: Mapping[str, str],
        stdin: int = subprocess.DEVNULL,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        start_new_session: bool = False,
    ) -> WarmProcess:
        """Start a process as `subprocess.Popen` does with the same arguments.

        Of `args` the first is `sys.executable`; `-m` and a module or the path of a script must follow.
        """
        wish = {
            "args": [arg for arg in args[1:] if arg != "-P"],
            "cwd": str(cwd or Path.cwd()),
            "env": dict(env),
            "session": start_new_session,
            "descriptors": [0, 1, 2, *pass_fds],
            "parent": os.getpid(),
        }
        ours, theirs = socket.socketpair()
        with ours, theirs, open(os.devnull, "rb") as nothing:
            first = nothing.fileno() if stdin == subprocess.DEVNULL else stdin
            socket.send_fds(self._control, [b"."], [theirs.fileno(), first, stdout, stderr, *pass_fds])
            ours.sendall(json.dumps(wish).encode() + b"\n")
            return WarmProcess(args, ours.makefile("rb", buffering=0))


@contextlib.contextmanager
def warm_python(modules: Sequence[str]) -> Iterator[WarmPython]:
    """Yield a Python that has imported these modules; what it has become may outlive it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), *modules],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        yield WarmPython(ours)
    process.wait()


# ---- in the warm Python ----


def _serve(control: socket.socket) -> dict[str, Any] | None:
    """Fork for every wish, and tell how it ended; returns the wish in what was forked, None when nobody is left."""
    lines: dict[int, int] = {}
    waking_end, writing_end = os.pipe()
    os.set_blocking(writing_end, False)
    signal.set_wakeup_fd(writing_end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a ctrl+c is for the tests
    while True:
        ready, _, _ = select.select([control, waking_end], [], [])
        if waking_end in ready:
            os.read(waking_end, 1 << 10)
            _tell_ends(lines)
        if control in ready:
            message, given, *_ = socket.recv_fds(control, 1, _MANY)
            if not message:
                return None
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                for descriptor in (control.detach(), waking_end, writing_end, *lines.values()):
                    os.close(descriptor)
                return _take(given)
            for descriptor in given[1:]:
                os.close(descriptor)
            lines[pid] = given[0]
            os.write(given[0], b"%d\n" % pid)


def _tell_ends(lines: dict[int, int]) -> None:
    while lines:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        line = lines.pop(pid)
        with contextlib.suppress(OSError):  # nobody wants to know any more
            os.write(line, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(line)


def _take(given: list[int]) -> dict[str, Any]:
    """Read the wish, and take over what a new process has from who starts it."""
    with open(given[0], "rb") as line:
        wish: dict[str, Any] = json.loads(line.readline())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if wish["session"]:
        os.setsid()
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, max(wish["descriptors"]) + _MANY) for descriptor in given[1:]]
    for descriptor in given[1:]:
        os.close(descriptor)
    for descriptor, wanted in zip(aside, wish["descriptors"], strict=True):
        os.dup2(descriptor, wanted)
        os.close(descriptor)
    if wish["session"] and os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # else nobody tells it that its terminal has another size, or is gone
    os.environ.clear()
    os.environ.update(wish["env"])
    os.chdir(wish["cwd"])
    return wish


def _become(wish: dict[str, Any]) -> None:
    """Run what a new Python would run."""
    os.getppid = lambda: wish["parent"]
    # Python looks at what they are when it makes its streams of them: at a terminal, or a pipe that cannot be sought.
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    program, *args = wish["args"]
    if program == "-m":
        sys.argv = args
        sys.path[0] = wish["cwd"]
        runpy.run_module(args[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [program, *args]
        sys.path[0] = str(Path(program).parent)
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    if (wished := _serve(socket.socket(fileno=int(sys.argv[1])))) is not None:
        _become(wished)
