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

from flowtui.model.errors import Fenced, QueueFull
from flowtui.model.states import OnFull
from flowtui.storage import queue_store
from flowtui.storage.calls import StoreCalls
from flowtui.storage.connection import Connector
from flowtui.storage.doorbell import Doorbells
from flowtui.storage.health import Health
from flowtui.storage.lease import LEASE_S, Keeper
from flowtui.storage.queue_store import Beyond, Bound, Commit, Item, QueueStore, Source
from flowtui.storage.records import decode, reference_of
from flowtui.storage.scripts import script
from long_runs import tries
from queue_model import BIG, Entry, Owner, QueueModel, entries, letter, payload, pick, whole

QUEUE, OTHER, OUT = "shop.orders", "shop.later", "/done"
GROUPS = ("shop.fulfil", "shop.audit")
#: Most where a step costs least: fewer where each write is synced to the disk, or Python stands in for the server.
EXAMPLES = {"memory": tries(6), "served": tries(3), "local": tries(6), "redis": tries(12)}


NUMBERS = st.integers(0, 999)
SOURCES = [Source(queue, group) for queue in (QUEUE, OTHER) for group in GROUPS]
BOUNDS = st.builds(Bound, st.integers(0, 6), st.sampled_from(OnFull))
LIMITS = st.one_of(st.integers(1, 5), st.just(1000))


def reads(machine: Queues) -> bool:
    return bool(machine.readers)


def writes(machine: Queues) -> bool:
    return bool(machine.writers)


def has_ghosts(machine: Queues) -> bool:
    return bool(machine.ghosts)


