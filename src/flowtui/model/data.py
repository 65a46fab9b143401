"""`NodeData`: what flows between nodes."""

from __future__ import annotations

import json
import json.encoder
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Never, NoReturn


class Meta(NamedTuple):
    """Where an item comes from. (Not a dataclass: a frozen one takes four times as long to make.)

    Attributes:
        trace: id that stays the same from the source to the end, through every queue.
        origin: id of the loop in which the item was made.
        attempt: how often a queue has handed this item out, 1 at the first time.
        revision: revision of the workflow that made it, empty outside an engine.
    """

    trace: str = ""
    origin: str = ""
    attempt: int = 1
    revision: str = ""


_make_encoder = getattr(json.encoder, "c_make_encoder", None)  # CPython has it
_PYTHON_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


def _kept_encoder() -> Callable[[Any, int], Iterable[str]]:
    # `JSONEncoder.encode` makes a new one for each value, which takes as long as to encode a small payload.
    if _make_encoder is None:
        return lambda value, _: (_PYTHON_ENCODER.encode(value),)
    quoted, default = json.encoder.encode_basestring_ascii, _PYTHON_ENCODER.default
    made: Callable[[Any, int], Iterable[str]] = _make_encoder(
        None, default, quoted, None, ":", ",", False, False, False
    )
    return made


_chunks = _kept_encoder()
_NO_META = Meta()
_NO_BRANCHES: Mapping[str, NodeData] = {}


class NodeData(Mapping[str, Any]):
    """An immutable mapping over the payload of one item.

    `data | {...}` gives new data with the same id and meta. Values inside the payload are shared between branches:
    read them, never change them in place.
    """

    # A plain slotted class: one is made per node and item, and a frozen dataclass costs four times as much to make.
    __slots__ = ("_meta", "_payload", "by", "id")

    def __init__(
        self,
        payload: Mapping[str, Any],
        id: str = "",
        meta: Meta = _NO_META,
        by: Mapping[str, NodeData] = _NO_BRANCHES,
    ) -> None:
        """`meta` without a trace stands for an item that was made here: its own id is its trace."""
        self._payload = payload
        self.id = id
        self._meta = meta
        self.by = by

    @property
    def meta(self) -> Meta:
        """Where the item comes from."""
        # All items that a loop makes share one meta without a trace: few of them are ever asked for theirs.
        meta = self._meta
        return meta if meta.trace else meta._replace(trace=self.id)

    @property
    def trace(self) -> str:
        """The trace id alone, as of `meta`."""
        return self._meta.trace or self.id

    @property
    def payload(self) -> dict[str, Any]:
        """A shallow copy of the payload."""
        return dict(self._payload)

    def __getitem__(self, key: str) -> Any:
        return self._payload[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._payload)

    def __len__(self) -> int:
        return len(self._payload)

    def __contains__(self, key: object) -> bool:
        return key in self._payload

    def get(self, key: str, default: Any = None) -> Any:
        return self._payload.get(key, default)

    def __or__(self, other: Mapping[str, Any]) -> NodeData:
        return NodeData({**self._payload, **other}, self.id, self._meta, self.by)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, NodeData):
            return self._payload == other._payload and self.id == other.id
        if isinstance(other, Mapping):
            return dict(self._payload) == dict(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a payload holds lists and dicts

    def __repr__(self) -> str:
        return f"NodeData({dict(self._payload)!r}, id={self.id!r})"

    def __setitem__(self, key: Never, value: Never) -> NoReturn:
        raise TypeError(f"an item can't be changed, other branches see it too: return data | {{{key!r}: …}}")

    if not TYPE_CHECKING:  # where it would make every attribute valid

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"an item has no attribute {name!r}; its fields are read as data[{name!r}]")

    def replace(self, payload: Mapping[str, Any]) -> NodeData:
        """Return data with another payload and the same id and meta."""
        return NodeData(payload, self.id, self._meta)

    def to_json(self) -> bytes:
        """Return the payload as compact JSON.

        Raises:
            TypeError: if the payload holds something that JSON has no form for.
            ValueError: if it holds NaN or an infinity.
            RecursionError: if it holds itself, or is too deep.
        """
        payload = self._payload
        return "".join(_chunks(payload if type(payload) is dict else dict(payload), 0)).encode()


class Unreadable(NodeData):
    """What a producer returns for input that it can make no item of: it becomes a dead letter at once.

    Attributes:
        reason: why, as the letter's error says it: what it is, where it stands, what to do.
    """

    __slots__ = ("reason",)

    def __init__(self, reason: str, payload: Mapping[str, Any], id: str = "") -> None:
        """`payload` shows the input as it came; a person puts the right item in its place before a replay."""
        super().__init__(payload, id)
        self.reason = reason


def why_no_json(value: object, name: str) -> str:
    """Return which part of a value, called `name`, JSON has no form for, and what to do; empty if none is found."""
    try:
        found = next(_unfit(value, name), None)
    except Exception:  # too deep, or an author's class that does not let itself be read
        return ""
    if found is None:
        return ""
    place, part = found
    if isinstance(part, Awaitable):
        return f"{place} is a {type(part).__name__}; an `await` is missing before the call that made it"
    what = str(part) if isinstance(part, float) else f"of type {type(part).__name__}"
    return f"{place} is {what}; make it a text, a number, a list or a dict"


def _unfit(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, part in value.items():
            if isinstance(key, str | int | float | None):
                yield from _unfit(part, f"{name}[{key!r}]")
            else:
                yield f"the key {key!r} of {name}", key
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _unfit(part, f"{name}[{index}]")
    elif not isinstance(value, str | int | float | None) or value in (math.inf, -math.inf) or value != value:
        yield name, value
