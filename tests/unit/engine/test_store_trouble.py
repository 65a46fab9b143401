"""What a loop does when its store is away, refuses, loses replies or gives its lease to others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from engine_lab import CALLS, LOOP, Lab, PlannedNode, plan_of, quiet, reader, run, writer
from flowtui.engine.runner import GRACE_S
from flowtui.model.data import NodeData
from flowtui.model.errors import StoreError
from flowtui.model.ids import derived_id
from flowtui.model.states import Command, LoopState, OnError
from flowtui.nodes.base import BlockingNode, NonBlockingNode, ProducerNode
from flowtui.storage.queue_store import Source


class Pass(BlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        return data


class Beside(NonBlockingNode):
    """Lets the loop go on, and so fetch, while an item is on its way."""

    async def execute(self, data: NodeData) -> NodeData:
        await asyncio.sleep(0.001)
        return data


class OneByOne(ProducerNode):
    async def execute(self) -> dict[str, int]:
        await asyncio.sleep(1)
        return {"n": 1}


READS = (reader(), PlannedNode("beside", Beside, ("read",)), writer("beside"))
MAKES = (PlannedNode("make", OneByOne), PlannedNode("pass", Pass, ("make",)), writer("pass"))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


async def assert_each_once(lab: Lab, ids: list[str]) -> None:
    """Let the loop do what is left; every item must have come out once, in whatever order."""
    await lab.until_drained()
    assert await lab.stop() is LoopState.STOPPED
    out = [item.id for item in await lab.contents("out")]
    assert sorted(out) == sorted(derived_id(id, f"{LOOP}.write", 0) for id in ids)
    assert (await lab.stats()).unaccounted == 0
    assert lab.owners_in_store() == []


def test_a_commit_that_is_fenced_after_the_loop_has_gone_on_under_a_new_lease_drops_nothing() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS))
        await lab.running()
        release = lab.hold("before commit")
        ids = await lab.push(1)
        await lab.reached["before commit"].wait()
        lab.end_lease()  # the fetch under way will be told so first
        ids += await lab.push(3)
        lab.gates.clear()
        await asyncio.sleep(1)
        release.set()
        await assert_each_once(lab, ids)

    run(scene())


def test_a_commit_that_was_tried_in_vain_is_not_repeated_under_the_next_lease() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS))
        await lab.running()
        lab.away = ("commit",)
        ids = await lab.push(2)
        await lab.until_true(lambda: lab.calls["commit"])
        lab.end_lease()
        other, source = "another-process", Source("in", LOOP)
        await lab.store.join(other, source)
        while await lab.store.fetch(other, source, 10):
            pass
        ids += await lab.push(2)  # only these are the loop's now
        await asyncio.sleep(0.01)
        lab.away = ()
        await asyncio.sleep(1)
        await lab.store.leave(other, source)
        await assert_each_once(lab, ids)

    run(scene())


@pytest.mark.parametrize("when", ["before join", "after join"])
def test_items_whose_reply_came_after_the_lease_had_ended_are_left_to_others(when) -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS))
        await lab.running()
        commit = lab.hold("before commit")
        ids = await lab.push(1)
        await lab.reached["before commit"].wait()
        fetch = lab.hold("after fetch")
        ids += await lab.push(2)
        await lab.reached["after fetch"].wait()
        lab.end_lease()
        lab.gates.clear()
        joined = lab.hold(when)  # the new lease, of which the commit has seen the need
        commit.set()
        await lab.reached[when].wait()
        if when == "after join":
            joined.set()
            await asyncio.sleep(0.001)
        fetch.set()
        await asyncio.sleep(0.001)
        joined.set()
        await assert_each_once(lab, ids)

    run(scene())


def test_items_that_wait_are_fetched_after_one_call_failed_though_nobody_rings_again() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS))
        await lab.running()
        await lab.until_true(lambda: lab.loop.view().waiting == "no input")
        lab.away = ("fetch",)
        calls = lab.calls["fetch"]
        ids = await lab.push(2)
        await lab.until_true(lambda: lab.calls["fetch"] > calls)
        lab.away = ()
        await assert_each_once(lab, ids)

    run(scene())


def test_items_fetched_by_a_call_whose_reply_was_lost_are_done_even_if_their_ids_are_equal() -> None:
    class Slow(NonBlockingNode):
        async def execute(self, data: NodeData) -> NodeData:
            await asyncio.sleep(1)
            return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), PlannedNode("slow", Slow, ("read",)), writer("slow")))
        await lab.running()
        await lab.push(1, id="same")
        await asyncio.sleep(0.1)
        lab.lost_replies["fetch"] = 1
        await lab.push(2, id="same")
        await lab.until_drained()
        await lab.stop()
        assert len(await lab.contents("out")) == 3

    run(scene())


@pytest.mark.parametrize("nodes", [READS, MAKES], ids=["reader", "producer"])
def test_a_track_that_was_ended_before_it_heard_of_its_lease_takes_another_name(nodes) -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*nodes))
        lab.lost_replies["join"] = 1
        release = lab.hold("after join")
        lab.tell(Command.START)
        await lab.reached["after join"].wait()
        lab.end_lease()
        release.set()
        await lab.until(LoopState.RUNNING)
        if nodes is READS:
            await lab.push(1)
        await lab.until_true(lambda: lab.calls["commit"])
        assert await lab.stop() is LoopState.STOPPED
        first, again, new = lab.owners
        assert first == again != new
        assert await lab.contents("out")
        assert lab.owners_in_store() == []

    run(scene())


@pytest.mark.parametrize("nodes", [READS, MAKES], ids=["reader", "producer"])
@pytest.mark.parametrize("turns", [0, 1, 2, 50])
def test_a_loop_that_never_reached_its_store_can_be_stopped_at_any_moment(nodes, turns) -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*nodes))
        lab.away = CALLS
        lab.tell(Command.START)
        for _ in range(turns):
            await asyncio.sleep(0)
        assert await lab.stop() is LoopState.STOPPED

    run(scene())


@pytest.mark.parametrize("nodes", [READS, MAKES], ids=["reader", "producer"])
@pytest.mark.parametrize("call", CALLS)
def test_a_loop_ends_when_asked_though_the_store_refuses_a_call_for_ever(nodes, call) -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*nodes))
        if call not in ("join", "cursor"):
            await lab.running()
        else:
            lab.tell(Command.START)
        lab.away = (call,)
        await lab.push(3)
        await asyncio.sleep(2)
        assert await lab.stop() in (LoopState.STOPPED, LoopState.FAILED)

    run(scene())


def test_a_loop_whose_commit_is_refused_fails_and_says_why_and_its_item_goes_back() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS))
        await lab.running()
        lab.away, lab.refusal = ("commit",), StoreError
        ids = await lab.push(1)
        await lab.until(LoopState.FAILED)
        assert lab.loop.lifecycle.reason == "a commit failed: StoreError: the store is away (commit)"
        assert (await lab.stats()).depth == 1
        lab.away = ()
        await lab.running()
        await assert_each_once(lab, ids)

    run(scene())


async def _never(data: NodeData) -> None:
    await asyncio.Event().wait()


class Never(BlockingNode):
    execute = staticmethod(_never)


def test_what_the_grace_has_cut_off_is_filed_and_returned_by_a_store_that_takes_its_time() -> None:
    async def scene(first: PlannedNode) -> Lab:
        lab = Lab(plan_of(first, PlannedNode("never", Never, (first.id,))))
        await lab.push(3)
        await lab.running()
        await asyncio.sleep(2)
        lab.slow = {f"before {call}": 0.5 for call in CALLS}
        assert await lab.stop() is LoopState.STOPPED
        return lab

    async def made() -> None:
        lab = await scene(PlannedNode("make", OneByOne))
        assert [letter.error for letter in await lab.letters()] == ["Cancelled"]

    async def read() -> None:
        lab = await scene(reader())
        stats = await lab.stats()
        assert (stats.depth, stats.in_flight) == (3, 0)

    run(made())
    run(read())


@pytest.mark.parametrize("call", ["fetch", "commit", "leave"])
def test_a_store_that_does_not_answer_at_all_keeps_no_loop_from_ending(call) -> None:
    async def scene() -> None:
        lab = Lab(plan_of(*READS))
        await lab.running()
        lab.hold(f"before {call}")
        await lab.push(3)
        await asyncio.sleep(2)
        lab.tell(Command.STOP)
        await lab.until(LoopState.STOPPED, patience=GRACE_S + 5)

    run(scene())


def test_nodes_are_torn_down_though_the_store_refuses_the_goodbye() -> None:
    torn_down = []

    class Closes(BlockingNode):
        async def execute(self, data: NodeData) -> NodeData:
            return data

        def teardown(self) -> None:
            torn_down.append(self.id)

    async def scene() -> None:
        lab = Lab(plan_of(reader(), PlannedNode("closes", Closes, ("read",))))
        await lab.running()
        lab.away, lab.refusal = ("leave",), StoreError
        await lab.stop()

    asyncio.run(scene())  # a plain teardown runs in a thread
    assert torn_down == ["closes"]


def _itself() -> dict[str, object]:
    payload: dict[str, object] = {}
    payload["self"] = payload
    return payload


def _deep() -> dict[str, object]:
    payload: dict[str, object] = {}
    for _ in range(20_000):
        payload = {"in": payload}
    return payload


class _Unreadable:
    def __repr__(self) -> str:
        raise ValueError("no")


PAYLOADS = {
    "a lock": lambda: {"lock": threading.Lock()},
    "keys that are no texts": lambda: {("a", 1): 2},
    "itself": _itself,
    "great depth": _deep,
    "an object without a form": lambda: {"x": _Unreadable()},
}


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_payload_that_json_cannot_hold_becomes_a_dead_letter_and_the_loop_goes_on(kind) -> None:
    class Strange(BlockingNode):
        async def execute(self, data: NodeData) -> object:
            return PAYLOADS[kind]() if data["n"] == 0 else data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), PlannedNode("strange", Strange, ("read",)), writer("strange")))
        await lab.running()
        await lab.push(2)
        await lab.until_drained()
        await lab.stop()
        (letter,) = await lab.letters()
        assert (letter.node, letter.error, len(letter.payload)) == ("write", "NodeError", 1)
        assert len(await lab.contents("out")) == 1

    run(scene())


def test_several_failures_at_once_pause_the_loop_once_and_every_one_is_filed() -> None:
    class Fails(NonBlockingNode):
        async def execute(self, data: NodeData) -> NodeData:
            await asyncio.sleep(1)
            raise ValueError(data["n"])

    async def scene() -> None:
        lab = Lab(plan_of(reader(), PlannedNode("fails", Fails, ("read",)), on_error=OnError.PAUSE))
        await lab.push(4)
        await lab.running()
        await lab.until(LoopState.PAUSED)
        assert len(await lab.letters()) == 4
        assert lab.loop.lifecycle.reason == "ValueError at fails: 0"
        lab.tell(Command.RESUME)
        ids = await lab.push(1)
        await lab.until(LoopState.PAUSED)
        assert [letter.id for letter in await lab.letters()][4:] == ids
        await lab.stop()

    run(scene())
