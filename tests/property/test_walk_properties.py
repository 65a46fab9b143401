"""Every graph that a loop can have, run by the engine and by a simple interpreter of the rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_lab import PlannedNode, plan_of, quiet, run
from flowtui.engine.execute import Step
from flowtui.engine.iteration import Iteration, Routing
from flowtui.engine.observers import observed
from flowtui.engine.telemetry import NodeCounters
from flowtui.engine.walk import Walker
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.data import NodeData
from flowtui.model.ids import derived_id
from flowtui.nodes.base import BlockingNode, ConditionalNode, NonBlockingNode, ProducerNode
from flowtui.nodes.builtin.queues import QueueWriter
from long_runs import tries

ITEMS = 3
#: What a node is given: its payload, and by upstream node if it is a join.
Inputs = tuple[dict[str, Any], dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Behaviour:
    """What a node does with one item, after `turns` turns of the event loop."""

    what: str = "pass"  # pass, drop, fail, cancel, unwritable
    port: str = "yes"
    turns: int = 0


class Script:
    """What the nodes of one example are to do, and what they did."""

    behaviours: dict[tuple[str, int], Behaviour]
    ran: dict[tuple[str, int], Inputs]
    ended: set[tuple[str, int]]
    joins: set[str]

    def begin(self, nodes: list[PlannedNode], behaviours: dict[tuple[str, int], Behaviour]) -> None:
        self.behaviours, self.ran, self.ended = behaviours, {}, set()
        self.joins = {node.id for node in nodes if len(node.needs) > 1}

    async def act(self, node: str, data: NodeData) -> Behaviour:
        key = (node, data["item"])
        assert key not in self.ran, f"{node} ran twice for one item"
        # Behind a join `by` may still be there: `data | {...}` keeps it.
        by = {id: branch.payload for id, branch in data.by.items()} if node in self.joins else {}
        self.ran[key] = (data.payload, by)
        try:
            behaviour = self.behaviours[key]
            for _ in range(behaviour.turns):
                await asyncio.sleep(0)
            if behaviour.what == "fail":
                raise ValueError(node)
            if behaviour.what == "cancel":
                raise asyncio.CancelledError
            return behaviour
        finally:
            self.ended.add(key)


UNWRITABLE = object()
script = Script()


class Start(ProducerNode):
    pass


class _Work:
    id: str

    async def execute(self, data: NodeData) -> NodeData | None:
        behaviour = await script.act(self.id, data)
        return None if behaviour.what == "drop" else data | _mark(self.id, behaviour)


class Work(_Work, BlockingNode):
    pass


class Send(_Work, NonBlockingNode):
    pass


class Fork(ConditionalNode):
    async def execute(self, data: NodeData) -> tuple[str, NodeData]:
        behaviour = await script.act(self.id, data)
        return behaviour.port, data | _mark(self.id, behaviour)


CLASSES = {"work": Work, "send": Send, "fork": Fork, "write": QueueWriter}


def _mark(id: str, behaviour: Behaviour) -> dict[str, Any]:
    """What a node adds to its input; `last` is what joins have to agree about."""
    return {id: UNWRITABLE if behaviour.what == "unwritable" else 1, "last": id}


@st.composite
def graphs(draw: st.DrawFn) -> list[PlannedNode]:
    nodes = [PlannedNode("start", Start)]
    for number in range(draw(st.integers(1, 9))):
        needs = []
        for upstream in draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3, unique_by=lambda n: n.id)):
            ports = [".yes", ".no", ""] if upstream.cls is Fork else [""]
            chosen = draw(st.lists(st.sampled_from(ports), min_size=1, max_size=2, unique=True))
            needs += [upstream.id + port for port in chosen]
        kind = draw(st.sampled_from(["work", "work", "fork", "send", "write"]))
        queue = draw(st.sampled_from(["q1", "q2"])) if kind == "write" else None
        nodes.append(PlannedNode(f"n{number}", CLASSES[kind], needs, queue))
    return nodes


@st.composite
def examples(draw: st.DrawFn) -> tuple[list[PlannedNode], dict[tuple[str, int], Behaviour], set[int]]:
    """Nodes, what they do with each item, and which items are observed."""
    nodes = draw(graphs())
    what = st.sampled_from(["pass"] * 6 + ["drop", "fail", "cancel", "unwritable"])
    behaviour = st.builds(Behaviour, what=what, port=st.sampled_from(["yes", "no"]), turns=st.integers(0, 4))
    behaviours = {(node.id, item): draw(behaviour) for node in nodes for item in range(ITEMS)}
    return nodes, behaviours, draw(st.sets(st.integers(0, ITEMS - 1)))


@dataclass
class Outcome:
    """What one item should come to."""

    ran: dict[str, Inputs] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    written: dict[str, str] = field(default_factory=dict)  # writer → queue
    outputs: dict[str, Any] = field(default_factory=dict)  # with the port; of the producer and the writers too


def interpret(plan: ExecutionPlan, behaviours: dict[tuple[str, int], Behaviour], item: int) -> Outcome:
    """Section 5 of the design, node after node, without any concurrency."""
    outcome = Outcome()
    #: For each node: "blocked" if it failed or stands behind a failure, None if skipped or dropped, else its output.
    states: list[Any] = [({"item": item}, None)]
    for node in plan.nodes[1:]:
        live: dict[str, dict[str, Any]] = {}
        merged: dict[str, Any] = {}
        for need in node.needs:
            state = states[need.index]
            if state not in (None, "blocked") and need.port in (None, state[1]):
                live[plan.nodes[need.index].id] = state[0]
                merged |= state[0]
        if any(states[need.index] == "blocked" for need in node.needs):
            states.append("blocked")
        elif not live:
            states.append(None)
        else:
            inputs = merged, live if len(node.needs) > 1 else {}
            states.append(_acted(node, inputs, behaviours[node.id, item], outcome))
    ids = (node.id for node in plan.nodes)
    outcome.outputs = {id: state for id, state in zip(ids, states, strict=True) if state not in (None, "blocked")}
    return outcome


def _acted(node: PlanNode, inputs: Inputs, behaviour: Behaviour, outcome: Outcome) -> Any:
    id, given = node.id, inputs[0]
    if node.queue is not None:
        if UNWRITABLE in given.values():
            outcome.failed.add(id)
            return "blocked"
        outcome.written[id] = node.queue
        return given, None
    outcome.ran[id] = inputs
    if behaviour.what in ("fail", "cancel"):
        outcome.failed.add(id)
        return "blocked"
    is_fork = node.type.cls is Fork
    if behaviour.what == "drop" and not is_fork:
        return None
    return given | _mark(id, behaviour), behaviour.port if is_fork else None


@dataclass
class Run:
    """What the engine made of the items."""

    iterations: list[Iteration]
    settled: list[Iteration]
    ended_at_return: list[set[tuple[str, int]]]


class Notes:
    """Notes what it is told as an observer: what came to each node, and what came of it."""

    def __init__(self) -> None:
        self.entered_with: dict[tuple[str, int], Inputs] = {}
        self.ended_as: dict[tuple[str, int], Any] = {}

    def entered(self, step: Step, data: NodeData, it: Iteration) -> None:
        by = {id: branch.payload for id, branch in data.by.items()} if step.is_join else {}
        self.entered_with[step.id, it.data["item"]] = (data.payload, by)

    def settled(self, step: Step, output: NodeData | None, port: str | None, it: Iteration) -> None:
        self._end(step, it, None if output is None else (output.payload, port))

    def failed(self, step: Step, data: NodeData, it: Iteration, error: BaseException) -> None:
        self._end(step, it, "failed")

    def _end(self, step: Step, it: Iteration, what: Any) -> None:
        key = step.id, it.data["item"]
        assert key not in self.ended_as, "each node ends once for each item"
        self.ended_as[key] = what


async def walked(plan: ExecutionPlan, notes: Notes, seen: set[int]) -> Run:
    counters = {node.id: NodeCounters(("yes", "no")) for node in plan.nodes}
    steps = [Step(node, plan.loop, plan.path, counters[node.id]) for node in plan.nodes]
    for step in reversed(steps):
        step.connect(steps)
    settled: list[Iteration] = []
    routing = Routing(plan, lambda *_: None)
    walker = Walker(steps[0], routing, cast(Executor, None), settled.append, may_inline=False)
    first = observed(steps, notes)[0]
    result = Run([], settled, [])
    for item in range(ITEMS):
        it = Iteration(steps[0].attribution)
        it.data = NodeData({"item": item}, f"id{item}")
        result.iterations.append(it)
        if item in seen:
            await walker.resume(routing.ready(first, it.data, None, it), it)
        else:
            await walker.walk(it)
        result.ended_at_return.append(set(script.ended))
    while walker.tasks:
        await asyncio.wait(walker.tasks)
    return result


def behind_non_blocking(plan: ExecutionPlan) -> set[str]:
    """The nodes that do not hold the iteration."""
    found: set[int] = set()
    for node in plan.nodes:
        if node.type.cls is Send or any(need.index in found for need in node.needs):
            found.add(node.index)
    return {plan.nodes[index].id for index in found}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


@settings(max_examples=tries(120))
@given(examples())
def test_the_engine_runs_every_graph_as_the_rules_say(
    example: tuple[list[PlannedNode], dict[tuple[str, int], Behaviour], set[int]],
) -> None:
    nodes, behaviours, seen = example
    plan = plan_of(*nodes)
    script.begin(nodes, behaviours)
    notes = Notes()
    result = run(walked(plan, notes, seen))

    assert sorted(it.data["item"] for it in result.settled) == list(range(ITEMS)), "each settles once"
    for item, it in enumerate(result.iterations):
        expected = interpret(plan, behaviours, item)
        assert {id: did for (id, of), did in script.ran.items() if of == item} == expected.ran
        assert {letter.node for letter in it.dead} == expected.failed
        assert len(it.dead) == len(expected.failed)
        writes = {derived_id(it.data.id, f"{plan.loop}.{id}", 0): queue for id, queue in expected.written.items()}
        assert {pushed.id: queue for queue, pushed in it.outbox} == writes
        assert len(it.outbox) == len(writes)
        holding = {(id, item) for id in expected.ran if id not in behind_non_blocking(plan)}
        assert holding <= result.ended_at_return[item], "the next item begins when the blocking part is done"
        told = {id: what for (id, of), what in notes.ended_as.items() if of == item and what is not None}
        failures = dict.fromkeys(expected.failed, "failed")
        assert told == (expected.outputs | failures if item in seen else {}), "an observer is told of all of it"
        entered = {id: given for (id, of), given in notes.entered_with.items() if of == item}
        assert entered == (expected.ran if item in seen else {})
