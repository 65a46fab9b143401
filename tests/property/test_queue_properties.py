"""Random lives of queues on every kind of store: nothing lost, nothing doubled, everything accounted for."""

from __future__ import annotations

import asyncio
import itertools
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flowtui.model.errors import Fenced
from flowtui.model.letters import DeadLetter
from flowtui.storage.calls import StoreCalls
from flowtui.storage.connection import Connector
from flowtui.storage.doorbell import Doorbells
from flowtui.storage.health import Health
from flowtui.storage.lease import LEASE_S, Keeper
from flowtui.storage.queue_store import Commit, Item, QueueStore, Source
from flowtui.storage.records import decode
from flowtui.storage.scripts import script
from queue_model import Entry, Owner, QueueModel, entries

QUEUE, OUT = "shop.orders", "/done"
GROUPS = ("shop.fulfil", "shop.audit")
#: Fewer where each write is synced to the disk.
EXAMPLES = {"memory": 10, "served": 5, "local": 10, "redis": 30}


def letter(id: str) -> DeadLetter:
    return DeadLetter(id, GROUPS[0], "check", "r1", {}, "", 1, "ValueError", "no", "", "f1", 1.0)


NUMBERS = st.integers(0, 999)
LIMITS = st.one_of(st.integers(1, 5), st.just(1000))


def reads(machine: Queues) -> bool:
    return bool(machine.readers)


def writes(machine: Queues) -> bool:
    return bool(machine.writers)


def has_ghosts(machine: Queues) -> bool:
    return bool(machine.ghosts)


def has_owners(machine: Queues) -> bool:
    return bool(machine.model.owners)


def pick(owners: list[Owner], which: int) -> Owner:
    return owners[which % len(owners)]


