"""A real HTTP server on a thread of its own: a test scripts its answers per path, also those no server should give."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Request:
    """What a client sent; header names in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the server does with a request.

    Attributes:
        body: bytes or text as they are, None for none, anything else as JSON.
        gate: it answers only when this is set; sooner if the server closes.
        delay: it waits so many seconds first.
        drop: it hangs up `before` an answer, or in the `middle` of the body; `reset` is as `before`, but rudely.
        drip: it pauses so many seconds between the halves of the body.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None
    delay: float = 0.0
    drop: Literal["", "before", "reset", "middle"] = ""
    drip: float = 0.0

    def content(self) -> bytes:
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    def kind(self) -> str:
        return "text/plain; charset=utf-8" if isinstance(self.body, str | bytes) else "application/json"


#: What answers a request: itself, or a function that makes it.
Script = Answer | Callable[[Request], Answer]


def with_etag(body: Any, etag: str, *, modified: float | None = None) -> Script:
    """Answer 304 to a client that names the etag (or, without one, the time of the last change) as its own."""
    stamp = {} if modified is None else {"Last-Modified": formatdate(modified, usegmt=True)}
    headers = {**({"ETag": etag} if etag else {}), **stamp}

    def answer(request: Request) -> Answer:
        known = request.headers.get("if-none-match" if etag else "if-modified-since")
        fresh = known is not None and known == headers.get("ETag", headers.get("Last-Modified"))
        return Answer(304, headers=headers) if fresh else Answer(body=body, headers=headers)

    return answer


def real_life(good: Script, seed: int, *, delay: float = 0.02, errors: float = 0.2, drops: float = 0.1) -> Script:
    """Answer well most of the time, after a random delay; else with 500 or 503, or hang up, before or amid the body."""
    chance, lock = random.Random(seed), threading.Lock()

    def answer(request: Request) -> Answer:
        with lock:
            wait, luck, how = chance.uniform(0, delay), chance.random(), chance.random()
        if luck < errors:
            return Answer(500 if how < 0.5 else 503, "out of order", {"Retry-After": "0"}, delay=wait)
        found = good(request) if callable(good) else good
        if luck < errors + drops:
            return replace(found, drop="before" if how < 0.5 else "middle", delay=wait)
        return replace(found, delay=wait)

    return answer


class HttpServer:
    """Serves on 127.0.0.1 while its `with` block lasts; a path that has no script is answered with 404.

    Attributes:
        requests: all that came, the oldest first.
        connections: how many have been opened.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._scripts: dict[str, list[Script]] = {}
        self._news = threading.Condition()
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        outer = self

        class Handler(_Handler):
            server_of_test = outer

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="http-server")

    def __enter__(self) -> HttpServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        with self._news:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._server.server_close()  # which joins the threads of all connections

    def on(self, path: str, *scripts: Script) -> str:
        """Answer requests to a path by these in turn, and by the last one ever after; return its URL."""
        with self._news:
            self._scripts[path] = [*scripts]
        return self.url + path

    def wait_for(self, count: int, path: str = "") -> list[Request]:
        """Wait until so many requests have come (to a path); return them."""

        def found() -> list[Request]:
            return [each for each in self.requests if not path or each.path == path]

        with self._news:
            came = self._news.wait_for(lambda: len(found()) >= count, _PATIENCE_S)
            assert came, f"{len(found())} of {count} requests came: {self.requests}"
            return found()

    def forget_connections(self) -> None:
        """Hang up on all clients, as a server does that is started again."""
        with self._news:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _answer(self, request: Request) -> Answer:
        with self._news:
            self.requests.append(request)
            self._news.notify_all()
            scripts = self._scripts.get(request.path)
            script = Answer(404, "no script") if not scripts else scripts.pop(0) if len(scripts) > 1 else scripts[0]
        answer = script(request) if callable(script) else script
        if answer.gate is not None:
            while not (answer.gate.wait(0.01) or self._closing.is_set()):
                pass
        if answer.delay:
            self._closing.wait(answer.delay)
        return answer

    def _pause(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def _note(self, connection: socket.socket, is_open: bool) -> None:
        with self._news:
            self.connections += is_open
            (self._open.add if is_open else self._open.discard)(connection)


class _Server(ThreadingMixIn, TCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server_of_test: HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server_of_test._note(self.connection, True)

    def finish(self) -> None:
        self.server_of_test._note(self.connection, False)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server_of_test._answer(Request(self.command, parts.path, parse_qs(parts.query), headers, body))
        if answer.drop in ("before", "reset"):
            self._hang_up(rudely=answer.drop == "reset")
            return
        content = b"" if self.command == "HEAD" or answer.status == 304 else answer.content()
        given = {name.lower() for name in answer.headers}
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "content-type" not in given and content:
            self.send_header("Content-Type", answer.kind())
        if "content-length" not in given:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        if answer.drip or answer.drop:
            self.wfile.write(content[:half])
            self.wfile.flush()
            self.server_of_test._pause(answer.drip)
            if answer.drop:
                self._hang_up()
                return
            content = content[half:]
        self.wfile.write(content)

    def _hang_up(self, rudely: bool = False) -> None:
        self.close_connection = True
        if rudely:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815 - as the library calls them
