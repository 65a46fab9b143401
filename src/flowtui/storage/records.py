"""The values that go into and come out of the queues, and the form in which the store holds an item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import NamedTuple

from flowtui.model.letters import DeadLetter
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
class Source:
    """A loop that reads a queue: `queue` is the full name, `group` the loop's id."""

    queue: str
    group: str


@dataclass(frozen=True, slots=True)
class Bound:
    """How many items may wait in each of a queue's lists, 0 for any number, and what happens to more."""

    max_items: int = 0
    on_full: OnFull = OnFull.WAIT


UNBOUNDED = Bound()


class Beyond(StrEnum):
    """Whether a commit may push beyond a bound: not at all, to a list that is empty, or always."""

    NO = "no"
    EMPTY = "empty"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class DeliveryLimit:
    """How often an item may be handed out, and what the dead letter says that it becomes then.

    Attributes:
        deliveries: 0 for any number.
        node: id of the reading node.
    """

    deliveries: int = 0
    node: str = ""


class Key(NamedTuple):
    """A key that an item was the first to come with: its full name, the item's id, how long it counts, in ms."""

    name: str
    item: str
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class Commit:
    """One atomic step that ends iterations.

    Attributes:
        seq: 1 for the owner's first commit after `join`, then one more each time; the same number again is the same
            commit again, and does nothing if it was done before.
        source: what the owner reads, None for a loop whose producer makes the items itself.
        acknowledged: how many items at the head of the owner's in-flight list are done.
        died: how many of these ended as dead letters.
        pushes: full queue name and item, in order.
        dead: letters to file.
        cursor: loop id and its producer's position as JSON.
        replayed: loop and number of the letters to remove, as what they hold has been done.
        bounds: of the queues pushed to that have one.
        beyond: whether the bounds hold for this commit.
        keys: what `QueueStore.claim` was given, and for how many milliseconds from now on no other item may have it.
    """

    seq: int
    source: Source | None = None
    acknowledged: int = 0
    _: KW_ONLY
    died: int = 0
    pushes: tuple[tuple[str, Item], ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    cursor: tuple[str, bytes] | None = None
    replayed: tuple[tuple[str, int], ...] = ()
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    beyond: Beyond = Beyond.NO
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit has brought.

    Attributes:
        taken: the items that were fetched with it.
        letters: how many dead letters the loop has, if some were filed now; else 0.
    """

    taken: list[Delivery]
    letters: int = 0


@dataclass(frozen=True, slots=True)
class GroupStats:
    """What one reading loop has before it, and what became of the rest, in items.

    Attributes:
        waiting: pushed, and not handed out or returned.
        in_flight: handed out and not yet acknowledged.
        oldest_ms: when the first waiting item was pushed, by the store's clock; None if none waits.
        tracks: owners that read for it now.
        moved_in, replayed: items that came for it alone from another queue, and back from the dead letters.
        acknowledged, dead, dropped, purged, moved_out: items that ended well, as dead letters, for lack of room, by
            hand, or went to another queue.
        unaccounted: how many were lost or doubled; 0 unless something is broken.
    """

    waiting: int = 0
    in_flight: int = 0
    oldest_ms: int | None = None
    tracks: int = 0
    moved_in: int = 0
    replayed: int = 0
    acknowledged: int = 0
    dead: int = 0
    dropped: int = 0
    purged: int = 0
    moved_out: int = 0
    unaccounted: int = 0


@dataclass(frozen=True, slots=True)
class QueueStats:
    """One queue at one moment, all its reading groups together.

    Attributes:
        pushed, injected, moved_in: items that ever came from loops, by hand, and from another queue.
        backlog: items that wait while nobody reads.
        backlog_ms: when the first of these was pushed; None if there is none.
        backlog_unaccounted: how many of those that came while nobody read were lost or doubled.
        groups: by reading loop.
    """

    pushed: int = 0
    injected: int = 0
    moved_in: int = 0
    backlog: int = 0
    backlog_ms: int | None = None
    backlog_unaccounted: int = 0
    groups: Mapping[str, GroupStats] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Items that wait in the fullest group, or in the backlog."""
        return max([self.backlog, *(group.waiting for group in self.groups.values())])

    @property
    def tracks(self) -> int:
        """Owners that read it now."""
        return sum(group.tracks for group in self.groups.values())

    @property
    def in_flight(self) -> int:
        """Items handed out and not yet acknowledged."""
        return sum(group.in_flight for group in self.groups.values())

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest waiting item was pushed, by the store's clock; None if none waits."""
        heads = [self.backlog_ms, *(group.oldest_ms for group in self.groups.values())]
        return min((head for head in heads if head is not None), default=None)

    @property
    def acknowledged(self) -> int:
        """Items that ended well; with several groups, the sum over them."""
        return sum(group.acknowledged for group in self.groups.values())

    @property
    def dead(self) -> int:
        """Items that ended as dead letters; with several groups, the sum over them."""
        return sum(group.dead for group in self.groups.values())

    @property
    def unaccounted(self) -> int:
        """How many items were lost or doubled; 0 unless something is broken."""
        return self.backlog_unaccounted + sum(group.unaccounted for group in self.groups.values())


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
