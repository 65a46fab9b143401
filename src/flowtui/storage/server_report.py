"""What a server tells of itself: who it is, how it keeps data, and what of ours it holds."""

from __future__ import annotations

import contextlib
import re
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from flowtui.model.errors import StoreError
from flowtui.model.snapshot import Instance
from flowtui.storage.connection import STORE_ERRORS, Connector, translate
from flowtui.storage.instances import oldest_first
from flowtui.storage.lease import lives

_PINGS = 9
_ANSWER_TIMEOUT_S = 3.0
# As each of our scripts does: it runs, uses a key, looks at the clock, and rings the doorbell.
_TRIAL = "redis.call('EXISTS', KEYS[1]); redis.call('PUBLISH', KEYS[1] .. ':bell', ''); return redis.call('TIME')"

# What a server adds about the script in which something was refused.
_WHERE = re.compile(r" script: [0-9a-f]{40}, on @user_script.*")


@dataclass(frozen=True, slots=True)
class ServerReport:
    """One server at one moment. What it does not tell, or does not let this user ask, is None.

    Attributes:
        latency_ms: the median time from a call to its answer, in milliseconds.
        name: `Redis` or `Valkey`.
        version: numbers, the most important first.
        mode: `standalone`, `cluster` or `sentinel`.
        role: `master` or `slave`, as the server calls it.
        append_only, fsync: whether each write goes to a file, and when that is synced: `always`, `everysec` or `no`.
        saves: when snapshots are made, as the server's `save` option says; empty for never.
        append_failed, save_failed: the last write of the append-only file or snapshot was no success.
        max_memory: in bytes; 0 for any amount.
        eviction: what is dropped when the memory is full: `noeviction`, `allkeys-lru` …
        used_memory: in bytes.
        folder: where it keeps its files, on its machine.
        keys: how many keys its database holds, those of others among them.
        refusal: why the server does not run our scripts, in its words; empty if it does.
        format: that of the data in our namespace; empty if there are none, None if it can't be read.
        engines: that run on it in our namespace now.
    """

    address: str
    latency_ms: float
    name: str | None
    version: tuple[int, ...] | None
    mode: str | None
    role: str | None
    append_only: bool | None
    fsync: str | None
    saves: str | None
    append_failed: bool | None
    save_failed: bool | None
    max_memory: int | None
    eviction: str | None
    used_memory: int | None
    folder: str | None
    keys: int | None
    refusal: str
    format: str | None
    engines: tuple[Instance, ...] | None


def server_report(connector: Connector, key_space: str, *, private: bool) -> ServerReport:
    """Ask a server about itself; nothing is written, and nobody is disturbed.

    Args:
        key_space: what our keys begin with.
        private: it serves this machine only.

    Raises:
        StoreUnavailable, StoreError: if it does not answer, or refuses even a ping.
    """
    try:
        with connector.client(_ANSWER_TIMEOUT_S) as client:
            latency_ms = _latency_ms(client)
            info = _Told(client)
            return ServerReport(
                address=connector.address,
                latency_ms=latency_ms,
                name=info.name,
                version=info.version,
                mode=info.text("server_mode", "redis_mode"),
                role=info.text("role"),
                append_only=info.append_only,
                fsync=info.option("appendfsync"),
                saves=info.option("save"),
                append_failed=info.failed("aof_last_write_status"),
                save_failed=info.failed("rdb_last_bgsave_status"),
                max_memory=info.number("maxmemory"),
                eviction=info.text("maxmemory_policy") or info.option("maxmemory-policy"),
                used_memory=info.number("used_memory"),
                folder=info.option("dir"),
                keys=_asked(client.dbsize),
                refusal=_refusal(client, key_space),
                format=_asked(lambda: _format(client, key_space)),
                engines=_asked(lambda: _engines(client, key_space, private)),
            )
    except STORE_ERRORS as error:
        raise translate(error, connector.address) from error
    except TypeError as error:
        # The client library hands on what it does not know.
        raise StoreError(f"the Redis address has an unknown option ({error})") from error


class _Told:
    """What INFO tells, and where that says nothing what CONFIG GET tells."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._info: Mapping[str, Any] = _asked(client.info) or {}

    @property
    def name(self) -> str | None:
        if not self._info:
            return None
        return "Valkey" if "valkey_version" in self._info else "Redis"

    @property
    def version(self) -> tuple[int, ...] | None:
        text = self.text("valkey_version", "redis_version")
        if text is None:
            return None
        return tuple(int(part) for part in text.split(".") if part.isdecimal())

    @property
    def append_only(self) -> bool | None:
        if "aof_enabled" in self._info:
            return bool(self._info["aof_enabled"])
        told = self.option("appendonly")
        return None if told is None else told == "yes"

    def text(self, *fields: str) -> str | None:
        return next((str(self._info[field]) for field in fields if field in self._info), None)

    def number(self, field: str) -> int | None:
        told = self._info.get(field, self.option(field))
        return None if told is None else int(told)

    def failed(self, field: str) -> bool | None:
        return None if field not in self._info else self._info[field] != "ok"

    def option(self, name: str) -> str | None:
        found: Mapping[str, Any] = _asked(lambda: self._client.config_get(name)) or {}
        return None if name not in found else str(found[name])


def _asked(call: Callable[[], Any]) -> Any:
    """Return the answer, None if the server refuses it: to this user, or to all as some hosted ones do."""
    with contextlib.suppress(redis.ResponseError):
        return call()
    return None


def _latency_ms(client: redis.Redis) -> float:
    times = []
    for _ in range(_PINGS + 1):
        began = time.perf_counter()
        client.ping()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:]) * 1000  # the first one has connected


def _refusal(client: redis.Redis, key_space: str) -> str:
    try:
        client.eval(_TRIAL, 1, key_space)
    except redis.ResponseError as error:
        return _WHERE.sub("", " ".join(str(error).split()))
    return ""


def _format(client: redis.Redis, key_space: str) -> str:
    found: Any = client.get(f"{key_space}:format")
    return "" if found is None else found.decode(errors="backslashreplace")


def _engines(client: redis.Redis, key_space: str, private: bool) -> tuple[Instance, ...]:
    known: Any = client.hgetall(f"{key_space}:instances")
    engines = oldest_first(known.values())
    return tuple(engine for engine in engines if lives(engine.id, private=private))
