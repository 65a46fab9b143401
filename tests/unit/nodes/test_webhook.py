"""`webhook` on a real port: what its clients are told, and when."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.model.states import Outcome
from flowtui.nodes.builtin.webhook import Webhook
from flowtui.nodes.http_server import Limits

Start = Callable[..., Awaitable["Hook"]]


class Hook:
    """A node that listens, and a client."""

    def __init__(self, node: Webhook) -> None:
        self.node = node
        self.port = node.port
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=10)

    def post(self, body: Any = None, **options: Any) -> asyncio.Task[httpx.Response]:
        options = {"json": {"a": 1} if body is None else body} | options
        return asyncio.ensure_future(self.client.post("/", **options))

    async def take(self) -> NodeData:
        return await asyncio.wait_for(self.node.execute(), 10)

    async def answered(self, outcome: Outcome = Outcome.DONE, **options: Any) -> tuple[NodeData, httpx.Response]:
        """Send a request, take its item and let it end so; return both."""
        sent = self.post(**options)
        item = await self.take()
        self.node.ended(item.id, outcome)
        return item, await sent

    async def raw(self, data: bytes) -> bytes:
        """Send bytes; return all that comes back until the server hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
        return answer

    async def close(self) -> None:
        await self.node.teardown()
        await self.client.aclose()


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    hooks: list[Hook] = []

    async def started(**config: Any) -> Hook:
        node = Webhook(Webhook.Config.model_validate({"port": 0, **config}), id="hook", loop="flow.hook")
        await node.setup()
        hooks.append(Hook(node))
        return hooks[-1]

    yield started
    for hook in hooks:
        await hook.close()


async def test_a_request_is_an_item_and_answered_only_when_that_is_stored(start: Start) -> None:
    hook = await start()
    headers = {"X-Kind": "a", "Authorization": "Basic x", "Cookie": "c=1"}
    sent = asyncio.ensure_future(hook.client.post("/?a=1&b=2&b=3", json={"total": 5}, headers=headers))
    item = await hook.take()
    asked = {"method": "POST", "path": "/", "query": {"a": "1", "b": ["2", "3"]}, "body": {"total": 5}}
    assert {name: value for name, value in item.items() if name != "headers"} == asked
    assert item["headers"]["x-kind"] == "a"
    assert not {"authorization", "cookie"} & {*item["headers"]}
    await asyncio.sleep(0.02)
    assert not sent.done()
    hook.node.ended(item.id, Outcome.DONE)
    answer = await sent
    assert (answer.status_code, answer.json()) == (202, {"id": item.id, "outcome": "done"})


async def test_a_dead_letter_is_stored_too_and_what_was_given_up_is_not(start: Start) -> None:
    hook = await start()
    item, answer = await hook.answered(Outcome.DEAD)
    assert (answer.status_code, answer.json()) == (202, {"id": item.id, "outcome": "dead"})
    _, answer = await hook.answered(Outcome.GIVEN_UP)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


@pytest.mark.parametrize("name", ["Idempotency-Key", "X-Request-Id"])
async def test_a_client_names_its_request_and_two_at_the_same_time_are_one_item(start: Start, name: str) -> None:
    hook = await start(answer_timeout=0.2)
    first = hook.post(headers={name: "key-1"})
    item = await hook.take()
    assert item.id == "key-1"
    assert (await first).status_code == 504  # it gives up, but the item is on its way
    again = [hook.post(headers={name: "key-1"}) for _ in range(2)]
    await asyncio.sleep(0.05)
    hook.node.ended("key-1", Outcome.DONE)
    assert [(await each).status_code for each in again] == [202, 202]
    assert not hook.node._queue
    later, answer = await hook.answered(headers={name: "key-1"})
    assert (later.id, answer.status_code) == ("key-1", 202)


async def test_without_an_answer_in_time_it_is_said_whether_the_item_may_still_be_stored(start: Start) -> None:
    hook = await start(answer_timeout=0.05)
    answer = await hook.post()
    assert (answer.status_code, answer.json()["error"]) == (503, "the loop was too busy to take it")
    sent = hook.post()
    item = await hook.take()
    answer = await sent
    assert (answer.status_code, answer.json()["id"]) == (504, item.id)
    hook.node.ended(item.id, Outcome.DONE)
    assert not hook.node._pending


