"""A producer that wants to know learns of each of its items what became of it, when that is sure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from engine_lab import Lab, PlannedNode, plan_of, quiet, run, writer
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.states import Command, LoopState, Outcome
from flowtui.nodes.base import BlockingNode, ProducerNode


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


class Source:
    """A producer of a few items whose odd ones fail behind it, and what it was told."""

    def __init__(self, count: int, *, cursor: bool = False, error: Exception | None = None) -> None:
        self.told: list[tuple[str, Outcome]] = []
        self.torn_down_after: int | None = None
        self.gate: asyncio.Event | None = None
        source = self

        class Make(ProducerNode):
            made = 0

            async def execute(self) -> NodeData | None:
                if self.made == count:
                    await asyncio.sleep(1_000_000)
                self.made += 1
                if cursor:
                    self.cursor = self.made
                return NodeData({"n": self.made}, f"item-{self.made}")

            def ended(self, id: str, outcome: Outcome) -> None:
                source.told.append((id, outcome))
                if error is not None:
                    raise error

            def teardown(self) -> None:
                source.torn_down_after = len(source.told)

        class Work(BlockingNode):
            async def execute(self, data: NodeData) -> NodeData:
                if source.gate is not None:
                    await source.gate.wait()
                if data["n"] % 2:
                    raise ValueError("odd")
                return data

        self.make, self.work = PlannedNode("make", Make), PlannedNode("work", Work, ("make",))

    def plan(self, *more: PlannedNode, **options: Any) -> ExecutionPlan:
        return plan_of(self.make, self.work, *more, **options)


MIXED = [(f"item-{n}", Outcome.DEAD if n % 2 else Outcome.DONE) for n in range(1, 5)]


@pytest.mark.parametrize("more", [(), (writer("work"),)], ids=["nothing is stored", "outputs are stored"])
def test_each_item_is_told_in_order_with_what_became_of_it(more: tuple[PlannedNode, ...]) -> None:
    source = Source(4)

    async def scene() -> None:
        lab = Lab(source.plan(*more))
        await lab.running()
        await lab.until_true(lambda: len(source.told) == 4)
        assert source.told == MIXED
        await lab.stop()
        assert source.told == MIXED
        await lab.close()

    run(scene())


def test_it_is_told_after_the_commit_and_not_before() -> None:
    source = Source(1)

    async def scene() -> None:
        lab = Lab(source.plan())
        gate = lab.hold("before commit")
        await lab.running()
        await lab.reached["before commit"].wait()
        await asyncio.sleep(5)
        assert source.told == []
        gate.set()
        await lab.until_true(lambda: source.told == [("item-1", Outcome.DEAD)])
        await lab.stop()
        await lab.close()

    run(scene())


def test_what_the_loop_does_not_finish_and_nothing_brings_again_is_dead_before_the_teardown() -> None:
    source = Source(1)

    async def scene() -> None:
        source.gate = asyncio.Event()
        lab = Lab(source.plan())
        await lab.running()
        await lab.until_true(lambda: lab.loop.view().in_flight)
        await lab.stop()
        assert (source.told, source.torn_down_after) == ([("item-1", Outcome.DEAD)], 1)
        await lab.close()

    run(scene())


def test_what_the_loop_does_not_finish_is_given_up_if_the_cursor_brings_it_again() -> None:
    source = Source(1, cursor=True)

    async def scene() -> None:
        lab = Lab(source.plan())
        await lab.running()
        await lab.until_true(lambda: source.told)  # its cursor is saved now
        await lab.stop()
        source.gate = asyncio.Event()
        lab.tell(Command.START)
        await lab.until(LoopState.RUNNING)
        await lab.until_true(lambda: lab.loop.view().in_flight)
        await lab.stop()
        assert source.told[1:] == [("item-1", Outcome.GIVEN_UP)]
        await lab.close()

    run(scene())


def test_a_producer_that_fails_at_hearing_of_it_loses_nothing() -> None:
    source = Source(4, error=RuntimeError("no"))

    async def scene() -> None:
        lab = Lab(source.plan(writer("work")))
        await lab.running()
        await lab.until_true(lambda: len(source.told) == 4)
        assert source.told == MIXED
        assert lab.state is LoopState.RUNNING
        assert (await lab.stats("out")).pushed == 2
        await lab.stop()
        await lab.close()

    run(scene())
