"""How an event loop calls scripts: over one connection of its own, one call right behind the other.

The client library takes a connection from its pool for each call, and a task for each write: five times the work of
the call itself, and an item on its way through a queue waits for several calls.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

import hiredis
import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import InvalidResponse, NoScriptError

from flowtui.storage.scripts import script


class ScriptLine(Protocol):
    """Calls scripts in the order in which they are sent. Raises what the client library raises."""

    async def call(self, name: str, namespace: str, arguments: Sequence[Any]) -> Any:
        """Run a script and return its reply. The call is sent before anything else runs, if the line stands."""

    async def close(self) -> None:
        """Hang up."""


class ClientLine:
    """Calls scripts as the client library does, for stores that have no connections."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def call(self, name: str, namespace: str, arguments: Sequence[Any]) -> Any:
        try:
            return await self._client.evalsha(_sha(name), 1, namespace, *arguments)
        except NoScriptError:
            return await self._client.eval(script(name), 1, namespace, *arguments)

    async def close(self) -> None:
        await self._client.aclose()


class PipelinedLine:
    """Calls scripts over a connection that the client library has opened; opens another when that is lost."""

    def __init__(self, make: Callable[[], AbstractConnection], answer_timeout_s: float) -> None:
        """`make()` returns a new connection that is not open yet."""
        self._make = make
        self._answer_timeout_s = answer_timeout_s
        self._replies: _Replies | None = None
        self._opening: asyncio.Task[_Replies] | None = None

    async def call(self, name: str, namespace: str, arguments: Sequence[Any]) -> Any:
        replies = self._replies
        if replies is None or replies.lost:
            replies = await self._opened()
        try:
            return await replies.send(("EVALSHA", _sha(name), 1, namespace, *arguments))
        except NoScriptError:
            return await replies.send(("EVAL", script(name), 1, namespace, *arguments))

    async def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self._replies is not None:
            self._replies.hang_up()

    async def _opened(self) -> _Replies:
        # In a task of its own: the client library may swallow a cancellation while it connects, and others wait too.
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._is_open)
        return await asyncio.shield(self._opening)

    async def _open(self) -> _Replies:
        connection = self._make()
        await connection.connect()  # type: ignore[no-untyped-call]
        try:
            # A server that wants a password says so to this; in the middle of a long call it just hangs up.
            await connection.send_command("PING")
            await connection.read_response()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return _Replies(connection, self._answer_timeout_s)

    def _is_open(self, opening: asyncio.Task[_Replies]) -> None:
        self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._replies = opening.result()


class _Replies(asyncio.Protocol):
    """An open connection: what is sent is answered in order.

    Attributes:
        lost: whether it is of no more use.
    """

    def __init__(self, connection: AbstractConnection, answer_timeout_s: float) -> None:
        # The library's connection has logged in, chosen the database and agreed on TLS; its stream is taken over.
        self._connection = connection
        writer = connection._writer
        assert writer is not None
        self._writer = writer
        self._transport = writer.transport
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=connection._parser.parse_error)
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._answer_timeout_s = answer_timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self.lost = False
        self._transport.set_protocol(self)

    def send(self, command: tuple[Any, ...]) -> asyncio.Future[Any]:
        """Send a command at once; its reply is the result of what is returned."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self.lost or self._transport.is_closing():
            answer.set_exception(redis.ConnectionError("the connection is lost"))
            return answer
        self._waiting.append((self._loop.time(), answer))
        if self._timer is None:
            self._timer = self._loop.call_later(self._answer_timeout_s, self._look_at_the_clock)
        self._transport.write(hiredis.pack_command(command))
        return answer

    def hang_up(self) -> None:
        """Close the connection; what waits for a reply fails."""
        self._end(redis.ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                _, answer = self._waiting.popleft()
                if answer.done():  # nobody waits any more
                    continue
                if isinstance(reply, Exception):
                    answer.set_exception(reply)
                    if "Protocol error" in str(reply):  # the server hangs up, and this is why
                        self._end(reply)
                        return
                else:
                    answer.set_result(reply)
        except (InvalidResponse, IndexError) as error:
            self._end(redis.ConnectionError(f"a reply makes no sense: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(redis.ConnectionError(f"the connection is lost: {exc or 'closed by the server'}"))

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        left = self._waiting[0][0] + self._answer_timeout_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_at_the_clock)
        else:
            self._end(redis.TimeoutError(f"no answer within {self._answer_timeout_s:g} s"))

    def _end(self, why: Exception) -> None:
        self.lost = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._connection._reader = self._connection._writer = None  # it warns of a stream that nobody has closed
        self._transport.abort()
        while self._waiting:
            _, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(why)


@cache
def _sha(name: str) -> str:
    return hashlib.sha1(script(name).encode(), usedforsecurity=False).hexdigest()
