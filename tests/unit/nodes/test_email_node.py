"""`email`, with a real server on this machine."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from flowtui.model.errors import NodeError, TemplateError
from flowtui.nodes.builtin.mail import Email
from mail_server import MailServer
from node_at_work import at_work, faults


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def encrypted(authority: trustme.CA, security: str, name: str = "127.0.0.1") -> Iterator[MailServer]:
    """Yield a server with a certificate for that name."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(tls)
    with MailServer(tls=tls, begins="encrypted" if security == "ssl" else "clear") as server:
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
        return await node.run(payload or {"id": 7, "to": "ann@example.org"}, item)


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


@pytest.mark.parametrize("security", ["starttls", "ssl"])
@pytest.mark.parametrize("trusted_by", ["node", "machine"])
async def test_a_mail_to_a_server_with_a_trusted_certificate_goes_encrypted(
    trusted_by: str, security: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    config = {"security": security, "user": "robot", "password": "hush"}
    if trusted_by == "node":
        config["ca_file"] = "ca.pem"
    else:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with encrypted(authority, security) as server:
        await send(server, tmp_path, **config)
        assert len(server.mails) == len(server.logins) == 1
        assert all(server.ciphers)


@pytest.mark.parametrize("security", ["starttls", "ssl"])
@pytest.mark.parametrize(
    ("name", "config", "why"),
    [
        ("127.0.0.1", {}, "unable to get local issuer certificate"),
        ("mail.example.org", {"ca_file": "ca.pem"}, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
    ids=["unknown-authority", "other-host"],
)
async def test_to_a_server_with_a_certificate_that_is_not_trusted_nothing_is_sent(
    security: str, name: str, config: Any, why: str, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with encrypted(authority, security, name) as server:
        with pytest.raises(NodeError) as caught:
            await send(server, tmp_path, security=security, user="robot", password="hush", **config)
        assert str(caught.value) == (
            f"node: the certificate of 127.0.0.1:{server.port} is not trusted: {why}; "
            "see `host`, or name its authority in `ca_file`"
        )
        assert server.logins == server.mails == []


async def test_a_file_of_certificates_that_cannot_be_used_is_named(authority: trustme.CA, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    with encrypted(authority, "starttls") as server:
        for file in ("gone.pem", "empty.pem"):
            with pytest.raises(NodeError, match=rf"the certificates in .*/{file} cannot be used: "):
                await send(server, tmp_path, security="starttls", ca_file=file)
