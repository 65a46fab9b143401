"""What a loop means, in words that a person knows from its file, and how two revisions of it differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from flowtui.graph.folder import LoadedWorkflow
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.diff import Change, ChangeKind, differences
from flowtui.model.forms import MASK, KeyPath
from flowtui.model.workflows import LoopChange
from flowtui.nodes.forms import shown_config
from flowtui.workflow.loader import load_source

_REVISION_CHARS = 7
_ABSENT: Any = object()


def loop_changes(before: Iterable[LoadedWorkflow], after: Iterable[LoadedWorkflow]) -> tuple[LoopChange, ...]:
    """Return which loops differ between two states of some workflows, in the order of the later one, and how."""
    old, new = _by_loop(before), _by_loop(after)
    found = []
    for loop, (plan, workflow) in new.items():
        if loop not in old:
            found.append(LoopChange(loop, ChangeKind.ADDED))
        elif old[loop][0].revision != plan.revision:
            found.append(LoopChange(loop, ChangeKind.CHANGED, _changes(old[loop], (plan, workflow))))
    return (*found, *(LoopChange(loop, ChangeKind.REMOVED) for loop in old if loop not in new))


_Written = tuple[ExecutionPlan, LoadedWorkflow]


def _by_loop(workflows: Iterable[LoadedWorkflow]) -> dict[str, _Written]:
    return {plan.loop: (plan, workflow) for workflow in workflows for plan in workflow.plans}


def _changes(before: _Written, after: _Written) -> tuple[Change, ...]:
    old, new = _meaning(*before, shown=False), _meaning(*after, shown=False)
    # They are compared as they are: two secrets that are masked look the same.
    shown_old, shown_new = _meaning(*before, shown=True), _meaning(*after, shown=True)
    return tuple(
        replace(
            change,
            old=_at(shown_old, change.path) if change.kind is not ChangeKind.ADDED else None,
            new=_at(shown_new, change.path) if change.kind is not ChangeKind.REMOVED else None,
        )
        if change.kind is not ChangeKind.MOVED
        else change
        for change in differences(old, new)
    )


def _meaning(plan: ExecutionPlan, workflow: LoadedWorkflow, *, shown: bool) -> dict[str, Any]:
    """Return what decides on what a loop does; `shown` with secrets masked."""
    written = _written_configs(plan, workflow)
    loop = {
        "pool": str(plan.pool),
        "replicas": plan.replicas,
        "restarts": plan.restarts,
        "on_error": str(plan.on_error),
        "autostart": plan.autostart,
        "max_in_flight": plan.max_in_flight,
        "breaker": plan.breaker,
        "max_dead_letters": plan.max_dead_letters,
        "max_deliveries": plan.max_deliveries,
        "batch": plan.batch.model_dump(mode="json") if plan.batch else None,
    }
    nodes = {node.id: _node(plan, node, written.get(node.id, {}), shown=shown) for node in plan.nodes}
    return {"loop": {key: value for key, value in loop.items() if value is not None}, "nodes": nodes}


def _node(plan: ExecutionPlan, node: PlanNode, config: Mapping[str, Any], *, shown: bool) -> dict[str, Any]:
    needs = [plan.nodes[need.index].id + (f".{need.port}" if need.port else "") for need in node.needs]
    config = shown_config(node.type.cls.Config, config) if shown else dict(config)
    said = {
        "type": node.type.name,
        "code": node.type.revision[:_REVISION_CHARS],
        "needs": needs or None,
        "queue": node.queue,
        "config": config or None,
        "retry": node.retry.model_dump(mode="json", exclude_defaults=True) if node.retry else None,
        "timeout": node.timeout,
        "cache": node.cache,
    }
    return {key: value for key, value in said.items() if value is not None}


def _written_configs(plan: ExecutionPlan, workflow: LoadedWorkflow) -> Mapping[str, Mapping[str, Any]]:
    """Return the configs as they stand in the file: what `${NAME}` stands for is nobody's business here."""
    source = load_source(workflow.path, workflow.text, {node.type.name: node.type for node in plan.nodes})
    nodes = source.value.get("nodes") if source is not None else None
    if not isinstance(nodes, Mapping):
        return {}
    configs = {id: each.get("config") for id, each in nodes.items() if isinstance(each, Mapping)}
    return {id: config for id, config in configs.items() if isinstance(config, Mapping)}


def _at(value: Any, path: KeyPath) -> Any:
    """Return what is shown at a path; below what is masked, the mask."""
    for key in path:
        if value == MASK:
            return MASK
        value = value[key]
    return value
