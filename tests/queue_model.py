"""What queues must do, in plain lists: the model that property tests compare a store with.

For another operation add a method here that says what it does, and a rule that does it to the model and to the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flowtui.storage.queue_store import Commit, Delivery, Source


@dataclass(frozen=True, order=True)
class Entry:
    """One item in one group's hands."""

    id: str
    tries: int = 1

    def again(self) -> Entry:
        """Return it as it comes back from a dead owner."""
        return Entry(self.id, self.tries + 1)


def entries(deliveries: Sequence[Delivery]) -> list[Entry]:
    """Return what the model knows of deliveries."""
    return [Entry(delivery.item.id, delivery.tries) for delivery in deliveries]


@dataclass(eq=False)
class Owner:
    """One track: what it holds, in order, and its last commit, which may have got no reply."""

    name: str
    source: Source | None
    loop: str
    seq: int = 0
    running: list[Entry] = field(default_factory=list)
    last: Commit | None = None


@dataclass
class Group:
    """What one reading loop has before it and behind it."""

    ready: list[Entry]
    acknowledged: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


@dataclass
class Queue:
    """One queue: all that was ever pushed, what waits for a first reader, and the groups."""

    pushed: list[str] = field(default_factory=list)
    backlog: list[Entry] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    missed: dict[str, list[str]] = field(default_factory=dict)  # what was pushed before a later group came


class QueueModel:
    """All queues of a namespace.

    Attributes:
        owners: those that have their lease, or whose lease is over and nobody has noticed.
        ending: those that are fenced and have not given everything back yet.
    """

    def __init__(self, *queues: str) -> None:
        self.queues = {name: Queue() for name in queues}
        self.owners: list[Owner] = []
        self.ending: list[Owner] = []
        self.cursors: dict[str, bytes] = {}
        self.letters = 0

    def join(self, owner: Owner) -> None:
        self.owners.append(owner)
        if owner.source is None:
            return
        queue = self.queues[owner.source.queue]
        if owner.source.group not in queue.groups:
            queue.missed[owner.source.group] = list(queue.pushed) if queue.groups else []
            queue.groups[owner.source.group] = Group(queue.backlog)
            queue.backlog = []

    def fetch(self, owner: Owner, limit: int) -> list[Entry]:
        """Hand out what is next; an item that was handed out before travels alone."""
        ready = self.group_of(owner).ready
        count = 0
        while count < min(limit, len(ready)) and (count == 0 or ready[count].tries == 1):
            count += 1
            if ready[count - 1].tries > 1:
                break
        found = ready[:count]
        del ready[:count]
        owner.running += found
        return found

    def commit(self, owner: Owner, commit: Commit) -> None:
        """Do what a commit says, which must be new."""
        owner.seq, owner.last = commit.seq, commit
        done = owner.running[: commit.acknowledged]
        del owner.running[: commit.acknowledged]
        if owner.source is not None:
            died = {letter.id for letter in commit.dead}
            group = self.group_of(owner)
            group.acknowledged += [entry.id for entry in done if entry.id not in died]
            group.dead += [entry.id for entry in done if entry.id in died]
        for name, item in commit.pushes:
            queue = self.queues[name]
            queue.pushed.append(item.id)
            for waiting in [group.ready for group in queue.groups.values()] or [queue.backlog]:
                waiting.append(Entry(item.id))
        if commit.cursor is not None:
            self.cursors[commit.cursor[0]] = commit.cursor[1]
        self.letters += len(commit.dead)

    def give_back(self, owner: Owner, keep: int) -> int:
        back = owner.running[keep:]
        del owner.running[keep:]
        self.group_of(owner).ready[:0] = back
        return len(back)

    def leave(self, owner: Owner) -> None:
        if owner.source is not None:
            self.give_back(owner, 0)
        self.owners.remove(owner)

    def reap(self, ended: Sequence[Owner], limit: int, held: dict[str, list[Entry]], ready: list[Entry]) -> None:
        """Take in what a reaper has done to owners of one group, in an order of its own.

        `held` is what those that still give back have, by name, and `ready` what waits now. At most `limit` items may
        have moved, those of each owner from its end, in order, each with one more try, to the head of the queue.
        """
        before = self.group_of(ended[0]).ready
        moved = len(ready) - len(before)
        assert 0 <= moved <= limit
        assert ready[moved:] == before
        head = ready[:moved]
        returned = []
        for owner in ended:
            kept = held.get(owner.name, [])
            assert kept == owner.running[: len(kept)]
            back = [entry.again() for entry in owner.running[len(kept) :]]
            assert [entry for entry in head if entry in back] == back
            returned += back
            owner.running = kept
        assert sorted(head) == sorted(returned)
        before[:0] = head

    def fence(self, owners: Sequence[Owner]) -> None:
        """Take their leases from owners."""
        for owner in owners:
            self.owners.remove(owner)
            self.ending.append(owner)

    def forget_ended(self) -> None:
        """Those that were fenced have given everything back."""
        assert not any(owner.running for owner in self.ending)
        self.ending.clear()

    def group_of(self, owner: Owner) -> Group:
        assert owner.source is not None
        return self.queues[owner.source.queue].groups[owner.source.group]

    def holders(self, queue: str, group: str | None = None) -> list[Owner]:
        """Return who may hold items of a queue, or of one of its groups."""
        return [
            owner
            for owner in self.owners + self.ending
            if owner.source is not None and owner.source.queue == queue and group in (None, owner.source.group)
        ]

    def check(self) -> None:
        """Each item is in one place of each group, once; what was pushed never comes twice."""
        for name, queue in self.queues.items():
            assert len(set(queue.pushed)) == len(queue.pushed)
            for group_name, group in queue.groups.items():
                running = [entry.id for owner in self.holders(name, group_name) for entry in owner.running]
                places = [entry.id for entry in group.ready] + running + group.acknowledged + group.dead
                assert sorted(places + queue.missed[group_name]) == sorted(queue.pushed)
