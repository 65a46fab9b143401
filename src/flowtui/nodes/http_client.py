"""What all nodes that ask an HTTP server share: the settings of a request, its sending, its errors."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx

from flowtui.model.errors import (
    HttpBodyError,
    HttpConnectError,
    HttpRequestError,
    HttpStatusError,
    HttpTimeout,
    NodeError,
)
from flowtui.nodes.base import BaseNode
from flowtui.nodes.certificates import trusting
from flowtui.nodes.http_settings import ConnectionSettings, RequestSettings
from flowtui.nodes.strict_json import strict_json

#: It tells of each request, with its whole URL, which may hold what is nobody's business.
logging.getLogger("httpx").setLevel(logging.WARNING)

_POOL = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=15.0)
_SHOWN = 200
#: As much of an answer is read even if nobody wants it: an error quotes it, and the connection can be used again.
_READ_AT_LEAST = 65_536
_LONGEST_WAIT_S = 86_400.0
_HOSTS = "flowtui.hosts"
_ADVICE = {
    401: "check its credentials",
    403: "check its credentials and what they permit",
    404: "check the URL",
    405: "check `method`",
    408: "`retry` may help",
    413: "send less at a time",
    415: "check the kind of body",
    429: "ask less often, or let `retry` wait longer",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        what: the request in words, as errors name it: method and URL without what may be secret.
        url: where the answer came from, after redirects; without user, password and query.
        headers: by name in lower case; of equal names the values joined by commas.
        seconds: from the beginning of the request to the last byte of the answer.
    """

    what: str
    url: str
    status: int
    headers: dict[str, str]
    content: bytes
    encoding: str
    seconds: float

    @property
    def is_json(self) -> bool:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind in ("application/json", "text/json") or kind.endswith("+json")

    def text(self) -> str:
        """Return the body as text; what is none in its encoding is replaced."""
        return self.content.decode(self.encoding, "replace")

    def json(self) -> Any:
        """Return the value of the body; raises HttpBodyError if it is no JSON."""
        try:
            return strict_json(self.content)
        except ValueError as error:
            kind = self.headers.get("content-type", "no content type")
            raise HttpBodyError(
                f"{self.what} answered {self.status} with what is no JSON ({kind}): {error}: {self._shown()}"
            ) from None

    def status_error(self, advice: str = "") -> HttpStatusError:
        """Return the error that this status is not fine."""
        advice = advice or _ADVICE.get(self.status) or _advice_by_class(self.status, self.headers)
        wait = retry_after(self.headers.get("retry-after", ""))
        asks = f"; it asks to wait {wait:g} s (Retry-After)" if wait is not None else ""
        quoted = f": {shown}" if (shown := self._shown()) else ""
        reason = httpx.codes.get_reason_phrase(self.status)
        text = f"{self.what} answered {' '.join(filter(None, (str(self.status), reason)))}{asks}; {advice}{quoted}"
        return HttpStatusError(text, self.status, wait)

    def _shown(self) -> str:
        text = " ".join(self.text()[: 4 * _SHOWN].split())
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class _Key(NamedTuple):
    """Settings that a client of its own is needed for."""

    verify: bool
    ca_file: str
    trust_env: bool


class HttpClient:
    """The connections of one node: made in its `setup`, kept open between items, closed in its `teardown`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is what the path of a certificate file is relative to."""
        self._folder = folder
        self._clients: dict[_Key, httpx.AsyncClient] = {}

    def open(self, config: ConnectionSettings | None) -> None:
        """Make ready what requests with this config need, None for the defaults; it takes some 20 ms: not on a loop.

        Raises:
            HttpRequestError: if the file of certificates cannot be used.
        """
        self._client(_key(config) if config is not None else _Key(True, "", True))

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = [*self._clients.values()], {}
        for client in clients:
            await client.aclose()

    async def send(
        self, config: RequestSettings, *, most: int | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """Send one request and read its answer, whatever its status.

        Args:
            most: bytes that the body of a fine answer may have; None if nobody wants the body.
            headers: more of them than the config has.

        Raises:
            HttpError: one of its subclasses, if there is no answer, or its body is too large.
        """
        began = time.perf_counter()
        what = f"{config.method} {shown_url(config.url)}"
        try:
            async with asyncio.timeout(config.timeout):
                key = _key(config)
                client = self._clients[key] if key in self._clients else await asyncio.to_thread(self._client, key)
                return await _exchange(client, _request(client, config, headers), config, what, most, began)
        except TimeoutError:
            raise HttpTimeout(
                f"{what} has not answered within {config.timeout:g} s (`timeout`); `retry` may help"
            ) from None
        except httpx.TimeoutException:
            raise HttpTimeout(
                f"{what}: no connection within {config.connect_timeout:g} s (`connect_timeout`); "
                "is the server up and the address right?"
            ) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, ValueError, TypeError) as error:
            raise HttpRequestError(f"{what} cannot be sent: {_words(error)}; check the node's config") from None
        except httpx.DecodingError as error:
            raise HttpBodyError(f"{what}: the body of the answer cannot be unpacked: {_words(error)}") from None
        except httpx.HTTPError as error:
            raise HttpConnectError(f"{what} failed: {_connect_words(error)}") from None

    def _client(self, key: _Key) -> httpx.AsyncClient:
        client = self._clients.get(key)
        if client is None:
            # Cookies of one item are no business of the next.
            no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            client = self._clients[key] = httpx.AsyncClient(
                verify=_certificates(key, self._folder),
                trust_env=key.trust_env,
                limits=_POOL,
                cookies=no_cookies,
                headers={"User-Agent": "flowtui"},
                event_hooks={"request": [_check_host]},
            )
        return client


