"""Redis clients: to a server by URL, or to a unix socket."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.connection import parse_url as parse_async_url
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import AskError, ClusterDownError, NoPermissionError, TryAgainError
from redis.retry import Retry

from flowtui.model.errors import StoreError, StoreUnavailable
from flowtui.storage.script_line import PipelinedLine, ScriptLine

#: Seconds until an open connection must stand, and until a command must be answered.
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 10.0

# More connections than these do not make one server faster; the tracks of one event loop share them.
_POOL_SIZE = 16

#: What the client library raises when something is wrong with the store or the way to it.
STORE_ERRORS = (redis.RedisError, OSError)

# How a server says that it cannot serve now: the client library has a class for some of these answers and cuts off
# their code; to others, and to those of a script on older servers, the code still belongs.
_NOT_NOW = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
    NoPermissionError,
    ClusterDownError,
    TryAgainError,
    AskError,
    OSError,
)
_NOT_NOW_CODE = re.compile(
    r"\b(READONLY|LOADING|UNBLOCKED|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MISCONF|NOREPLICAS|BUSY|OOM|NOAUTH|NOPERM)\b"
    r"|Protocol error: unauthenticated"  # a long command before the password
)

# What a person can mend, in words of ours: a server names the script's checksum and line.
_CAUSES = (
    (re.compile(r"\bREADONLY\b|read only replica"), "it is a read-only replica"),
    (re.compile(r"\bOOM\b|'maxmemory'"), "its memory is full, as maxmemory says"),
    (re.compile(r"\bNOAUTH\b|Authentication required|unauthenticated"), "it wants a password"),
    (re.compile(r"\bWRONGPASS\b|invalid username-password|invalid password"), "it wants another password"),
)


class Connector(ABC):
    """Makes clients of one store.

    Attributes:
        address: where the store is, for people; never holds a password.
    """

    address: str

    @abstractmethod
    def async_client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.asyncio.Redis:
        """Return a client for the running event loop, safe to share among its tasks."""

    @abstractmethod
    def line(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> ScriptLine:
        """Return what the running event loop calls scripts with; nothing is connected yet."""

    @abstractmethod
    def client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.Redis:
        """Return a client for one thread."""

    @abstractmethod
    def shared(self) -> Connector:
        """Return a connector that can be handed to child processes."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it took to be shared."""


class ServerConnector(Connector):
    """A server; `options` and `async_options` are what its clients' connection pools are made from."""

    def __init__(self, address: str, options: dict[str, Any], async_options: dict[str, Any]) -> None:
        self.address = address
        self._options = options
        self._async_options = async_options

    def async_client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.asyncio.Redis:
        options = self._async_options | _limits(answer_timeout_s)
        options |= {"retry": AsyncRetry(NoBackoff(), 0), "max_connections": _POOL_SIZE, "timeout": answer_timeout_s}
        return redis.asyncio.Redis.from_pool(redis.asyncio.BlockingConnectionPool(**options))

    def line(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> PipelinedLine:
        options = self._async_options | _limits(answer_timeout_s) | {"retry": AsyncRetry(NoBackoff(), 0)}
        kind = options.pop("connection_class", redis.asyncio.Connection)
        return PipelinedLine(lambda: kind(**options), answer_timeout_s)

    def client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.Redis:
        options = self._options | _limits(answer_timeout_s)
        options |= {"retry": Retry(NoBackoff(), 0)}
        return redis.Redis.from_pool(redis.ConnectionPool(**options))

    def shared(self) -> ServerConnector:
        return self

    def close(self) -> None:
        """The server is others'."""


def url_connector(url: str) -> ServerConnector:
    """Return a connector to the server at a `redis://`, `rediss://` or `unix://` URL; nothing is connected yet.

    Raises:
        StoreError: if the URL cannot be read.
    """
    try:
        options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        async_options: dict[str, Any] = dict(parse_async_url(url))
    except ValueError:
        # The cause may quote a part of the password.
        raise StoreError(
            "the Redis address cannot be read: write redis://[user:password@]host:port/db (or rediss://, unix://) "
            "and percent-encode special characters in the password"
        ) from None
    return ServerConnector(_address(options, url.partition(":")[0]), options, async_options)


def unix_connector(path: str) -> ServerConnector:
    """Return a connector to the server that listens on the unix socket `path`."""
    return ServerConnector(
        path,
        {"connection_class": redis.UnixDomainSocketConnection, "path": path},
        {"connection_class": redis.asyncio.UnixDomainSocketConnection, "path": path},
    )


def _limits(answer_timeout_s: float) -> dict[str, Any]:
    # Stand above what the URL asks for: a retry by the library would push an item twice.
    return {
        "socket_connect_timeout": min(CONNECT_TIMEOUT_S, answer_timeout_s),
        "socket_timeout": answer_timeout_s,
        "retry_on_timeout": False,
        "decode_responses": False,
        "protocol": 2,
    }


def _address(options: dict[str, Any], scheme: str) -> str:
    if "path" in options:
        return f"unix://{options['path']}"
    host = options.get("host", "localhost")
    if ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}:{options.get('port', 6379)}/{options.get('db', 0)}"


def translate(error: Exception, address: str) -> StoreError:
    """Return the error of ours that says what a client's error means."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, _NOT_NOW) or _NOT_NOW_CODE.search(text):
        for pattern, cause in _CAUSES:
            if pattern.search(text):
                return StoreUnavailable(f"the store at {address} cannot serve now: {cause}")
        return StoreUnavailable(f"the store at {address} does not answer ({text})")
    return StoreError(f"the store at {address} refused a command ({text})")
