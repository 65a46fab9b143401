"""Random lives of queues: nothing lost, nothing doubled, everything accounted for."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from flowtui.model.errors import Fenced
from flowtui.storage.doorbell import Doorbells
from flowtui.storage.health import Health
from flowtui.storage.lease import LEASE_S, Keeper, Reaper
from flowtui.storage.memory import MemoryConnector
from flowtui.storage.queue_store import Commit, Item, QueueStore, Source

QUEUE, OUT = "shop.orders", "/done"
GROUPS = ("shop.fulfil", "shop.audit")


@dataclass
class Entry:
    """What the model knows of one item in one group's hands."""

    id: str
    tries: int = 1


@dataclass
class Reader:
    owner: str
    source: Source
    seq: int = 0
    running: list[Entry] = field(default_factory=list)
    last: Commit | None = None


class Queues(RuleBasedStateMachine):
    """Compares the store with plain lists, after every step."""

    readers = Bundle("readers")
    ghosts = Bundle("ghosts")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        connector = MemoryConnector()
        health, bells = Health(), Doorbells()
        self.client = connector.client()
        self.keeper = Keeper(
            connector, "{t}", lease_s=LEASE_S, health=health, ring=bells.ring, recovered=bells.ring_all
        )
        self.reaper = Reaper(self.client, "{t}", bells.ring)
        self.queues: QueueStore = self.loop.run_until_complete(self._open(connector, bells, health))
        self.writer_seq = 0
        self.numbers = itertools.count()
        self.backlog: list[Entry] = []
        self.ready: dict[str, list[Entry]] = {}
        self.live: list[Reader] = []
        self.out: list[str] = []
        self.acknowledged: dict[str, list[str]] = {group: [] for group in GROUPS}
        self.everything: list[str] = []
        self.do(self.queues.join("writer", None))

    async def _open(self, connector: MemoryConnector, bells: Doorbells, health: Health) -> QueueStore:
        return QueueStore(connector.async_client(), "memory", "{t}", self.keeper, bells, health)

    def do(self, call):
        return self.loop.run_until_complete(call)

    @rule(count=st.integers(1, 6), repeats=st.integers(1, 3))
    def push(self, count, repeats):
        entries = [Entry(str(next(self.numbers))) for _ in range(count)]
        self.writer_seq += 1
        commit = Commit(self.writer_seq, pushes=tuple((QUEUE, Item(e.id, b"{}", "", "")) for e in entries))
        for _ in range(repeats):
            self.do(self.queues.commit("writer", commit))
        self.everything += [entry.id for entry in entries]
        if not self.ready:
            self.backlog += entries
        for waiting in self.ready.values():
            waiting += [Entry(entry.id) for entry in entries]

    @rule(target=readers, group=st.sampled_from(GROUPS))
    def join(self, group):
        reader = Reader(f"reader-{next(self.numbers)}", Source(QUEUE, group))
        self.do(self.queues.join(reader.owner, reader.source))
        if group not in self.ready:
            # What was pushed before a later group came is not for that group: count it as done.
            self.acknowledged[group] = [] if not self.ready else list(self.everything)
            self.ready[group] = self.backlog if not self.ready else []
            self.backlog = []
        self.live.append(reader)
        return reader

    @rule(reader=readers, limit=st.integers(0, 8))
    def fetch(self, reader, limit):
        waiting = self.ready[reader.source.group]
        count = 0
        while count < min(limit, len(waiting)) and (count == 0 or waiting[count].tries == 1):
            count += 1
            if waiting[count - 1].tries > 1:
                break
        fetched = self.do(self.queues.fetch(reader.owner, reader.source, limit))
        assert [(each.item.id, each.tries) for each in fetched] == [(e.id, e.tries) for e in waiting[:count]]
        reader.running += waiting[:count]
        del waiting[:count]

    @rule(reader=readers, share=st.floats(0, 1), repeats=st.integers(1, 3))
    def commit(self, reader, share, repeats):
        done = reader.running[: round(len(reader.running) * share)]
        reader.seq += 1
        pushes = tuple((OUT, Item(f"{reader.source.group}-{entry.id}", b"{}", "", "")) for entry in done)
        reader.last = Commit(reader.seq, reader.source, len(done), pushes)
        for _ in range(repeats):
            self.do(self.queues.commit(reader.owner, reader.last))
        self.acknowledged[reader.source.group] += [entry.id for entry in done]
        self.out += [item.id for _, item in pushes]
        del reader.running[: len(done)]

    @rule(reader=readers)
    def repeat_the_last_commit(self, reader):
        if reader.last is not None:
            self.do(self.queues.commit(reader.owner, reader.last))

    @rule(reader=readers, keep=st.integers(0, 5))
    def give_back(self, reader, keep):
        back = reader.running[keep:]
        assert self.do(self.queues.give_back(reader.owner, reader.source, keep)) == len(back)
        del reader.running[keep:]
        self.ready[reader.source.group][:0] = back

    @rule(reader=consumes(readers))
    def leave(self, reader):
        self.do(self.queues.leave(reader.owner, reader.source))
        self.ready[reader.source.group][:0] = reader.running
        self.live.remove(reader)

    @rule(target=ghosts, reader=consumes(readers))
    def die(self, reader):
        self.reaper.end([reader.owner])
        self.ready[reader.source.group][:0] = [Entry(entry.id, entry.tries + 1) for entry in reader.running]
        self.live.remove(reader)
        return multiple(reader)

    @rule(reader=ghosts)
    def come_back_from_the_dead(self, reader):
        with pytest.raises(Fenced):
            self.do(self.queues.fetch(reader.owner, reader.source, 5))
        pushes = ((OUT, Item("ghost", b"{}", "", "")),)
        with pytest.raises(Fenced):
            self.do(self.queues.commit(reader.owner, Commit(reader.seq + 1, reader.source, 1, pushes)))
        assert self.do(self.queues.give_back(reader.owner, reader.source, 0)) == 0

    @precondition(lambda self: self.ready)
    @invariant()
    def each_item_is_in_one_place_of_each_group(self):
        for group, waiting in self.ready.items():
            running = [e.id for reader in self.live if reader.source.group == group for e in reader.running]
            everywhere = [entry.id for entry in waiting] + running + self.acknowledged[group]
            assert sorted(everywhere, key=int) == self.everything

    @invariant()
    def the_store_counts_the_same(self):
        stats = self.do(self.queues.queue_stats([QUEUE, OUT]))
        depths = [len(waiting) for waiting in self.ready.values()]
        assert stats[QUEUE].depth == max([len(self.backlog), *depths])
        assert stats[QUEUE].in_flight == sum(len(reader.running) for reader in self.live)
        assert stats[QUEUE].pushed == len(self.everything)
        assert stats[QUEUE].unaccounted == 0
        assert stats[OUT].depth == stats[OUT].pushed == len(self.out)

    @invariant()
    def each_owner_holds_what_it_was_given(self):
        for reader in self.live:
            held = self.do(self.queues.in_flight(reader.owner, reader.source))
            assert [(each.item.id, each.tries) for each in held] == [(e.id, e.tries) for e in reader.running]

    def teardown(self) -> None:
        self.do(self.queues.join("last", Source(OUT, "test.end")))
        drained = self.do(self.queues.fetch("last", Source(OUT, "test.end"), 10_000))
        assert [each.item.id for each in drained] == self.out
        assert len(set(self.out)) == len(self.out)
        self.do(self.queues.close())
        self.client.close()
        self.loop.close()


TestQueues = Queues.TestCase
TestQueues.settings = settings(max_examples=25, stateful_step_count=35, deadline=None)
