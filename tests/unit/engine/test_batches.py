"""A reader that takes several items at once: when a batch is full, what is in it, and what becomes of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from engine_lab import LOOP, Lab, PlannedNode, plan_of, quiet, reader, run, writer
from flowtui.engine.replays import follow_replays
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.states import Command, LoopState
from flowtui.nodes.base import BlockingNode
from flowtui.storage.records import replay_queue
from flowtui.workflow.schema import BatchOptions


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


class Seen:
    """What the node behind the reader got, and when; it fails while it shall."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.at: list[float] = []
        self.data: list[NodeData] = []
        self.failing = False

    def plan(self, size: int, age: float = 5.0, **options: Any) -> ExecutionPlan:
        seen = self

        class Take(BlockingNode):
            async def execute(self, data: NodeData) -> NodeData:
                if seen.failing:
                    raise ValueError("not now")
                seen.batches.append([each["n"] for each in data["items"]])
                seen.at.append(asyncio.get_running_loop().time())
                seen.data.append(data)
                return data

        nodes = (reader(), PlannedNode("take", Take, ("read",)), writer("take"))
        return plan_of(*nodes, batch=BatchOptions(size=size, age=age), **options)


def test_a_full_batch_goes_at_once_and_the_rest_when_its_age_has_passed() -> None:
    seen = Seen()

    async def scene() -> None:
        lab = Lab(seen.plan(size=4))
        await lab.push(10)
        await lab.running()
        await lab.until_true(lambda: len(seen.batches) == 2)
        began = seen.at[1]
        await lab.until_true(lambda: lab.loop.view().waiting.endswith("2 of 4 items"))
        await lab.until_true(lambda: len(seen.batches) == 3)
        assert seen.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        assert 5.0 <= seen.at[2] - began < 5.1
        await lab.stop()
        stats = await lab.stats()
        assert (stats.acknowledged, stats.dead, stats.unaccounted) == (10, 0, 0)
        assert (await lab.stats("out")).pushed == 3
        await lab.close()

    run(scene())


def test_what_comes_within_the_age_of_the_first_item_is_in_its_batch() -> None:
    seen = Seen()

    async def scene() -> None:
        lab = Lab(seen.plan(size=100))
        await lab.running()
        for _ in range(7):
            await lab.push()
            await asyncio.sleep(1.0)
        await lab.until_drained()
        assert [len(batch) for batch in seen.batches] == [5, 2]
        assert list(itertools.chain(*seen.batches)) == list(range(7))
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_reader_that_waits_for_the_rest_of_a_batch_asks_the_store_only_when_something_came() -> None:
    seen = Seen()

    async def scene() -> None:
        lab = Lab(seen.plan(size=3, age=1000))
        await lab.running()
        await lab.push()
        await lab.until_true(lambda: "1 of 3" in lab.loop.view().waiting)
        before = lab.calls["fetch"]
        await asyncio.sleep(900)
        assert lab.calls["fetch"] == before
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_pause_gives_back_what_is_no_full_batch_and_resuming_takes_it_again() -> None:
    seen = Seen()

    async def scene() -> None:
        lab = Lab(seen.plan(size=5, age=1000))
        await lab.running()
        await lab.push(3)
        await lab.until_true(lambda: "3 of 5" in lab.loop.view().waiting)
        lab.tell(Command.PAUSE)
        await lab.until(LoopState.PAUSED)
        assert ((await lab.stats()).depth, (await lab.stats()).in_flight, seen.batches) == (3, 0, [])
        await lab.push(2)
        lab.tell(Command.RESUME)
        await lab.until_drained()
        assert seen.batches == [[0, 1, 2, 3, 4]]
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_drain_works_off_a_batch_that_is_not_full() -> None:
    seen = Seen()

    async def scene() -> None:
        lab = Lab(seen.plan(size=5))
        await lab.push(3)
        await lab.running()
        lab.tell(Command.DRAIN)
        await lab.until(LoopState.STOPPED)
        assert seen.batches == [[0, 1, 2]]
        await lab.close()

    run(scene())


