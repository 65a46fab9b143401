"""Dead letters: what they hold of their iteration, and that a replay runs what has not run and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine_lab import LOOP, Lab, PlannedNode, plan_of, reader, run, writer
from flowtui.engine.handle import Tap, TrackHandle
from flowtui.engine.replays import Replays, follow_replays
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.ids import derived_id
from flowtui.model.letters import ReplayAnswer
from flowtui.model.states import Command, LoopState, OnFull
from flowtui.nodes.base import BlockingNode, ConditionalNode, Exhausted, NonBlockingNode, Pool, ProducerNode
from flowtui.storage.commit import Commit, Source
from flowtui.storage.records import Bound, replay_queue


class Script:
    """What the nodes of one test do: how often each ran, with what, and which shall fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.runs: Counter[str] = Counter()
        self.seen: dict[str, NodeData] = {}
        self.setups: Counter[str] = Counter()
        self.gates: dict[str, asyncio.Event] = {}

    def node(self, id: str, *needs: str, kind: type = BlockingNode) -> PlannedNode:
        """Return a node that adds its own name to the payload."""
        script = self

        async def setup(node: Any) -> None:
            script.setups[id] += 1

        async def execute(node: Any, data: NodeData) -> Mapping[str, Any]:
            script.runs[id] += 1
            script.seen[id] = data
            if gate := script.gates.get(id):
                await gate.wait()
            if id in script.failing:
                raise ValueError(f"{id} fails")
            return data | {id: script.runs[id]}

        cls = type(f"Node{id}", (kind,), {"setup": setup, "execute": execute})
        return PlannedNode(id, cls, needs)


@contextlib.asynccontextmanager
async def replaying(lab: Lab) -> AsyncIterator[None]:
    """Follow replay requests as an engine does."""
    task = asyncio.create_task(follow_replays(lab, lambda: {LOOP: lab.loop}))  # type: ignore[arg-type]
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def replay_all(lab: Lab, *, from_start: bool = False) -> ReplayAnswer:
    """Replay all letters, and wait until none waits any more."""
    answer = await lab.dead_letters().replay(await lab.letters(), from_start=from_start)
    async with asyncio.timeout(600), replaying(lab):
        while (stats := await lab.stats(replay_queue(LOOP))).depth or stats.in_flight or lab.loop.replays.is_active:
            await asyncio.sleep(0.1)
    return answer


def diamond(script: Script, **options: Any) -> ExecutionPlan:
    """read → left, right → join → write; a writer beside, behind `right`."""
    return plan_of(
        reader(),
        script.node("left", "read"),
        script.node("right", "read"),
        script.node("join", "left", "right"),
        writer("join"),
        writer("right", queue="aside", id="aside"),
        **options,
    )


async def failed(lab: Lab, count: int = 1) -> None:
    """Run that many items that fail."""
    await lab.running()
    await lab.push(count)
    await lab.until_drained()


def test_a_letter_holds_what_the_part_not_run_needs_though_it_came_after_the_failure() -> None:
    script = Script("left")
    script.gates["right"] = asyncio.Event()

    async def scene() -> None:
        lab = Lab(diamond(script))
        await lab.running()
        await lab.push()
        await lab.until_true(lambda: script.runs["left"] and script.runs["right"])
        script.gates["right"].set()
        await lab.until_drained()
        await lab.stop()
        (letter,) = await lab.letters()
        assert (letter.node, letter.payload, letter.whole, letter.queue) == ("left", {"n": 0}, {"n": 0}, "in")
        assert letter.upstream == {"right": {"payload": {"n": 0, "right": 1}}}
        assert (letter.tied_to, letter.nth, letter.of, letter.replays) == ((), 1, 1, 0)
        assert (letter.trace, letter.origin, letter.attempt, letter.since) == ("trace", "test", 1, letter.failed_at)
        await lab.close()

    run(scene())


