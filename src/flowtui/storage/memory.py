"""The memory of this process as a store; apart, since loading it takes long and few processes need it."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from typing import Any

import fakeredis
import redis.asyncio
from fakeredis._clients._tcp_server import TCPFakeRequestHandler

from flowtui.storage.connection import ANSWER_TIMEOUT_S, Connector, ServerConnector, unix_connector
from flowtui.storage.script_line import ClientLine

# Calls that may be under way at once; they do not wait for each other as those to a server do.
_MOST_CALLS = 100_000
_PUSH_EVERY_S = 0.01
_RECEIVE_BYTES = 1 << 16


class _Handler(TCPFakeRequestHandler):
    """One connection. (That of the library hangs up after every error, and looks a hundred times a second.)"""

    def handle(self) -> None:
        pushes = False
        self.connection.setblocking(True)
        while True:
            while self.current_client.can_read():
                try:
                    reply = self.current_client.read_response()
                except redis.RedisError as error:
                    reply = error
                self.writer.dump(reply)
            # Only to those who have subscribed something may be sent that they have not just asked for.
            if pushes and not select.select([self.connection], [], [], _PUSH_EVERY_S)[0]:
                continue
            data = self.connection.recv(_RECEIVE_BYTES)
            if not data:
                return
            pushes = pushes or b"SUBSCRIBE" in data
            self.current_client.get_socket().sendall(data)


class _Server(fakeredis.TcpFakeServer):
    """Lets child processes use the memory, on a unix socket that only this user can reach."""

    address_family = socket.AF_UNIX
    request_queue_size = 128

    def __init__(self, path: str, memory: fakeredis.FakeServer) -> None:
        self._numbers = itertools.count()
        super().__init__(path)  # type: ignore[arg-type]
        self.RequestHandlerClass = _Handler
        self.fake_server = memory
        self.daemon_threads = True  # a child that hangs must not keep this process
        self._is_ending = False
        self._thread = threading.Thread(target=self._serve, name="flowtui-memory", daemon=True)

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread.start()

    def end(self) -> None:
        """Return when no more clients are let in. (The library's own way looks for its end twice a second.)"""
        self._is_ending = True
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as waking:
            waking.connect(self.server_address)
            self._thread.join()
        self.server_close()

    def _serve(self) -> None:
        while not self._is_ending:
            self.handle_request()

    def get_request(self) -> tuple[socket.socket, Any]:
        # The server tells its clients apart by their addresses, and those of a unix socket have none.
        connection, _ = super().get_request()
        return connection, ("child", next(self._numbers))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A child that was killed in the middle of a call is no news: its track says so."""


class _Scripts:
    """A Lua runtime that compiles a script once; that of the library does each time, which takes as long as a run."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._compiled: dict[bytes | str, Callable[[], Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def execute(self, text: bytes | str) -> Any:
        """Run a script."""
        if text not in self._compiled:
            self._compiled[text] = self._runtime.compile(text)
        return self._compiled[text]()


class _Memory(fakeredis.FakeServer):
    """The data, and the runtime that the library makes for it and keeps here."""

    _scripts: _Scripts

    @property
    def _lua_runtime(self) -> _Scripts:
        return self._scripts

    @_lua_runtime.setter
    def _lua_runtime(self, runtime: Any) -> None:
        self._scripts = _Scripts(runtime)


class MemoryConnector(Connector):
    """A store in the memory of this process; it ends with the process."""

    def __init__(self) -> None:
        self.address = "in memory"
        self._memory = _Memory(version=(7,))
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._folder = ""

    def async_client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.asyncio.Redis:
        return fakeredis.FakeAsyncRedis(server=self._memory, protocol=2, max_connections=_MOST_CALLS)

    def line(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> ClientLine:
        return ClientLine(self.async_client())

    def client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.Redis:
        return fakeredis.FakeRedis(server=self._memory, protocol=2)

    def shared(self) -> ServerConnector:
        """Return a connector for child processes; the memory is served from the first call on."""
        with self._lock:
            if self._server is None:
                self._folder = tempfile.mkdtemp(prefix="flowtui-")
                self._server = _Server(os.path.join(self._folder, "memory"), self._memory)
                self._server.start()
            connector = unix_connector(os.path.join(self._folder, "memory"))
        connector.address = self.address
        return connector

    def close(self) -> None:
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.end()
            with contextlib.suppress(OSError):
                shutil.rmtree(self._folder)