def has_owners(machine: Queues) -> bool:
    return bool(machine.model.owners)


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
        self.model = QueueModel(QUEUE, OTHER, OUT)
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
        return self.raw(f"q:{queue}:{group}:ready" if group else f"q:{queue}:backlog")

    def held(self, owner: Owner) -> list[Entry]:
        """What the store has in flight for an owner, past the code under test."""
        return self.raw(f"q:{owner.source.queue}:{owner.source.group}:run:{owner.name}")

    def raw(self, key: str) -> list[Entry]:
        found = self.client.lrange(f"{self.namespace}:{key}", 0, -1)
        return entries([decode(envelope, b"" if reference_of(envelope) else None) for envelope in found])

    def join(self, loop: str, source: Source | None) -> Owner:
        owner = Owner(f"owner-{next(self.numbers)}", source, loop)
        self.do(self.queues.join(owner.name, source))
        self.model.join(owner)
        return owner

    def commit(self, owner: Owner, repeats: int = 1, fetch: int = 0, **parts) -> None:
        """Commit, and fetch, for an owner that has its lease; repeated as after lost replies, it must be done once."""
        commit = Commit(owner.seq + 1, owner.source, **parts)
        if full := self.model.full(commit):
            with pytest.raises(QueueFull) as refused:
                self.do(self.queues.commit(owner.name, commit, fetch))
            assert full[refused.value.queue, refused.value.group] == refused.value.room
            return
        fetched = [self.do(self.queues.commit(owner.name, commit, fetch)).taken for _ in range(repeats)]
        self.model.commit(owner, commit)
        assert whole(fetched[0]) == (self.model.fetch(owner, fetch) if fetch else [])
        assert not any(fetched[1:])

    def new_items(self, count: int, big: int = 0) -> dict:
        """Parts of a commit; the first `big` items have big payloads."""
        numbers = list(itertools.islice(self.numbers, count))
        ids = [f"{'b' if n < big else 'i'}{number}" for n, number in enumerate(numbers)]
        pushes = tuple((QUEUE, Item(id, payload(id), "", "")) for id in ids)
        return {"pushes": pushes, "cursor": ("shop.incoming", str(numbers[-1]).encode())}

    # ---- what owners do ----

    @initialize(
        backlog=st.integers(1, 3),
        sources=st.lists(st.sampled_from(SOURCES), min_size=1, max_size=4),
        more=st.integers(1, 12),
    )
    def a_writer_and_some_readers_begin(self, backlog, sources, more):
        writer = self.join("shop.incoming", None)
        self.commit(writer, **self.new_items(backlog, big=1))
        for source in sources:
            self.join(source.group, source)
        self.commit(writer, **self.new_items(more, big=3))

    @rule(source=st.sampled_from([None, *SOURCES]))
    def somebody_joins(self, source):
        self.join(source.group if source else "shop.incoming", source)

    @precondition(writes)
    @rule(
        which=NUMBERS,
        count=st.integers(1, 6),
        big=st.integers(0, 6),
        bound=st.just(Bound()) | BOUNDS,
        beyond=st.sampled_from(Beyond),
        repeats=st.integers(1, 3),
    )
    def push(self, which, count, big, bound, beyond, repeats):
        made = self.new_items(count, big)
        self.commit(pick(self.writers, which), repeats, bounds={QUEUE: bound}, beyond=beyond, **made)

    @precondition(reads)
    @rule(which=NUMBERS, limit=st.integers(1, 8))
    def fetch(self, which, limit):
        self.take(pick(self.readers, which), limit)

    def take(self, reader: Owner, limit: int) -> None:
        fetched = self.do(self.queues.fetch(reader.name, reader.source, limit))
        assert whole(fetched) == self.model.fetch(reader, limit)

    @precondition(reads)
    @rule(
        which=NUMBERS,
        share=st.sampled_from([1.0, 0.5, 0.0]),
        dying=st.integers(0, 2),
        repeats=st.integers(1, 3),
        fetch=st.integers(0, 8),
    )
    def settle(self, which, share, dying, repeats, fetch):
        reader = pick(self.readers, which)
        if not reader.running:
            self.take(reader, 5)
        done = reader.running[: round(len(reader.running) * share)]
        died, well = done[:dying], done[dying:]
        where = f"{reader.source.queue}-{reader.loop}"
        pushes = tuple((OUT, Item(f"{where}-{entry.id}", b"{}", "", "")) for entry in well)
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

    # ---- what a person does ----

    @rule(which=NUMBERS, limit=st.integers(1, 3))
    def purge(self, which, limit):
        name = pick([QUEUE, OTHER], which)
        group = pick([*self.model.queues[name].groups, ""], which)
        purged = self.do(self.calls.run("purge", name, group, limit))
        assert purged == self.model.purge(name, group, limit)

    # Of one group's items only: another's are the same, and could not be told from them where they come to.
    @rule(is_read=st.booleans(), heir=st.sampled_from(["", *GROUPS]), limit=st.integers(1, 4))
    def move(self, is_read, heir, limit):
        group = GROUPS[0] if is_read and GROUPS[0] in self.model.queues[QUEUE].groups else ""
        moved = self.do(self.calls.run("move", QUEUE, group, OTHER, heir, limit))
        if heir and heir not in self.model.queues[OTHER].groups:
            assert moved == b"NOGROUP"
        else:
            assert moved == self.model.move(QUEUE, group, OTHER, heir, limit)

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
        for source in SOURCES:
            of_group = [owner for owner in self.model.ending if owner.source == source]
            if of_group:
                before = len(self.model.group_of(of_group[0]).ready)
                ready = self.waiting(source.queue, source.group)
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
            for group in ("", *queue.groups):
                assert self.waiting(name, group) == self.model.waiting(name, group).ready
        for owner in self.model.owners:
            if owner.source is not None:
                assert whole(self.do(self.queues.in_flight(owner.name, owner.source))) == owner.running

    @invariant()
    def a_big_payload_is_there_as_long_as_somebody_needs_it(self):
        needed = sum(id.startswith("b") for id in self.model.held())
        assert len(list(self.client.scan_iter(f"{self.namespace}:big:*"))) == needed
        assert int(self.client.get(f"{self.namespace}:bigs") or 0) == needed

    @invariant()
    def the_store_counts_the_same(self):
        stats = self.do(self.queues.queue_stats(list(self.model.queues)))
        for name, queue in self.model.queues.items():
            groups = list(queue.groups.values())
            found = stats[name]
            assert found.unaccounted == 0
            assert found.depth == max([len(queue.backlog.ready), *(len(group.ready) for group in groups)])
            assert found.in_flight == sum(len(owner.running) for owner in self.model.holders(name))
            assert (found.pushed, found.moved_in) == (len(queue.pushed), len(queue.moved_in))
            assert found.acknowledged == sum(len(group.acknowledged) for group in groups)
            assert found.dead == sum(len(group.dead) for group in groups)
            for group, known in queue.groups.items():
                seen = found.groups[group]
                gone = (len(known.dropped), len(known.purged), len(known.moved_out), len(known.moved_in))
                assert (seen.dropped, seen.purged, seen.moved_out, seen.moved_in) == gone
        loops = self.client.scan_iter(f"{self.namespace}:letters:*")
        assert sum(self.client.hlen(loop) for loop in loops) == self.model.letters
        assert self.do(self.queues.cursor("shop.incoming")) == self.model.cursors.get("shop.incoming")

    @invariant()
    def what_came_out_came_once_and_in_order(self):
        found = [decode(e).item.id for e in self.client.lrange(f"{self.namespace}:q:{OUT}:backlog", 0, -1)]
        assert found == self.model.queues[OUT].pushed

    def nothing_is_left_once_all_is_purged(self) -> None:
        owners = [owner.name for owner in self.model.owners]
        self.scripts["reap"](keys=[self.namespace], args=[100_000, 0, *owners])
        for name, queue in self.model.queues.items():
            for group in ("", *queue.groups):
                self.do(self.calls.run("purge", name, group, 100_000))
        stats = self.do(self.queues.queue_stats(list(self.model.queues)))
        assert [(each.depth, each.in_flight, each.unaccounted) for each in stats.values()] == [(0, 0, 0)] * 3
        assert not list(self.client.scan_iter(f"{self.namespace}:big:*"))

    def teardown(self) -> None:
        self.nothing_is_left_once_all_is_purged()
        self.do(self.calls.close())
        if keys := list(self.client.scan_iter(f"{self.namespace}:*")):  # else every look at the next life passes them
            self.client.delete(*keys)
        self.client.close()
        self.loop.close()


@pytest.mark.timeout(400)  # so long only to show the shortest life that went wrong
def test_no_life_of_the_queues_loses_or_doubles_an_item(store, monkeypatch):
    monkeypatch.setattr(queue_store, "BIG_PAYLOAD", BIG)
    run_state_machine_as_test(
        lambda: Queues(store.connector),
        settings=settings(max_examples=EXAMPLES[store.kind], stateful_step_count=40),
    )