async def test_more_than_may_wait_are_told_to_come_again(start: Start) -> None:
    hook = await start(max_waiting=2)
    waiting = [hook.post() for _ in range(2)]
    items = [await hook.take() for _ in range(2)]
    answer = await hook.post()
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["error"]) == (
        *(503, "1"),
        "2 requests wait already",
    )
    for item in items:
        hook.node.ended(item.id, Outcome.DONE)
    assert [(await each).status_code for each in waiting] == [202, 202]


async def test_while_the_loop_takes_nothing_all_are_turned_away_at_once(start: Start) -> None:
    hook = await start()
    under_way = hook.post()
    item = await hook.take()
    not_taken = hook.post()
    while not hook.node._queue:
        await asyncio.sleep(0.001)
    hook.node.halted(True)
    assert [(await each).status_code for each in (not_taken, hook.post())] == [503, 503]
    hook.node.ended(item.id, Outcome.DONE)
    assert (await under_way).status_code == 202
    hook.node.halted(False)
    assert (await hook.answered())[1].status_code == 202


async def test_at_its_end_everybody_is_answered_and_the_port_is_free_again(start: Start) -> None:
    hook = await start()
    taken, not_taken = hook.post(), hook.post()
    await hook.take()
    await hook.node.teardown()
    assert {(await each).status_code for each in (taken, not_taken)} == {503}
    again = await start(port=hook.port)
    assert (await again.answered())[1].status_code == 202


async def test_a_port_that_is_taken_says_so_and_what_to_do(start: Start) -> None:
    hook = await start()
    with pytest.raises(
        NodeError, match=rf"cannot listen on 127.0.0.1:{hook.port}: port {hook.port} is in use by anoth"
    ):
        await Webhook(Webhook.Config.model_validate({"port": hook.port})).setup()
    with pytest.raises(NodeError, match="no such address; mend `host`"):
        await Webhook(Webhook.Config.model_validate({"port": 0, "host": "192.0.2.1", "secret": "x"})).setup()


