"""Nodes that send and take HTTP requests, each beside a server on an event loop and thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter

import httpx

from flowtui.model.states import Outcome
from flowtui.nodes.builtin.http import HttpNotify, HttpRequest
from flowtui.nodes.builtin.llm import Llm
from flowtui.nodes.builtin.webhook import Webhook
from flowtui.nodes.http_server import HttpServer, Limits, Request, Response
from node_costs import Row, consumed

_BODY = {"id": 4711, "lines": [1, 2, 3]}


async def _answer(_: Request) -> Response:
    return Response(200, _BODY)


async def _chat(_: Request) -> Response:
    return Response(200, {"choices": [{"message": {"role": "assistant", "content": "four"}}]})


@contextlib.contextmanager
def _server(answer: Callable[[Request], Awaitable[Response]] = _answer) -> Iterator[str]:
    """Serve on a thread of its own; yield the URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = HttpServer(lambda *_: None, answer, Limits(1_000_000))
    try:
        asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result()
        yield f"http://127.0.0.1:{server.port}/"
        asyncio.run_coroutine_threadsafe(server.close(1.0), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _http_request(folder: Path, count: int) -> float:
    with _server() as url:
        config = {"url": url, "method": "POST", "json": {"id": "{{ data.n }}"}, "trust_env": False}
        return consumed(HttpRequest, config, [{"n": n} for n in range(count)], folder)


def _http_notify(folder: Path, count: int) -> float:
    with _server() as url:
        config = {"url": url, "trust_env": False}
        return consumed(HttpNotify, config, [{"id": n} for n in range(count)], folder)


def _llm(folder: Path, count: int) -> float:
    with _server(_chat) as url:
        config = {"base_url": url.rstrip("/"), "model": "any", "prompt": "Sum up {{ data.n }}"}
        return consumed(Llm, config, [{"n": n} for n in range(count)], folder)


def _bare_httpx(_: Path, count: int) -> float:
    async def ask(url: str) -> float:
        async with httpx.AsyncClient(trust_env=False) as client:
            began = perf_counter()
            for n in range(count):
                (await client.post(url, json={"id": n})).json()
            return perf_counter() - began

    with _server() as url:
        return asyncio.run(ask(url))


async def _posted(port: int, count: int) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        began = perf_counter()
        for _ in range(count):
            (await client.post(f"http://127.0.0.1:{port}/", json=_BODY)).raise_for_status()
        return perf_counter() - began


def _webhook(folder: Path, count: int) -> float:
    async def run() -> float:
        node = Webhook(Webhook.Config(port=0), id="node", loop="bench.node", folder=folder)
        await node.setup()
        taking = asyncio.ensure_future(_taken(node))
        took = await _posted(node.port, count)
        taking.cancel()
        await node.teardown()
        return took

    return asyncio.run(run())


async def _taken(node: Webhook) -> None:
    while True:
        node.ended((await node.execute()).id, Outcome.DONE)


def _bare_server(_: Path, count: int) -> float:
    """The least that a server can do: it reads until a request is whole, and answers with the same bytes."""

    async def run() -> float:
        server = await asyncio.start_server(_echo_nothing, "127.0.0.1", 0)
        took = await _posted(server.sockets[0].getsockname()[1], count)
        server.close()
        return took

    return asyncio.run(run())


async def _echo_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
    writer.close()


ROWS = (
    Row("http-request", _http_request, _bare_httpx, "httpx by hand", 1.6),
    Row("http-notify", _http_notify, _bare_httpx, "httpx by hand", 1.6),
    Row("llm", _llm, _bare_httpx, "httpx by hand", 2.0),
    Row("webhook", _webhook, _bare_server, "a server that reads and says 202, the client's time included", 2.0),
)
