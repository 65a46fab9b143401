"""`email`. A module of its own, as the standard library's mail takes long to import."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import smtplib
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, getaddresses
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, field_validator, model_validator

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.nodes.base import NodeConfig, NonBlockingNode
from flowtui.nodes.builtin.output import as_text
from flowtui.nodes.certificates import trusting
from flowtui.nodes.durations import Duration
from flowtui.nodes.hints import MultiLine, ShownIf

_PORTS = {"none": 25, "starttls": 587, "ssl": 465}


def address(text: str) -> str:
    """Return a text that is exactly one mail address, perhaps with a name before it.

    Raises:
        ValueError: if it is none, or several: an item must not add receivers of its own.
    """
    found = getaddresses([text])
    if any(char in text for char in "\r\n\0") or len(found) != 1 or not all(found[0][1].rpartition("@")[::2]):
        raise ValueError(f"{text[:80]!r} is not one mail address, like ann@example.org or Ann <ann@example.org>")
    name, plain = found[0]
    try:
        return str(Address(name, addr_spec=plain))
    except Exception as error:  # the parser raises errors of many kinds
        raise ValueError(f"{text[:80]!r} is no mail address: {error}") from None


_Address = Annotated[str, AfterValidator(address)]
_Text = Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": "string"}), MultiLine()]


class Email(NonBlockingNode):
    """Send a mail by SMTP and hand the item on unchanged.

    A mail counts as sent when the server has taken it. If that is not known, as after a crash, the item comes again and
    so does the mail, with the same Message-ID, so that most mailboxes show it once. If the server takes it for some
    receivers only, that is an error that names the others. A loop that stops waits for a slow server as long as its
    grace; after that the mail may still go out, and comes again with the item.
    """

    example = """
        tell:
          type: email
          needs: incoming
          config:
            host: mail.example.org
            user: robot
            password: ${secret:MAIL_PASSWORD}
            from: Robot <robot@example.org>
            to: [ann@example.org]
            subject: "Order {{ data.n }}"
            text: |
              Order {{ data.n }} is on its way.
    """

    class Config(NodeConfig):
        host: str = Field(min_length=1, description="The mail server.")
        security: Literal["starttls", "ssl", "none"] = Field(
            default="starttls", description="How the connection is encrypted: begun in clear, from the start, not."
        )
        port: int | None = Field(
            default=None, ge=1, le=65535, description="By default 587 with starttls, 465 with ssl, 25 with none."
        )
        ca_file: Annotated[str, ShownIf(lambda security: security != "none", of="security")] = Field(
            default="",
            description="A file of certificates (PEM) to trust instead of the usual ones, relative to the folder.",
        )
        user: str = Field(default="", description="Who logs in; nobody if empty.")
        password: Annotated[SecretStr, ShownIf(lambda user: user != "", of="user")] = Field(
            default=SecretStr(""), description="The user's password."
        )
        from_: _Address = Field(alias="from", description="The sender, like Robot <robot@example.org>.")
        to: list[_Address] = Field(min_length=1, description="The receivers, each one address.")
        cc: list[_Address] = Field(default_factory=list, description="More receivers.")
        bcc: list[_Address] = Field(default_factory=list, description="More receivers, whom the others do not see.")
        reply_to: _Address | None = Field(default=None, description="Who gets the answers; by default the sender.")
        subject: Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": "string"})] = Field(
            description="The subject, one line."
        )
        text: _Text = Field(description="The mail as plain text.")
        html: _Text = Field(default="", description="The same as HTML, which most people then see.")
        patience: Duration = Field(default=30.0, gt=0, description="How long to wait for each answer of the server.")

        @field_validator("subject")
        @classmethod
        def _one_line(cls, subject: str) -> str:
            if any(char in subject for char in "\r\n\0"):
                raise ValueError("a subject is one line; cut it, as with {{ data.x | replace('\\n', ' ') }}")
            return subject

        @model_validator(mode="after")
        def _keeps_the_password(self) -> Self:
            if self.user and self.security == "none" and not _is_here(self.host):
                raise ValueError("a password is not sent in clear: set `security`, or leave out `user`")
            return self

    def execute(self, data: NodeData) -> NodeData:
        config = self.config
        port = config.port or _PORTS[config.security]
        where = f"{config.host}:{port}"
        message = self._message(data, config)
        try:
            with contextlib.closing(self._connected(config, port)) as server:
                refused = server.send_message(message, to_addrs=_receivers(config))
                with contextlib.suppress(smtplib.SMTPException, OSError):  # it has the mail, whatever it says now
                    server.quit()
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
            raise NodeError(f"{self.id}: {where} refuses every receiver: {_reasons(refused)}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NodeError(f"{self.id}: {self._sentence(error, where, config)}") from None
        if refused:
            raise NodeError(
                f"{self.id}: {where} took the mail, but not for {_reasons(refused)}; a replay sends it to all"
            )
        return data

    def _connected(self, config: Any, port: int) -> smtplib.SMTP:
        """Return a server that knows who sends."""
        server: smtplib.SMTP
        if config.security == "ssl":
            server = smtplib.SMTP_SSL(config.host, port, timeout=config.patience, context=self._trusted(config.ca_file))
        else:
            server = smtplib.SMTP(config.host, port, timeout=config.patience)
        try:
            if config.security == "starttls":
                server.starttls(context=self._trusted(config.ca_file))
            if config.user:
                server.login(config.user, config.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _trusted(self, file: str) -> ssl.SSLContext:
        return trusting(self.path(file)) if file else ssl.create_default_context()

    def _message(self, data: NodeData, config: Any) -> EmailMessage:
        message = EmailMessage()
        message["From"] = config.from_
        message["To"] = ", ".join(config.to)
        if config.cc:
            message["Cc"] = ", ".join(config.cc)
        if config.reply_to:
            message["Reply-To"] = config.reply_to
        message["Subject"] = config.subject
        message["Date"] = formatdate()
        item = hashlib.blake2b(f"{self.loop}|{self.id}|{data.id}".encode(), digest_size=16).hexdigest()
        message["Message-ID"] = f"<{item}@{_plain(config.from_).rpartition('@')[2]}>"
        message.set_content(config.text)
        if config.html:
            message.add_alternative(config.html, subtype="html")
        return message

    def _sentence(self, error: Exception, where: str, config: Any) -> str:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return f"{where} refuses user {config.user!r} or the password: {_answer(error)}"
        if isinstance(error, smtplib.SMTPSenderRefused):
            return f"{where} refuses the sender {error.sender}: {_answer(error)}"
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return f"{where} cannot do what is asked: {error}; see `security` and `user`"
        if isinstance(error, smtplib.SMTPResponseException):
            return f"{where} refuses the mail: {_answer(error)}"
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            return f"{where} did not answer within {config.patience:g} s"
        if isinstance(error, smtplib.SMTPServerDisconnected):
            return f"{where} ended the connection in the middle, or is no mail server: {error}"
        if isinstance(error, ssl.SSLCertVerificationError):
            advice = "see `host`, or name its authority in `ca_file`"
            return f"the certificate of {where} is not trusted: {error.verify_message.rstrip('.')}; {advice}"
        if isinstance(error, ssl.SSLError):
            return f"{where} and this machine found no common encryption ({error.reason or error}); see `security`"
        if isinstance(error, socket.gaierror):
            return f"there is no host {config.host!r}: {error.strerror}"
        return f"{where} cannot be reached: {getattr(error, 'strerror', None) or error}"


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _plain(address: str) -> str:
    return getaddresses([address])[0][1]


def _receivers(config: Any) -> list[str]:
    return [_plain(each) for each in (*config.to, *config.cc, *config.bcc)]


def _answer(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_decoded(error.smtp_error)}"


def _decoded(text: bytes | str) -> str:
    return " ".join((text.decode(errors="replace") if isinstance(text, bytes) else text).split())


def _reasons(refused: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{name}: {code} {_decoded(text)}" for name, (code, text) in refused.items())
