"""Test cases of nodes: whether they can be run, what comes of one, and how that differs from what it expects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowtui.engine.dev_inputs import takes_input
from flowtui.engine.development import Development
from flowtui.graph.folder import LoadedFolder
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.cases import TestCase
from flowtui.model.development import DevRequest, DevRun, NodeInput, Origin
from flowtui.model.diff import Change, ChangeKind, differences
from flowtui.model.errors import Problem
from flowtui.model.forms import KeyPath
from flowtui.model.spelling import did_you_mean
from flowtui.model.states import NodeKind
from flowtui.nodes.templates import compile_config
from flowtui.workflow.cases import PlacedCase
from flowtui.workflow.ignored import without

#: Of an item of which the case does not say it: outputs that hold it must not change.
_ITEM = "item-1"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What has come of a case.

    Attributes:
        differences: from what was expected to what came, each at a path that begins with `output`, `port` or `error`.
    """

    placed: PlacedCase
    run: DevRun
    differences: tuple[Change, ...]

    @property
    def ok(self) -> bool:
        return not self.differences


class CaseRunner:
    """Runs the cases of one folder, one after the other."""

    def __init__(self, loaded: LoadedFolder, development: Development) -> None:
        """`development` knows the workflows of the folder, and no store."""
        self._loaded = loaded
        self._development = development
        sound = {workflow.path for workflow in loaded.workflows}
        self._broken = {path.stem for path in loaded.files if path not in sound}

    def problems(self, cases: Iterable[PlacedCase]) -> tuple[Problem, ...]:
        """Return why some of these cases cannot be run."""
        return tuple(problem for placed in cases for problem in self._problems(placed))

    async def run(self, placed: PlacedCase) -> CaseResult:
        """Run a case that has no problems.

        Raises:
            FlowtuiError: if the node cannot be run at all.
        """
        case = placed.case
        plan, node = self._found(case)
        given = case.given(_upstream(plan, node))
        inputs: tuple[NodeInput, ...] = ()
        if given is not None:
            inputs = (NodeInput(Origin.MOCK, given if given.id else replace(given, id=_ITEM)),)
        inspection = await self._development.inspect(plan.loop, node.id)
        config = with_changes(inspection.config, case.config)
        run = await self._development.run_node(DevRequest(plan.loop, node.id, config, inputs))
        return CaseResult(placed, run, compare(case, run))

    def _problems(self, placed: PlacedCase) -> list[Problem]:
        case = placed.case
        plans = {plan.workflow: plan for workflow in self._loaded.workflows for plan in workflow.plans}
        if case.workflow not in plans:
            return [placed.problem(("workflow",), self._no_workflow(case.workflow, plans), "bad-case")]
        nodes = self._nodes(case.workflow)
        if case.node not in nodes:
            hint = did_you_mean(case.node, nodes) or f": it has {', '.join(nodes)}"
            message = f"workflow '{case.workflow}' has no node '{case.node}'{hint}"
            return [placed.problem(("node",), message, "bad-case")]
        plan, node = nodes[case.node]
        found = [*_input_faults(case, node, _upstream(plan, node)), *_config_faults(case, node)]
        if case.expect.port and case.expect.port not in node.ports:
            has = f"its ports are {', '.join(node.ports)}" if node.ports else "it is no conditional"
            found.append((("expect", "port"), f"'{case.node}' has no port '{case.expect.port}': {has}"))
        return [placed.problem(path, message, "bad-case") for path, message in found]

    def _no_workflow(self, name: str, known: Mapping[str, ExecutionPlan]) -> str:
        if name in self._broken:
            return f"workflow '{name}' has errors: for what they are, flowtui check {self._loaded.folder}"
        hint = did_you_mean(name, known) or ": say which one with 'workflow:'"
        return f"there is no workflow '{name}'{hint}"

    def _nodes(self, workflow: str) -> dict[str, tuple[ExecutionPlan, PlanNode]]:
        return {
            node.id: (plan, node)
            for loaded in self._loaded.workflows
            if loaded.name == workflow
            for plan in loaded.plans
            for node in plan.nodes
        }

    def _found(self, case: TestCase) -> tuple[ExecutionPlan, PlanNode]:
        return self._nodes(case.workflow)[case.node]


def compare(case: TestCase, run: DevRun) -> tuple[Change, ...]:
    """Return how a run differs from what its case expects, from that to what came."""
    expect, failure = case.expect, run.failure
    told = "" if failure is None else f"{failure.error}: {failure.message}"
    if expect.error:
        if failure is None:
            return (Change(ChangeKind.REMOVED, ("error",), expect.error),)
        return () if expect.error in told else (Change(ChangeKind.CHANGED, ("error",), expect.error, told),)
    if failure is not None:
        return (Change(ChangeKind.ADDED, ("error",), new=f"{told}{failure.place}"),)
    found = []
    if expect.port and expect.port != run.port:
        found.append(Change(ChangeKind.CHANGED, ("port",), expect.port, run.port))
    if expect.has_output:
        output = None if run.output is None else run.output.payload
        changes = differences(without(expect.output, case.ignore), without(output, case.ignore))
        found += [replace(change, path=("output", *change.path)) for change in changes]
    return tuple(found)


def with_changes(written: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with other settings in place of those that are written; None takes one away."""
    return {key: value for key, value in {**written, **changes}.items() if key not in changes or value is not None}


def _upstream(plan: ExecutionPlan, node: PlanNode) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plan.nodes[need.index].id for need in node.needs))


def _input_faults(case: TestCase, node: PlanNode, upstream: tuple[str, ...]) -> list[tuple[KeyPath, str]]:
    is_given = case.input is not None or bool(case.inputs)
    if is_given and not takes_input(node):
        key = "input" if case.input is not None else "inputs"
        return [((key,), f"'{case.node}' is a producer, which makes items itself: remove it")]
    if not is_given and node.kind is NodeKind.PRODUCER:
        return []
    if not is_given:
        return [(("node",), f"'{case.node}' takes an item: add 'input' with its payload")]
    if case.inputs and len(upstream) < 2:
        return [(("inputs",), f"'{case.node}' needs one node only: write 'input' with the payload")]
    others = [need for need in case.inputs if need not in upstream]
    known = ", ".join(upstream)
    return [(("inputs", need), f"'{case.node}' does not need '{need}', but {known}") for need in others]


def _config_faults(case: TestCase, node: PlanNode) -> list[tuple[KeyPath, str]]:
    config = with_changes(node.config, case.config)
    has_item = node.kind is not NodeKind.PRODUCER
    _, problems = compile_config(node.type.cls.Config, config, has_item=has_item, env=node.env)
    # What `${NAME}` becomes is known only when it runs.
    unsure = {key for key, value in case.config.items() if "${" in str(value)}
    return [
        (("config", *problem.path), f"config: {problem.message}")
        for problem in problems
        if problem.path[:1] and problem.path[0] not in unsure
    ]
