"""`email`, with a real server on this machine."""

from __future__ import annotations

import asyncio
import email.policy
import socket
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.errors import NodeError, TemplateError
from flowtui.nodes.builtin.mail import Email
from node_at_work import at_work, faults

_USUAL = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "235 in", "QUIT": "221 bye"}


class MailServer:
    """Takes mails; `answers` replaces its answer to a command, None is silence."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answers: dict[str, str | None] = {}
        self.logins: list[str] = []
        self.port = 0
        self._over = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> MailServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._over.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receivers: list[str] = []
        try:
            await self._say(writer, "HELLO", "220 here")
            while line := (await reader.readline()).decode().strip():
                word = line.split(" ")[0].upper()
                if word == "RCPT":
                    word = line[len("RCPT TO:") :].strip("<>")
                    receivers += [word] * (word not in self.answers)
                elif word == "AUTH":
                    self.logins.append(line)
                elif word == "DATA" and word not in self.answers:
                    await self._say(writer, word, "354 go on")
                    text = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append((receivers, email.message_from_bytes(text[:-3], policy=email.policy.default)))  # type: ignore[arg-type]
                    word = "END"
                await self._say(writer, word, _USUAL.get(word, "250 ok"))
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _say(self, writer: asyncio.StreamWriter, word: str, usual: str) -> None:
        answer = self.answers.get(word, usual)
        if answer is None:
            await self._over.wait()
        elif answer == "gone":
            raise ConnectionResetError
        else:
            writer.write(answer.encode() + b"\r\n")
            await writer.drain()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


CONFIG = {
    "security": "none",
    "from": "Robot <robot@example.org>",
    "to": ["{{ data.to }}"],
    "subject": "Order {{ data.id }}",
    "text": "Dear Zoë,\nyour order {{ data.id }} is here.",
}


async def send(server: MailServer | None, folder: Path, payload: Any = None, item: str = "i1", **config: Any) -> Any:
    config = {"host": "127.0.0.1", "port": server.port if server else 1, **CONFIG, **config}
    async with at_work(Email, config, folder) as node:
        # As the engine does, in a thread.
        return await asyncio.to_thread(
            lambda: asyncio.run(node.run(payload or {"id": 7, "to": "ann@example.org"}, item))
        )


async def test_a_mail_is_sent_and_the_item_handed_on(server: MailServer, tmp_path: Path) -> None:
    config = {"cc": ["Bo <bo@example.org>"], "bcc": ["secret@example.org"], "html": "<b>{{ data.id }}</b>"}
    assert await send(server, tmp_path, **config) == {"id": 7, "to": "ann@example.org"}
    ((receivers, mail),) = server.mails
    assert receivers == ["ann@example.org", "bo@example.org", "secret@example.org"]
    assert (mail["From"], mail["To"], mail["Cc"]) == (
        "Robot <robot@example.org>",
        "ann@example.org",
        "Bo <bo@example.org>",
    )
    assert mail["Subject"] == "Order 7"
    assert "secret" not in str(mail)
    assert mail["Date"]
    text, html = (part.get_content().strip() for part in mail.iter_parts())  # type: ignore[union-attr]
    assert (text.replace("\r", ""), html) == ("Dear Zoë,\nyour order 7 is here.", "<b>7</b>")


async def test_an_item_that_comes_again_has_the_same_message_id(server: MailServer, tmp_path: Path) -> None:
    for item in ("i1", "i1", "i2"):
        await send(server, tmp_path, item=item)
    first, again, other = (mail["Message-ID"] for _, mail in server.mails)
    assert first == again != other
    assert first.endswith("@example.org>")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"id": 1, "to": "ann@example.org, eve@example.org"}, "is not one mail address"),
        ({"id": 1, "to": "ann@example.org\r\nBcc: eve@example.org"}, "is not one mail address"),
        ({"id": 1, "to": "nobody"}, "is not one mail address"),
        ({"id": "1\r\nBcc: eve@example.org", "to": "ann@example.org"}, "a subject is one line"),
    ],
)
async def test_an_item_cannot_add_headers_or_receivers(
    payload: Any, message: str, server: MailServer, tmp_path: Path
) -> None:
    with pytest.raises(TemplateError, match=message):
        await send(server, tmp_path, payload)
    assert server.mails == []


@pytest.mark.parametrize(
    ("answers", "config", "message"),
    [
        ({"AUTH": "535 wrong"}, {"user": "robot", "password": "hush"}, "refuses user 'robot' or the password: 535 wr"),
        ({"MAIL": "550 not you"}, {}, "refuses the sender robot@example.org: 550 not you$"),
        ({"ann@example.org": "550 nobody"}, {}, "refuses every receiver: ann@example.org: 550 nobody$"),
        ({"bo@example.org": "550 no"}, {"cc": ["bo@example.org"]}, "took the mail, but not for bo@example.org: 550 no"),
        ({"END": "552 too big"}, {}, "refuses the mail: 552 too big$"),
        ({"DATA": "gone"}, {}, "ended the connection in the middle"),
        ({"HELLO": "SSH-2.0-OpenSSH"}, {}, "refuses the mail|no mail server"),
        ({"HELLO": None}, {"patience": "100ms"}, "did not answer within 0.1 s"),
        ({"EHLO": None}, {"patience": "100ms"}, "did not answer within 0.1 s"),
        ({}, {"security": "starttls"}, "cannot do what is asked: STARTTLS extension not supported"),
        ({}, {"security": "ssl"}, "found no common encryption"),
        ({}, {"host": "no-such-host.invalid"}, "there is no host 'no-such-host.invalid'"),
    ],
)  # fmt: skip
async def test_a_server_that_does_not_take_the_mail_is_a_sentence(
    answers: Any, config: Any, message: str, server: MailServer, tmp_path: Path
) -> None:
    server.answers = answers
    with pytest.raises(NodeError, match=message) as caught:
        await send(server, tmp_path, **config)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("farewell", ["gone", "421 oh no"])
async def test_a_mail_that_was_taken_counts_however_the_server_ends(
    farewell: str, server: MailServer, tmp_path: Path
) -> None:
    server.answers = {"QUIT": farewell}
    await send(server, tmp_path)
    assert len(server.mails) == 1


async def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NodeError, match=f"127.0.0.1:{port} cannot be reached: Connection refused"):
        await send(None, tmp_path, port=port)


async def test_a_user_logs_in(server: MailServer, tmp_path: Path) -> None:
    await send(server, tmp_path, user="robot", password="hush")
    assert len(server.logins) == len(server.mails) == 1


def test_a_password_is_not_sent_in_clear() -> None:
    config = {**CONFIG, "host": "mail.example.org", "user": "robot", "password": "x", "to": ["ann@example.org"]}
    assert "a password is not sent in clear" in faults(Email, {**config, "subject": "a", "text": "b"})[""]
    assert faults(Email, {**config, "security": "starttls"}) == {}
