"""Where the input of a node under test comes from: mock, pin, cache or sample, and how far that is up to date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flowtui.engine.iteration import merged
from flowtui.engine.pins import Pin
from flowtui.graph.node_revisions import revisions, upstream, what_changed
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.data import NodeData
from flowtui.model.development import DevRun, MissingInput, NodeInput, Origin, PlannedRun, Sample, Stored
from flowtui.model.errors import BadInput
from flowtui.model.spelling import did_you_mean
from flowtui.nodes.base import ProducerNode
from flowtui.nodes.builtin.queues import QueueReader
from flowtui.nodes.builtin.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the nodes of a loop, by their ids.

    Attributes:
        outputs: the last good runs, newest first; of a conditional one for each port.
        samples: newest first.
    """

    pins: Mapping[str, Pin] = field(default_factory=dict)
    outputs: Mapping[str, Sequence[DevRun]] = field(default_factory=dict)
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)


class NodeInputs:
    """What one node may run with."""

    def __init__(self, plan: ExecutionPlan, node: PlanNode, known: Known) -> None:
        self._plan = plan
        self._node = node
        self._known = known
        self._needs = [plan.nodes[need.index].id for need in node.needs]
        self.upstream = tuple(dict.fromkeys(self._needs))

    def choices(self) -> tuple[NodeInput, ...]:
        """Return every input that is at hand: pins, caches and samples of upstream, then samples of the node itself."""
        found = [each for id in self.upstream for each in self._of(id)]
        order = [Origin.PIN, Origin.CACHE, Origin.SAMPLE]
        return (*sorted(found, key=lambda each: order.index(each.origin)), *self._own_samples())

    def resolve(self, given: Sequence[NodeInput] = ()) -> tuple[tuple[NodeInput, ...], tuple[MissingInput, ...]]:
        """Return what the node would run with, for each upstream, and what is missing.

        A join may go without what a branch that was not taken would give, as in production.

        Raises:
            BadInput: if something is given that the node does not take.
        """
        self._check(given)
        if whole := [each for each in given if not each.upstream]:
            return (whole[0],), ()
        mine = {each.upstream: each for each in given}
        found = {id: each for id in self.upstream if (each := mine.get(id) or self.best(id)) is not None}
        missing = [id for id in self.upstream if id not in found]
        if found:
            missing = [id for id in missing if not self._may_be_skipped(id)]
        return tuple(found.values()), tuple(MissingInput(id, self._why_missing(id)) for id in missing)

    def item(self, inputs: Sequence[NodeInput]) -> Stored:
        """Return what the node gets when it runs with these inputs."""
        first = inputs[0].data
        if len(self._needs) < 2 or not inputs[0].upstream:
            return first
        by_node = {each.upstream: each for each in inputs}
        live = {
            edge: each.data.as_data()
            for edge, need in enumerate(self._node.needs)
            if (each := by_node.get(self._needs[edge])) and need.port in (None, each.port or need.port)
        }
        return Stored.of(merged(self._needs, live, NodeData({}, first.id)))

    def _check(self, given: Sequence[NodeInput]) -> None:
        if given and not takes_input(self._node):
            raise BadInput(f"{self._node.id} is a producer, which makes items itself: give it no input")
        for each in given:
            if each.upstream and each.upstream not in self.upstream:
                names = ", ".join(self.upstream) or "no other node"
                hint = did_you_mean(each.upstream, self.upstream) or f": it needs {names}"
                raise BadInput(f"{self._node.id} takes nothing from {each.upstream!r}{hint}")

    def best(self, id: str) -> NodeInput | None:
        """Return the input from an upstream that is preferred, None if nothing is known."""
        return next(self._of(id), None) or self._of_own_sample(id)

    def _of(self, id: str) -> Iterator[NodeInput]:
        """Yield what is known of the output of an upstream that leads here, the preferred first."""
        plan, known = self._plan, self._known
        index = next(each.index for each in plan.nodes if each.id == id)
        now = revisions(plan, index)
        pin = known.pins.get(id)
        if pin is not None and self._leads_here(id, pin.port):
            stale = what_changed(id, pin.revisions, now)
            yield NodeInput(Origin.PIN, pin.output, id, pin.port, pin.at, pin.revision, stale)
        for run in known.outputs.get(id, ()):
            if run.output is not None and self._leads_here(id, run.port):
                stale = what_changed(id, run.revisions, now) or self._overtaken(index, run.at)
                yield NodeInput(Origin.CACHE, run.output, id, run.port, run.at, run.revision, stale)
        for sample in known.samples.get(id, ()):
            is_usable = not sample.error and "output" not in sample.cut
            if sample.output is not None and is_usable and self._leads_here(id, sample.port):
                stale = what_changed(id, sample.revisions, now)
                yield NodeInput(Origin.SAMPLE, sample.output, id, sample.port, sample.at, sample.revision, stale)

    def _own_samples(self) -> Iterator[NodeInput]:
        """Yield what the node itself has got in production."""
        only = self.upstream[0] if len(self.upstream) == 1 else ""
        now = {id: each for id, each in revisions(self._plan, self._node.index).items() if id != self._node.id}
        for sample in self._known.samples.get(self._node.id, ()):
            if sample.input is not None and "input" not in sample.cut:
                then = {id: each for id, each in sample.revisions.items() if id != self._node.id}
                stale = what_changed(only, then, now)
                yield NodeInput(Origin.SAMPLE, sample.input, only, "", sample.at, sample.revision, stale)

    def _of_own_sample(self, id: str) -> NodeInput | None:
        for own in self._own_samples():
            if own.upstream:
                return own
            if id in own.data.by:
                return NodeInput(Origin.SAMPLE, own.data.by[id], id, "", own.at, own.revision, own.stale)
        return None

    def _leads_here(self, id: str, port: str) -> bool:
        ports = self._ports(id)
        return not port or None in ports or port in ports

    def _ports(self, id: str) -> list[str | None]:
        """Return the ports by which the output of an upstream comes here; None stands for any."""
        return [need.port for need, name in zip(self._node.needs, self._needs, strict=True) if name == id]

    def _overtaken(self, index: int, at: float) -> str:
        """Return why an output that was made then is not what its node would make of today's inputs."""
        for each in reversed(upstream(self._plan, index)):
            id = self._plan.nodes[each].id
            if (pin := self._known.pins.get(id)) is not None:
                if pin.at > at:
                    return f"another output of {id} was pinned since"
            elif any(run.at > at for run in self._known.outputs.get(id, ())):
                return f"{id} has run again since"
        return ""

    def _may_be_skipped(self, id: str) -> bool:
        nodes = self._plan.nodes
        index = next(each.index for each in nodes if each.id == id)
        edges = [need.port for each in (index, *upstream(self._plan, index)) for need in nodes[each].needs]
        return any(port is not None for port in (*self._ports(id), *edges))

    def why_none(self, id: str) -> str:
        """Return why there is nothing from an upstream, one clause that begins with `it` or `nothing`."""
        ports = [port for port in self._ports(id) if port]
        chosen = [run.port for run in self._known.outputs.get(id, ()) if run.port]
        if ports and chosen:
            return f"it chose {chosen[0]!r} last, and {self._node.id} follows {' or '.join(map(repr, ports))}"
        return "nothing is known of its output"

    def _why_missing(self, id: str) -> str:
        what = f"{self._node.id} has no input from {id} ({self.why_none(id)})"
        return f"{what}: run {id} first, give an input, or let its loop run until there is a sample"