@pytest.mark.parametrize("state", [LoopState.RUNNING, LoopState.PAUSED, LoopState.STOPPED])
@pytest.mark.parametrize("pool", [Pool.ASYNCIO, Pool.THREAD])
def test_a_replay_runs_only_what_has_not_run_whatever_the_loop_does(state, pool) -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script, pool=pool))
        await failed(lab)
        if state is LoopState.PAUSED:
            lab.tell(Command.PAUSE)
            await lab.until(state)
        elif state is LoopState.STOPPED:
            await lab.stop()
        (item,) = await lab.contents("aside")
        assert (item.payload, await lab.contents("out")) == (b'{"n":0,"right":1}', [])
        script.failing.clear()
        assert await replay_all(lab) == ReplayAnswer(queued=1)
        assert (lab.state, script.runs) == (state, Counter(left=2, right=1, join=1))
        assert (await lab.letters(), await lab.contents("aside")) == ([], [item])
        (item,) = await lab.contents("out")
        assert item.payload == b'{"n":0,"left":2,"right":1,"join":1}'
        assert (item.id, item.trace, item.origin) == (derived_id("i0", f"{LOOP}.write", 0), "trace", LOOP)
        by = script.seen["join"].by
        assert {need: dict(data) for need, data in by.items()} == {
            "left": {"n": 0, "left": 2},
            "right": {"n": 0, "right": 1},
        }
        assert (script.seen["left"].id, script.seen["left"].meta.attempt) == ("i0", 2)
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_join_that_failed_gets_the_outputs_that_were_merged_again() -> None:
    script = Script("join")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab)
        (letter,) = await lab.letters()
        assert (letter.node, letter.upstream) == ("join", {})
        before = dict(script.seen["join"].by)
        script.failing.clear()
        await replay_all(lab)
        assert (script.runs, dict(script.seen["join"].by)) == (Counter(left=1, right=1, join=2), before)
        assert len(await lab.contents("out")) == 1
        await lab.stop()
        await lab.close()

    run(scene())


def test_what_fails_again_is_a_new_letter_that_knows_how_often_and_since_when() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script, breaker=1_000))
        await failed(lab)
        (first,) = await lab.letters()
        for attempt in (2, 3):
            await replay_all(lab)
            (letter,) = await lab.letters()
            assert (letter.attempt, letter.replays, letter.since) == (attempt, attempt - 1, first.failed_at)
            assert (letter.upstream, letter.queue, letter.id) == (first.upstream, "in", first.id)
            assert letter.failed_at > first.failed_at
            assert letter.number > first.number
        script.failing = {"join"}
        await replay_all(lab)
        (letter,) = await lab.letters()
        assert (letter.node, letter.replays, letter.item) == ("join", 3, {"n": 0})
        script.failing.clear()
        await replay_all(lab)
        assert (await lab.letters(), script.runs) == ([], Counter(left=4, right=1, join=2))
        await lab.stop()
        await lab.close()

    run(scene())


def test_two_failures_before_one_join_are_replayed_only_from_the_start_and_together() -> None:
    script = Script("left", "right")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab)
        letters = await lab.letters()
        assert sorted((letter.node, letter.tied_to, letter.nth, letter.of) for letter in letters) == [
            ("left", ("right",), letters[0].nth if letters[0].node == "left" else letters[1].nth, 2),
            ("right", ("left",), letters[0].nth if letters[0].node == "right" else letters[1].nth, 2),
        ]
        answer = await replay_all(lab)
        assert (answer.queued, len(answer.refused)) == (0, 2)
        assert "replay it from the start" in answer.refused[0]
        script.failing.clear()
        assert await replay_all(lab, from_start=True) == ReplayAnswer(requeued=1)
        await lab.until_drained()
        assert (await lab.letters(), script.runs) == ([], Counter(left=2, right=2, join=1))
        assert len(await lab.contents("out")) == 1
        await lab.stop()
        await lab.close()

    run(scene())


