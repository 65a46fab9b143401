"""One loop as the engine holds it: its plan, its life, its counters and, while it lives, its runner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from flowtui.engine.lifecycle import Event, Lifecycle
from flowtui.engine.pools import Home, Pools
from flowtui.engine.runner import FlowRunner
from flowtui.engine.telemetry import LoopCounters, NodeCounters
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.snapshot import LoopView, NodeView
from flowtui.model.states import ACTIVE_STATES, STALL_AFTER_S, Command, LoopState, NodeHealth
from flowtui.nodes.base import ConditionalNode
from flowtui.storage.data_store import DataStore


class Loop:
    """One loop. All methods but `view` belong to the engine's control thread."""

    def __init__(
        self,
        plan: ExecutionPlan,
        store: DataStore,
        pools: Pools,
        on_report: Callable[[Loop, FlowRunner, Event, str], None],
    ) -> None:
        """`on_report` is called on the runner's own thread."""
        self._deployed = (plan, _node_counters(plan))  # one attribute, since other threads read both
        self.revision = 1
        self.lifecycle = Lifecycle(plan.loop)
        self.counters = LoopCounters()
        self._store = store
        self._pools = pools
        self._on_report = on_report
        self.moved = asyncio.Event()  # set whenever the state may have changed
        self._runner: FlowRunner | None = None
        self._home: Home | None = None
        self._pauses = 0  # asked of the runner

    @property
    def plan(self) -> ExecutionPlan:
        """What it runs, or will run at the next start."""
        return self._deployed[0]

    @property
    def is_active(self) -> bool:
        """Whether a runner is alive for it."""
        return self.lifecycle.state in ACTIVE_STATES

    def command(self, command: Command, reason: str) -> None:
        """Carry out a command.

        Raises:
            IllegalTransition: if the loop's state does not allow it.
        """
        self.lifecycle.apply(Event(command.value), reason)
        if command is Command.START:
            self._launch()
        elif command is Command.PAUSE:
            self._ask_pause()
        elif command is Command.RESUME:
            self._ask(FlowRunner.resume)
        else:
            self._ask(FlowRunner.stop)

    def stop_within(self, grace: float, reason: str) -> None:
        """Stop with another grace than the usual one; without effect on a loop that does not run."""
        if self.lifecycle.allows(Event.STOP):
            self.lifecycle.apply(Event.STOP, reason)
        self._ask(lambda runner: runner.stop(grace))

    def reported(self, runner: FlowRunner, event: Event, reason: str) -> None:
        """Take in what the runner said; what a former runner said, or what is not news any more, is ignored."""
        if runner is not self._runner or not self.lifecycle.allows(event):
            return
        # It may have been resumed and paused again since it said so.
        if event is Event.SETTLED and (runner.pauses != self._pauses or runner.in_flight):
            return
        state = self.lifecycle.apply(event, reason)
        self.moved.set()
        if event is Event.PAUSE:
            self._ask_pause()
        if state not in ACTIVE_STATES:
            self._runner = self._home = None

    async def until(self, states: frozenset[LoopState], timeout: float) -> bool:
        """Wait until the loop is in one of `states`; return False if `timeout` seconds pass before."""
        try:
            async with asyncio.timeout(timeout):
                while self.lifecycle.state not in states:
                    self.moved.clear()
                    await self.moved.wait()
        except TimeoutError:
            return False
        return True

    def replace_plan(self, plan: ExecutionPlan) -> None:
        """Take a new plan, for the next start; counters of nodes that stay are kept."""
        fresh = _node_counters(plan)
        for id, counters in self._deployed[1].items():
            if id in fresh and fresh[id].ports.keys() == counters.ports.keys():
                fresh[id] = counters
        self._deployed = (plan, fresh)

    def sample(self, now: float) -> None:
        """Take the counters' values at `now` (of `time.monotonic`)."""
        self.counters.sample(now)
        for counters in self._deployed[1].values():
            counters.sample(now)

    def view(self) -> LoopView:
        """Return what a screen shows of it."""
        (plan, counters), life, runner = self._deployed, self.lifecycle, self._runner
        waiting, waiting_since = runner.waiting.now if runner is not None else ("", 0.0)
        return LoopView(
            id=plan.loop,
            workflow=plan.workflow,
            producer=plan.nodes[0].id,
            path=plan.path,
            pool=plan.pool.label,
            state=life.state,
            reason=life.reason,
            since=life.since,
            waiting=waiting if life.state is not LoopState.PAUSED else "",
            waiting_since=waiting_since,
            iterations=self.counters.iterations,
            errors=self.counters.errors,
            rate=self.counters.rate.per_second,
            history=self.counters.rate.history(),
            p95_ms=self.counters.latency.p95_ms,
            in_flight=runner.in_flight if runner is not None else 0,
            revision=self.revision,
            reads=plan.reads,
            writes=plan.writes,
            nodes=tuple(_node_view(node, counters[node.id]) for node in plan.nodes),
        )

    def _launch(self) -> None:
        def report(event: Event, reason: str) -> None:
            self._on_report(self, runner, event, reason)

        runner = FlowRunner(self.plan, self._store, self.counters, self._deployed[1], report)
        self._runner = runner
        self._pauses = 0
        self._home = self._pools.launch(self.plan.pool, self.plan.loop, runner.run)

    def _ask_pause(self) -> None:
        self._pauses += 1
        self._ask(FlowRunner.pause)

    def _ask(self, wish: Callable[[FlowRunner], None]) -> None:
        runner, home = self._runner, self._home
        if runner is not None and home is not None:
            home.post(lambda: wish(runner))


def _node_counters(plan: ExecutionPlan) -> dict[str, NodeCounters]:
    found = {}
    for node in plan.nodes:
        cls = node.type.cls
        ports = cls.ports_for(node.config) if issubclass(cls, ConditionalNode) else ()
        found[node.id] = NodeCounters(ports)
    return found


def _node_view(node: PlanNode, counters: NodeCounters) -> NodeView:
    return NodeView(
        id=node.id,
        title=node.title,
        type=node.type.name,
        kind=node.kind,
        health=_health(counters, is_producer=node.index == 0),
        runs=counters.runs,
        errors=counters.errors,
        rate=counters.rate.per_second,
        p95_ms=counters.latency.p95_ms if node.index else None,
        retries=counters.retries,
        retrying=_next_try(counters) if counters.retrying else "",
        running=counters.running,
        last_error=counters.last_error,
        ports=tuple(counters.ports.items()),
    )


def _health(counters: NodeCounters, *, is_producer: bool) -> NodeHealth:
    # A producer waits inside its `execute` for as long as there is nothing to do: that is no stall.
    if counters.running and not is_producer and time.perf_counter_ns() - counters.started_ns > STALL_AFTER_S * 1e9:
        return NodeHealth.STALLED
    if counters.retrying:
        return NodeHealth.RETRYING
    if counters.last_failed:
        return NodeHealth.FAILING
    return NodeHealth.HEALTHY if counters.runs else NodeHealth.IDLE


def _next_try(counters: NodeCounters) -> str:
    number, attempts, at = counters.next_try
    return f"{number}/{attempts}, next in {max(0, round(at - time.monotonic()))} s"