def _key(config: ConnectionSettings) -> _Key:
    return _Key(config.verify, config.ca_file, config.trust_env)


def _certificates(key: _Key, folder: Path) -> ssl.SSLContext:
    if not key.ca_file or not key.verify:
        return _usual_certificates(key.verify, key.trust_env)
    try:
        return trusting(folder / Path(key.ca_file).expanduser())
    except NodeError as error:
        raise HttpRequestError(str(error)) from None


@functools.lru_cache(maxsize=4)
def _usual_certificates(verify: bool, trust_env: bool) -> ssl.SSLContext:
    # It takes 20 ms and a megabyte, which all nodes can share.
    return httpx.create_ssl_context(verify=verify, trust_env=trust_env)


def _request(client: httpx.AsyncClient, config: RequestSettings, headers: Sequence[tuple[str, str]]) -> httpx.Request:
    given = [*config.headers.items(), *headers]
    if config.token is not None:
        given.append(("Authorization", f"Bearer {config.token.get_secret_value()}"))
    content: bytes | None = None
    if "json_body" in config.model_fields_set:
        text = json.dumps(config.json_body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        content, kind = text.encode(), "application/json"
    elif config.text is not None:
        content, kind = config.text.encode(), "text/plain; charset=utf-8"
    elif config.form is not None:
        content, kind = urlencode(config.form).encode(), "application/x-www-form-urlencoded"
    if content is not None and not any(name.lower() == "content-type" for name, _ in given):
        given.append(("Content-Type", kind))
    return client.build_request(
        config.method,
        config.url,
        params=config.params or None,
        headers=[(name.encode(), value.encode()) for name, value in given],
        content=content,
        timeout=httpx.Timeout(None, connect=config.connect_timeout),
        extensions={_HOSTS: config.hosts},
    )


async def _check_host(request: httpx.Request) -> None:
    """Refuse a host that is not on the list; asked before each redirect, too."""
    allowed = request.extensions.get(_HOSTS)
    if not allowed:
        return
    host = request.url.host.lower().rstrip(".")
    for each in allowed:
        name, _, port = each.lower().partition(":") if each.count(":") == 1 else (each.lower(), "", "")
        if port and str(request.url.port or {"http": 80, "https": 443}.get(request.url.scheme)) != port:
            continue
        if host == name or (name.startswith("*.") and host.endswith(name[1:])):
            return
    raise HttpRequestError(
        f"{request.method} {shown_url(str(request.url))} is not sent: {host} is not on the node's list of `hosts`"
    )


async def _exchange(
    client: httpx.AsyncClient,
    request: httpx.Request,
    config: RequestSettings,
    what: str,
    most: int | None,
    began: float,
) -> Answer:
    password = config.password.get_secret_value() if config.password is not None else ""
    auth = httpx.BasicAuth(config.username, password) if config.username else None
    response = await client.send(request, stream=True, auth=auth, follow_redirects=config.follow_redirects)
    try:
        content, is_whole = await _read(response, _READ_AT_LEAST if most is None else max(most, 1))
    finally:
        await response.aclose()
    if most is not None and (not is_whole or len(content) > most) and config.is_fine(response.status_code):
        raise HttpBodyError(
            f"{what} answered with more than {most:,} bytes (`max_bytes`); ask for less at a time, or allow more"
        )
    return Answer(
        what,
        shown_url(str(response.url)),
        response.status_code,
        dict(response.headers),
        content,
        response.encoding or "utf-8",
        time.perf_counter() - began,
    )


async def _read(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    """Return the body, or as much as has come once it is more than `most` bytes, and whether that is all."""
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > most:
            return b"".join(parts)[:most], False
    return b"".join(parts), True


def shown_url(url: str) -> str:
    """Return a URL as people may read it: without user and password, and without its query, which may hold keys."""
    bare, _, query = url.partition("#")[0].partition("?")
    scheme, separator, rest = bare.partition("://")
    place, slash, path = rest.partition("/")
    shown = f"{scheme}{separator}{place.rpartition('@')[2]}{slash}{path}" if separator else bare.rpartition("@")[2]
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
    return f"{shown}?…" if query else shown


def retry_after(text: str) -> float | None:
    """Return for how many seconds a `Retry-After` asks to wait, a day at most; None if it does not say."""
    try:
        wait = float(text) if text.strip().isdigit() else _seconds_until(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT_S)


def _seconds_until(moment: datetime) -> float:
    known = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round((known - datetime.now(UTC)).total_seconds())


def _advice_by_class(status: int, headers: dict[str, str]) -> str:
    if 300 <= status < 400 and (place := headers.get("location")):
        return f"it points to {shown_url(place)}: set `follow_redirects`, or that URL"
    return "the fault is the server's, `retry` may help" if status >= 500 else "check the request, or `expect` it"


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:_SHOWN] or type(error).__name__


def _connect_words(error: httpx.HTTPError) -> str:
    """Return what lies behind an error of the library, which itself says little."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {_words(cause)}; see `verify` and `ca_file`"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused; does the server run, and is the port right?"
        if isinstance(cause, OSError) and cause.strerror:
            return f"{cause.strerror}; is the server up and the address right?"
        cause = cause.__cause__ or cause.__context__
    return f"{_words(error)}; `retry` may help"


class HttpNode(BaseNode):
    """A node that sends requests with `_http`, which keeps connections open from item to item."""

    def setup(self) -> None:
        self._http = HttpClient(self.folder)
        try:
            config = self.config
        except NodeError:  # each item has its own
            config = None
        self._http.open(config)

    async def teardown(self) -> None:
        await self._http.close()
