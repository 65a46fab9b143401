"""One run of a private server: start it so that it ends with this process, wait for it, end it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from enum import Enum
from pathlib import Path
from typing import IO

import psutil
import redis

from flowtui.model.errors import StoreError
from flowtui.storage.connection import STORE_ERRORS, unix_connector

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.01
_LOG_LIMIT = 1_000_000

SOCKET_NAME = "server.sock"
_PID_NAME = "server.pid"
_LOG_NAME = "server.log"

# The shell becomes the server; a part of it stays behind, reads from a pipe that this process holds open, and ends the
# server when the pipe ends without a word: so however this process ends, also by SIGKILL, the server ends too.
_WATCHED = """
exec 3<&0
(
  read -r _ <&3 && exit 0
  kill -TERM $$
  for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 $$ || exit 0; done
  kill -KILL $$
) </dev/null >/dev/null 2>&1 &
exec "$0" "$@" 3<&- </dev/null
"""

_OPTIONS = {
    "port": "0",
    "unixsocketperm": "600",
    "daemonize": "no",
    "pidfile": _PID_NAME,
    "dir": ".",
    "databases": "1",
    "save": "",
    "appendonly": "yes",
    # With `everysec` a server that is killed forgets what it has acknowledged.
    "appendfsync": "always",
    "aof-load-truncated": "yes",
    "maxmemory-policy": "noeviction",
}

_FULL = re.compile("No space left|Short write")
_NO_ROOM = 1_000_000
_LOG_PREFIX = re.compile(r"^\d+:\w \d+ \w+ \d+ [\d:.]+ [.\-*#] ")

_held: set[int] = set()


def hold(descriptor: int) -> int:
    """Close this descriptor in children that are forked: as long as they had it, this process would seem to live."""
    _held.add(descriptor)
    return descriptor


def let_go(descriptor: int) -> None:
    """Close a descriptor that was held; nothing in a forked child, where it is closed already."""
    if descriptor in _held:
        _held.discard(descriptor)
        os.close(descriptor)


def _close_held() -> None:
    while _held:
        with contextlib.suppress(OSError):
            os.close(_held.pop())


os.register_at_fork(after_in_child=_close_held)


class Answer(Enum):
    """What comes back from a socket."""

    READY = 1
    LOADING = 2
    SILENCE = 3


def ask(socket_path: str) -> Answer:
    """Ping the server at a unix socket."""
    client = unix_connector(socket_path).client(answer_timeout_s=1.0)
    try:
        with client:
            client.ping()
    except redis.BusyLoadingError:
        return Answer.LOADING
    except redis.ResponseError:
        return Answer.READY
    except STORE_ERRORS:
        return Answer.SILENCE
    return Answer.READY


class ServerProcess:
    """A server that listens on one unix socket and keeps its data in one folder, and ends with this process."""

    def __init__(self, binary: Path, folder: Path, socket_path: str) -> None:
        """Start the server; it does not answer yet.

        Args:
            folder: an existing folder for data, log and process id.
            socket_path: where to listen; relative paths start at the folder.

        Raises:
            OSError: if it cannot be started.
        """
        self._folder = folder
        self._socket_path = os.path.join(folder, socket_path)
        command = [str(binary), "--unixsocket", socket_path]
        for name, value in _OPTIONS.items():
            command += (f"--{name}", value)
        watched_end, self._life_line = os.pipe()
        hold(self._life_line)
        try:
            with _open_log(folder) as log:
                # A session of its own: a ctrl+c in the terminal is for the app, which then ends the server.
                self._process = subprocess.Popen(
                    ["/bin/sh", "-c", _WATCHED, *command],
                    stdin=watched_end,
                    stdout=log,
                    stderr=log,
                    cwd=folder,
                    start_new_session=True,
                )
        except BaseException:
            let_go(self._life_line)
            raise
        finally:
            os.close(watched_end)

    def wait_until_ready(self) -> None:
        """Return when the server answers. A server that says it is loading its data may take as long as it needs.

        Raises:
            StoreError: if the server ended, or said nothing for ten seconds.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while (answer := ask(self._socket_path)) is not Answer.READY:
            if self._process.poll() is not None:
                raise StoreError(f"the local store did not start ({self.cause()}); its log is {self._log}")
            if answer is Answer.LOADING:
                deadline = time.monotonic() + START_TIMEOUT_S
            if time.monotonic() > deadline:
                raise StoreError(f"the local store does not answer ({self.cause()}); its log is {self._log}")
            time.sleep(_POLL_S)

    def wait(self) -> None:
        """Block until the server has ended, however it does."""
        self._process.wait()

    def stop(self) -> None:
        """End the server in order, by force if it takes too long, and its watcher; may be called again."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Only now, as until here the watcher might be needed.
        if self._life_line in _held:
            with contextlib.suppress(OSError):
                os.write(self._life_line, b"\n")
        let_go(self._life_line)

    def cause(self) -> str:
        """Return in a few words why the server ended or does not answer."""
        status = self._process.poll()
        if status is not None and status < 0:
            return f"killed by signal {-status}"
        lines = [line for line in _tail(self._log) if line.strip()]
        # A log on a full disk ends before it says so.
        if any(_FULL.search(line) for line in lines) or shutil.disk_usage(self._folder).free < _NO_ROOM:
            return "the disk is full"
        return _LOG_PREFIX.sub("", lines[-1]).strip() if lines else f"exit status {status}"

    @property
    def _log(self) -> Path:
        return self._folder / _LOG_NAME


def end_orphan(folder: Path, socket_path: str) -> None:
    """End a server that outlived the process it belonged to; its data stays.

    Raises:
        StoreError: if a server goes on answering.
    """
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int((folder / _PID_NAME).read_text()))
        # The number may long belong to a stranger; the server is known by the folder it works in.
        if os.path.samefile(process.cwd(), folder):
            process.terminate()
            if not _has_ended(process):
                process.kill()
                _has_ended(process)
    if ask(socket_path) is Answer.SILENCE:
        return
    client = unix_connector(socket_path).client()
    with contextlib.suppress(*STORE_ERRORS), client:
        client.shutdown(nosave=True)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while ask(socket_path) is not Answer.SILENCE:
        if time.monotonic() > deadline:
            raise StoreError(f"an old server goes on answering at {socket_path}: end it and start again")
        time.sleep(_POLL_S)


def _has_ended(process: psutil.Process) -> bool:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        # A zombie waits for a parent that is not this process.
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(_POLL_S)
    return False


def _open_log(folder: Path) -> IO[bytes]:
    path = folder / _LOG_NAME
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def _tail(path: Path) -> list[str]:
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 4000))
        return log.read().decode(errors="replace").splitlines()[-5:]
