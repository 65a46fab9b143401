"""Random lives of a loop: commands, replicas, errors, crashes, outages and lost leases, in any order, at any moment.

It must never be stuck, never be in a state that is not true, and neither lose nor double an item.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine_lab import CALLS, LOOP, Lab, LeapingLoop, PlannedNode, plan_of, reader, writer
from flowtui.engine.lifecycle import Event
from flowtui.model.data import NodeData
from flowtui.model.ids import derived_id
from flowtui.model.states import ACTIVE_STATES, Command, LoopState, OnError
from flowtui.nodes.base import BlockingNode, Exhausted, NonBlockingNode, ProducerNode
from long_runs import tries

T = TypeVar("T")
_ENDED = frozenset(LoopState) - ACTIVE_STATES
#: Far beyond every grace, delay and patience of the engine, in seconds of leaping time.
_LONG_S = 100.0
#: What takes this long in leaping time is stuck.
_FOREVER_S = 100_000.0


class World:
    """What the nodes meet. There is one at a time, since nodes know no other way to it."""

    def begin(self) -> None:
        self.open = asyncio.Event()  # blocking nodes wait for it
        self.open_behind = asyncio.Event()  # non-blocking ones for this
        self.stock = asyncio.Event()  # producers for this
        self.open.set()
        self.open_behind.set()
        self.to_make = 0
        self.made = 0
        self.exhausted = False
        self.failures = 0
        self.producer_fails: BaseException | None = None
        self.swallow = False
        self.setup = "ok"
        self.hanging = False
        self.busy: Counter[object] = Counter()

    async def pass_by(self, node: object, gate: asyncio.Event) -> None:
        self.busy[node] += 1
        try:
            await gate.wait()
        except asyncio.CancelledError:
            if not self.swallow:
                raise
        finally:
            self.busy[node] -= 1

    async def wait_for_number(self, number: int) -> None:
        while number >= self.to_make:
            if self.producer_fails is not None:
                error, self.producer_fails = self.producer_fails, None
                raise error
            if self.exhausted:
                raise Exhausted
            self.stock.clear()
            await self.stock.wait()


world = World()


class Make(ProducerNode):
    """Makes numbers that cannot be made again."""

    async def execute(self) -> dict[str, int]:
        await world.wait_for_number(world.made)
        world.made += 1
        return {"n": world.made - 1}


class MakeOn(ProducerNode):
    """Makes numbers from where the last commit was."""

    async def execute(self) -> dict[str, int]:
        number = self.cursor or 0
        await world.wait_for_number(number)
        self.cursor = number + 1
        return {"n": number}


class Work(BlockingNode):
    async def setup(self) -> None:
        how, world.setup = world.setup, "ok"
        if how == "hang":
            world.hanging = True
            try:
                await asyncio.Event().wait()
            finally:
                world.hanging = False
        elif how == "fail":
            raise RuntimeError("no such device")
        elif how == "cancel":
            raise asyncio.CancelledError

    async def execute(self, data: NodeData) -> NodeData:
        await world.pass_by(self, world.open)
        if world.failures > 0:
            world.failures -= 1
            raise ValueError("refused")
        return data


class Behind(NonBlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        await world.pass_by(self, world.open_behind)
        return data


class Life(RuleBasedStateMachine):
    """`read` (or a producer) → `work` → `write`, and beside it → `behind` → `write2`."""

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self.clock = LeapingLoop()
        self.lab: Lab
        self.pushed: list[str] = []
        self.may_lose = False
        self.has_rival = False
        self.rival = ""
        self.rivals = itertools.count()
        self.rival_cursor: bytes | None = None

    def do(self, scene: Coroutine[Any, Any, T]) -> T:
        return self.clock.run_until_complete(asyncio.wait_for(scene, _FOREVER_S))

    @initialize(
        kind=st.sampled_from(["queue", "queue", "maker", "cursor"]),
        on_error=st.sampled_from(list(OnError)),
        bound=st.integers(1, 3),
        replicas=st.integers(1, 3),
    )
    def build(self, kind: str, on_error: OnError, bound: int, replicas: int) -> None:
        self.kind = kind
        first = {"queue": reader(), "maker": PlannedNode("read", Make), "cursor": PlannedNode("read", MakeOn)}[kind]
        plan = plan_of(
            first,
            PlannedNode("work", Work, ("read",)),
            writer("work"),
            PlannedNode("behind", Behind, ("read",)),
            writer("behind", "out2", "write2"),
            on_error=on_error,
            max_in_flight=bound,
            replicas=replicas if kind == "queue" else 1,
        )

        async def begin() -> Lab:
            world.begin()
            return Lab(plan)

        self.lab = self.do(begin())

    # ---- what people do ----

    @rule(command=st.sampled_from(list(Command)), again=st.sampled_from([None, None, None, *Command]))
    def command(self, command: Command, again: Command | None) -> None:
        self._tell(command)
        if again is not None:
            self._tell(again)

    def _tell(self, command: Command) -> None:
        async def tell() -> None:
            if self.lab.loop.lifecycle.allows(Event(command.value)):
                # Of what has no queue and no cursor a kill may leave nothing.
                self.may_lose = self.may_lose or command is Command.KILL
                self.lab.tell(command)

        self.do(tell())

    @precondition(lambda self: self.lab.state in _ENDED)
    @rule()
    def start(self) -> None:
        self._tell(Command.START)
        self.do(asyncio.sleep(0.001))

    @precondition(lambda self: self.lab.state is LoopState.PAUSED)
    @rule()
    def resume(self) -> None:
        self._tell(Command.RESUME)

    @precondition(lambda self: self.lab.state is LoopState.STOPPING)
    @rule()
    def stopping_ends_whatever_happens(self) -> None:
        self.may_lose = self.may_lose or bool(self.lab.away)
        self.do(self.lab.until(*(frozenset(LoopState) - {LoopState.STOPPING}), patience=_LONG_S))

    @precondition(lambda self: self.lab.state is LoopState.PAUSING and not self.lab.away and not world.hanging)
    @rule()
    def pausing_ends_when_the_nodes_do(self) -> None:
        world.setup = "ok"
        world.open.set()
        world.open_behind.set()
        self.do(self.lab.until(LoopState.PAUSED, *_ENDED, patience=_LONG_S))

    @precondition(lambda self: self.kind == "queue")
    @rule(replicas=st.integers(1, 4))
    def scale(self, replicas: int) -> None:
        async def scale() -> None:
            self.lab.loop.scale(replicas)

        self.do(scale())

    @rule()
    def crash(self) -> None:
        async def crash() -> None:
            self.may_lose = self.lab.crash() or self.may_lose

        self.do(crash())

    # ---- what comes in ----

    @rule(count=st.integers(1, 5))
    def bring(self, count: int) -> None:
        if self.kind == "queue":
            self.pushed += self.do(self.lab.push(count))
        else:
            world.to_make += count
            world.stock.set()

    @rule(how=st.sampled_from(["exhausted", "error", "cancel"]))
    def disturb_the_producer(self, how: str) -> None:
        if how == "exhausted":
            world.exhausted = True
        else:
            world.producer_fails = ValueError("nobody there") if how == "error" else asyncio.CancelledError()
        world.stock.set()

    # ---- what nodes do ----

    @rule(work=st.booleans(), behind=st.booleans())
    def gates(self, work: bool, behind: bool) -> None:
        for gate, is_open in ((world.open, work), (world.open_behind, behind)):
            (gate.set if is_open else gate.clear)()

    @rule(failures=st.integers(1, 3))
    def errors(self, failures: int) -> None:
        world.failures = failures

    @rule(swallow=st.booleans(), setup=st.sampled_from(["ok", "hang", "fail", "cancel"]))
    def manners(self, swallow: bool, setup: str) -> None:
        world.swallow, world.setup = swallow, setup

    # ---- what the store does ----

    @rule(away=st.sampled_from([(), (), CALLS, ("commit",), ("fetch",), ("join",), ("give_back",), ("leave",)]))
    def outage(self, away: tuple[str, ...]) -> None:
        self.lab.away = away
        self.lab.ring()

    @rule(
        call=st.sampled_from(["fetch", "commit", "join", "give_back"]),
        before=st.sampled_from([0.0, 0.02, 1.0]),
        after=st.sampled_from([0.0, 0.02, 1.0]),
    )
    def slow_down(self, call: str, before: float, after: float) -> None:
        self.lab.slow |= {f"before {call}": before, f"after {call}": after}

    @rule(call=st.sampled_from(CALLS))
    def lose_a_reply(self, call: str) -> None:
        self.lab.lost_replies[call] += 1

    # Who loses reply and lease of one commit cannot know whether it was done; items of a queue tell by being gone, and
    # a cursor by where it is.
    @precondition(lambda self: self.lab.owners and (self.kind != "maker" or not self.lab.doubtful))
    @rule(is_heard=st.booleans())
    def lose_the_lease(self, is_heard: bool) -> None:
        self.lab.end_lease()
        if is_heard:
            self.lab.beat()

    @precondition(lambda self: self.kind != "queue")
    @rule(takes=st.booleans())
    def another_instance_comes(self, takes: bool) -> None:
        async def come() -> None:
            if takes and self.lab.owners and (self.kind != "maker" or not self.lab.doubtful):
                self.lab.end_lease()
            if not self.has_rival:
                self.rival = f"rival-{next(self.rivals)}"
            if await self.lab.store.loops.take(self.rival, LOOP, None, lambda: None) is None:
                self.rival_cursor = await self.lab.store.cursor(LOOP)
                self.has_rival = True

        self.do(come())

    @precondition(lambda self: self.has_rival)
    @rule()
    def the_other_instance_goes(self) -> None:
        self.has_rival = False
        self.do(self.lab.store.leave(self.rival, None))

    # ---- time ----

    @rule(turns=st.integers(1, 30))
    def turns(self, turns: int) -> None:
        async def turn() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        self.do(turn())

    @rule(seconds=st.sampled_from([0.01, 0.3, 5.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.may_lose = self.may_lose or (self.lab.state is LoopState.STOPPING and bool(self.lab.away))
        self.do(asyncio.sleep(seconds))

    # ---- what must always hold ----

    @invariant()
    def a_paused_loop_rests(self) -> None:
        if self.lab.state is not LoopState.PAUSED:
            return
        for member in self.lab.loop._crew._members:
            runner = member.handle.runner
            assert runner.in_flight == 0
            assert runner._track is None or not any(world.busy[step.node] for step in runner._track.steps)

    @invariant()
    def a_loop_is_active_as_long_as_it_has_tracks(self) -> None:
        assert (self.lab.state in ACTIVE_STATES) is not self.lab.loop._crew.is_empty, self.lab.events[-6:]

    @invariant()
    def a_running_loop_has_as_many_tracks_as_it_should(self) -> None:
        if self.lab.state is LoopState.RUNNING and self.kind == "queue":
            crew = self.lab.loop._crew
            assert crew.size + len(crew._waiting) == self.lab.loop.replicas

    @invariant()
    def a_loop_that_another_instance_runs_stores_no_cursor(self) -> None:
        if self.has_rival:
            assert self.do(self.lab.store.cursor(LOOP)) == self.rival_cursor

    @invariant()
    def every_item_is_accounted_for(self) -> None:
        if self.kind == "queue":
            assert self.do(self.lab.stats()).unaccounted == 0

    def teardown(self) -> None:
        try:
            if hasattr(self, "lab"):
                self.do(self._heal())
                self.do(self._check())
                self.do(self.lab.close())
        finally:
            self.clock.close()
            logging.disable(logging.NOTSET)

    async def _heal(self) -> None:
        lab = self.lab
        self.may_lose = self.may_lose or (lab.state is LoopState.STOPPING and bool(lab.away))
        lab.away = ()
        lab.lost_replies.clear()
        lab.slow.clear()
        world.open.set()
        world.open_behind.set()
        world.failures, world.swallow, world.setup, world.producer_fails = 0, False, "ok", None
        world.exhausted = self.kind != "queue"
        world.stock.set()
        if self.has_rival:
            await lab.store.leave(self.rival, None)
        await lab.stop()
        assert set(lab.owners_in_store()) <= lab.stray
        lab.end_stray_leases()
        lab.tell(Command.START)
        if self.kind == "queue":
            await lab.until(LoopState.RUNNING)
            await lab.until_drained()
            assert await lab.stop() is LoopState.STOPPED
        else:
            assert await lab.until(*_ENDED) is LoopState.COMPLETED
        assert lab.owners_in_store() == []

    async def _check(self) -> None:
        out, out2 = await self.lab.contents("out"), await self.lab.contents("out2")
        letters = await self.lab.letters()
        if self.kind == "queue":
            done = Counter(item.id for item in out) + Counter(
                derived_id(letter.id, f"{LOOP}.write", 0) for letter in letters
            )
            assert done == Counter(derived_id(id, f"{LOOP}.write", 0) for id in self.pushed)
            assert Counter(item.id for item in out2) == Counter(
                derived_id(id, f"{LOOP}.write2", 0) for id in self.pushed
            )
            assert all(letter.error == "ValueError" for letter in letters)
            return
        numbers = Counter(item.payload for item in out)
        numbers2 = Counter(item.payload for item in out2)
        dead = Counter(b'{"n":%d}' % letter.payload["n"] for letter in letters if letter.error == "ValueError")
        cancelled = {b'{"n":%d}' % letter.payload["n"] for letter in letters if letter.error == "Cancelled"}
        for counter in (numbers, numbers2, dead):
            assert all(count == 1 for count in counter.values()), "nothing is doubled"
        made = {b'{"n":%d}' % n for n in range(world.made if self.kind == "maker" else world.to_make)}
        if self.kind == "cursor":
            assert not cancelled
        if not self.may_lose or self.kind == "cursor":
            assert set(numbers) | set(dead) | cancelled == made
            assert set(numbers2) | cancelled == made


def test_whatever_happens_to_a_loop_it_ends_when_asked_and_no_item_is_lost_or_doubled(monkeypatch) -> None:
    # When an iteration lets others take their turn depends on the real time, and no example may.
    monkeypatch.setattr("flowtui.engine.runner._TURN_NS", -1)
    # Without shrinking, which would take minutes: forty steps can be read.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    run_state_machine_as_test(Life, settings=settings(max_examples=tries(30), stateful_step_count=40, phases=phases))
