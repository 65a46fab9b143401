"""A Redis server as a user may run it, with an append-only file that is synced at every write."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import redis

PATIENCE_S = 30.0


class UserServer:
    """Listens on a socket in its folder, and on a port if there is one; may be killed and started again at will."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        binary = shutil.which("redis-server")
        if binary is None and not os.environ.get("CI"):
            pytest.skip("redis-server is not on PATH")
        assert binary is not None, "redis-server is not on PATH"
        self._binary = binary
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.socket_path = str(folder / "redis.sock")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Return when it answers, with all that was acknowledged before."""
        options = ["--unixsocket", self.socket_path, "--bind", "127.0.0.1", "--port", str(self._port)]
        options += ["--dir", str(self._folder), "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([self._binary, *options], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        with self.client() as client:
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError:  # one that still loads its data says so with this error too
                    assert time.monotonic() < deadline, (self._folder / "log").read_text()
                    time.sleep(0.005)

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it take connections and answer nothing, as one whose disk does not."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """Return a client of the test's own, past any proxy."""
        return redis.Redis(unix_socket_path=self.socket_path)
