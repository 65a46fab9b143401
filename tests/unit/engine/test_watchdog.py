"""Who holds an event loop up is named while it does, and nobody else."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import flowtui.engine.execute as execute_module
from engine_lab import PlannedNode, plan_of, reader
from flowtui.engine.execute import Step, execute
from flowtui.engine.logs import Attribution, current_place
from flowtui.engine.telemetry import TrackCounters
from flowtui.engine.watchdog import Watchdog
from flowtui.model.data import NodeData
from flowtui.nodes.base import BlockingNode

PATIENCE_S = 20.0
LOOK_S = 0.005
LIMIT_S = 0.05


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop that counts who wakes it."""

    wakes = 0

    def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> asyncio.Handle:
        self.wakes += 1
        return super().call_soon_threadsafe(*args, **kwargs)


class Watched:
    """An event loop in a thread of its own that a watchdog watches."""

    def __init__(self, watchdog: Watchdog, loops: Callable[[], int] | None) -> None:
        self.loop = CountingLoop()
        self._watchdog = watchdog
        self._loops = loops
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self._watchdog.watching(self.loop, limit=LIMIT_S, loops=self._loops):
            self.loop.run_forever()
        self.loop.close()

    def begin(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE_S)


@contextmanager
def watched(loops: Callable[[], int] | None = lambda: 3, watchdog: Watchdog | None = None) -> Iterator[Watched]:
    own = watchdog or Watchdog(LOOK_S)
    it = Watched(own, loops)
    try:
        yield it
    finally:
        it.end()
    if watchdog is None:
        until(lambda: not own._runs)  # what it still says belongs to this test


@pytest.fixture
def lines(caplog) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "flowtui.watchdog")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "flowtui.watchdog"]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def step_of(cls: type[BlockingNode], id: str = "check") -> Step:
    plan = plan_of(reader(), PlannedNode(id, cls, ("read",)))
    return Step(plan.nodes[1], plan.loop, Path(), TrackCounters(plan.ports).nodes[id])


def line_of(text: str) -> int:
    source = Path(__file__).read_text().splitlines()
    (found,) = (number for number, line in enumerate(source, 1) if line.strip() == text)
    return found


