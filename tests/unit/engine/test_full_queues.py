"""What a loop does when the queue that it writes to has no room, or its item has killed readers before."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from engine_lab import LOOP, Lab, PlannedNode, plan_of, quiet, reader, run, writer
from flowtui.engine.runner import GRACE_S
from flowtui.model.data import NodeData
from flowtui.model.states import Command, LoopState, OnFull
from flowtui.nodes.base import BlockingNode, NonBlockingNode, ProducerNode
from flowtui.storage.queue_store import Bound, Commit, Source

OUT = Source("out", "next")


class Pass(BlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        return data


class Beside(NonBlockingNode):
    together = 0
    most = 0

    async def execute(self, data: NodeData) -> NodeData:
        Beside.together += 1
        Beside.most = max(Beside.most, Beside.together)
        await asyncio.sleep(1)
        Beside.together -= 1
        return data


class Never(NonBlockingNode):
    runs = 0

    async def execute(self, data: NodeData) -> NodeData:
        Never.runs += 1
        await asyncio.sleep(1_000_000)
        return data


class Make(ProducerNode):
    async def execute(self) -> dict[str, int]:
        await asyncio.sleep(0.01)
        return {"n": 1}


READS = (reader(), PlannedNode("pass", Pass, ("read",)), writer("pass"))
MAKES = (PlannedNode("make", Make), PlannedNode("pass", Pass, ("make",)), writer("pass"))
BOUND = {"out": Bound(3)}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


class Next:
    """The loop behind: takes items from `out`."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.seq = itertools.count(1)
        self.taken: list[int] = []

    async def join(self) -> Next:
        await self.lab.store.join("next", OUT)
        return self

    async def take(self, limit: int = 100) -> int:
        found = await self.lab.store.fetch("next", OUT, limit)
        await self.lab.store.commit("next", Commit(next(self.seq), OUT, len(found)))
        self.taken += [int(each.item.payload[5:-1]) for each in found]
        return len(found)


async def until_it_waits(lab: Lab) -> str:
    await lab.until_true(lambda: "is full" in lab.loop.view().waiting)
    return lab.loop.view().waiting


def test_a_loop_waits_for_room_says_for_whom_and_goes_on_in_order() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS, bounds=BOUND))
        behind = await Next(lab).join()
        await lab.push(10)
        await lab.running()
        assert await until_it_waits(lab) == "out is full: next has not taken them"
        assert (await lab.stats("out")).depth == 3
        while len(behind.taken) < 10:
            await behind.take(2)
            await asyncio.sleep(0.1)
            assert (await lab.stats("out")).depth <= 3
        assert behind.taken == list(range(10))
        await lab.until_true(lambda: "is full" not in lab.loop.view().waiting)
        assert await lab.stop() is LoopState.STOPPED
        assert (await lab.stats()).acknowledged == 10
        await lab.close()

    run(scene())


def test_waiting_asks_the_store_no_more_than_needed() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS, bounds=BOUND))
        await lab.push(10)
        await lab.running()
        await until_it_waits(lab)
        before = lab.calls["commit"]
        await asyncio.sleep(1000)
        assert lab.calls["commit"] == before
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_loop_that_pauses_before_a_full_queue_is_paused_when_there_was_room() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS, bounds=BOUND))
        behind = await Next(lab).join()
        await lab.push(5)
        await lab.running()
        await until_it_waits(lab)
        lab.tell(Command.PAUSE)
        await asyncio.sleep(5)
        assert lab.state is LoopState.PAUSING
        await behind.take()
        await lab.until(LoopState.PAUSED)
        assert await lab.stop() is LoopState.STOPPED
        await behind.take()
        assert len(behind.taken) + (await lab.stats()).depth == 5
        await lab.close()

    run(scene())


def test_items_of_a_queue_go_back_when_the_loop_is_stopped_before_a_full_queue() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS, bounds=BOUND))
        behind = await Next(lab).join()
        await lab.push(10)
        await lab.running()
        await until_it_waits(lab)
        assert await lab.stop() is LoopState.STOPPED
        assert ((await lab.stats()).depth, (await lab.stats()).unaccounted) == (7, 0)
        assert await behind.take() == 3
        await lab.running()
        while len(behind.taken) < 10:
            await behind.take()
            await asyncio.sleep(0.1)
        assert behind.taken == list(range(10))
        await lab.stop()
        await lab.close()

    run(scene())


