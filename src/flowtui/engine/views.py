"""What a screen shows of a loop: figures of this moment, and those that need two moments."""

from __future__ import annotations

import time
from typing import NamedTuple

from flowtui.engine.lifecycle import Lifecycle
from flowtui.engine.measures import Rate, Recent, Trend, total_ns
from flowtui.engine.telemetry import NextTry, NodeReading, TrackReading, Waiting
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.snapshot import LoopView, NodeView
from flowtui.model.states import STALL_AFTER_S, NodeHealth

_NOTHING_DONE = NodeReading()
#: Longer than all that is remembered of the past, in seconds.
_AT_REST_S = 70.0
#: A loop in which nothing has happened for so long is looked at less often.
_CALM_AFTER_S = 6.0
_CALM_EVERY_S = 5.0


class _Seen(NamedTuple):
    """What was shown last, and of what it was made; `stays`: as long as that is the same, so is the view."""

    node: PlanNode
    reading: NodeReading
    news: int
    stays: bool
    view: NodeView


class _NodeGauge:
    """What is known of one node from several moments."""

    __slots__ = ("_flat", "_news", "_sampled", "_seen", "busy", "health", "rate", "recent", "since")

    def __init__(self) -> None:
        self.rate = Rate()
        self.busy = Rate()  # of nanoseconds
        self.recent = Recent()
        self.health = NodeHealth.IDLE
        self.since = 0.0
        self._sampled: NodeReading | None = None
        self._flat = False  # whether nothing has happened for as long as rates look back
        self._news = 0  # counts the samples that may have changed a figure
        self._seen: _Seen | None = None

    def sample(self, now: float, node: NodeReading, *, is_producer: bool) -> None:
        """Take the figures at `now` (of `time.monotonic`)."""
        was_flat, percentiles = self._flat and node is self._sampled, self.recent.percentiles
        self._sampled = node
        self.rate.sample(now, node.runs)
        self.recent.sample(now, node.durations)
        self.busy.sample(now, total_ns(node.durations) + _under_way_ns(node))
        self._flat = self.rate.is_flat and self.busy.is_flat
        health, _ = _health(node, is_producer=is_producer)
        if health is not self.health:
            self.health, self.since = health, time.time()
        elif was_flat and self._flat and percentiles is self.recent.percentiles:
            return
        self._news += 1  # last: a view that is made meanwhile must not count as up to date

    def view(self, plan: ExecutionPlan, node: PlanNode, reading: NodeReading) -> _Seen:
        """Show the node as it is now; it is the same object as long as it would be an equal one."""
        news, seen = self._news, self._seen
        if seen is not None and seen.stays and seen.node is node and seen.reading is reading and seen.news == news:
            return seen
        is_producer = node.index == 0
        health, reason = _health(reading, is_producer=is_producer)
        # These tell how long something has lasted, or when it comes.
        by_the_clock = reading.held_since or reading.retrying or (reading.running and not is_producer)
        stays = health is self.health and not by_the_clock
        self._seen = seen = _Seen(node, reading, news, stays, self._made(plan, node, reading, health, reason))
        return seen

    def _made(
        self, plan: ExecutionPlan, node: PlanNode, reading: NodeReading, health: NodeHealth, reason: str
    ) -> NodeView:
        # A producer's time is that until its next item comes, which says nothing about the node.
        p50, p95, p99 = self.recent.percentiles if node.index else (None, None, None)
        return NodeView(
            id=node.id,
            title=node.title,
            type=node.type.name,
            kind=node.kind,
            health=health,
            health_reason=reason,
            health_since=self.since if health is self.health else time.time(),
            runs=reading.runs,
            errors=reading.errors,
            hits=reading.hits,
            rate=self.rate.per_second,
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            retries=reading.retries,
            retrying=_next_try(reading.next_try) if reading.retrying else "",
            running=reading.running,
            last_error=reading.last_error,
            last_error_at=reading.last_error_at,
            ports=tuple(reading.ports.items()),
            needs=tuple((plan.nodes[need.index].id, need.port or "") for need in node.needs),
            queue=node.queue,
            busy=max(0.0, self.busy.per_second / 1e9) if node.index else None,
        )