def test_two_failures_that_do_not_meet_are_replayed_each_by_itself() -> None:
    script = Script("left", "right")

    async def scene() -> None:
        plan = plan_of(
            reader(),
            script.node("left", "read"),
            script.node("right", "read"),
            writer("left", id="one"),
            writer("right", id="two"),
        )
        lab = Lab(plan)
        await failed(lab)
        assert [letter.tied_to for letter in await lab.letters()] == [(), ()]
        script.failing.clear()
        assert (await replay_all(lab)).queued == 2
        assert (await lab.letters(), script.runs) == ([], Counter(left=2, right=2))
        ids = {item.id for item in await lab.contents("out")}
        assert ids == {derived_id("i0", f"{LOOP}.{each}", 0) for each in ("one", "two")}
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_branch_that_was_not_taken_is_not_taken_by_the_replay_either() -> None:
    script = Script("left")

    class Choose(ConditionalNode):
        async def execute(self, data: NodeData) -> str:
            return "yes"

    async def scene() -> None:
        plan = plan_of(
            reader(),
            PlannedNode("choose", Choose, ("read",)),
            script.node("left", "read"),
            script.node("no", "choose.no"),
            script.node("join", "left", "choose.yes", "choose.no", "no"),
            writer("join"),
        )
        lab = Lab(plan)
        await failed(lab)
        (letter,) = await lab.letters()
        assert letter.upstream == {"choose.yes": {"payload": {"n": 0}}, "choose.no": None, "no": None}
        script.failing.clear()
        await replay_all(lab)
        assert (script.runs, set(script.seen["join"].by)) == (Counter(left=2, join=1), {"left", "choose"})
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_replay_goes_on_through_non_blocking_nodes_and_several_writers() -> None:
    script = Script("slow")

    async def scene() -> None:
        plan = plan_of(
            reader(),
            script.node("slow", "read", kind=NonBlockingNode),
            writer("slow", id="one"),
            script.node("last", "one"),
            writer("last", id="two"),
        )
        lab = Lab(plan)
        await failed(lab, 3)
        assert await lab.contents("out") == []
        script.failing.clear()
        assert (await replay_all(lab)).queued == 3
        assert (script.runs, len(await lab.contents("out"))) == (Counter(slow=6, last=3), 6)
        await lab.stop()
        await lab.close()

    run(scene())


def test_items_that_a_producer_made_run_again_without_it() -> None:
    script = Script("work")

    class Two(ProducerNode):
        made = 0

        async def setup(self) -> None:
            script.setups["producer"] += 1

        async def execute(self) -> Mapping[str, Any]:
            if Two.made == 2:
                raise Exhausted
            Two.made += 1
            return {"n": Two.made}

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("make", Two), script.node("work", "make"), writer("work")))
        lab.tell(Command.START)
        await lab.until(LoopState.COMPLETED)
        script.failing.clear()
        first, second = await lab.letters()
        assert (first.queue, first.origin, first.trace) == ("", LOOP, first.id)
        assert await lab.dead_letters().replay([second], from_start=True) == ReplayAnswer(queued=1)
        await replay_all(lab)
        assert (await lab.letters(), lab.state, script.setups["producer"]) == ([], LoopState.COMPLETED, 1)
        out = await lab.contents("out")
        assert sorted(item.payload for item in out) == [b'{"n":1,"work":4}', b'{"n":2,"work":3}']
        assert {item.id for item in out} == {derived_id(each.id, f"{LOOP}.write", 0) for each in (first, second)}
        assert script.seen["work"].meta.revision == "1"
        await lab.close()

    run(scene())


def test_an_edited_payload_is_what_the_failed_node_gets() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab)
        (letter,) = await lab.letters()
        await lab.dead_letters().edit(letter, payload={"n": "mended"})
        script.failing.clear()
        await replay_all(lab)
        (item,) = await lab.contents("out")
        assert item.payload == b'{"n":0,"left":2,"right":1,"join":1}'
        assert script.seen["left"]["n"] == "mended"
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_letter_for_a_node_that_is_gone_stays_and_says_so() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab)
        await lab.stop()
        lab.loop.replace_plan(plan_of(reader(), script.node("right", "read"), writer("right")))
        assert (await replay_all(lab)).queued == 1
        (letter,) = await lab.letters()
        assert (letter.replaying, letter.note) == (
            False,
            f"letter 1: {LOOP} has no node left any more; replay it from the start, or give a node that name again",
        )
        lab.loop.replace_plan(
            plan_of(
                reader(), script.node("left", "read"), script.node("new", "read"), script.node("join", "left", "new")
            )
        )
        assert (await replay_all(lab)).queued == 1
        (letter,) = await lab.letters()
        assert letter.note.startswith("letter 1: a join behind left needs new now, whose output the letter does not")
        assert script.runs == Counter(left=1, right=1)
        lab.loop.replace_plan(plan_of(reader(), script.node("left", "read"), writer("left")))
        script.failing.clear()
        await replay_all(lab)
        assert (await lab.letters(), script.runs["left"]) == ([], 2)
        await lab.close()

    run(scene())