def test_items_that_can_go_nowhere_enter_the_full_queue_at_the_end() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*MAKES, bounds=BOUND))
        await lab.running()
        await until_it_waits(lab)
        made = lab.loop.in_flight + 3
        began = asyncio.get_running_loop().time()
        assert await lab.stop() is LoopState.STOPPED
        assert asyncio.get_running_loop().time() - began < GRACE_S / 2, "the grace has passed for nothing"
        assert (await lab.stats("out")).depth >= made > 3
        assert await lab.letters() == []
        await lab.close()

    run(scene())


def test_what_finds_no_room_becomes_a_dead_letter_where_that_is_wished() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS, bounds={"out": Bound(3, OnFull.DEAD_LETTER)}))
        behind = await Next(lab).join()
        await lab.push(8)
        await lab.running()
        await lab.until_drained()
        assert await lab.stop() is LoopState.STOPPED
        await behind.take()
        letters = await lab.letters()
        assert behind.taken == [0, 1, 2]
        assert [(letter.node, letter.error, letter.payload) for letter in letters] == [
            ("write", "QueueFull", {"n": n}) for n in range(3, 8)
        ]
        assert ((await lab.stats()).acknowledged, (await lab.stats()).dead) == (3, 5)
        await lab.close()

    run(scene())


def test_an_iteration_that_writes_more_than_the_bound_waits_until_the_queue_is_empty() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS, writer("pass", id="twin"), bounds={"out": Bound(1)}))
        behind = await Next(lab).join()
        await lab.push(2)
        await lab.running()
        assert await until_it_waits(lab) == "out is full: next has not taken them"
        assert (await lab.stats("out")).depth == 2
        await behind.take(1)
        await asyncio.sleep(5)
        assert (await lab.stats("out")).depth == 1
        await behind.take(1)
        await lab.until_drained()
        await behind.take()
        assert behind.taken == [0, 0, 1, 1]
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_redelivered_item_is_alone_in_flight() -> None:
    async def scene() -> None:
        Beside.together = Beside.most = 0
        lab = Lab(plan_of(reader(), PlannedNode("beside", Beside, ("read",)), writer("beside")))
        await lab.push(6)
        await lab.running()
        await lab.until_true(lambda: Beside.together == 6)
        lab.end_lease()
        await lab.until_true(lambda: Beside.together == 0)
        Beside.most = 0
        await lab.until_drained()
        assert Beside.most == 1
        assert await lab.stop() is LoopState.STOPPED
        assert len(await lab.contents("out")) == 6
        await lab.close()

    run(scene())


def test_a_lease_that_is_lost_while_the_loop_waits_for_room_costs_and_doubles_nothing() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS, bounds=BOUND))
        behind = await Next(lab).join()
        await lab.push(8)
        await lab.running()
        await until_it_waits(lab)
        lab.end_lease()
        while len(behind.taken) < 8:
            await behind.take(1)
            await asyncio.sleep(0.1)
        await lab.until_drained()
        assert sorted(behind.taken) == list(range(8))
        assert await lab.stop() is LoopState.STOPPED
        await lab.close()

    run(scene())


def test_an_item_that_kills_its_readers_becomes_a_dead_letter_of_the_loop() -> None:
    async def scene() -> None:
        Never.runs = 0
        lab = Lab(plan_of(reader(), PlannedNode("never", Never, ("read",)), writer("never"), max_deliveries=3))
        await lab.push(1)
        await lab.running()
        for lives in range(1, 4):
            await lab.until_true(lambda: Never.runs == lives)  # noqa: B023 - awaited before it changes
            assert len(lab.owners) == lives
            assert lab.crash()
        await lab.until_drained()
        (group,) = await lab.dead_letters().groups()
        assert (group.loop, group.node, group.error, group.count) == (LOOP, "read", "TooManyDeliveries", 1)
        assert (await lab.stats()).unaccounted == 0
        assert Never.runs == 3
        assert await lab.stop() is LoopState.STOPPED
        await lab.close()

    run(scene())