class LoopGauges:
    """What is known of one loop from several moments; `sample` on one thread, `view` on any."""

    def __init__(self, plan: ExecutionPlan) -> None:
        self._rate = Trend()
        self._recent = Recent()
        self._read: TrackReading | None = None
        self._news_at = self._sampled_at = 0.0  # of `time.monotonic`
        self._samples = 0
        self._nodes = {node.id: _NodeGauge() for node in plan.nodes}
        self._producer = plan.nodes[0].id
        self._seen: tuple[tuple[object, ...], LoopView] | None = None  # as of a node, if it stays

    def keep_only(self, plan: ExecutionPlan) -> None:
        """Go over to another plan of the same loop."""
        self._nodes = {node.id: self._nodes.get(node.id) or _NodeGauge() for node in plan.nodes}

    def is_due(self, now: float) -> bool:
        """Tell whether it is time for the next `sample`: where nothing happens, only what is remembered changes."""
        return now - self._news_at <= _CALM_AFTER_S or now - self._sampled_at >= _CALM_EVERY_S

    def sample(self, now: float, reading: TrackReading) -> None:
        """Take the figures at `now` (of `time.monotonic`)."""
        self._sampled_at = now
        if reading is not self._read:
            self._read, self._news_at = reading, now
        elif now - self._news_at > _AT_REST_S:
            return  # every rate is 0 by now, and every percentile forgotten
        self._rate.sample(now, reading.iterations)
        self._recent.sample(now, reading.durations)
        for id, gauge in self._nodes.items():
            gauge.sample(now, reading.nodes.get(id, _NOTHING_DONE), is_producer=id == self._producer)
        self._samples += 1  # last: what is shown meanwhile, from half of it, must not count as up to date

    def view(
        self,
        plan: ExecutionPlan,
        life: Lifecycle,
        reading: TrackReading,
        waiting: Waiting,
        *,
        revision: int,
        replicas: int,
        tracks: int,
        grace_until: float = 0.0,
        paused_itself: bool = False,
    ) -> LoopView:
        """Return the loop as it is now; it is the same object as long as it would be an equal one."""
        standing = (life.state, life.reason, life.since)
        told = (waiting, revision, replicas, tracks, grace_until, paused_itself)
        of = (plan, reading, self._samples, standing, *told)
        seen = self._seen
        if seen is not None and seen[0] == of:
            return seen[1]
        nodes = [self._node(node.id).view(plan, node, reading.nodes.get(node.id, _NOTHING_DONE)) for node in plan.nodes]
        p50, p95, p99 = self._recent.percentiles
        view = LoopView(
            id=plan.loop,
            workflow=plan.workflow,
            producer=plan.nodes[0].id,
            path=plan.path,
            pool=plan.pool.label,
            replicas=replicas,
            tracks=tracks,
            state=standing[0],
            reason=standing[1],
            since=standing[2],
            waiting=waiting.reason,
            waiting_since=waiting.since,
            iterations=reading.iterations,
            errors=reading.errors,
            rate=self._rate.per_second,
            rate_1s=self._rate.last_second,
            rate_1m=self._rate.last_minute,
            history=self._rate.history(),
            last_at=reading.last_at,
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            in_flight=reading.in_flight,
            revision=revision,
            reads=plan.reads,
            writes=plan.writes,
            nodes=tuple(node.view for node in nodes),
            is_triggered=plan.is_triggered,
            grace_until=grace_until,
            paused_itself=paused_itself,
        )
        if seen is not None and view == seen[1]:
            view = seen[1]
        self._seen = (of, view) if all(node.stays for node in nodes) else None
        return view

    def _node(self, id: str) -> _NodeGauge:
        return self._nodes.get(id) or _NodeGauge()


def _health(node: NodeReading, *, is_producer: bool) -> tuple[NodeHealth, str]:
    if node.held_since:
        return NodeHealth.STALLED, f"it has held its event loop for {time.time() - node.held_since:.1f} s"
    if node.overruns:
        calls = f"{node.overruns} calls" if node.overruns > 1 else "a call"
        return NodeHealth.STALLED, f"{calls} went beyond the timeout in a thread, which cannot be stopped"
    # A producer waits inside its `execute` for as long as there is nothing to do: that is no stall.
    if node.running and not is_producer:
        took = (time.perf_counter_ns() - node.started_ns) / 1e9
        if took > STALL_AFTER_S:
            return NodeHealth.STALLED, f"a run has been going on for {took:.0f} s"
    if node.retrying:
        return NodeHealth.RETRYING, f"{_next_try(node.next_try)}: {node.last_error}"
    if node.last_failed:
        return NodeHealth.FAILING, node.last_error
    return (NodeHealth.HEALTHY, "its last run succeeded") if node.runs else (NodeHealth.IDLE, "has not run yet")


def _under_way_ns(node: NodeReading) -> int:
    """Return how long the run that began last has been going on, in nanoseconds, 0 if none does."""
    return max(0, time.perf_counter_ns() - node.started_ns) if node.running else 0


def _next_try(next_try: NextTry) -> str:
    return f"{next_try.number}/{next_try.attempts}, next in {max(0, round(next_try.at - time.monotonic()))} s"
