"""A real mail server on a thread of its own: a test scripts its answers, also those no server should give."""

from __future__ import annotations

import asyncio
import contextlib
import email.policy
import ssl
import threading
from email.message import EmailMessage
from typing import Literal

_PATIENCE_S = 20.0
_USUAL = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "235 in", "QUIT": "221 bye", "STARTTLS": "220 go on"}


class MailServer:
    """Takes mails on 127.0.0.1 while its `with` block lasts.

    Attributes:
        answers: replaces its answer to a command; None is silence, `gone` hangs up.
        mails: the receivers of each mail that it has taken, and the mail.
        logins: the commands by which clients have logged in.
        gate: it takes mails only while this is set.
        held: how many wait for that.
        ciphers: what each mail has been encrypted with; empty for none.
    """

    def __init__(
        self, port: int = 0, *, tls: ssl.SSLContext | None = None, begins: Literal["clear", "encrypted"] = "clear"
    ) -> None:
        """`tls` holds its certificate; a connection that begins in clear offers STARTTLS then."""
        self.answers: dict[str, str | None] = {}
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.logins: list[str] = []
        self.ciphers: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.held = 0
        self.port = port
        self._tls = tls
        self._begins_encrypted = begins == "encrypted"
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="mail-server")

    def __enter__(self) -> MailServer:
        self._thread.start()
        assert self._ready.wait(_PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            task.add_done_callback(connections.discard)
            # A client that hangs up, or trusts nobody, is no news.
            with contextlib.closing(writer), contextlib.suppress(ConnectionError, ssl.SSLError, EOFError):
                await self._converse(reader, writer)

        tls = self._tls if self._begins_encrypted else None
        server = await asyncio.start_server(take, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receivers: list[str] = []
        await self._say(writer, "HELLO", "220 here")
        while line := (await reader.readline()).decode(errors="replace").strip():
            word = line.split(" ")[0].upper()
            usual = _USUAL.get(word, "250 ok")
            if word == "RCPT":
                word = line[len("RCPT TO:") :].strip("<>")
                receivers += [word] * (word not in self.answers)
            elif word == "AUTH":
                self.logins.append(line)
            elif word == "EHLO" and self._tls is not None and not _cipher(writer):
                usual = "250-here\r\n250 STARTTLS"
            elif word == "DATA" and word not in self.answers:
                await self._say(writer, word, "354 go on")
                text = await reader.readuntil(b"\r\n.\r\n")
                self.held += 1
                while not self.gate.is_set():
                    await asyncio.sleep(0.005)
                self.held -= 1
                self.mails.append((receivers, email.message_from_bytes(text[:-3], policy=email.policy.default)))  # type: ignore[arg-type]
                self.ciphers.append(_cipher(writer))
                receivers, word = [], "END"
            await self._say(writer, word, usual)
            if word == "STARTTLS" and self._tls is not None:
                await writer.start_tls(self._tls)

    async def _say(self, writer: asyncio.StreamWriter, word: str, usual: str) -> None:
        answer = self.answers.get(word, usual)
        if answer is None:
            await self._over.wait()
        elif answer == "gone":
            raise ConnectionResetError
        else:
            writer.write(answer.encode() + b"\r\n")
            await writer.drain()


def _cipher(writer: asyncio.StreamWriter) -> str:
    cipher = writer.get_extra_info("cipher")
    return cipher[0] if cipher else ""
