from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from engine_lab import Lab, PlannedNode, plan_of, reader, run
from flowtui.engine.lifecycle import Event, Lifecycle
from flowtui.engine.telemetry import NextTry, NodeCounters, TrackCounters
from flowtui.engine.views import LoopGauges
from flowtui.model.data import NodeData
from flowtui.model.snapshot import LoopView
from flowtui.model.states import LoopState
from flowtui.nodes.base import BlockingNode


class Pass(BlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        return data


def test_after_a_reload_nodes_that_stayed_keep_their_figures_and_others_begin_anew() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(reader(), PlannedNode("old", Pass, ("read",)), PlannedNode("kept", Pass, ("old",))))
        await lab.running()
        await lab.push(5)
        await lab.until_drained()
        await lab.stop()
        lab.loop.replace_plan(
            plan_of(reader(), PlannedNode("kept", Pass, ("read",)), PlannedNode("new", Pass, ("kept",)))
        )
        view = lab.loop.view()
        assert {node.id: node.runs for node in view.nodes} == {"read": 5, "kept": 5, "new": 0}
        assert (view.iterations, view.state) == (5, LoopState.STOPPED)

    run(scene())


def test_a_loop_at_rest_forgets_its_rates_and_percentiles_and_shows_the_next_items_soon() -> None:
    plan = plan_of(reader(), PlannedNode("pass", Pass, ("read",)))
    counters, gauges, life = TrackCounters(plan.ports), LoopGauges(plan), Lifecycle("w.loop")

    def rates() -> tuple[float, float, float | None, float | None]:
        reading = counters.reading(0)
        view = gauges.view(plan, life, reading, reading.waiting, revision=1, replicas=1, tracks=1)
        return view.rate, view.rate_1m, view.p95_ms, view.nodes[1].p95_ms

    def second(now: int, items: int) -> None:
        counters.iterations += items
        for node in counters.nodes.values():
            node.runs += items
            node.histogram.observe(1_000_000, items)
        counters.histogram.observe(1_000_000, items)
        if gauges.is_due(start + now):
            gauges.sample(start + now, counters.reading(0))

    start = time.monotonic()
    for now in range(10):
        second(now, 10)
    assert rates()[0] == pytest.approx(10.0)
    for now in range(10, 90):
        second(now, 0)
    assert rates() == (0.0, 0.0, None, None)
    for now in range(90, 96):
        second(now, 20)
    assert rates()[0] > 0
    assert rates()[2] == pytest.approx(1.0, rel=0.3)


def test_how_busy_a_node_is_counts_all_its_runs_and_the_one_that_is_under_way() -> None:
    plan = plan_of(reader(), PlannedNode("quick", Pass, ("read",)), PlannedNode("slow", Pass, ("quick",)))
    counters, gauges, life = TrackCounters(plan.ports), LoopGauges(plan), Lifecycle("w.loop")
    start = time.monotonic()
    for now in range(8):
        counters.iterations += 10
        for id, took in {"quick": 1_000_000, "slow": 45_000_000}.items():
            counters.nodes[id].runs += 10
            counters.nodes[id].histogram.observe(took, 10)
        gauges.sample(start + now, counters.reading(0))
    reading = counters.reading(0)
    nodes = gauges.view(plan, life, reading, reading.waiting, revision=1, replicas=1, tracks=1).nodes
    assert nodes[0].busy is None
    assert nodes[1].busy == pytest.approx(0.01, rel=0.15)
    assert nodes[2].busy == pytest.approx(0.45, rel=0.15)
    assert [node.needs for node in nodes] == [(), (("read", ""),), (("quick", ""),)]
    stuck = counters.nodes["slow"]
    stuck.running, stuck.started_ns = 1, time.perf_counter_ns() - 5_000_000_000
    gauges.sample(start + 12, counters.reading(0))
    reading = counters.reading(0)
    view = gauges.view(plan, life, reading, reading.waiting, revision=1, replicas=1, tracks=1)
    assert view.nodes[2].busy == pytest.approx(1.0, rel=0.15)


class Watched:
    """A loop of three nodes whose counters a test moves, sampled once."""

    def __init__(self) -> None:
        self.plan = plan_of(reader(), PlannedNode("one", Pass, ("read",)), PlannedNode("two", Pass, ("one",)))
        self.counters, self.gauges, self.life = TrackCounters(self.plan.ports), LoopGauges(self.plan), Lifecycle("w.l")
        for node in self.counters.nodes.values():
            node.runs = 1
        self.sample()

    def sample(self) -> None:
        self.gauges.sample(time.monotonic(), self.counters.reading(0))

    def view(self, in_flight: int = 0) -> LoopView:
        reading = self.counters.reading(in_flight)
        return self.gauges.view(self.plan, self.life, reading, reading.waiting, revision=1, replicas=1, tracks=1)


def test_a_loop_in_which_nothing_happens_is_the_same_object_also_after_its_figures_were_taken_again() -> None:
    it = Watched()
    before = it.view()
    assert it.view() is before
    it.sample()
    rested = it.view()
    it.sample()
    assert it.view() is rested


def test_what_happens_at_one_node_makes_no_work_for_the_others() -> None:
    it = Watched()
    before = it.view()
    it.counters.nodes["two"].runs += 1
    after = it.view()
    assert after.nodes[2].runs == 2
    assert [new is old for new, old in zip(after.nodes, before.nodes, strict=True)] == [True, True, False]


def _errs(node: NodeCounters) -> None:
    node.failed("ValueError: no")


def _hits(node: NodeCounters) -> None:
    node.hits += 1


def _retries(node: NodeCounters) -> None:
    node.retries += 1
    node.retrying += 1
    node.next_try = NextTry(2, 3, time.monotonic() + 60)


def _begins(node: NodeCounters) -> None:
    node.running, node.started_ns = 1, time.perf_counter_ns()


def _holds(node: NodeCounters) -> None:
    node.held_since = time.time() - 3


@pytest.mark.parametrize("moves", [_errs, _hits, _retries, _begins, _holds])
def test_whatever_happens_at_a_node_is_seen_at_the_next_look(moves: Callable[[NodeCounters], None]) -> None:
    it = Watched()
    before = it.view()
    moves(it.counters.nodes["one"])
    assert it.view().nodes[1] != before.nodes[1]


def test_what_tells_how_long_something_lasts_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Watched()
    it.counters.nodes["one"].held_since = time.time() - 3
    it.sample()
    assert it.view().nodes[1].health_reason == "it has held its event loop for 3.0 s"
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert it.view().nodes[1].health_reason == "it has held its event loop for 63.0 s"


def test_state_and_what_is_in_flight_are_those_of_this_moment() -> None:
    it = Watched()
    assert it.view().in_flight == 0
    assert it.view(3).in_flight == 3
    it.life.apply(Event.START, "by hand")
    assert it.view(3).state is LoopState.STARTING