def takes_input(node: PlanNode) -> bool:
    """Return whether a node under test may be given its input: a producer only what a queue or a person would."""
    cls = node.type.cls
    return not issubclass(cls, ProducerNode) or issubclass(cls, QueueReader | Trigger)


def planned_runs(plan: ExecutionPlan, node: PlanNode, known: Known) -> tuple[PlannedRun, ...]:
    """Return which nodes have to run, in this order, before a node has an up to date input from each upstream."""
    why: dict[int, str] = {}
    waiting = [node.index]
    while waiting:
        inputs = NodeInputs(plan, plan.nodes[waiting.pop()], known)
        for index in (each.index for each in plan.nodes if each.id in inputs.upstream):
            best = inputs.best(plan.nodes[index].id)
            reason = inputs.why_none(plan.nodes[index].id) if best is None else best.stale
            is_pinned = best is not None and best.origin is Origin.PIN
            if reason and not is_pinned and index not in why:
                why[index] = reason
                waiting.append(index)
    for index in upstream(plan, node.index):
        before = next((need.index for need in plan.nodes[index].needs if need.index in why), None)
        if before is not None and plan.nodes[index].id not in known.pins:
            why.setdefault(index, f"{plan.nodes[before].id} runs before it")
    return tuple(PlannedRun(plan.nodes[each].id, plan.nodes[each].type.name, why[each]) for each in sorted(why))
