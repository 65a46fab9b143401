"""What a producer can make no item of becomes a dead letter; why it has nothing now can be read on the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from engine_lab import Lab, PlannedNode, plan_of, quiet, run, writer
from flowtui.model.data import NodeData, Unreadable
from flowtui.model.states import Command, LoopState, OnError, Outcome
from flowtui.nodes.base import BlockingNode, Exhausted, ProducerNode


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


class Seen(BlockingNode):
    seen: Sequence[int] = ()

    async def execute(self, data: NodeData) -> NodeData:
        Seen.seen = (*Seen.seen, data["n"])
        return data


def rows(told: list[tuple[str, Outcome]], odd: str = "rows:2 is no number") -> type[ProducerNode]:
    class Rows(ProducerNode):
        async def execute(self) -> NodeData:
            n = self.cursor = (self.cursor or 0) + 1
            if n > 4:
                raise Exhausted
            return NodeData({"n": n}, f"row-{n}") if n != 2 else Unreadable(odd, {"raw": "two"}, "row-2")

        def ended(self, id: str, outcome: Outcome) -> None:
            told.append((id, outcome))

    return Rows


def test_it_is_a_dead_letter_of_the_producer_and_runs_through_no_node() -> None:
    told: list[tuple[str, Outcome]] = []
    Seen.seen = ()
    plan = plan_of(PlannedNode("rows", rows(told)), PlannedNode("seen", Seen, ("rows",)), writer("seen"))

    async def scene() -> None:
        lab = Lab(plan)
        lab.tell(Command.START)
        await lab.until(LoopState.COMPLETED)
        (letter,) = await lab.letters()
        assert (letter.id, letter.node, letter.payload) == ("row-2", "rows", {"raw": "two"})
        assert letter.message == "rows:2 is no number"
        assert "edit its payload first" in letter.why_not(from_start=False)
        assert Seen.seen == (1, 3, 4)
        assert told == [(f"row-{n}", Outcome.DEAD if n == 2 else Outcome.DONE) for n in (1, 2, 3, 4)]
        assert (await lab.stats("out")).pushed == 3
        assert lab.loop.view().errors == 1
        await lab.close()

    run(scene())


def test_on_error_counts_for_it_too_and_its_cursor_is_saved() -> None:
    told: list[tuple[str, Outcome]] = []
    plan = plan_of(
        PlannedNode("rows", rows(told)), PlannedNode("seen", Seen, ("rows",)), writer("seen"), on_error=OnError.PAUSE
    )

    async def scene() -> None:
        lab = Lab(plan)
        lab.tell(Command.START)
        await lab.until(LoopState.PAUSED)
        assert "rows:2 is no number" in lab.loop.view().reason
        await lab.stop()
        lab.tell(Command.START)
        await lab.until(LoopState.COMPLETED)
        assert [id for id, _ in told] == ["row-1", "row-2", "row-3", "row-4"]
        await lab.close()

    run(scene())


def test_a_producer_says_what_it_waits_for_until_it_has_something() -> None:
    gate = asyncio.Event()

    class Inbox(ProducerNode):
        async def execute(self) -> Any:
            if not self.waiting:
                self.waiting = "inbox is not there"
                return None
            await gate.wait()
            gate.clear()
            return {"n": 1}

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("inbox", Inbox), PlannedNode("seen", Seen, ("inbox",))))
        await lab.running()
        await lab.until_true(lambda: lab.loop.view().waiting == "inbox: inbox is not there")
        gate.set()
        await lab.until_true(lambda: not lab.loop.view().waiting)
        await lab.stop()
        await lab.close()

    run(scene())
