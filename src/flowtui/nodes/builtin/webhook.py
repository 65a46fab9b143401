"""`webhook`: takes items from HTTP clients."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections import deque
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import parse_qs, unquote

from pydantic import Field, SecretStr, model_validator

from flowtui.model.data import NodeData
from flowtui.model.ids import new_id
from flowtui.model.states import Outcome
from flowtui.nodes.base import NodeConfig, ProducerNode
from flowtui.nodes.durations import Duration
from flowtui.nodes.hints import ShownIf, Unit
from flowtui.nodes.http_server import HttpServer, Limits, Refusal, Request, Response
from flowtui.nodes.http_settings import HeaderName
from flowtui.nodes.strict_json import strict_json

#: Seconds that a loop which ends gives clients to take their last answers.
_CLOSE_S = 1.0
_RETRY_SOON = ("Retry-After", "1")
_RETRY_LATER = ("Retry-After", "10")
#: Headers by which a client may name a request, so that sending it again is not another one.
_ID_HEADERS = ("idempotency-key", "x-request-id")
_ID = re.compile(r"[\x21-\x7e]{1,200}")
_PRIVATE_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_KINDS = {"application/x-www-form-urlencoded": "form", "text/plain": "text"}
_TURNED_AWAY = Response(503, {"error": "the loop takes nothing now: it is paused or ends"}, (_RETRY_LATER,))

BodyKind = Literal["json", "form", "text"]


class _Pending:
    """An item that is not stored yet; `clients` of it wait for its outcome, which is None if nothing was stored."""

    __slots__ = ("clients", "data", "outcome")

    def __init__(self, data: NodeData) -> None:
        self.data = data
        self.clients = 0
        self.outcome: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()

    def end(self, outcome: Outcome | None) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class Webhook(ProducerNode):
    """Listen for HTTP requests and yield each as an item; a client is told 202 only when all of it is stored.

    An item is `{"method", "path", "query", "headers", "body"}`; the headers have lower-case names and are without
    Authorization and cookies, the body is a JSON value, a text or the fields of a form. The answer is
    `{"id", "outcome"}`, where the outcome is `done`, or `dead` if a node failed and the item is a dead letter. 503 with
    Retry-After says that nothing was stored: the loop is paused or ends, or too many wait. 504 says that it is not
    known yet. A client that sends a request again gives it the same Idempotency-Key or X-Request-Id: it becomes the
    item's id, and two at the same time are one item.
    """

    example: ClassVar = {"port": 8080, "path": "/orders", "secret": "${secret:WEBHOOK}"}

    class Config(NodeConfig):
        host: str = Field(
            default="127.0.0.1",
            min_length=1,
            description="The address to listen at; one that others can reach needs `secret` or `signature_key`.",
        )
        port: int = Field(ge=0, le=65535, description="The port to listen at; 0 for any that is free, see the log.")
        path: str = Field(default="/", pattern="^/[^?#]*$", description="The only path that is there.")
        methods: list[Literal["POST", "PUT", "PATCH", "DELETE", "GET"]] = Field(
            default=["POST"], min_length=1, description="What clients may do there."
        )
        accepts: list[BodyKind] = Field(
            default=["json"],
            min_length=1,
            description="Kinds of body that are taken.",
        )
        secret: SecretStr | None = Field(
            default=None, min_length=1, description="What clients must send in the header `secret_header`."
        )
        secret_header: Annotated[HeaderName, ShownIf(bool, of="secret")] = Field(
            default="X-Webhook-Secret", description="With Authorization, clients send `Bearer` and the secret."
        )
        signature_key: SecretStr | None = Field(
            default=None,
            min_length=1,
            description="The key with which clients sign the body as GitHub does: HMAC-SHA256, as `sha256=…`.",
        )
        signature_header: Annotated[HeaderName, ShownIf(bool, of="signature_key")] = Field(
            default="X-Hub-Signature-256", description="The header with the signature."
        )
        max_bytes: Annotated[int, Unit("bytes")] = Field(
            default=1_000_000, ge=0, description="How large a body may be."
        )
        max_waiting: Annotated[int, Unit("requests")] = Field(
            default=100, ge=1, description="How many may wait for their answer; more are told to come again."
        )
        answer_timeout: Duration = Field(
            default=30.0,
            gt=0,
            description="How long a client waits for its answer; then it is told 504.",
        )

        @model_validator(mode="after")
        def _not_open_to_all(self) -> Self:
            if not _is_loopback(self.host) and self.secret is None and self.signature_key is None:
                raise ValueError(f"at {self.host} others can reach it: give `secret` or `signature_key`")
            return self

    async def setup(self) -> None:
        config = self.config
        self._queue: deque[_Pending] = deque()  # what the loop has not taken yet
        self._pending: dict[str, _Pending] = {}
        self._arrived = asyncio.Event()
        self._waiting = 0
        self._is_halted = False
        limits = Limits(config.max_bytes, connections=max(256, 2 * config.max_waiting))
        self._server = HttpServer(self._check, self._answer, limits)
        await self._server.start(config.host, config.port)
        self.log.info("listens at http://%s:%d%s", config.host, self.port, config.path)

    @property
    def port(self) -> int:
        """Where it listens, once it is set up."""
        return self._server.port

    async def teardown(self) -> None:
        self.halted(True)
        for pending in self._pending.values():
            pending.end(None)
        await self._server.close(_CLOSE_S)

    async def execute(self) -> NodeData:
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft().data

    def ended(self, id: str, outcome: Outcome) -> None:
        if (pending := self._pending.pop(id, None)) is not None:
            pending.end(outcome)

    def halted(self, halted: bool) -> None:
        self._is_halted = halted
        while halted and self._queue:
            self.ended(self._queue.popleft().data.id, Outcome.GIVEN_UP)

    def _check(self, method: str, target: str, headers: dict[str, str]) -> None:
        """Refuse what can be refused without the body."""
        config = self.config
        if unquote(target.partition("?")[0]) != config.path:
            raise Refusal(404, f"there is only {config.path}")
        if method not in config.methods:
            raise Refusal(405, f"{method} is not allowed here", ("Allow", ", ".join(config.methods)))
        if config.secret is not None:
            wanted = config.secret.get_secret_value()
            if config.secret_header.lower() == "authorization":
                wanted = f"Bearer {wanted}"
            if not _equal(headers.get(config.secret_header.lower(), ""), wanted):
                raise Refusal(401, f"the header {config.secret_header} does not hold the secret")
        elif config.signature_key is None and "origin" in headers:
            # Without a secret, any page that somebody on this machine looks at could send items.
            raise Refusal(403, "web pages may not send requests to a webhook without a secret")
        if self._is_halted:
            raise Refusal(503, str(_TURNED_AWAY.body["error"]), _RETRY_LATER)

    async def _answer(self, request: Request) -> Response:
        try:
            data = self._data(request)
            if self._waiting >= self.config.max_waiting:
                raise Refusal(503, f"{self._waiting} requests wait already", _RETRY_SOON)
        except Refusal as refusal:
            return refusal.response
        if self._is_halted:
            return _TURNED_AWAY
        self._waiting += 1
        try:
            return await self._await_outcome(self._enter(data))
        finally:
            self._waiting -= 1

    def _enter(self, data: NodeData) -> _Pending:
        """Return the item that is under way under this id, or queue it as a new one."""
        pending = self._pending.get(data.id)
        if pending is None:
            pending = self._pending[data.id] = _Pending(data)
            self._queue.append(pending)
            self._arrived.set()
        return pending

    async def _await_outcome(self, pending: _Pending) -> Response:
        id = pending.data.id
        pending.clients += 1
        try:
            async with asyncio.timeout(self.config.answer_timeout):
                outcome = await asyncio.shield(pending.outcome)
        except TimeoutError:
            if pending.clients == 1 and pending in self._queue:
                self._queue.remove(pending)
                del self._pending[id]
                return Response(503, {"error": "the loop was too busy to take it"}, (_RETRY_LATER,))
            seconds = f"{self.config.answer_timeout:g} s"
            return Response(504, {"id": id, "error": f"it is not stored after {seconds}, and may still be"})
        finally:
            pending.clients -= 1
        if outcome is None or outcome is Outcome.GIVEN_UP:
            return _TURNED_AWAY
        return Response(202, {"id": id, "outcome": outcome.value})

    def _data(self, request: Request) -> NodeData:
        config, headers = self.config, request.headers
        if config.signature_key is not None:
            key = config.signature_key.get_secret_value().encode()
            wanted = "sha256=" + hmac.new(key, request.body, hashlib.sha256).hexdigest()
            if not _equal(headers.get(config.signature_header.lower(), ""), wanted):
                raise Refusal(401, f"the header {config.signature_header} does not sign this body")
        private = _PRIVATE_HEADERS | {config.secret_header.lower(), config.signature_header.lower()}
        payload: dict[str, Any] = {
            "method": request.method,
            "path": config.path,
            "query": _fields(request.target.partition("?")[2]),
            "headers": {name: value for name, value in headers.items() if name not in private},
            "body": self._body(request),
        }
        return NodeData(payload, _id(headers))

    def _body(self, request: Request) -> Any:
        if not request.body:
            return None
        mime = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_json = mime == "application/json" or mime.endswith("+json")
        kind = "json" if is_json else _KINDS.get(mime, "")
        if kind not in self.config.accepts:
            raise Refusal(415, f"the body must be {' or '.join(self.config.accepts)}, not {mime or 'of no named kind'}")
        try:
            if kind == "json":
                return strict_json(request.body)
            text = request.body.decode()
            return text if kind == "text" else _fields(text)
        except ValueError as error:
            raise Refusal(400, f"the body is no {'JSON' if kind == 'json' else kind}: {error}") from None


def _id(headers: dict[str, str]) -> str:
    for name in _ID_HEADERS:
        if name in headers:
            if not _ID.fullmatch(headers[name]):
                raise Refusal(400, f"{name} must be 1 to 200 ASCII characters without spaces")
            return headers[name]
    return new_id()


def _fields(text: str) -> dict[str, Any]:
    """Return the fields of a query or form; one that comes several times is a list."""
    try:
        found = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise Refusal(400, f"the fields cannot be read: {error}") from None
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _equal(given: str, wanted: str) -> bool:
    # Headers come as latin-1, whatever the client meant.
    return hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
