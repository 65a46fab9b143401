"""The values that go into and come out of the queues, and the form in which the store holds an item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowtui.model.letters import DeadLetter


@dataclass(frozen=True, slots=True)
class Item:
    """What a queue carries.

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


@dataclass(frozen=True, slots=True)
class Delivery:
    """An item handed out. `tries` is 1 at the first time; `enqueued_ms` is when it was pushed, by the store's clock."""

    item: Item
    tries: int
    enqueued_ms: int


@dataclass(frozen=True, slots=True)
class Source:
    """A loop that reads a queue: `queue` is the full name, `group` the loop's id."""

    queue: str
    group: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One atomic step that ends iterations.

    Attributes:
        seq: 1 for the owner's first commit after `join`, then one more each time; the same number again is the same
            commit again, and does nothing if it was done before.
        source: what the owner reads, None for a loop whose producer makes the items itself.
        acknowledged: how many items at the head of the owner's in-flight list are done.
        pushes: full queue name and item, in order.
        dead: letters to file.
        replayed: loop and number of the letters to remove, as what they hold has been done.
        cursor: loop id and its producer's position as JSON.
    """

    seq: int
    source: Source | None = None
    acknowledged: int = 0
    pushes: tuple[tuple[str, Item], ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    replayed: tuple[tuple[str, int], ...] = ()
    cursor: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class GroupStats:
    """What one reading loop still has before it: items that wait, and items handed out to it."""

    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class QueueStats:
    """One queue at one moment, all its reading groups together.

    Attributes:
        depth: items that wait in the fullest group, or in the backlog while nobody reads.
        in_flight: items handed out and not yet acknowledged.
        oldest_ms: when the oldest waiting item was pushed, by the store's clock; None if none waits.
        pushed: items ever pushed.
        acknowledged, dead: items that ended well, and as dead letters; with several groups, the sum over them.
        groups: by reading loop.
        unaccounted: how many items were lost or doubled; 0 unless something is broken.
    """

    depth: int
    in_flight: int
    oldest_ms: int | None
    pushed: int
    acknowledged: int
    dead: int
    unaccounted: int
    groups: Mapping[str, GroupStats] = field(default_factory=dict)


# An envelope is "tries" in 4 digits and the enqueue time in 13, both put in front by the scripts, then what `encode`
# makes: the three lengths, the three names, the payload. Fixed places let a script count a try without parsing.
_TRIES_END = 4
_STAMP_END = 17


def encode(item: Item) -> bytes:
    """Return the part of an item's envelope that never changes."""
    # An id may come from an author's node, and a JSON string may hold half a surrogate pair.
    item_id = item.id.encode("utf-8", "surrogatepass")
    trace = item.trace.encode("utf-8", "surrogatepass")
    origin = item.origin.encode("utf-8", "surrogatepass")
    return b"%d %d %d %b%b%b%b" % (len(item_id), len(trace), len(origin), item_id, trace, origin, item.payload)


def decode(envelope: bytes) -> Delivery:
    """Read an envelope from the store."""
    id_length, trace_length, origin_length, rest = envelope[_STAMP_END:].split(b" ", 3)
    trace_at = int(id_length)
    origin_at = trace_at + int(trace_length)
    payload_at = origin_at + int(origin_length)
    item = Item(
        id=rest[:trace_at].decode("utf-8", "surrogatepass"),
        payload=rest[payload_at:],
        trace=rest[trace_at:origin_at].decode("utf-8", "surrogatepass"),
        origin=rest[origin_at:payload_at].decode("utf-8", "surrogatepass"),
    )
    return Delivery(item, int(envelope[:_TRIES_END]), int(envelope[_TRIES_END:_STAMP_END]))


def escape(name: str) -> str:
    """Return a queue's or loop's name such that it fits between the colons of a key."""
    if ":" in name or "%" in name or "{" in name or "}" in name:
        name = name.replace("%", "%25").replace(":", "%3A").replace("{", "%7B").replace("}", "%7D")
    return name


def unescape(name: str) -> str:
    """Return the name that `escape` was given."""
    return name.replace("%3A", ":").replace("%7B", "{").replace("%7D", "}").replace("%25", "%")