@pytest.mark.parametrize(
    ("config", "options", "status"),
    [
        ({}, {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({}, {"content": b'{"a": NaN}', "headers": {"Content-Type": "application/json"}}, 400),
        ({}, {"content": b'"\\ud800"', "headers": {"Content-Type": "application/json"}}, 400),
        ({}, {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400),
        ({}, {"headers": {"X-Request-Id": "a b"}}, 400),
        ({}, {"headers": {"X-Request-Id": "x" * 201}}, 400),
        ({}, {"content": b"<a/>", "headers": {"Content-Type": "text/xml"}}, 415),
        ({}, {"content": b"a=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
        ({"accepts": ["text"]}, {"content": b"\xff", "headers": {"Content-Type": "text/plain"}}, 400),
        ({}, {"headers": {"Origin": "http://evil.example"}}, 403),
        ({"methods": ["PUT", "GET"]}, {}, 405),
        ({"path": "/hook"}, {}, 404),
        ({"secret": "s"}, {}, 401),
        ({"secret": "s"}, {"headers": {"X-Webhook-Secret": "S"}}, 401),
        ({"secret": "s"}, {"headers": {"X-Webhook-Secret": b"\xff"}}, 401),
        ({"signature_key": "k"}, {}, 401),
        ({"signature_key": "k"}, {"headers": {"X-Hub-Signature-256": "sha256=00"}}, 401),
        ({"max_bytes": 10}, {"content": b"x" * 11}, 413),
    ],
)
async def test_what_is_not_wanted_is_refused_for_what_it_is(
    start: Start, config: dict[str, Any], options: dict[str, Any], status: int
) -> None:
    hook = await start(**config)
    answer = await hook.client.post("/", **({} if "content" in options else {"json": {}}) | options)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert ("allow" in answer.headers) == (status == 405)
    assert not hook.node._pending


@pytest.mark.parametrize(
    ("config", "headers"),
    [
        ({"secret": "s-ä"}, {"X-Webhook-Secret": "s-ä".encode()}),
        ({"secret": "s", "secret_header": "Authorization"}, {"Authorization": "Bearer s"}),
        ({"signature_key": "k"}, {"X-Hub-Signature-256": "signed"}),
        ({"secret": "s", "signature_key": "k"}, {"X-Webhook-Secret": "s", "X-Hub-Signature-256": "signed"}),
        ({"secret": "s"}, {"X-Webhook-Secret": "s", "Origin": "http://a.example"}),
    ],
)
async def test_who_knows_the_secret_comes_in_and_it_is_not_in_the_item(
    start: Start, config: dict[str, Any], headers: dict[str, Any]
) -> None:
    hook = await start(**config)
    body = json.dumps({"a": "ä"}).encode()
    signature = "sha256=" + hmac.new(b"k", body, hashlib.sha256).hexdigest()
    sent = {name: signature if value == "signed" else value for name, value in headers.items()}
    item, answer = await hook.answered(json=None, content=body, headers={"Content-Type": "application/json", **sent})
    assert answer.status_code == 202
    assert not {"x-webhook-secret", "authorization", "x-hub-signature-256"} & {*item["headers"]}


async def test_forms_texts_and_no_body_at_all(start: Start) -> None:
    hook = await start(accepts=["form", "text"])
    for options, body in (
        ({"json": None, "data": {"a": ["1", "2"], "b": "ä"}}, {"a": ["1", "2"], "b": "ä"}),
        ({"json": None, "content": "ä", "headers": {"Content-Type": "text/plain; charset=utf-8"}}, "ä"),
        ({"json": None}, None),
    ):
        assert (await hook.answered(**options))[0]["body"] == body


def test_an_address_that_others_can_reach_needs_a_secret() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(ValidationError, match="others can reach it: give `secret` or `signature_key`"):
            Webhook.Config.model_validate({"port": 1, "host": host})
        assert Webhook.Config.model_validate({"port": 1, "host": host, "signature_key": "k"})
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert Webhook.Config.model_validate({"port": 1, "host": host})


# ---- the server below ----


async def test_one_connection_takes_many_requests_also_sent_ahead(start: Start) -> None:
    hook = await start()
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n%s\r\n{}"
    answer = asyncio.ensure_future(hook.raw(request % b"" + request % b"Connection: close\r\n"))
    for _ in range(2):
        hook.node.ended((await hook.take()).id, Outcome.DONE)
    assert (await answer).count(b"HTTP/1.1 202 Accepted") == 2


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"rubbish\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\n\r\n", b"400"),
        (b"POST //[ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"404"),
        (b"POST /%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"404"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"6\r\nxxxxxx\r\n" * 3, b"413"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"400"),
    ],
)
async def test_rubbish_on_the_line_is_answered_and_hurts_nobody(start: Start, sent: bytes, status: bytes) -> None:
    hook = await start(max_bytes=10)
    assert (await hook.raw(sent)).startswith(b"HTTP/1.1 " + status)
    assert (await hook.answered())[1].status_code == 202


async def test_a_client_that_hangs_up_amid_its_request_leaves_nothing_behind(start: Start) -> None:
    hook = await start()
    _, writer = await asyncio.open_connection("127.0.0.1", hook.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12")
    await writer.drain()
    while not hook.node._server._connections:
        await asyncio.sleep(0.001)
    writer.close()
    while hook.node._server._connections:
        await asyncio.sleep(0.001)
    assert not hook.node._pending


async def test_a_client_that_asks_first_is_told_to_send_its_body(start: Start) -> None:
    hook = await start()
    reader, writer = await asyncio.open_connection("127.0.0.1", hook.port)
    head = "POST / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Type: application/json", "Content-Length: 2"
    writer.write("\r\n".join([*head, "", ""]).encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 100")
    writer.write(b"{}")
    hook.node.ended((await hook.take()).id, Outcome.DONE)
    assert b"202 Accepted" in await reader.readuntil(b"}")
    writer.close()
    await writer.wait_closed()


async def test_slow_and_too_many_clients_are_shown_out(start: Start) -> None:
    hook = await start()
    hook.node._server._limits = Limits(100, request_s=0.1, idle_s=0.2, connections=2)
    slow = asyncio.ensure_future(hook.raw(b"POST / HTTP/1.1\r\nHo"))
    idle = asyncio.ensure_future(hook.raw(b""))
    while len(hook.node._server._connections) < 2:
        await asyncio.sleep(0.001)
    assert b"503 Service Unavailable" in await hook.raw(b"")
    assert (await slow).startswith(b"HTTP/1.1 408")
    assert await idle == b""
    assert (await hook.answered())[1].status_code == 202


async def test_a_client_that_does_not_wait_for_its_answer_does_not_matter(start: Start) -> None:
    hook = await start()
    with socket.create_connection(("127.0.0.1", hook.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        item = await hook.take()
    hook.node.ended(item.id, Outcome.DONE)
    assert (await hook.answered())[1].status_code == 202
