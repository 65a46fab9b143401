"""Nodes that wait do so side by side."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine_lab import Lab, PlannedNode, plan_of, reader, run, writer
from flowtui.model.data import NodeData
from flowtui.nodes.base import BlockingNode, NonBlockingNode, Pool


@pytest.mark.parametrize("kind", [BlockingNode, NonBlockingNode])
@pytest.mark.parametrize("pool", list(Pool), ids=lambda pool: pool.label)
def test_three_branches_that_await_a_second_each_take_a_second(pool, kind) -> None:
    class Wait(kind):  # type: ignore[misc, valid-type]
        async def execute(self, data: NodeData) -> NodeData:
            await asyncio.sleep(1)
            done_at.append(round(asyncio.get_running_loop().time() - began_at, 3))
            return data

    done_at: list[float] = []
    began_at = 0.0

    async def scene() -> None:
        nonlocal began_at
        branches = [PlannedNode(id, Wait, ("read",)) for id in "abc"]
        lab = Lab(plan_of(reader(), *branches, writer("c"), pool=pool))
        await lab.running()
        began_at = asyncio.get_running_loop().time()
        await lab.push(1)
        await lab.until_drained()
        assert len(done_at) == 3
        assert len(set(done_at)) == 1
        await lab.stop()

    run(scene())


@pytest.mark.parametrize("kind", [BlockingNode, NonBlockingNode])
@pytest.mark.parametrize("pool", list(Pool), ids=lambda pool: pool.label)
def test_three_plain_branches_that_block_are_at_work_at_the_same_time(pool, kind) -> None:
    all_here = threading.Barrier(3)

    class Block(kind):  # type: ignore[misc, valid-type]
        def execute(self, data: NodeData) -> NodeData:
            all_here.wait(10)
            return data

    async def scene() -> None:
        branches = [PlannedNode(id, Block, ("read",)) for id in "abc"]
        lab = Lab(plan_of(reader(), *branches, writer("c"), pool=pool))
        await lab.running()
        # More than once: what was quick the last time may run on the track's own thread, if nothing else runs.
        for count in (1, 2, 3):
            await lab.push(1)
            await lab.until_drained()
            assert (await lab.letters(), len(await lab.contents("out"))) == ([], count)
        await lab.stop()

    asyncio.run(scene())


@pytest.mark.parametrize("pool", list(Pool), ids=lambda pool: pool.label)
def test_a_plain_function_that_blocks_leaves_the_event_loop_free(pool) -> None:
    async def scene() -> None:
        loop, turned = asyncio.get_running_loop(), threading.Event()

        class Block(BlockingNode):
            def execute(self, data: NodeData) -> NodeData:
                loop.call_soon_threadsafe(turned.set)
                assert turned.wait(10)
                return data

        lab = Lab(plan_of(reader(), PlannedNode("block", Block, ("read",)), writer("block"), pool=pool))
        await lab.running()
        await lab.push(1)
        await lab.until_drained()
        assert (await lab.letters(), len(await lab.contents("out"))) == ([], 1)
        await lab.stop()

    asyncio.run(scene())