class Queues(RuleBasedStateMachine):
    """Does the same to a store and to the model, and compares them after every step.

    A rule that needs an owner takes a number and picks one by it.
    """

    def __init__(self, connector: Connector) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.namespace = f"{{{uuid4().hex}}}"
        self.client = connector.client()
        self.scripts = {name: self.client.register_script(script(name)) for name in ("beat", "fetch", "reap")}
        self.queues: QueueStore = self.loop.run_until_complete(self._open(connector))
        self.model = QueueModel(QUEUE, OUT)
        self.numbers = itertools.count()
        self.over: list[Owner] = []  # whose lease is over, and nobody has noticed
        self.ghosts: list[Owner] = []  # those that were fenced and do not know it

    async def _open(self, connector: Connector) -> QueueStore:
        health, bells = Health(), Doorbells()
        self.calls = StoreCalls(connector, self.namespace, bells, health)
        keeper = Keeper(
            connector, self.namespace, lease_s=LEASE_S, health=health, ring=bells.ring, recovered=bells.ring_all
        )
        return QueueStore(self.calls, keeper)

    def do(self, call):
        return self.loop.run_until_complete(call)

    @property
    def readers(self) -> list[Owner]:
        return [owner for owner in self.model.owners if owner.source is not None]

    @property
    def writers(self) -> list[Owner]:
        return [owner for owner in self.model.owners if owner.source is None]

    def waiting(self, queue: str, group: str) -> list[Entry]:
        """What the store has before a group, past the code under test."""
        return entries([decode(e) for e in self.client.lrange(f"{self.namespace}:q:{queue}:{group}:ready", 0, -1)])

    def held(self, owner: Owner) -> list[Entry]:
        """What the store has in flight for an owner, past the code under test."""
        key = f"{self.namespace}:q:{owner.source.queue}:{owner.source.group}:run:{owner.name}"
        return entries([decode(envelope) for envelope in self.client.lrange(key, 0, -1)])

    def join(self, loop: str, source: Source | None) -> Owner:
        owner = Owner(f"owner-{next(self.numbers)}", source, loop)
        self.do(self.queues.join(owner.name, source))
        self.model.join(owner)
        return owner

    def commit(self, owner: Owner, repeats: int = 1, fetch: int = 0, **parts) -> None:
        """Commit, and fetch, for an owner that has its lease; repeated as after lost replies, it must be done once."""
        commit = Commit(owner.seq + 1, owner.source, **parts)
        fetched = [self.do(self.queues.commit(owner.name, commit, fetch)).taken for _ in range(repeats)]
        self.model.commit(owner, commit)
        assert entries(fetched[0]) == (self.model.fetch(owner, fetch) if fetch else [])
        assert not any(fetched[1:])

    def new_items(self, count: int) -> dict:
        numbers = list(itertools.islice(self.numbers, count))
        pushes = tuple((QUEUE, Item(f"i{number}", b"{}", "", "")) for number in numbers)
        return {"pushes": pushes, "cursor": ("shop.incoming", str(numbers[-1]).encode())}

    # ---- what owners do ----

    @initialize(
        backlog=st.integers(1, 3), groups=st.lists(st.sampled_from(GROUPS), max_size=3), more=st.integers(1, 12)
    )
    def a_writer_and_some_readers_begin(self, backlog, groups, more):
        writer = self.join("shop.incoming", None)
        self.commit(writer, **self.new_items(backlog))
        for group in groups:
            self.join(group, Source(QUEUE, group))
        self.commit(writer, **self.new_items(more))

    @rule()
    def a_writer_joins(self):
        self.join("shop.incoming", None)

    @rule(group=st.sampled_from(GROUPS))
    def a_reader_joins(self, group):
        self.join(group, Source(QUEUE, group))

    @precondition(writes)
    @rule(which=NUMBERS, count=st.integers(1, 6), repeats=st.integers(1, 3))
    def push(self, which, count, repeats):
        self.commit(pick(self.writers, which), repeats, **self.new_items(count))

    @precondition(reads)
    @rule(which=NUMBERS, limit=st.integers(0, 8))
    def fetch(self, which, limit):
        reader = pick(self.readers, which)
        fetched = self.do(self.queues.fetch(reader.name, reader.source, limit))
        assert entries(fetched) == self.model.fetch(reader, limit)

    @precondition(reads)
    @rule(
        which=NUMBERS,
        share=st.floats(0, 1),
        dying=st.integers(0, 2),
        repeats=st.integers(1, 3),
        fetch=st.integers(0, 8),
    )
    def settle(self, which, share, dying, repeats, fetch):
        reader = pick(self.readers, which)
        done = reader.running[: round(len(reader.running) * share)]
        died, well = done[:dying], done[dying:]
        pushes = tuple((OUT, Item(f"{reader.loop}-{entry.id}", b"{}", "", "")) for entry in well)
        dead = tuple(letter(entry.id) for entry in died)
        self.commit(reader, repeats, fetch, acknowledged=len(done), died=len(died), pushes=pushes, dead=dead)

    @precondition(reads)
    @rule(which=NUMBERS, keep=st.integers(0, 5))
    def give_back(self, which, keep):
        reader = pick(self.readers, which)
        assert self.do(self.queues.give_back(reader.name, reader.source, keep)) == self.model.give_back(reader, keep)

    @precondition(has_owners)
    @rule(which=NUMBERS)
    def leave(self, which):
        owner = pick(self.model.owners, which)
        self.do(self.queues.leave(owner.name, owner.source))
        self.model.leave(owner)
        self.over = [other for other in self.over if other is not owner]

    # ---- calls that come again, or late ----

    @precondition(has_owners)
    @rule(which=NUMBERS)
    def the_reply_to_the_last_commit_was_lost(self, which):
        self.repeat_last_commit(pick(self.model.owners, which))

    @precondition(has_ghosts)
    @rule(which=NUMBERS)
    def a_fenced_owner_did_not_hear_of_its_last_commit(self, which):
        self.repeat_last_commit(pick(self.ghosts, which))

    def repeat_last_commit(self, owner: Owner) -> None:
        if owner.last is not None:
            assert self.do(self.queues.commit(owner.name, owner.last, 5)).taken == []

    @precondition(reads)
    @rule(which=NUMBERS, limit=st.integers(1, 8))
    def a_fetch_arrives_that_was_given_up_long_ago(self, which, limit):
        reader = pick(self.readers, which)
        arguments = [reader.name, reader.source.queue, reader.source.group, limit, 1000, 0]
        assert self.scripts["fetch"](keys=[self.namespace], args=arguments) == [b"LATE"]

    @precondition(has_ghosts)
    @rule(which=NUMBERS)
    def a_join_arrives_that_a_fenced_owner_has_sent_long_ago(self, which):
        ghost = pick(self.ghosts, which)
        with pytest.raises(Fenced):
            self.do(self.queues.join(ghost.name, ghost.source))

    @precondition(has_ghosts)
    @rule(which=NUMBERS)
    def a_fenced_owner_goes_on(self, which):
        ghost = pick(self.ghosts, which)
        with pytest.raises(Fenced):
            self.do(self.queues.commit(ghost.name, Commit(ghost.seq + 1, ghost.source, **self.new_items(2))))
        if ghost.source is not None:
            with pytest.raises(Fenced):
                self.do(self.queues.fetch(ghost.name, ghost.source, 5))
            assert self.do(self.queues.give_back(ghost.name, ghost.source, 0)) == 0
        self.do(self.queues.leave(ghost.name, ghost.source))

    @precondition(has_ghosts)
    @rule(which=NUMBERS)
    def a_fenced_owner_does_its_work_under_a_new_lease(self, which):
        ghost = pick(self.ghosts, which)
        self.ghosts.remove(ghost)
        owner = self.join(ghost.loop, ghost.source)
        if ghost.source is None:  # what it made belongs to nobody else
            made = self.new_items(3)
            with pytest.raises(Fenced):
                self.do(self.queues.commit(ghost.name, Commit(ghost.seq + 1, **made)))
            self.commit(owner, **made)

    # ---- owners that stall or die ----

    @precondition(has_owners)
    @rule(which=NUMBERS, all_of_them=st.booleans())
    def leases_are_over(self, which, all_of_them):
        for owner in self.model.owners if all_of_them else [pick(self.model.owners, which)]:
            self.client.zadd(f"{self.namespace}:owners", {owner.name: 1})
            if owner not in self.over:
                self.over.append(owner)

    @precondition(has_owners)
    @rule(which=NUMBERS)
    def a_beat_renews_the_lease(self, which):
        owner = pick(self.model.owners, which)
        self.scripts["beat"](keys=[self.namespace], args=[60_000, "", "", owner.name])
        self.over = [other for other in self.over if other is not owner]

    @rule(limit=LIMITS)
    def the_reaper_comes(self, limit):
        self.reap(self.over, limit, expired=True)

    @precondition(has_owners)
    @rule(which=NUMBERS, limit=LIMITS)
    def a_process_is_found_dead(self, which, limit):
        self.reap([pick(self.model.owners, which)], limit, expired=False)

    def reap(self, ended: list[Owner], limit: int, *, expired: bool) -> None:
        names = [] if expired else [owner.name for owner in ended]
        left, *_ = self.scripts["reap"](keys=[self.namespace], args=[limit, int(expired), *names])
        self.over = [owner for owner in self.over if owner not in ended]
        self.model.fence(ended)
        self.ghosts += ended
        moved = 0
        for group in GROUPS:
            of_group = [owner for owner in self.model.ending if owner.loop == group]
            if of_group:
                before = len(self.model.group_of(of_group[0]).ready)
                ready = self.waiting(QUEUE, group)
                self.model.reap(of_group, limit, {owner.name: self.held(owner) for owner in of_group}, ready)
                moved += len(ready) - before
        assert moved <= limit
        assert left == self.client.scard(f"{self.namespace}:ending")
        assert left == 0 or moved == limit, "it stopped too early"
        if left == 0:
            self.model.forget_ended()

    # ---- what must hold after every step ----

    @invariant()
    def each_item_is_in_one_place_of_each_group(self):
        self.model.check()

    @invariant()
    def the_store_has_the_same(self):
        for name, queue in self.model.queues.items():
            for group, known in queue.groups.items():
                assert self.waiting(name, group) == known.ready
        for owner in self.model.owners:
            if owner.source is not None:
                assert entries(self.do(self.queues.in_flight(owner.name, owner.source))) == owner.running

    @invariant()
    def the_store_counts_the_same(self):
        stats = self.do(self.queues.queue_stats(list(self.model.queues)))
        for name, queue in self.model.queues.items():
            groups = list(queue.groups.values())
            found = stats[name]
            assert found.unaccounted == 0
            assert found.depth == max([len(queue.backlog), *(len(group.ready) for group in groups)])
            assert found.in_flight == sum(len(owner.running) for owner in self.model.holders(name))
            assert found.pushed == len(queue.pushed)
            assert found.acknowledged == sum(len(group.acknowledged) for group in groups)
            assert found.dead == sum(len(group.dead) for group in groups)
        loops = self.client.scan_iter(f"{self.namespace}:letters:*")
        assert sum(self.client.hlen(loop) for loop in loops) == self.model.letters
        assert self.do(self.queues.cursor("shop.incoming")) == self.model.cursors.get("shop.incoming")

    @invariant()
    def what_came_out_came_once_and_in_order(self):
        found = [decode(e).item.id for e in self.client.lrange(f"{self.namespace}:q:{OUT}:backlog", 0, -1)]
        assert found == self.model.queues[OUT].pushed

    def teardown(self) -> None:
        self.do(self.calls.close())
        self.client.close()
        self.loop.close()


@pytest.mark.timeout(400)  # so long only to show the shortest life that went wrong
def test_no_life_of_the_queues_loses_or_doubles_an_item(store):
    run_state_machine_as_test(
        lambda: Queues(store.connector),
        settings=settings(max_examples=EXAMPLES[store.kind], stateful_step_count=40, deadline=None),
    )
