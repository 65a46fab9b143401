"""What a loop makes of nodes that hang, swallow cancellations, cancel themselves or raise what nobody expects."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from engine_lab import LOOP, Lab, PlannedNode, plan_of, quiet, reader, run, writer
from flowtui.engine.runner import GRACE_S
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.ids import derived_id
from flowtui.model.states import Command, LoopState, OnError
from flowtui.nodes.base import BlockingNode, Exhausted, NonBlockingNode, Pool, ProducerNode
from flowtui.workflow.schema import RetryOptions


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def work(execute: Callable[..., Any], kind: type = BlockingNode, id: str = "work", needs: str = "read") -> PlannedNode:
    """A node that does what `execute(data)` does."""
    if asyncio.iscoroutinefunction(execute):

        class Work(kind):  # type: ignore[misc, valid-type]
            async def execute(self, data: NodeData) -> Any:
                return await execute(data)
    else:

        class Work(kind):  # type: ignore[misc, valid-type, no-redef]
            def execute(self, data: NodeData) -> Any:
                return execute(data)

    return PlannedNode(id, Work, (needs,))


async def never() -> None:
    await asyncio.Event().wait()


# ---- cancelled from inside ----


async def _cancelled(*_: object) -> None:
    raise asyncio.CancelledError


def test_a_producer_that_is_cancelled_from_inside_is_asked_again() -> None:
    class Inner(ProducerNode):
        asked = 0

        async def execute(self) -> dict[str, int]:
            self.asked += 1
            if self.asked == 1:
                await _cancelled()
            if self.asked == 3:
                raise Exhausted
            return {"n": 1}

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("read", Inner), writer("read")))
        lab.tell(Command.START)
        assert await lab.until(LoopState.COMPLETED) is LoopState.COMPLETED
        producer = lab.loop.view().nodes[0]
        assert (producer.errors, producer.last_error) == (1, "NodeError: read was cancelled from inside")
        assert len(await lab.contents("out")) == 1

    run(scene())


def test_a_node_that_is_cancelled_from_inside_counts_as_failing() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(_cancelled)))
        await lab.running()
        await lab.push(1)
        await lab.until_drained()
        node = lab.loop.view().nodes[1]
        assert (node.errors, node.last_error) == (1, "NodeError: work was cancelled from inside")
        await lab.stop()

    run(scene())


def test_a_setup_that_is_cancelled_from_inside_fails_the_loop() -> None:
    class Inner(BlockingNode):
        async def setup(self) -> None:
            await _cancelled()

        async def execute(self, data: NodeData) -> NodeData:
            return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), PlannedNode("work", Inner, ("read",))))
        lab.tell(Command.START)
        await lab.until(LoopState.FAILED)
        assert lab.loop.lifecycle.reason == "it was cancelled from inside"

    run(scene())


# ---- teardown ----


@pytest.mark.parametrize("teardown", [_cancelled, lambda _: never()], ids=["is cancelled", "hangs"])
def test_a_teardown_that_goes_wrong_keeps_neither_the_loop_from_ending_nor_the_others_from_theirs(teardown) -> None:
    torn_down = []

    class Bad(BlockingNode):
        async def execute(self, data: NodeData) -> NodeData:
            return data

        async def teardown(self) -> None:
            await teardown(self)

    class Good(Bad):
        async def teardown(self) -> None:
            torn_down.append(self.id)

    async def scene() -> None:
        nodes = PlannedNode("first", Good, ("read",)), PlannedNode("bad", Bad, ("first",))
        lab = Lab(plan_of(reader(), *nodes, PlannedNode("last", Good, ("bad",))))
        await lab.running()
        assert await lab.stop() is LoopState.STOPPED

    run(scene())
    assert sorted(torn_down) == ["first", "last"]


# ---- swallowed cancellations ----


def test_after_a_swallowed_cancellation_no_further_node_begins() -> None:
    begun = []

    async def swallows(data: NodeData) -> NodeData:
        try:
            await never()
        except asyncio.CancelledError:
            return data

    async def next_one(data: NodeData) -> None:
        begun.append(data["n"])
        await never()

    async def scene(kind: type) -> None:
        lab = Lab(plan_of(reader(), work(swallows, kind), work(next_one, id="next", needs="work")))
        await lab.running()
        await lab.push(1)
        await asyncio.sleep(1)
        assert await lab.stop() is LoopState.STOPPED
        assert (await lab.stats()).depth == 1

    run(scene(BlockingNode))
    run(scene(NonBlockingNode))
    assert begun == []


def test_a_node_that_fails_because_it_was_cancelled_is_not_tried_again() -> None:
    tries = []

    async def fails_when_cancelled(data: NodeData) -> None:
        tries.append(data["n"])
        try:
            await never()
        except asyncio.CancelledError as error:
            raise ConnectionError("torn off") from error

    async def scene() -> None:
        node = work(fails_when_cancelled)
        node.retry = RetryOptions(attempts=5, delay=30, jitter=False)
        lab = Lab(plan_of(reader(), node))
        await lab.running()
        await lab.push(1)
        await asyncio.sleep(1)
        lab.tell(Command.STOP)
        await lab.until(LoopState.STOPPED, patience=GRACE_S + 1)

    run(scene())
    assert tries == [0]


def test_a_producer_that_swallows_its_cancellation_is_cancelled_again_after_the_grace() -> None:
    class Deaf(ProducerNode):
        async def execute(self) -> None:
            try:
                await never()
            except asyncio.CancelledError:
                await never()

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("read", Deaf)))
        await lab.running()
        assert await lab.stop() is LoopState.STOPPED

    run(scene())


# ---- the grace ----


def test_what_begins_within_the_grace_may_use_it_to_its_end() -> None:
    async def short(data: NodeData) -> NodeData:
        await asyncio.sleep(1)
        return data

    async def scene() -> None:
        first = work(short, NonBlockingNode)
        branches = [work(short, id=f"branch{n}", needs="work") for n in range(3)]
        lab = Lab(plan_of(PlannedNode("read", Once), first, *branches, writer("branch2")))
        await lab.running()
        await asyncio.sleep(0.1)
        assert await lab.stop() is LoopState.STOPPED
        assert await lab.letters() == []
        assert len(await lab.contents("out")) == 1

    class Once(ProducerNode):
        is_done = False

        async def execute(self) -> dict[str, int]:
            if self.is_done:
                await never()
            self.is_done = True
            return {"n": 0}

    run(scene())


def test_a_shorter_grace_overrides_the_one_that_runs() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(lambda _: never())))
        await lab.running()
        await lab.push(1)
        await asyncio.sleep(0.1)
        lab.tell(Command.STOP)
        await asyncio.sleep(0.1)
        lab.loop.stop_within(1.0, "the end")
        await lab.until(LoopState.STOPPED, patience=2.0)

    run(scene())


# ---- pausing ----


def test_an_item_that_arrives_while_the_loop_is_paused_goes_back_and_is_not_begun() -> None:
    begun = []

    async def begin(data: NodeData) -> None:
        begun.append(data["n"])

    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(begin)))
        await lab.running()
        await lab.until_true(lambda: lab.loop.view().waiting)
        arrived = lab.hold("after fetch")
        await lab.push(2)
        await lab.reached["after fetch"].wait()
        lab.tell(Command.PAUSE)
        await lab.until(LoopState.PAUSED)
        arrived.set()
        await asyncio.sleep(0.1)
        assert begun == []
        stats = await lab.stats()
        assert (stats.depth, stats.in_flight) == (2, 0)
        lab.tell(Command.RESUME)
        await lab.until_drained()
        assert begun == [0, 1]
        assert lab.loop.view().nodes[0].runs == 2
        await lab.stop()

    run(scene())


def test_a_pausing_loop_returns_what_it_has_not_begun_while_slow_items_are_on_their_way() -> None:
    gate = asyncio.Event()

    async def slow(data: NodeData) -> None:
        if data["n"] >= 8:
            await gate.wait()

    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(slow, NonBlockingNode), max_in_flight=2))
        await lab.push(30)
        await lab.running()
        await lab.until_true(lambda: lab.loop.view().waiting == "2 in flight, oldest at work")
        assert (await lab.stats()).in_flight > 2
        lab.tell(Command.PAUSE)
        await asyncio.sleep(1)
        stats = await lab.stats()
        assert (stats.depth, stats.in_flight) == (20, 2)
        assert (lab.state, lab.loop.view().waiting) == (LoopState.PAUSING, "2 in flight, oldest at work")
        gate.set()
        await lab.until(LoopState.PAUSED)
        assert (await lab.stats()).in_flight == 0
        await lab.stop()

    run(scene())


def test_a_loop_that_was_resumed_and_paused_again_is_not_paused_while_an_item_is_on_its_way() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(lambda _: asyncio.sleep(5))))
        await lab.running()
        await lab.push(1)
        lab.late = 0.5  # what the runner reports takes this long to arrive
        lab.tell(Command.PAUSE)
        await asyncio.sleep(0.1)
        lab.tell(Command.RESUME)
        await asyncio.sleep(0.1)
        lab.tell(Command.PAUSE)
        await asyncio.sleep(1)
        assert (lab.state, lab.loop.view().in_flight) == (LoopState.PAUSING, 1)
        await lab.until(LoopState.PAUSED)
        assert lab.loop.view().in_flight == 0
        await lab.stop()

    run(scene())


# ---- odd values and errors ----


def test_ids_of_outputs_do_not_depend_on_which_branch_was_faster() -> None:
    async def scene(slow: str) -> dict[str, str]:
        async def take_time(data: NodeData, id: str) -> NodeData:
            await asyncio.sleep(2 if id == slow else 1)
            return data

        branches = [work(lambda data, id=id: take_time(data, id), id=id) for id in ("a", "b")]
        lab = Lab(plan_of(reader(), *branches, writer("a", "out", "wa"), writer("b", "out2", "wb")))
        await lab.running()
        await lab.push(1, id="given")
        await lab.until_drained()
        await lab.stop()
        return {queue: (await lab.contents(queue))[0].id for queue in ("out", "out2")}

    assert (
        run(scene("a"))
        == run(scene("b"))
        == {
            "out": derived_id("given", f"{LOOP}.wa", 0),
            "out2": derived_id("given", f"{LOOP}.wb", 0),
        }
    )


class _Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("broken")


class _Treacherous(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise OSError("gone")

    def __iter__(self) -> Iterator[str]:
        raise OSError("gone")

    def __len__(self) -> int:
        return 1


async def _raises_unreadable(_: NodeData) -> None:
    raise _Unreadable


async def _returns_treacherous(_: NodeData) -> Mapping[str, int]:
    return _Treacherous()


@pytest.mark.parametrize(
    ("execute", "error"),
    [(_raises_unreadable, "its text cannot be read (RuntimeError)"), (_returns_treacherous, "gone")],
)
@pytest.mark.parametrize("kind", [BlockingNode, NonBlockingNode])
def test_what_cannot_even_be_read_costs_one_item(execute, error, kind) -> None:
    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(execute, kind), writer("work"), writer("work", "out2", "write2")))
        await lab.running()
        await lab.push(1)
        await lab.until_drained()
        assert [(letter.node, letter.message) for letter in await lab.letters()] == [("work", error)]
        assert await lab.stop() is LoopState.STOPPED

    run(scene())


def test_a_producer_whose_error_cannot_be_read_is_asked_again() -> None:
    class Odd(ProducerNode):
        asked = 0

        async def execute(self) -> None:
            self.asked += 1
            raise _Unreadable if self.asked == 1 else Exhausted

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("read", Odd)))
        lab.tell(Command.START)
        await lab.until(LoopState.COMPLETED, LoopState.FAILED)
        assert lab.state is LoopState.COMPLETED

    run(scene())


def test_a_cursor_that_its_producer_changes_in_place_is_saved_in_every_life() -> None:
    class Steps(ProducerNode):
        made = 0

        async def execute(self) -> dict[str, int]:
            if self.made == 2:
                raise Exhausted
            self.made += 1
            if self.cursor is None:
                self.cursor = {"at": 0}
            self.cursor["at"] += 1
            return {"n": self.cursor["at"]}

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("read", Steps)))
        for saved in (b'{"at": 2}', b'{"at": 4}'):
            lab.tell(Command.START)
            await lab.until(LoopState.COMPLETED)
            assert await lab.store.cursor(LOOP) == saved

    run(scene())


# ---- threads ----


@pytest.fixture(params=list(Pool), ids=lambda pool: pool.label)
def pool(request: pytest.FixtureRequest) -> Pool:
    return request.param


def plan_in(pool: Pool, *nodes: PlannedNode, on_error: OnError = OnError.DEAD_LETTER) -> ExecutionPlan:
    return plan_of(*nodes, pool=pool, on_error=on_error)


@pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_whatever_a_plain_function_raises_costs_one_item(pool, error) -> None:
    def raises(data: NodeData) -> NodeData:
        if data["n"] == 1:
            raise error
        return data

    async def scene() -> None:
        lab = Lab(plan_in(pool, reader(), work(raises), writer("work")))
        await lab.running()
        await lab.push(3)
        await lab.until_drained()
        assert len(await lab.letters()) == 1
        assert len(await lab.contents("out")) == 2
        await lab.stop()

    asyncio.run(scene())


def test_a_plain_producer_that_raises_stop_iteration_says_so(pool) -> None:
    class Rows(ProducerNode):
        rows = iter([{"n": 0}])

        def execute(self) -> dict[str, int]:
            return next(self.rows)

    async def scene() -> None:
        lab = Lab(plan_in(pool, PlannedNode("read", Rows), writer("read")))
        await lab.running()
        await lab.until_true(lambda: lab.loop.view().nodes[0].errors)
        assert lab.loop.view().waiting == (
            "read failed: RuntimeError: a plain function raised StopIteration, as next() does at its end: "
            "catch it there; a producer raises Exhausted at its own"
        )
        await lab.stop()

    asyncio.run(scene())


def test_what_a_plain_producer_takes_while_the_loop_stops_is_not_lost(pool) -> None:
    asked, arrived = threading.Event(), threading.Event()

    class Takes(ProducerNode):
        def execute(self) -> dict[str, int]:
            asked.set()
            arrived.wait(5)
            return {"n": 1}

    async def scene() -> None:
        lab = Lab(plan_in(pool, PlannedNode("read", Takes), writer("read")))
        await lab.running()
        await asyncio.to_thread(asked.wait, 5)
        lab.tell(Command.STOP)
        await asyncio.sleep(0.05)
        assert lab.state is LoopState.STOPPING
        arrived.set()
        await lab.until(LoopState.STOPPED)
        assert len(await lab.contents("out")) == 1

    asyncio.run(scene())


def test_the_cause_of_a_failure_is_told_though_a_thread_still_runs(pool) -> None:
    gate = threading.Event()
    hangs = "hangs still ran and ended with the process" if pool is Pool.PROCESS else "hangs still running in a thread"

    class Hangs(NonBlockingNode):
        def execute(self, data: NodeData) -> NodeData:
            if data["n"] == 0:
                gate.wait(20)
            return data

    class Fails(BlockingNode):
        async def execute(self, data: NodeData) -> NodeData:
            if data["n"] == 1:
                raise OSError("no such device")
            return data

    async def scene() -> None:
        nodes = reader(), PlannedNode("hangs", Hangs, ("read",)), PlannedNode("fails", Fails, ("read",))
        lab = Lab(plan_in(pool, *nodes, on_error=OnError.STOP))
        await lab.running()
        await lab.push(2)
        await lab.until_true(lambda: lab.loop.view().nodes[2].errors and lab.loop.view().nodes[1].running == 1)
        lab.loop.stop_within(0.05, "")
        await lab.until(LoopState.FAILED)
        assert lab.loop.lifecycle.reason == f"OSError at fails: no such device; {hangs}"
        gate.set()

    asyncio.run(scene())