def test_an_item_that_was_handed_out_before_is_a_batch_of_its_own() -> None:
    seen = Seen()

    async def scene() -> None:
        lab = Lab(seen.plan(size=4, age=1000))
        await lab.running()
        await lab.push(2)
        await lab.until_true(lambda: "2 of 4" in lab.loop.view().waiting)
        lab.end_lease()
        lab.beat()
        lab.ring()
        await lab.push(4)
        await lab.until_drained()
        assert seen.batches == [[0], [1], [2, 3, 4, 5]]
        assert [data.meta.attempt for data in seen.data] == [2, 2, 1]
        await lab.stop()
        assert (await lab.stats()).unaccounted == 0
        await lab.close()

    run(scene())


def test_an_item_that_cannot_be_read_dies_alone() -> None:
    seen = Seen()

    async def scene() -> None:
        lab = Lab(seen.plan(size=10))
        await lab.push(2)
        await lab.push(payload=b"rubbish", id="bad")
        await lab.push(2)
        await lab.running()
        await lab.until_drained()
        await lab.stop()
        (letter,) = await lab.letters()
        assert (letter.id, letter.unreadable, letter.batch) == ("bad", True, 0)
        assert list(itertools.chain(*seen.batches)) == [0, 1, 3, 4]
        stats = await lab.stats()
        assert (stats.acknowledged, stats.dead, stats.unaccounted) == (4, 1, 0)
        await lab.close()

    run(scene())


@pytest.mark.parametrize("from_start", [False, True])
def test_a_failed_batch_is_one_letter_for_all_its_items_and_is_replayed_as_a_batch(from_start: bool) -> None:
    seen = Seen()
    seen.failing = True

    async def scene() -> None:
        lab = Lab(seen.plan(size=3))
        await lab.push(3)
        await lab.running()
        await lab.until_drained()
        (letter,) = await lab.letters()
        stats = await lab.stats()
        assert (letter.batch, letter.whole) == (3, {"items": [{"n": 0}, {"n": 1}, {"n": 2}]})
        assert (stats.acknowledged, stats.dead, stats.unaccounted) == (0, 3, 0)
        await replay(lab, from_start)
        (letter,) = await lab.letters()
        assert (letter.batch, letter.replays, letter.whole["items"][2]) == (3, 1, {"n": 2})
        seen.failing = False
        await replay(lab, from_start)
        assert (seen.batches, await lab.letters()) == ([[0, 1, 2]], [])
        await lab.stop()
        await lab.close()

    run(scene())


def test_an_item_whose_readers_died_is_replayed_as_a_batch_of_one() -> None:
    seen = Seen()

    async def scene() -> None:
        lab = Lab(seen.plan(size=3, age=1000, max_deliveries=1))
        await lab.running()
        await lab.push()
        await lab.until_true(lambda: "1 of 3" in lab.loop.view().waiting)
        lab.end_lease()
        (letter,) = await lab.letters()
        assert (letter.error, letter.batch) == ("TooManyDeliveries", 0)
        seen.failing = True
        await replay(lab, from_start=False)
        (letter,) = await lab.letters()
        assert (letter.batch, letter.payload) == (1, {"items": [{"n": 0}]})
        seen.failing = False
        await replay(lab, from_start=False)
        assert seen.batches == [[0]]
        await lab.stop()
        await lab.close()

    run(scene())


async def replay(lab: Lab, from_start: bool) -> None:
    """Replay all letters, and wait until none waits any more."""
    answer = await lab.dead_letters().replay(await lab.letters(), from_start=from_start)
    assert (answer.queued, answer.requeued, answer.refused) == (1, 0, ())
    following = asyncio.create_task(follow_replays(lab, lambda: {LOOP: lab.loop}))  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(600):
            while (stats := await lab.stats(replay_queue(LOOP))).depth or stats.in_flight or lab.loop.replays.is_active:
                await asyncio.sleep(0.1)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
