"""A producer learns when its loop takes nothing more, so that it can turn away those who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from engine_lab import Lab, PlannedNode, plan_of, quiet, run
from flowtui.model.states import Command, LoopState
from flowtui.nodes.base import ProducerNode


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def producer(told: list[bool | str], error: Exception | None = None) -> PlannedNode:
    class Wait(ProducerNode):
        async def execute(self) -> None:
            await asyncio.sleep(1_000_000)

        def halted(self, halted: bool) -> None:
            told.append(halted)
            if error is not None:
                raise error

        def teardown(self) -> None:
            told.append("torn down")

    return PlannedNode("wait", Wait)


@pytest.mark.parametrize("error", [None, RuntimeError("no")], ids=["", "and fails at it"])
def test_a_producer_is_told_of_pause_resume_and_stop_each_once(error: Exception | None) -> None:
    told: list[bool | str] = []

    async def scene() -> None:
        lab = Lab(plan_of(producer(told, error)))
        await lab.running()
        assert told == []
        lab.tell(Command.PAUSE)
        await lab.until(LoopState.PAUSED)
        assert told == [True]
        lab.tell(Command.RESUME)
        await lab.until_true(lambda: told == [True, False])
        assert await lab.stop() is LoopState.STOPPED
        assert told == [True, False, True, "torn down"]
        await lab.close()

    run(scene())


def test_a_producer_is_told_of_a_drain() -> None:
    told: list[bool | str] = []

    async def scene() -> None:
        lab = Lab(plan_of(producer(told)))
        await lab.running()
        lab.tell(Command.DRAIN)
        await lab.until(LoopState.STOPPED)
        assert told == [True, "torn down"]
        await lab.close()

    run(scene())


def test_a_producer_of_a_loop_that_is_paused_while_it_starts_is_told_once_it_is_set_up() -> None:
    told: list[bool | str] = []

    async def scene() -> None:
        lab = Lab(plan_of(producer(told)))
        gate = lab.hold("before join")
        lab.tell(Command.START)
        await lab.reached["before join"].wait()
        lab.tell(Command.PAUSE)
        assert told == []
        gate.set()
        await lab.until_true(lambda: told == [True])
        await lab.stop()
        await lab.close()

    run(scene())