def test_a_track_that_dies_with_a_replay_leaves_the_letter_and_too_many_deaths_end_it() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab)
        await lab.stop()
        script.failing.clear()
        script.gates["left"] = asyncio.Event()
        await lab.dead_letters().replay(await lab.letters())
        async with asyncio.timeout(600), replaying(lab):
            for runs in (2, 3, 4):
                await lab.until_true(lambda runs=runs: script.runs["left"] == runs)
                (letter,) = await lab.letters()
                assert letter.replaying
                assert lab.crash()
            await lab.until_true(lambda: not lab.loop.replays.is_active)
            while letter.replaying:
                await asyncio.sleep(0.1)
                (letter,) = await lab.letters()
        assert letter.note == "letter 1: what ran it again died 3 times before it had ended"
        assert script.runs["left"] == 4
        script.gates.clear()
        await replay_all(lab)
        assert (await lab.letters(), script.runs["left"], len(await lab.contents("out"))) == ([], 5, 1)
        await lab.close()

    run(scene())


def test_a_replay_that_is_stopped_goes_on_at_the_next_chance() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab, 3)
        await lab.stop()
        script.failing.clear()
        script.gates["left"] = asyncio.Event()
        await lab.dead_letters().replay(await lab.letters())
        async with replaying(lab):
            await lab.until_true(lambda: script.runs["left"] == 4)
        lab.loop.replays.end(1.0)
        assert await lab.loop.replays.ended(10.0)
        assert [letter.replaying for letter in await lab.letters()] == [True] * 3
        script.gates.clear()
        await replay_all(lab)
        assert (await lab.letters(), len(await lab.contents("out"))) == ([], 3)
        await lab.close()

    run(scene())


def test_a_lease_that_ends_in_the_middle_doubles_nothing() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab)
        await lab.stop()
        script.failing.clear()
        gate = lab.hold("before commit")
        await lab.dead_letters().replay(await lab.letters())
        async with replaying(lab):
            await lab.reached["before commit"].wait()
            lab.end_lease()
            gate.set()
            await lab.until_drained(replay_queue(LOOP))
        assert (await lab.letters(), len(await lab.contents("out"))) == ([], 1)
        assert script.runs["left"] == 3
        await lab.close()

    run(scene())


@pytest.mark.parametrize("call", ["requested", "release", "fetch", "commit"])
def test_replays_wait_for_a_store_that_is_away(call) -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab, 2)
        await lab.stop()
        script.failing.clear()
        if call == "release":
            lab.loop.replace_plan(plan_of(reader(), script.node("right", "read"), writer("right")))
        lab.away = (call,)
        await lab.dead_letters().replay(await lab.letters())
        async with replaying(lab):
            before = lab.calls[call]
            await lab.until_true(lambda: lab.calls[call] > before + 3)
            assert (lab.loop.replays.is_active, lab.loop.replays.trouble) == (True, "")
            lab.away = ()
            await lab.until_drained(replay_queue(LOOP))
        assert len(await lab.letters()) == (2 if call == "release" else 0)
        await lab.close()

    run(scene())


def test_a_loop_that_cannot_be_set_up_leaves_its_replays_waiting() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script))
        await failed(lab)
        await lab.stop()

        async def setup(_: Any) -> None:
            raise OSError("no such host")

        broken = script.node("left", "read")
        broken.cls.setup = setup  # type: ignore[method-assign]
        lab.loop.replace_plan(plan_of(reader(), broken, writer("left")))
        await lab.dead_letters().replay(await lab.letters())
        async with replaying(lab):
            await lab.until_true(lambda: lab.loop.replays.trouble)
        assert lab.loop.replays.trouble.startswith("OSError: no such host (test_replays.py:")
        assert [letter.replaying for letter in await lab.letters()] == [True]
        await lab.close()

    run(scene())


def test_a_letter_that_is_purged_while_it_waits_is_not_run_and_no_item_is_left() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script, max_in_flight=1))
        await failed(lab, 3)
        await lab.stop()
        script.failing.clear()
        script.gates["left"] = asyncio.Event()
        letters = await lab.letters()
        await lab.dead_letters().replay(letters)
        async with replaying(lab):
            await lab.until_true(lambda: script.runs["left"] == 4)
            assert await lab.dead_letters().remove(letters[1])
            script.gates["left"].set()
            await lab.until_drained(replay_queue(LOOP))
        assert (await lab.letters(), script.runs["left"], len(await lab.contents("out"))) == ([], 5, 2)
        assert (await lab.stats(replay_queue(LOOP))).acknowledged == 3
        await lab.close()

    run(scene())


