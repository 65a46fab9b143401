"""`Commit`: how iterations end in the store; what comes of it, and what a loop may be handed out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum

from flowtui.model.letters import DeadLetter
from flowtui.storage.records import Bound, Delivery, Item, Key


@dataclass(frozen=True, slots=True)
class Source:
    """A loop that reads a queue: `queue` is the full name, `group` the loop's id."""

    queue: str
    group: str


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
