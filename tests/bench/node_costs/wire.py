"""Nodes that talk to a mail server and to a stream, each beside the library that it uses."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from time import perf_counter

import redis
import redis.asyncio

from flowtui.nodes.builtin.mail import Email
from flowtui.nodes.builtin.streams import RedisStream
from flowtui.storage.opening import open_store
from node_costs import Row, consumed, produced, timed

_MAIL = {
    "host": "127.0.0.1",
    "security": "none",
    "from": "a@b.org",
    "to": ["c@d.org"],
    "subject": "hi",
    "text": "there",
}


class _Takes(socketserver.StreamRequestHandler):
    """Says yes to whatever a mail client says, and takes its mail."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            self.wfile.write({b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n"))
            if word == b"QUIT":
                return
            if word == b"DATA":
                while self.rfile.readline() != b".\r\n":
                    pass
                self.wfile.write(b"250 ok\r\n")


@contextlib.contextmanager
def _mail_server() -> Iterator[int]:
    """Take mails on a thread of its own; yield the port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Takes) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def _email(folder: Path, count: int) -> float:
    with _mail_server() as port:
        return consumed(Email, {**_MAIL, "port": port}, [{"n": n} for n in range(count)], folder)


def _bare_email(_: Path, count: int) -> float:
    def send(port: int) -> None:
        for _ in range(count):
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = "a@b.org", "c@d.org", "hi"
            mail.set_content("there")
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.send_message(mail)

    with _mail_server() as port:
        return timed(lambda: send(port))


def _filled(folder: Path, count: int) -> tuple[contextlib.ExitStack, str]:
    """Start a server with a stream of that many entries; return what ends it, and its socket."""
    stack = contextlib.ExitStack()
    store = stack.enter_context(contextlib.closing(open_store("local", state_dir=folder, namespace="bench", url=None)))
    socket = store.info.address.removeprefix("unix://")
    with redis.Redis(unix_socket_path=socket) as client, client.pipeline(transaction=False) as pipeline:
        for n in range(count):
            pipeline.xadd("stream", {"n": n})
        pipeline.execute()
    return stack, socket


def _stream(folder: Path, count: int) -> float:
    stack, socket = _filled(folder, count)
    with stack:
        return produced(RedisStream, {"url": f"unix://{socket}", "stream": "stream", "start": "begin"}, count, folder)


def _bare_stream(folder: Path, count: int) -> float:
    async def read(socket: str) -> float:
        async with redis.asyncio.Redis(unix_socket_path=socket, decode_responses=True) as client:
            began, last, left = perf_counter(), "0-0", count
            while left:
                ((_, entries),) = _pairs(await client.xread({"stream": last}, count=100))
                last, left = entries[-1][0], left - len(entries)
            return perf_counter() - began

    stack, socket = _filled(folder, count)
    with stack:
        return asyncio.run(read(socket))


def _pairs(reply: object) -> list[tuple[str, list[tuple[str, object]]]]:
    """Return what `xread` has read, in the older of its two forms."""
    if isinstance(reply, dict):
        return [(name, entries[0] if isinstance(entries[0], list) else entries) for name, entries in reply.items()]
    assert isinstance(reply, list)
    return reply


ROWS = (
    Row("email", _email, _bare_email, "smtplib by hand", 3.0),
    Row("redis-stream", _stream, _bare_stream, "XREAD of 100 entries at a time", 6.0),
)
