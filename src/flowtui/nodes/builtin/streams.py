"""`redis-stream`: the entries of a Redis stream as items."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from flowtui.model.data import NodeData, Unreadable
from flowtui.model.errors import NodeError
from flowtui.model.ids import derived_id
from flowtui.nodes.base import NodeConfig, ProducerNode

_AHEAD = 100
#: A call waits this long for entries; how long a stop waits for it does not matter, as the call is cancelled.
_BLOCK_MS = 1000
_ANSWER_S = 5.0
_START = "0-0"

Entry = tuple[str, dict[str, str]]


class RedisStream(ProducerNode):
    """Yield each entry of a Redis stream, from where the last start has left it.

    An item is `{"id": "1700000000000-0", "fields": {…}}`, or the JSON object in one field. The place in the stream is
    saved with the item, so that whatever the loop writes to queues it writes once. Entries that were trimmed before
    they were read are gone; the log says how many, from Redis 7 on. While the server is away, the loop waits.
    """

    example: ClassVar = {"url": "${STREAM_URL:redis://127.0.0.1:6379/0}", "stream": "orders", "start": "begin"}

    class Config(NodeConfig):
        url: SecretStr = Field(description="The server: redis://[user:password@]host:port/0, rediss://… or unix://…")
        stream: str = Field(min_length=1, description="The key of the stream.")
        start: Literal["begin", "end"] = Field(
            default="end",
            description="Where to begin at the very first start: with the oldest or the next entry.",
        )
        json_field: str = Field(
            default="", description="The field that holds the payload, a JSON object; without it all fields are text."
        )

        @field_validator("url")
        @classmethod
        def _is_url(cls, url: SecretStr) -> SecretStr:
            text = url.get_secret_value()
            # A secret that is looked up at the start is not known before.
            if "${" not in text and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
                raise ValueError("a URL begins with redis://, rediss:// or unix://")
            return url

    async def setup(self) -> None:
        self._entries: deque[Entry] = deque()
        known = self.cursor if isinstance(self.cursor, dict) else {}
        self._last: str | None = known.get("id")
        #: How many entries the stream has had up to the last one, those that are gone included; None if not known.
        self._count: int | None = known.get("count")
        self._is_checked = False
        parts = urlsplit(self.config.url.get_secret_value())
        self._where = parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
        try:
            self._redis: Any = Redis.from_url(
                self.config.url.get_secret_value(),
                socket_connect_timeout=_ANSWER_S,
                socket_timeout=_ANSWER_S + _BLOCK_MS / 1000,
                decode_responses=True,
                encoding_errors="backslashreplace",
            )
        except ValueError as error:
            raise NodeError(f"{self.id}: the URL of the server cannot be used: {error}") from None
        if self._last is None and self.config.start == "end":
            # What comes from now on is not missed, even if flowtui dies before the first entry is through.
            with contextlib.suppress(RedisError, OSError):
                await self._check()
                self.cursor = {"id": self._last, "count": self._count}

    async def teardown(self) -> None:
        if hasattr(self, "_redis"):
            with contextlib.suppress(RedisError, OSError):
                await self._redis.aclose()

    async def execute(self) -> NodeData | None:
        if not self._entries:
            try:
                await self._fetch()
            except (AuthenticationError, NoPermissionError) as error:
                raise NodeError(f"{self.id}: the server {self._where} refuses: {error}") from None
            except ResponseError as error:
                raise NodeError(f"{self.id}: {self.config.stream!r} on {self._where} can't be read: {error}") from None
            except (RedisError, OSError) as error:
                self._is_checked = False
                raise NodeError(f"{self.id}: the server {self._where} does not answer: {error}") from None
        if not self._entries:
            return None
        id, fields = self._entries.popleft()
        self._last = id
        self._count = None if self._count is None else self._count + 1
        self.cursor = {"id": id, "count": self._count}
        return self._item(id, fields)

    async def _fetch(self) -> None:
        config = self.config
        if not self._is_checked:
            await self._check()
        reply = await self._redis.xread({config.stream: self._last}, count=_AHEAD, block=_BLOCK_MS)
        for _, entries in reply.items() if isinstance(reply, dict) else reply or ():
            self._entries.extend(_flat(entries))
        if len(self._entries) >= _AHEAD:
            self._is_checked = False  # it lags behind, so it may be overtaken by the trimming

    async def _check(self) -> None:
        """Find out where to begin, and whether entries are gone that were not read."""
        config, redis = self.config, self._redis
        if not await redis.exists(config.stream):
            self._last = self._last or _START
            return
        about = await redis.xinfo_stream(config.stream)
        self._is_checked = True
        newest, first = about["last-generated-id"], about["first-entry"]
        added = about.get("entries-added")
        gone = None if added is None else added - about["length"]
        if self._last is None and config.start == "end":
            self._last, self._count = newest, added
        elif self._last is None or _order(newest) < _order(self._last):
            if self._last is not None:
                self.log.warning("the stream %s was made anew: it is read from its beginning", config.stream)
            self._last, self._count = _START, gone
        elif first is None or _order(first[0]) > _order(self._last):
            # All that was read is gone, so what is gone beyond that was not read.
            if gone is not None and self._count is not None and gone > self._count:
                text = "%d entries of the stream %s behind %s were trimmed before they were read"
                self.log.warning(text, gone - self._count, config.stream, self._last)
            self._count = gone

    def _item(self, id: str, fields: dict[str, str]) -> NodeData:
        config = self.config
        own = derived_id(f"{self.loop}|{config.stream}|{id}", self.id, 0)
        if not config.json_field:
            return NodeData({"id": id, "fields": fields}, own)
        text = fields.get(config.json_field)
        why = f"there is no field {config.json_field!r}"
        if text is not None:
            try:
                payload = json.loads(text)
            except (ValueError, RecursionError) as error:
                why = f"field {config.json_field!r} is no JSON: {error}"
            else:
                if isinstance(payload, dict):
                    return NodeData(payload, own)
                why = f"field {config.json_field!r} is a JSON {type(payload).__name__}, not an object"
        return Unreadable(f"entry {id} of the stream {config.stream}: {why}", {"id": id, "fields": fields}, own)


def _flat(entries: Any) -> list[Entry]:
    """Return the entries of a reply, which older protocols put into one more list."""
    if entries and isinstance(entries[0], list):
        entries = entries[0]
    # An entry that is deleted while it is read has no fields.
    return [(id, fields) for id, fields in entries if fields is not None]


def _order(id: str) -> tuple[int, int]:
    time, _, number = id.partition("-")
    return int(time), int(number or 0)
