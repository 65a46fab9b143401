"""The settings of nodes that ask an HTTP server; light, as it needs no HTTP library."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator

from flowtui.nodes.base import NodeConfig
from flowtui.nodes.durations import Duration
from flowtui.nodes.hints import MultiLine, ShownIf

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: A line break in a value would begin a header that nobody has asked for.
_NOT_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def as_text(value: object) -> object:
    """Return a number or truth value as text: a template that is one expression gives the value itself."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return value


def _json_text(value: object) -> object:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else as_text(value)


def _header_value(value: str) -> str:
    if _NOT_IN_HEADER.search(value):
        raise ValueError("a header can't hold a line break or another control character")
    return value.strip()


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name[:60]!r} can't be the name of a header")
    return name


def _query_values(params: dict[str, Any]) -> dict[str, Any]:
    for name, value in params.items():
        if any(isinstance(each, dict | list) for each in (value if isinstance(value, list) else [value])):
            raise ValueError(f"{name} must be a text, a number, or a list of these")
    return params


_TEXT = WithJsonSchema({"type": "string"})
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, BeforeValidator(as_text), AfterValidator(_header_value), _TEXT]
Text = Annotated[str, BeforeValidator(as_text), _TEXT]
LongText = Annotated[str, BeforeValidator(_json_text), MultiLine(), _TEXT]
Status = Annotated[int, Field(ge=100, le=599)]


def _has_value(value: object) -> bool:
    return bool(value)


class ConnectionSettings(NodeConfig):
    """How a server is reached and trusted."""

    timeout: Duration = Field(
        default=30.0, gt=0, description="How long the whole request may take, the body of the answer included."
    )
    connect_timeout: Duration = Field(default=5.0, gt=0, description="How long connecting may take.")
    verify: bool = Field(default=True, description="Whether the server's certificate must be valid.")
    ca_file: Annotated[str, ShownIf(_has_value, of="verify")] = Field(
        default="",
        description="A file of certificates (PEM) to trust instead of the usual ones, relative to the workflow folder.",
    )
    trust_env: bool = Field(
        default=True,
        description="Whether HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR count.",
    )


class AskingSettings(ConnectionSettings):
    """What a request without a body consists of."""

    url: str = Field(
        min_length=1,
        description="http:// or https://. If a payload is part of it, name the `hosts` that it may lead to.",
    )
    params: Annotated[dict[str, Any], AfterValidator(_query_values)] = Field(
        default={}, description="What the query holds; escaped as needed. A list gives several of one name."
    )
    headers: dict[HeaderName, HeaderValue] = Field(default={}, description="Headers to send.")
    username: Text = Field(default="", description="For basic authentication.")
    password: Annotated[SecretStr | None, ShownIf(_has_value, of="username")] = Field(
        default=None, description="For basic authentication."
    )
    token: SecretStr | None = Field(default=None, description="Sent as `Authorization: Bearer …`.")
    follow_redirects: bool = Field(
        default=False, description="Go where a 3xx answer points to; with `headers`, so that must be trusted."
    )
    hosts: list[str] = Field(
        default=[],
        description="The only hosts that may be asked, redirects included: names, names with a port, or *.example.org. "
        "Any if empty; then whoever sends payloads can reach what this machine can reach, if they are part of the URL.",
    )
    expect: list[Status] = Field(default=[], description="Statuses that are fine; if empty, 200 to 299.")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        ways = [self.token is not None, bool(self.username), any(n.lower() == "authorization" for n in self.headers)]
        if sum(ways) > 1:
            raise ValueError("give only one of `token`, `username` and the header Authorization")
        if self.token is not None:
            _header_value(self.token.get_secret_value())
        return self

    def is_fine(self, status: int) -> bool:
        """Tell whether an answer with this status is what was asked for."""
        return status in self.expect if self.expect else 200 <= status < 300


class RequestSettings(AskingSettings):
    """What a request consists of."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = Field(
        default="GET", description="What to do there."
    )
    json_body: Any = Field(default=None, alias="json", description="The body, sent as JSON.")
    text: LongText | None = Field(default=None, description="The body as text, instead of JSON.")
    form: dict[str, Text] | None = Field(default=None, description="The body as a web form, instead of JSON.")

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if sum(("json_body" in self.model_fields_set, self.text is not None, self.form is not None)) > 1:
            raise ValueError("give only one of `json`, `text` and `form`")
        return self