class Holder:
    """Holds the loop until it is told to let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def node(self, hold: Callable[[], object] | None = None) -> type[BlockingNode]:
        gate = self.gate

        class Check(BlockingNode):
            async def execute(self, data: NodeData) -> NodeData:
                await self.ask()
                return data

            async def ask(self) -> None:
                (hold or self.wait)()

            def wait(self) -> None:
                gate.wait(PATIENCE_S)  # the place

        return Check


# ---- naming ----


def test_a_node_that_holds_the_loop_is_named_with_its_place_and_once_more_when_it_lets_go(lines) -> None:
    holder = Holder()
    step = step_of(holder.node())
    with watched() as it:
        done = it.begin(execute(step, NodeData({}), None))  # type: ignore[arg-type]
        until(lambda: step.counters.held_since)
        until(lines)
        assert time.time() - PATIENCE_S < step.counters.held_since < time.time()
        holder.gate.set()
        done.result(PATIENCE_S)
        until(lambda: len(lines()) == 2)
    assert step.counters.held_since == 0
    held, let_go = lines()
    wait = line_of("gate.wait(PATIENCE_S)  # the place")
    assert re.fullmatch(
        r"check has held the event loop of 3 loops for \d\.\d s: await instead of blocking, make it a plain `def`, or "
        r"give its loop `pool: thread`; it stands at test_watchdog\.py:\d+ in execute, test_watchdog\.py:\d+ in ask, "
        rf"test_watchdog\.py:{wait} in wait",
        held,
    )
    assert re.fullmatch(r"check has let go of its event loop after \d+\.\d s", let_go)


def test_the_lines_belong_to_the_node_and_its_loop(caplog) -> None:
    from_node = []

    class Catch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            place = current_place.get()
            from_node.append(place.owner if place is not None else None)

    handler = Catch()
    logging.getLogger("flowtui.watchdog").addHandler(handler)
    holder = Holder()
    with watched() as it:
        it.begin(execute(step_of(holder.node()), NodeData({}), None))  # type: ignore[arg-type]
        until(lambda: from_node)
        holder.gate.set()
        until(lambda: len(from_node) == 2)
    logging.getLogger("flowtui.watchdog").removeHandler(handler)
    assert from_node == [Attribution("w.loop", "check")] * 2


def test_a_track_that_is_alone_is_told_what_waits_for_it(lines) -> None:
    holder = Holder()
    with watched(loops=None) as it:
        it.begin(execute(step_of(holder.node()), NodeData({}), None))  # type: ignore[arg-type]
        until(lines)
        holder.gate.set()
    assert "check has held the event loop of its track for" in lines()[0]
    assert "its commits and its other branches wait; await instead of blocking, or make it a plain `def`" in lines()[0]


def test_a_node_that_waits_in_a_selector_of_its_own_holds_the_loop_too(lines) -> None:
    ours, theirs = socket.socketpair()

    def hold() -> None:
        with selectors.DefaultSelector() as own:
            own.register(ours, selectors.EVENT_READ)
            own.select(PATIENCE_S)

    with ours, theirs, watched() as it:
        it.begin(execute(step_of(Holder().node(hold)), NodeData({}), None))  # type: ignore[arg-type]
        until(lines)
        theirs.send(b"x")
        until(lambda: len(lines()) == 2)
    assert "in hold, selectors.py" in lines()[0]


def test_a_setup_and_a_constructor_that_hold_the_loop_are_named(lines) -> None:
    gate = threading.Event()

    class Made(BlockingNode):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            gate.wait(PATIENCE_S)

    async def make() -> None:
        step_of(Made)

    with watched() as it:
        it.begin(make())
        until(lines)
        gate.set()
        until(lambda: len(lines()) == 2)
    assert lines()[0].startswith("check has held")


def test_a_node_whose_templates_take_long_does_not_end_the_watch(lines, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    usual = execute_module._template

    def slow(*args: Any) -> Any:
        gate.wait(PATIENCE_S)
        return usual(*args)

    class Quiet(BlockingNode):
        async def execute(self, data: NodeData) -> NodeData:
            return data

    async def make() -> None:
        monkeypatch.setattr(execute_module, "_template", slow)
        step_of(Quiet)

    with watched() as it:
        it.begin(make())
        until(lines)
        gate.set()
        until(lambda: len(lines()) == 2)
    assert "in slow" in lines()[0]


def test_a_task_that_a_node_has_begun_is_named_after_the_node(lines) -> None:
    gate = threading.Event()

    class Poll(BlockingNode):
        async def poll(self) -> None:
            gate.wait(PATIENCE_S)

    with watched() as it:
        it.begin(Poll(None, id="poll", loop="w.loop").poll())
        until(lines)
        gate.set()
        until(lambda: len(lines()) == 2)
    assert lines()[0].startswith("poll has held the event loop of 3 loops")


def test_code_that_belongs_to_no_node_is_shown_by_its_place(lines) -> None:
    gate = threading.Event()

    async def somebody() -> None:
        gate.wait(PATIENCE_S)

    with watched() as it:
        it.begin(somebody())
        until(lines)
        gate.set()
        until(lambda: len(lines()) == 2)
    assert lines()[0].startswith("something outside of any node has held")
    assert lines()[0].endswith("in somebody")


def test_a_second_node_without_a_turn_in_between_has_a_time_of_its_own(lines) -> None:
    first, second = Holder(), Holder()
    steps = step_of(first.node(), "first"), step_of(second.node(), "second")

    async def chain() -> None:
        for step in steps:
            await execute(step, NodeData({}), None)  # type: ignore[arg-type]

    with watched() as it:
        it.begin(chain())
        until(lambda: steps[0].counters.held_since)
        first.gate.set()
        until(lambda: steps[1].counters.held_since)
        assert steps[0].counters.held_since == 0
        second.gate.set()
        until(lambda: len(lines()) == 4)
    assert [line.split(" for ")[0].split(" after ")[0] for line in lines()] == [
        "first has held the event loop of 3 loops",
        "first has let go of its event loop",
        "second has held the event loop of 3 loops",
        "second has let go of its event loop",
    ]


def test_a_loop_that_ends_while_it_is_held_is_let_go(lines) -> None:
    holder = Holder()
    step = step_of(holder.node())
    with watched() as it:
        it.begin(execute(step, NodeData({}), None))  # type: ignore[arg-type]
        until(lambda: step.counters.held_since)
        it.loop.call_soon_threadsafe(it.loop.stop)
        holder.gate.set()
    until(lambda: step.counters.held_since == 0)
    until(lambda: len(lines()) == 2)


# ---- leaving alone ----


def test_a_loop_that_waits_is_not_woken(monkeypatch) -> None:
    looks = []
    look = Watchdog._look
    monkeypatch.setattr(Watchdog, "_look", lambda *args: looks.append(look(*args)))  # type: ignore[func-returns-value]
    with watched() as it:
        it.begin(asyncio.sleep(0)).result(PATIENCE_S)
        it.begin(asyncio.sleep(0)).result(PATIENCE_S)
        # It may have been seen at work just now.
        seen = len(looks)
        until(lambda: len(looks) > seen + 2)
        before, seen = it.loop.wakes, len(looks)
        until(lambda: len(looks) > seen + 30)
        assert it.loop.wakes == before


def test_a_loop_that_is_busy_but_turns_is_not_reported(lines) -> None:
    async def busy() -> None:
        ends_at = time.monotonic() + 6 * LIMIT_S
        while time.monotonic() < ends_at:
            await asyncio.sleep(0)

    with watched() as it:
        it.begin(busy()).result(PATIENCE_S)
    assert lines() == []


def test_a_hold_that_is_short_is_not_reported(lines) -> None:
    with watched() as it:
        it.begin(execute(step_of(Holder().node(lambda: time.sleep(LIMIT_S / 5))), NodeData({}), None))  # type: ignore[arg-type]
        it.begin(asyncio.sleep(0)).result(PATIENCE_S)
    assert lines() == []


def test_the_thread_ends_with_the_last_loop_and_begins_again_with_the_next(lines) -> None:
    def watchdogs() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "flowtui-watchdog"} - others

    others: set[threading.Thread] = set()
    others = watchdogs()
    watchdog = Watchdog(LOOK_S)
    with watched(watchdog=watchdog), watched(watchdog=watchdog):
        assert len(watchdogs()) == 1
    until(lambda: not watchdogs())
    holder = Holder()
    with watched(watchdog=watchdog) as it:
        it.begin(execute(step_of(holder.node()), NodeData({}), None))  # type: ignore[arg-type]
        until(lines)
        holder.gate.set()
    until(lambda: not watchdogs())


def test_no_garbage_is_collected_while_the_frames_of_all_threads_are_taken(monkeypatch) -> None:
    take, collecting = sys._current_frames, []

    def taken() -> Any:
        collecting.append(gc.isenabled())
        return take()

    monkeypatch.setattr(sys, "_current_frames", taken)
    with watched() as it:
        it.begin(asyncio.sleep(LOOK_S)).result(PATIENCE_S)
        until(lambda: len(collecting) > 3)
    assert not any(collecting)
    assert gc.isenabled()
