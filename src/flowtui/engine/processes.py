"""Child processes of this Python: how they are started and ended, and how they come to see what their parent sees."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any


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


def kill(process: subprocess.Popen[bytes]) -> None:
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
