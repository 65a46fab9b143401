"""A small HTTP/1.1 server on an event loop: requests come whole, within limits and in time, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11

from flowtui.model.errors import NodeError

_READ_AT_ONCE = 65_536
_LARGEST_HEAD = 32_768
_BACKLOG = 128
#: A client that does not take its answer within this many seconds is left.
_WRITE_S = 10.0
#: What a client that is told off still sends is thrown away, as a reset would take our words from it; up to this.
_DISCARDED_S = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request; `target` is path and query as they came, names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: a JSON object, and headers beside those of its kind and length."""

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):
    """A request that is answered without asking anybody: its text says why."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.response = Response(status, {"error": text}, headers)


#: Looks at method, target and headers, before the body is read; raises Refusal if it is not wanted.
Check = Callable[[str, str, dict[str, str]], None]
Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may do.

    Attributes:
        body: bytes that a request's body may have.
        request_s: seconds within which a whole request must have come.
        idle_s: seconds that a connection may wait for its next request.
        connections: how many there may be at the same time; to more it is said that there are too many.
    """

    body: int
    request_s: float = 10.0
    idle_s: float = 60.0
    connections: int = 256


class HttpServer:
    """Listens from `start` to `close`."""

    def __init__(self, check: Check, answer: Answer, limits: Limits) -> None:
        self._check = check
        self._answer = answer
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._resting: set[asyncio.Task[None]] = set()
        self._is_closing = False

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes any that is free.

        Raises:
            NodeError: if it may not, or somebody else does there.
        """
        try:
            self._server = await asyncio.start_server(
                self._connected, host, port, limit=_READ_AT_ONCE, backlog=_BACKLOG, reuse_address=True
            )
        except (OSError, OverflowError) as error:
            raise NodeError(f"cannot listen on {host}:{port}: {_why_not(error, port)}") from None

    async def close(self, grace: float) -> None:
        """Take no more connections, let requests at work be answered for `grace` seconds, then hang up."""
        self._is_closing = True
        if self._server is not None:
            self._server.close()
        for task in self._resting:
            task.cancel()
        busy = self._connections - self._resting
        if busy:
            await asyncio.wait(busy, timeout=grace)
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            line = _Line(reader, writer)
            if len(self._connections) > self._limits.connections:
                await line.send(Response(503, {"error": "too many connections"}, (("Retry-After", "1"),)), last=True)
            else:
                await self._serve(line, task)
        except (OSError, TimeoutError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass  # it has hung up, speaks something else, or the server closes: nobody is left who could be told
        finally:
            self._connections.discard(task)
            self._resting.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, line: _Line, task: asyncio.Task[None]) -> None:
        while not self._is_closing:
            self._resting.add(task)
            async with asyncio.timeout(self._limits.idle_s):
                began = await line.has_more()
            self._resting.discard(task)
            if not began:
                return
            try:
                async with asyncio.timeout(self._limits.request_s):
                    request = await self._receive(line)
            except Refusal as refusal:
                await line.send(refusal.response, last=True)
                return
            except h11.RemoteProtocolError as error:
                await line.send(Response(error.error_status_hint, {"error": f"no HTTP: {error}"}), last=True)
                return
            except TimeoutError:
                text = f"the request did not come within {self._limits.request_s:g} s"
                await line.send(Response(408, {"error": text}), last=True)
                return
            if request is None:
                return
            response = await self._answer(request)
            if not await line.send(response, last=self._is_closing):
                return

    async def _receive(self, line: _Line) -> Request | None:
        head = await line.next_event()
        if not isinstance(head, h11.Request):
            return None
        headers = _merged(head.headers)
        method, target = head.method.decode("ascii"), head.target.decode("latin-1")
        self._check(method, target, headers)
        most = self._limits.body
        if int(headers.get("content-length", "0")) > most:
            raise too_large(most)
        parts, size = [], 0
        await line.ask_for_body()
        while isinstance(event := await line.next_event(), h11.Data):
            parts.append(bytes(event.data))
            size += len(event.data)
            if size > most:
                raise too_large(most)
        return Request(method, target, headers, b"".join(parts)) if isinstance(event, h11.EndOfMessage) else None


class _Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http: Any = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)

    async def has_more(self) -> bool:
        """Wait for the first bytes of a request; return False if there will be none."""
        if self._http.trailing_data[0]:
            return True
        data = await self._reader.read(_READ_AT_ONCE)
        self._http.receive_data(data)
        return bool(data)

    async def next_event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_READ_AT_ONCE))
        return event

    async def ask_for_body(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            await self._write(self._http.send(go_on) or b"")

    async def send(self, response: Response, *, last: bool) -> bool:
        """Send an answer; return whether another request may follow on this connection."""
        body = json.dumps(response.body).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *response.headers]
        if last:
            headers.append(("Connection", "close"))
        http = self._http
        if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return False
        reason = HTTPStatus(response.status).phrase.encode()
        head = h11.Response(status_code=response.status, headers=headers, reason=reason)
        parts = [http.send(each) or b"" for each in (head, h11.Data(data=body), h11.EndOfMessage())]
        await self._write(b"".join(parts))
        if http.our_state is h11.DONE and http.their_state is h11.DONE and not last:
            http.start_next_cycle()
            return True
        await self._let_go()
        return False

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(_WRITE_S):
            await self._writer.drain()

    async def _let_go(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCARDED_S):
                while await self._reader.read(_READ_AT_ONCE):
                    pass


def too_large(most: int) -> Refusal:
    """Return what is said of a body of more than `most` bytes."""
    return Refusal(413, f"the body may have {most:,} bytes at most")


def _merged(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _why_not(error: OSError | OverflowError, port: int) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return f"port {port} is in use by another program or loop; stop that (see `ss -ltnp`), or set another `port`"
    if number == errno.EACCES:
        return "ports below 1024 are for root; set a higher `port`"
    if number == errno.EADDRNOTAVAIL:
        return "this machine has no such address; mend `host`"
    return f"{getattr(error, 'strerror', None) or error}; mend `host` or `port`"
