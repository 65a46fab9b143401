"""What a queue and its reading loops hold at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class HolderStats(NamedTuple):
    """An owner that reads a queue.

    Attributes:
        owner: its name.
        instance: the name of the engine that its process belongs to.
        in_flight: how many items it has in flight.
        first: empty without one; it stays the same as long as its first item does.
    """

    owner: str
    instance: str
    in_flight: int
    first: bytes


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
        holders: the owners that read for it now.
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
    holders: tuple[HolderStats, ...] = ()


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
    def came(self) -> int:
        """Items that ever came, wherever from."""
        return self.pushed + self.injected + self.moved_in

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
