"""Child processes of this Python: how they are started and ended, and how they come to see what their parent sees."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a child must see as its parent does, since where it imports from depends on it.

    Attributes:
        path: of `sys.path`.
        python_path: the environment's `PYTHONPATH`, None if it has none.
        parent: process id.
    """

    path: tuple[str, ...]
    python_path: str | None
    parent: int

    @classmethod
    def here(cls) -> Surroundings:
        """Return those of this process, as its child will need them."""
        return cls(tuple(sys.path), os.environ.get("PYTHONPATH"), os.getpid())

    def enter(self) -> None:
        """Take them over; in the child, before any code of a user runs."""
        sys.path[:] = self.path
        if self.python_path is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = self.python_path


def launch(module: str, connection: int, output: int, *names: str) -> subprocess.Popen[bytes]:
    """Run `module` in a process with a session of its own.

    Args:
        connection: descriptor of the socket to this process, the module's first argument.
        output: descriptor that takes what it writes to its own 1 and 2.
        names: further arguments, there to be seen in lists of processes.
    """
    # Whatever made flowtui importable here; the child puts the variable back before it runs code of a user.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    # A session of its own: a ctrl+c in the terminal is for the parent, which then ends its children.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(connection), *names],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=[connection],
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )


class Process(Protocol):
    """A child as `launch` and `fork` return it, and as `subprocess.Popen` is."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> Any: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...


def fork(module: str, connection: int, output: int) -> Process:
    """As `launch`, at once: the child has all that this process has imported.

    That can be done only while there is one thread; else it is launched.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return launch(module, connection, output)
    main = import_module(module).main
    born, bearing = os.pipe()
    process = get_context("fork").Process(target=_live, args=(main, connection, output))
    process.start()
    os.close(bearing)
    os.read(born, 1)  # nothing comes, but its end: the child has a session now, by which it can be killed
    os.close(born)
    return _Forked(process)


def _live(main: Callable[[], None], connection: int, output: int) -> None:
    """Be a forked child until the end."""
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    # Those of the parent take 1 and 2 for what they were there.
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", 1, "utf-8", "backslashreplace") for descriptor in (1, 2))
    # What the parent has open must not be open here: its end tells others that it is gone.
    own = os.dup(connection)
    os.closerange(3, own)
    os.closerange(own + 1, os.sysconf("SC_OPEN_MAX"))
    sys.argv[1:] = [str(own)]
    main()


class _Forked:
    """A child that is a copy of this process."""

    def __init__(self, process: ForkProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("fork", timeout or 0.0)
        return code


def begin() -> Connection[Any, Any]:
    """Make this process, which `launch` has started, fit for code of users; return the socket to its parent."""
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)  # what nodes start must not keep the socket open
    # A ctrl+c is for the parent. A handler that does nothing is not passed on to what nodes start, as "ignore" is.
    signal.signal(signal.SIGINT, lambda *_: None)
    faulthandler.enable()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe to the parent: what is printed must not wait in a buffer
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    return Connection(descriptor)


def kill(process: Process) -> None:
    """End a process and what it has started, if that still belongs to its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def how_it_ended(code: int) -> str:
    """Return what a return code means: `was killed by SIGSEGV`, `ended with exit code 3`."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time one
        return f"was killed by signal {-code}"
