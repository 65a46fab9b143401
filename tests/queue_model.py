"""What queues must do, in plain lists: the model that property tests compare a store with.

For another operation add a method here that says what it does, and a rule that does it to the model and to the store.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from flowtui.model.letters import DeadLetter
from flowtui.model.states import OnFull
from flowtui.storage.queue_store import Beyond, Bound, Commit, Delivery, Source
from flowtui.storage.records import UNBOUNDED

#: What shall count as big, in bytes: with the usual size every look at a store would move megabytes.
BIG = 200
T = TypeVar("T")


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


def payload(id: str) -> bytes:
    """Return what an item of this id carries; those that begin with `b` are big."""
    return json.dumps({"id": id, "more": "x" * BIG if id.startswith("b") else ""}).encode()


def whole(deliveries: Sequence[Delivery]) -> list[Entry]:
    """As `entries`, of items of which each must have the payload that it was pushed with."""
    assert all(each.item.payload == payload(each.item.id) for each in deliveries)
    return entries(deliveries)


def pick(some: Sequence[T], which: int) -> T:
    """Return the one with a number that may be too high."""
    return some[which % len(some)]


def letter(id: str) -> DeadLetter:
    """Return the dead letter of an item."""
    return DeadLetter(id, "shop.fulfil", "check", "r1", {}, "", 1, "ValueError", "no", "", "f1", 1.0)


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
class Waiting:
    """One list of waiting items, and those that went from it without being handed out."""

    ready: list[Entry] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    purged: list[str] = field(default_factory=list)
    moved_out: list[str] = field(default_factory=list)

    def room(self, bound: Bound) -> int | None:
        """Return how many more items a bound allows, None if any number."""
        return max(0, bound.max_items - len(self.ready)) if bound.max_items else None

    def receive(self, ids: list[str], bound: Bound = UNBOUNDED) -> None:
        """Take new items in, and drop what is too many if that is what the bound says."""
        room = self.room(bound)
        too_many = 0 if room is None else max(0, len(ids) - room)
        if bound.on_full is OnFull.DROP_NEW and too_many:
            self.dropped += ids[room:]
            ids = ids[:room]
        self.ready += map(Entry, ids)
        if bound.on_full is OnFull.DROP_OLDEST:
            self.dropped += self.take(too_many)

    def take(self, count: int) -> list[str]:
        """Remove items from the head; return their ids."""
        taken = [entry.id for entry in self.ready[:count]]
        del self.ready[:count]
        return taken

    @property
    def gone(self) -> list[str]:
        return self.dropped + self.purged + self.moved_out


@dataclass
class Group(Waiting):
    """What one reading loop has before it and behind it; `missed` had come before it, and was not left for it."""

    missed: list[str] = field(default_factory=list)
    moved_in: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


@dataclass
class Queue:
    """One queue: all that ever came, what waits for a first reader, and the groups."""

    pushed: list[str] = field(default_factory=list)
    moved_in: list[str] = field(default_factory=list)
    backlog: Waiting = field(default_factory=Waiting)
    groups: dict[str, Group] = field(default_factory=dict)

    @property
    def came(self) -> list[str]:
        return self.pushed + self.moved_in

    @property
    def lists(self) -> dict[str, Waiting]:
        """Where an item goes that comes now, by group; empty for that of nobody."""
        return {**self.groups} or {"": self.backlog}


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
            found = queue.backlog.take(len(queue.backlog.ready))
            missed = Counter(queue.came) - Counter(found)
            queue.groups[owner.source.group] = Group([*map(Entry, found)], missed=sorted(missed.elements()))

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
        for name, ids in _by_queue(commit).items():
            queue = self.queues[name]
            queue.pushed += ids
            for waiting in queue.lists.values():
                waiting.receive(ids, commit.bounds.get(name, UNBOUNDED))
        if commit.cursor is not None:
            self.cursors[commit.cursor[0]] = commit.cursor[1]
        self.letters += len(commit.dead)

    def full(self, commit: Commit) -> dict[tuple[str, str], int]:
        """Return the queues and groups for which a commit has to wait, and the room there."""
        found = {}
        for name, ids in _by_queue(commit).items():
            bound = commit.bounds.get(name, UNBOUNDED)
            if commit.beyond is Beyond.YES or bound.on_full in (OnFull.DROP_OLDEST, OnFull.DROP_NEW):
                continue
            for group, waiting in self.queues[name].lists.items():
                room = waiting.room(bound)
                is_let_in = commit.beyond is Beyond.EMPTY and not waiting.ready
                if room is not None and room < len(ids) and not is_let_in:
                    found[name, group] = room
        return found

    def waiting(self, name: str, group: str) -> Waiting:
        """Return a list of waiting items; without a group that of nobody."""
        queue = self.queues[name]
        return queue.groups[group] if group else queue.backlog

    def purge(self, name: str, group: str, limit: int) -> int:
        waiting = self.waiting(name, group)
        purged = waiting.take(limit)
        waiting.purged += purged
        return len(purged)

    def move(self, name: str, group: str, target: str, heir: str, limit: int) -> int:
        """Move waiting items to all who read another queue, or to one of them, as if they had never been handed out."""
        waiting, goal = self.waiting(name, group), self.queues[target]
        moved = waiting.take(limit)
        waiting.moved_out += moved
        (goal.groups[heir] if heir else goal).moved_in += moved
        for each in [goal.groups[heir]] if heir else goal.lists.values():
            each.receive(moved)
        return len(moved)

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
            if not queue.groups:
                places = [entry.id for entry in queue.backlog.ready] + queue.backlog.gone
                assert sorted(places) == sorted(queue.came)
            for group_name, group in queue.groups.items():
                running = [entry.id for owner in self.holders(name, group_name) for entry in owner.running]
                places = [entry.id for entry in group.ready] + running + group.acknowledged + group.dead + group.gone
                assert sorted(places + group.missed) == sorted(queue.came + group.moved_in)

    def held(self) -> set[str]:
        """Return the ids of all items that wait or are in flight anywhere."""
        lists = [waiting.ready for queue in self.queues.values() for waiting in (queue.backlog, *queue.groups.values())]
        lists += [owner.running for owner in self.owners + self.ending]
        return {entry.id for entries in lists for entry in entries}


def _by_queue(commit: Commit) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for queue, item in commit.pushes:
        found.setdefault(queue, []).append(item.id)
    return found
