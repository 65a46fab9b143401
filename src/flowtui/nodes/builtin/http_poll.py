"""`http-poll`: asks an HTTP server again and again."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowtui.model.data import NodeData, Unreadable
from flowtui.model.errors import HttpBodyError, HttpStatusError
from flowtui.model.ids import derived_id
from flowtui.nodes.base import ProducerNode
from flowtui.nodes.builtin.http import BodyKind, body_of
from flowtui.nodes.durations import Duration
from flowtui.nodes.hints import ShownIf, Unit
from flowtui.nodes.http_client import Answer, HttpClient
from flowtui.nodes.http_settings import AskingSettings, RequestSettings

_NOT_MODIFIED = 304


class HttpPoll(ProducerNode):
    """Ask an HTTP server at a steady pace, the first time at once, and yield each answer that is new.

    An item is `{"status", "url"}` and the body as `json`, `text` or `base64`; with `items` each element of a list in
    the answer is an item. An answer is new unless the server says that it is not (ETag, Last-Modified), or its body is
    that of the last one. After a restart the rest of a list follows, if the answer is still the same; if it has
    changed, all of the new one comes, so give `id` where an element must not count twice; an element without that key
    is a dead letter. A `dedupe` instead needs items without `id`: it takes what comes again under the same id for the
    same item, and lets it pass. A server that fails is asked again after 0.5 to 30 s, but no sooner than its
    Retry-After says.
    """

    example: ClassVar = {
        "url": "${ORDERS_URL:http://127.0.0.1:8099/orders}",
        "every": "30s",
        "items": "data.orders",
        "id": "number",
    }

    class Config(AskingSettings):
        every: Duration = Field(description="Time from one request to the next, like 30s or 5m.", gt=0)
        items: str | None = Field(
            default=None,
            description="Where in the JSON of the answer the list of items is, like data.orders; an empty text if the "
            "answer itself is the list. Without it the answer is one item.",
        )
        id: Annotated[str, ShownIf(lambda items: items is not None, of="items")] = Field(
            default="", description="Where in an element its own key is, like number: the same key gives the same id."
        )
        response: Annotated[BodyKind, ShownIf(lambda items: items is None, of="items")] = Field(
            default="auto",
            description="What the body is: json (anything else is an error), text, bytes (as base64), none, or auto: "
            "JSON if the server says so, else text.",
        )
        max_bytes: Annotated[int, Unit("bytes")] = Field(
            default=5_000_000, ge=1, description="How large the body may be; nothing beyond that is read."
        )
        repeat: bool = Field(default=False, description="Also yield an answer that is the same as the last one.")

    def setup(self) -> None:
        config = self.config
        asked = {name: getattr(config, name) for name in AskingSettings.model_fields}
        self._request = RequestSettings.model_validate(asked)
        self._http = HttpClient(self.folder)
        self._http.open(config)
        self._due = float("-inf")  # by the clock of the event loop
        self._items: deque[NodeData] = deque()
        self._seen = _Seen.from_cursor(self.cursor)

    async def teardown(self) -> None:
        await self._http.close()

    async def execute(self) -> NodeData | None:
        if not self._items:
            await self._poll()
        if not self._items:
            return None
        item = self._items.popleft()
        self._seen = self._seen.after_one(left=len(self._items))
        self.cursor = asdict(self._seen)
        return item

    async def _poll(self) -> None:
        clock = asyncio.get_running_loop().time
        while (wait := self._due - clock()) > 0:
            await asyncio.sleep(wait)
        every = self.config.every
        self._due = clock() + every if self._due < clock() - every else self._due + every
        headers = () if self.config.repeat else self._seen.conditions()
        answer = await self._http.send(self._request, most=self.config.max_bytes, headers=headers)
        if answer.status == _NOT_MODIFIED and headers:
            return
        if not self._request.is_fine(answer.status):
            raise self._refused(answer.status_error(), clock())
        if answer.content:
            self._take(answer)

    def _refused(self, error: HttpStatusError, now: float) -> HttpStatusError:
        if error.retry_after is not None:
            self._due = max(self._due, now + error.retry_after)
        else:
            self._due = now  # when it is asked again is up to the engine, which waits longer each time
        return error

    def _take(self, answer: Answer) -> None:
        digest = hashlib.blake2b(answer.content, digest_size=10).hexdigest()
        seen, is_same = self._seen, digest == self._seen.digest
        etag, modified = (answer.headers.get(name, "") for name in ("etag", "last-modified"))
        if is_same and seen.is_whole and not self.config.repeat:
            self._seen = replace(seen, etag=etag, modified=modified)
            return
        is_rest = is_same and not seen.is_whole
        number, done = (seen.answers, seen.done) if is_rest else (seen.answers + 1, 0)
        items = self._made(answer, f"{number}|{digest}")[done:]
        self._items.extend(items)
        self._seen = _Seen(digest, etag, modified, number, done, is_whole=not items)

    def _made(self, answer: Answer, name: str) -> list[NodeData]:
        config = self.config
        if config.items is None:
            body = {"status": answer.status, "url": answer.url} | body_of(answer, config.response)
            return [NodeData(body, derived_id(self.loop, f"{self.id}|{name}", 0))]
        found = _at(answer.json(), config.items)
        if not isinstance(found, list):
            place = f"no list at {config.items!r}" if config.items else "no list"
            raise HttpBodyError(f"{answer.what}: the answer has {place} but {_kind(found)}; mend `items`")
        return [self._item(each, number, name, answer.what) for number, each in enumerate(found)]

    def _item(self, element: Any, number: int, name: str, what: str) -> NodeData:
        payload = element if isinstance(element, dict) else {"n": number, "value": element}
        if not self.config.id:
            return NodeData(payload, derived_id(self.loop, f"{self.id}|{name}", number))
        key = _at(payload, self.config.id)
        if isinstance(key, bool | float | dict | list) or key is None or key == "":
            reason = f"{what}: element {number} of the answer has no key at {self.config.id!r} but {_kind(key)}"
            return Unreadable(f"{reason}; mend it or `id`", payload, derived_id(self.loop, f"{self.id}|{name}", number))
        return NodeData(payload, derived_id(self.loop, f"{self.id}|{key}", 0))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of the last answer: what it was, its number, and how many items of it have been yielded."""

    digest: str = ""
    etag: str = ""
    modified: str = ""
    answers: int = 0
    done: int = 0
    is_whole: bool = True

    @classmethod
    def from_cursor(cls, cursor: object) -> _Seen:
        """Return what was saved; as if nothing had been, if that is none of ours."""
        try:
            return cls(**cursor) if isinstance(cursor, Mapping) else cls()
        except TypeError:
            return cls()

    def after_one(self, *, left: int) -> _Seen:
        return replace(self, done=self.done + 1, is_whole=not left)

    def conditions(self) -> list[tuple[str, str]]:
        """Return the headers that ask for an answer only if it is another one; none before all of it was yielded."""
        if not self.is_whole:
            return []
        found = [("If-None-Match", self.etag), ("If-Modified-Since", self.modified)]
        return [(name, value) for name, value in found if value]


def _at(value: Any, path: str) -> Any:
    """Return what stands at a path like a.b.0 in a JSON value, None if nothing does."""
    for key in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