def test_an_output_that_found_no_room_is_all_that_its_replay_pushes() -> None:
    script = Script()

    async def scene() -> None:
        plan = plan_of(
            reader(),
            writer("read"),
            script.node("after", "write"),
            bounds={"out": Bound(1, OnFull.DEAD_LETTER)},
        )
        lab = Lab(plan)
        await failed(lab, 2)
        (letter,) = await lab.letters()
        assert (letter.node, letter.error, letter.alone, script.runs["after"]) == ("write", "QueueFull", True, 2)
        await replay_all(lab)
        (letter,) = await lab.letters()
        assert (letter.alone, letter.replays, len(await lab.contents("out"))) == (True, 1, 1)
        spy = Source("out", "spy")
        await lab.store.join("reader", spy)
        await lab.store.commit("reader", Commit(1, spy, len(await lab.store.fetch("reader", spy, 10))))
        await lab.store.leave("reader", spy)
        await replay_all(lab)
        assert (await lab.letters(), script.runs["after"]) == ([], 2)
        (item,) = await lab.contents("out")
        assert (item.payload, item.id) == (b'{"n":1}', derived_id("i1", f"{LOOP}.write", 0))
        await lab.stop()
        await lab.close()

    run(scene())


def test_an_item_that_could_not_be_read_is_replayed_only_with_another_payload() -> None:
    script = Script()

    async def scene() -> None:
        lab = Lab(plan_of(reader(), script.node("left", "read"), writer("left")))
        await lab.running()
        await lab.push(payload=b"no json")
        await lab.until_drained()
        (letter,) = await lab.letters()
        assert (letter.node, letter.unreadable, letter.payload) == ("read", True, {"raw": "no json"})
        assert (await replay_all(lab)).refused == ("the item of letter 1 could not be read: edit its payload first",)
        await lab.dead_letters().edit(letter, payload={"n": 7})
        assert (await replay_all(lab)).queued == 1
        (item,) = await lab.contents("out")
        assert (await lab.letters(), item.payload) == ([], b'{"n":7,"left":1}')
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_full_list_of_letters_pauses_the_loop_and_a_resumed_one_pauses_with_the_next_letter() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script, max_dead_letters=2, max_in_flight=1))
        await lab.running()
        await lab.push()
        await lab.until_drained()
        assert lab.state is LoopState.RUNNING
        await lab.push(3)
        await lab.until(LoopState.PAUSED)
        count = len(await lab.letters())
        assert count >= 2
        assert lab.loop.lifecycle.reason == (
            "it has 2 dead letters, and max_dead_letters is 2: replay or purge some "
            f"(flowtui dead list --loop {LOOP}), then resume it"
        )
        script.failing.clear()
        lab.tell(Command.RESUME)
        await lab.until_drained()
        assert (lab.state, len(await lab.letters())) == (LoopState.RUNNING, count)
        script.failing = {"left"}
        await lab.push()
        await lab.until(LoopState.PAUSED)
        assert len(await lab.letters()) == count + 1
        await replay_all(lab)
        assert len(await lab.letters()) == count + 1
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_replay_is_sampled_as_far_as_it_runs() -> None:
    script = Script("left")

    async def scene() -> None:
        lab = Lab(diamond(script), sampled=True)
        await failed(lab)
        assert lab.samples is not None
        lab.samples.clear()
        script.failing.clear()
        await replay_all(lab)
        told = {sample.node: (sample.item, sample.input and sample.input.payload) for sample in lab.samples}
        joined = {"n": 0, "left": 2, "right": 1}
        assert told == {"left": ("i0", {"n": 0}), "join": ("i0", joined), "write": ("i0", joined | {"join": 1})}
        await lab.stop()
        await lab.close()

    run(scene())


def test_a_tap_holds_for_replays_that_begin_later_and_is_told_once() -> None:
    given: list[Tap | None] = []
    replays = Replays(lambda *_: cast(TrackHandle, SimpleNamespace(tap=given.append)), lambda call: call())
    tap = Tap("left", 0.05)
    replays.tap(tap)
    replays.begin(diamond(Script()))
    for each in (tap, None, None):
        replays.tap(each)
    assert given == [tap, None]
