"""A cursor that a producer sets in its `setup` is saved before its first item."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from engine_lab import LOOP, Lab, PlannedNode, plan_of, quiet, run
from flowtui.model.states import Command, LoopState
from flowtui.nodes.base import ProducerNode


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def producer(given: list[Any], cursor: Any, *, is_replicable: bool = False) -> PlannedNode:
    """Return a producer of nothing that sets its cursor if it is given none."""

    class Waits(ProducerNode):
        replicable = is_replicable

        def setup(self) -> None:
            given.append(self.cursor)
            if self.cursor is None:
                self.cursor = cursor

        async def execute(self) -> None:
            await asyncio.sleep(1_000_000)

    return PlannedNode("waits", Waits)


@pytest.mark.parametrize("dies", [False, True], ids=["stop", "crash"])
def test_it_is_given_back_though_no_item_came(dies: bool) -> None:
    given: list[Any] = []

    async def scene() -> None:
        lab = Lab(plan_of(producer(given, {"began": 5})))
        await lab.running()
        await asyncio.sleep(1)
        assert await lab.store.cursor(LOOP) == b'{"began": 5}'
        if dies:
            assert lab.crash()
        else:
            await lab.stop()
            lab.tell(Command.START)
        await asyncio.sleep(1)
        assert given == [None, {"began": 5}]
        await lab.stop()
        assert lab.calls["commit"] == 1  # what has not changed is not saved again
        await lab.close()

    run(scene())


@pytest.mark.parametrize(
    ("cursor", "is_replicable", "message"),
    [({"at": object()}, False, "self.cursor"), (1, True, "its class says replicable = True")],
)
def test_one_that_cannot_be_saved_fails_the_loop_and_says_why(cursor: Any, is_replicable: bool, message: str) -> None:
    async def scene() -> None:
        lab = Lab(plan_of(producer([], cursor, is_replicable=is_replicable)))
        lab.tell(Command.START)
        await lab.until(LoopState.FAILED)
        assert message in lab.loop.lifecycle.reason
        await lab.close()

    run(scene())
