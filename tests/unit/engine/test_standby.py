"""A loop that only one instance may run: it stands by, takes over, gives way, stores nothing that is not its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from typing import ClassVar

import pytest

from engine_lab import LOOP, Lab, PlannedNode, plan_of, quiet, reader, run, writer
from flowtui.engine.lifecycle import Event
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.model.states import Command, LoopState
from flowtui.nodes.base import BlockingNode, Exhausted, NodeConfig, ProducerNode
from flowtui.storage.loop_lease import Runs
from flowtui.storage.queue_store import Commit

RIVAL = "far:4711:1:nonce:w.loop:0"
#: The rival is of this instance, as far as the store knows.
STANDBY = f"standby: {socket.gethostname()}:{os.getpid()} runs it"


class CountOn(ProducerNode):
    """Goes on from its cursor, a second each."""

    async def execute(self) -> dict[str, int]:
        await asyncio.sleep(1)
        self.cursor = (self.cursor or 0) + 1
        return {"n": self.cursor}


class Unrepeatable(ProducerNode):
    """Makes what cannot be made again."""

    made = 0

    async def execute(self) -> dict[str, int]:
        await asyncio.sleep(1)
        type(self).made += 1
        return {"n": self.made}


class Slow(BlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        await asyncio.sleep(0.5)
        return data


class Templated(BlockingNode):
    """Notes at each `setup` whether it sees the config of an item."""

    class Config(NodeConfig):
        n: int

    seen: ClassVar[list[bool]] = []

    async def setup(self) -> None:
        try:
            self.seen.append(bool(self.config))
        except NodeError:
            self.seen.append(False)

    async def execute(self, data: NodeData) -> NodeData:
        assert self.config.n == data["n"]
        return data


COUNTS = plan_of(PlannedNode("count", CountOn), PlannedNode("slow", Slow, ("count",)), writer("slow"))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    Unrepeatable.made = 0
    with quiet():
        yield


async def take(lab: Lab, owner: str, seen: Runs | None = None) -> Runs | None:
    return await lab.store.loops.take(owner, LOOP, seen, lambda: None)


async def rival_comes(lab: Lab) -> None:
    """Another instance runs the loop from now on."""
    if lab.owners:
        lab.end_lease()
    assert await take(lab, RIVAL) is None


async def rival_goes(lab: Lab, cursor: int | None = None, *, completed: bool = False) -> None:
    if cursor is not None:
        await lab.store.commit(RIVAL, Commit(1, cursor=(LOOP, json.dumps(cursor).encode())))
    await lab.store.leave(RIVAL, None, completed=completed)


async def standing_by(lab: Lab) -> None:
    await rival_comes(lab)
    lab.tell(Command.START)
    await lab.until_true(lambda: lab.loop.view().waiting)


async def numbers(lab: Lab) -> list[int]:
    return [json.loads(item.payload)["n"] for item in await lab.contents("out")]


def test_a_loop_that_another_instance_runs_stands_by_and_goes_on_from_the_cursor_that_one_has_left() -> None:
    async def scene() -> None:
        lab = Lab(COUNTS)
        await standing_by(lab)
        view = lab.loop.view()
        assert (view.state, view.waiting) == (LoopState.RUNNING, STANDBY)
        await asyncio.sleep(100)
        assert await numbers(lab) == []
        assert lab.calls["cursor"] == 0
        await rival_goes(lab, cursor=7)
        await asyncio.sleep(2)
        assert lab.loop.view().waiting == ""
        await lab.stop()
        assert (await numbers(lab))[0] == 8

    run(scene())


def test_it_asks_again_only_when_the_bell_rings() -> None:
    async def scene() -> None:
        lab = Lab(COUNTS)
        await standing_by(lab)
        asked = lab.calls["join"]
        await asyncio.sleep(1000)
        assert lab.calls["join"] == asked
        lab.ring()
        await lab.until_true(lambda: lab.calls["join"] > asked)
        assert lab.loop.view().waiting == STANDBY
        await lab.stop()

    run(scene())


@pytest.mark.parametrize("command", [Command.STOP, Command.KILL, Command.DRAIN])
def test_it_ends_at_once_and_is_not_in_the_way_of_others(command) -> None:
    async def scene() -> None:
        lab = Lab(COUNTS)
        await standing_by(lab)
        lab.tell(command)
        await lab.until(LoopState.STOPPED, patience=0.5)
        assert lab.owners_in_store() == [RIVAL]
        assert await take(lab, RIVAL) is None  # it has the loop still

    run(scene())


def test_paused_it_leaves_the_loop_to_others_until_it_is_resumed() -> None:
    async def scene() -> None:
        lab = Lab(COUNTS)
        await standing_by(lab)
        lab.tell(Command.PAUSE)
        await lab.until(LoopState.PAUSED, patience=0.5)
        await rival_goes(lab)
        await asyncio.sleep(10)
        assert await take(lab, "third") is None
        await lab.store.leave("third", None)
        lab.tell(Command.RESUME)
        await asyncio.sleep(3)
        await lab.stop()
        assert (await numbers(lab))[0] == 1

    run(scene())


@pytest.mark.parametrize("is_heard", [False, True], ids=["by its next commit", "by the heartbeat"])
def test_what_was_in_flight_when_the_lease_ended_is_made_again_by_whoever_has_the_cursor(is_heard) -> None:
    async def scene() -> None:
        lab = Lab(COUNTS)
        await lab.running()
        await asyncio.sleep(3.2)  # the third is in flight
        await rival_comes(lab)
        if is_heard:
            lab.beat()
        await asyncio.sleep(100)
        assert lab.loop.view().waiting == STANDBY
        assert await numbers(lab) == [1, 2]
        await rival_goes(lab, cursor=20)
        await asyncio.sleep(2)
        await lab.stop()
        assert (await numbers(lab))[:3] == [1, 2, 21]

    run(scene())


def test_when_it_takes_over_again_its_nodes_are_set_up_without_the_config_of_an_item_before() -> None:
    async def scene() -> None:
        told = PlannedNode("told", Templated, ("count",), config={"n": "{{ data.n }}"})
        lab = Lab(plan_of(PlannedNode("count", CountOn), told, writer("told")))
        Templated.seen.clear()
        await lab.running()
        await asyncio.sleep(3.2)
        await rival_comes(lab)
        lab.beat()
        await lab.until_true(lambda: lab.loop.view().waiting == STANDBY)
        await rival_goes(lab, cursor=20)
        await asyncio.sleep(2)
        await lab.stop()
        assert (await numbers(lab))[-1] >= 21
        assert Templated.seen == [False, False]

    run(scene())


def test_a_lease_that_ends_right_after_a_commit_and_is_heard_of_before_its_reply_counts_as_ended() -> None:
    async def scene() -> None:
        lab = Lab(COUNTS)
        await lab.running()
        reply = lab.hold("after commit")
        await lab.reached["after commit"].wait()
        await rival_comes(lab)
        lab.beat()
        await asyncio.sleep(0.1)
        lab.gates.clear()
        reply.set()
        await lab.until_true(lambda: lab.loop.view().waiting == STANDBY)
        assert lab.state is LoopState.RUNNING
        assert await numbers(lab) == [1]
        await lab.stop()

    run(scene())


def test_what_nobody_can_make_again_is_stored_although_the_loop_is_another_instances_now() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("make", Unrepeatable), PlannedNode("slow", Slow, ("make",)), writer("slow")))
        await lab.running()
        await asyncio.sleep(1.2)
        await rival_comes(lab)
        await asyncio.sleep(100)
        assert lab.loop.view().waiting == STANDBY
        await rival_goes(lab)
        await asyncio.sleep(1.6)
        await lab.stop()
        assert await numbers(lab) == list(range(1, Unrepeatable.made + 1))
        assert lab.owners_in_store() == []

    run(scene())


def test_a_loop_that_stores_nothing_gives_way_too() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("make", Unrepeatable), PlannedNode("slow", Slow, ("make",))))
        await lab.running()
        await asyncio.sleep(1.2)
        await rival_comes(lab)
        lab.beat()
        await lab.until_true(lambda: lab.loop.view().waiting)
        made = Unrepeatable.made
        await asyncio.sleep(10)
        assert Unrepeatable.made == made
        await lab.stop()

    run(scene())


def test_a_loop_that_another_instance_has_completed_is_completed() -> None:
    async def scene() -> None:
        lab = Lab(COUNTS)
        await standing_by(lab)
        await rival_goes(lab, completed=True)
        await lab.until(LoopState.COMPLETED)
        assert lab.loop.lifecycle.reason.endswith("has completed it")
        await lab.running()
        await asyncio.sleep(2)  # started again, it begins as if nothing had been
        await lab.stop()
        assert (await numbers(lab))[0] == 1

    run(scene())


def test_a_loop_that_completes_tells_those_that_stand_by() -> None:
    class Once(ProducerNode):
        async def execute(self) -> dict[str, int]:
            await asyncio.sleep(1)
            raise Exhausted

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("once", Once)))
        await lab.running()
        runs = await take(lab, RIVAL)
        assert runs is not None
        await lab.until(LoopState.COMPLETED)
        over = await take(lab, RIVAL, runs)
        assert over is not None
        assert over.is_over
        assert await take(lab, RIVAL) is None  # one that has not waited for it may

    run(scene())


def test_the_loop_is_free_only_when_the_producer_has_been_torn_down() -> None:
    seen = []

    class Closes(CountOn):
        async def teardown(self) -> None:
            seen.append(await take(lab, RIVAL))

    lab: Lab

    async def scene() -> None:
        nonlocal lab
        lab = Lab(plan_of(PlannedNode("closes", Closes)))
        await lab.running()
        await lab.stop()
        assert await take(lab, RIVAL) is None

    run(scene())
    assert len(seen) == 1
    assert seen[0] is not None


@pytest.mark.parametrize("place", ["before join", "after join"])
def test_a_start_that_was_called_off_does_not_keep_the_loop_from_the_next_one(place) -> None:
    async def scene() -> None:
        lab = Lab(COUNTS)
        lab.hold(place)
        lab.tell(Command.START)
        await lab.reached[place].wait()
        await lab.stop()
        lab.gates.clear()
        await lab.running()
        assert lab.loop.view().waiting == ""
        await lab.stop()
        assert lab.owners_in_store() == []

    run(scene())


def test_a_reader_needs_no_turn() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(reader(), writer("read"), replicas=2))
        await lab.running()
        assert await take(lab, RIVAL) is None
        await lab.stop()

    run(scene())


def test_a_replicable_producer_that_sets_a_cursor_fails_and_saves_nothing() -> None:
    class Shared(CountOn):
        replicable = True

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("shared", Shared), writer("shared"), replicas=2))
        lab.tell(Command.START)
        await lab.until(LoopState.FAILED)
        line = Shared.execute.__code__.co_firstlineno
        assert lab.loop.lifecycle.reason == (
            f"NodeError: shared (shared, test_standby.py:{line}) sets self.cursor, but its class says "
            "replicable = True and its tracks would overwrite each other's: remove one of the two"
        )
        assert await lab.store.cursor(LOOP) is None
        assert (Event.STARTED, "") in lab.events

    run(scene())


def test_a_replicable_producer_does_not_get_the_cursor_of_a_time_when_it_was_not() -> None:
    class Shared(ProducerNode):
        replicable = True

        async def execute(self) -> dict[str, object]:
            await asyncio.sleep(1)
            return {"n": self.cursor}

    async def scene() -> None:
        lab = Lab(plan_of(PlannedNode("shared", Shared), writer("shared")))
        await lab.store.join(RIVAL, None)
        await rival_goes(lab, cursor=3)
        await lab.running()
        await asyncio.sleep(1.5)
        await lab.stop()
        assert await numbers(lab) == [None]

    run(scene())
