"""The values that go into and come out of the queues, and the form in which the store holds an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from flowtui.model.states import OnFull


class Item(NamedTuple):
    """What a queue carries. (Not a dataclass: a frozen one takes five times as long to make.)

    Attributes:
        id: stays the same on redelivery.
        payload: a JSON object; the store never looks into it.
        trace: trace id, constant from source to end.
        origin: id of the loop that made the item.
    """

    id: str
    payload: bytes
    trace: str
    origin: str


class Delivery(NamedTuple):
    """An item handed out. `tries` is 1 at the first time; `enqueued_ms` is when it was pushed, by the store's clock."""

    item: Item
    tries: int
    enqueued_ms: int


@dataclass(frozen=True, slots=True)
class Bound:
    """How many items may wait in each of a queue's lists, 0 for any number, and what happens to more."""

    max_items: int = 0
    on_full: OnFull = OnFull.WAIT


UNBOUNDED = Bound()


class Key(NamedTuple):
    """A key that an item was the first to come with: its full name, the item's id, how long it counts, in ms."""

    name: str
    item: str
    ttl_ms: int


# An envelope is "tries" in 4 digits and the enqueue time in 13, both put in front by the scripts, then what `encode`
# makes: three names and the payload, parted by a byte that no UTF-8 text holds. Fixed places let a script count a try
# without parsing. If the payload is apart, another such byte, its name, a space, its size and a space stand first.
_TRIES_END = 4
_STAMP_END = 17
_PARTING = b"\xff"
_REFERENCE = b"\xfe"
#: Payloads above this size, in bytes, are stored apart, once for all groups.
BIG_PAYLOAD = 256 * 1024


def encode(item: Item, reference: str = "") -> bytes:
    """Return the part of an item's envelope that never changes, with the name of its payload if that is apart."""
    id, payload, trace, origin = item
    try:
        parts = [id.encode(), trace.encode(), origin.encode(), payload]
    except UnicodeEncodeError:
        # An id may come from an author's node, and a JSON string may hold half a surrogate pair.
        parts = [*(name.encode("utf-8", "surrogatepass") for name in (id, trace, origin)), payload]
    if reference:
        parts[0] = b"%b%b %d %b" % (_REFERENCE, reference.encode(), len(payload), parts[0])
        parts[3] = b""
    return _PARTING.join(parts)


def reference_of(envelope: bytes) -> str:
    """Return the name of the payload if it is not in the envelope, else nothing."""
    if envelope[_STAMP_END : _STAMP_END + 1] != _REFERENCE:
        return ""
    return envelope[_STAMP_END + 1 :].split(b" ", 1)[0].decode()


def decode(envelope: bytes, payload: bytes | None = None) -> Delivery:
    """Read an envelope from the store, with the payload if that is apart."""
    id, trace, origin, rest = envelope[_STAMP_END:].split(_PARTING, 3)
    if payload is None:
        payload = rest
    else:
        id = id.split(b" ", 2)[2]
    try:
        item = Item(id.decode(), payload, trace.decode(), origin.decode())
    except UnicodeDecodeError:
        names = (name.decode("utf-8", "surrogatepass") for name in (id, trace, origin))
        item = Item(next(names), payload, *names)
    return Delivery(item, int(envelope[:_TRIES_END]), int(envelope[_TRIES_END:_STAMP_END]))


def escape(name: str) -> str:
    """Return a queue's or loop's name such that it fits between the colons of a key."""
    if ":" in name or "%" in name or "{" in name or "}" in name:
        name = name.replace("%", "%25").replace(":", "%3A").replace("{", "%7B").replace("}", "%7D")
    return name


def replay_queue(loop: str) -> str:
    """Return the queue in which dead letters of a loop wait to be run again; none of a user has such a name."""
    return f"~replay.{loop}"


def trigger_queue(loop: str) -> str:
    """Return the queue in which the items of a loop's trigger wait; none of a user has such a name."""
    return f"~trigger.{loop}"


def unescape(name: str) -> str:
    """Return the name that `escape` was given."""
    return name.replace("%3A", ":").replace("%7B", "{").replace("%7D", "}").replace("%25", "%")
