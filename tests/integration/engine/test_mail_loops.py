"""Loops that send mails, in a real engine, when the mail server is away or nobody to be trusted."""

from __future__ import annotations

import socket
import ssl

import pytest
import trustme

from flowtui.client.door import EngineClient
from flowtui.model.states import NodeHealth
from mail_server import MailServer

PATIENCE_S = 20.0
SEND = "type: email, needs: start, config: {{host: 127.0.0.1, port: {port}, security: {security}, {texts}}}"
TEXTS = 'from: a@example.org, to: [b@example.org], subject: "{{ data.n }}", text: hello'


@pytest.fixture
def port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def flow(count: int, **nodes: str) -> str:
    lines = "".join(f"  {id}: {{{node}}}\n" for id, node in nodes.items())
    return f"nodes:\n  start: {{type: count, config: {{count: {count}}}}}\n{lines}"


def send(port: int, security: str = "none") -> str:
    return SEND.format(port=port, security=security, texts=TEXTS)


def test_mails_to_a_server_that_is_away_are_tried_again_until_it_is_back(write, start, port) -> None:
    write("w.yaml", flow(3, tell=f"{send(port)}, retry: {{attempts: 1000, delay: 20ms, factor: 1}}"))
    app = start()
    app.until(lambda: app.node("w.start", "tell").health is NodeHealth.RETRYING, "for a failed try")
    assert "cannot be reached: Connection refused" in app.node("w.start", "tell").last_error
    with MailServer(port) as server:
        app.until_idle()
        assert sorted(mail["Subject"] for _, mail in server.mails) == ["0", "1", "2"]
    assert app.loop("w.start").errors == 0


def test_a_mail_that_cannot_be_sent_is_a_letter_that_says_why_and_its_replay_sends_it(write, start, port) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with MailServer(tls=tls) as stranger:
        write("w.yaml", flow(1, gone=send(port), stranger=send(stranger.port, "starttls")))
        app = start()
        app.until_idle()
        client = EngineClient(app.engine)
        letters = {letter.node: letter for letter in client.dead_letters().result(PATIENCE_S)}
        assert stranger.mails == []
    assert letters["gone"].message == f"gone: 127.0.0.1:{port} cannot be reached: Connection refused"
    assert "is not trusted: unable to get local issuer certificate; see `host`" in letters["stranger"].message
    with MailServer(port) as server:
        client.replay(letters["gone"]).result(PATIENCE_S)
        app.until(lambda: server.mails, "for the replay")
        assert server.mails[0][1]["Subject"] == "0"
