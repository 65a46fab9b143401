"""Configs as their files say them now, and what becomes of a node with another one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.graph.queue_passes import full_name
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError, Problem, TemplateError
from flowtui.model.forms import KeyPath
from flowtui.model.states import NodeKind
from flowtui.nodes.builtin.queues import QueueWriter
from flowtui.nodes.expressions import GLOBALS, compile_text, is_template, variables
from flowtui.nodes.forms import texts
from flowtui.nodes.functions import find_function
from flowtui.nodes.modules import load_modules, one_line
from flowtui.nodes.sandbox import SECRETS
from flowtui.nodes.templates import compile_config
from flowtui.workflow.loader import load_source, resolved
from flowtui.workflow.source import Source, text_digest


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A workflow file as it is now.

    Attributes:
        digest: of its content, empty if it cannot be read.
        source: what it says; None if nothing certain can be said of that.
        why_not: why there is no source, one clause.
    """

    path: Path
    digest: str
    source: Source | None
    why_not: str = ""

    def config(self, node: PlanNode) -> dict[str, Any]:
        """Return a node's config as written; as it runs if the file does not say it."""
        written = self._nodes().get(node.id)
        if written is None:
            return dict(node.config)
        config = written.get("config")
        return dict(config) if isinstance(config, Mapping) else {}

    def line(self, node: PlanNode) -> int:
        """Return the line of a node, from 1."""
        if self.source is None or node.id not in self._nodes():
            return node.line
        return self.source.place(("nodes", node.id), key=True)[0]

    def resolved(
        self, node: PlanNode, config: Mapping[str, Any], env: Mapping[str, str]
    ) -> tuple[dict[str, Any], tuple[Problem, ...]]:
        """Return a config for a node with `${NAME}` replaced, and what is wrong with that."""
        return (dict(config), ()) if self.source is None else resolved(self.source, node.id, config, env)

    def _nodes(self) -> Mapping[str, Any]:
        nodes = self.source.value.get("nodes") if self.source is not None else None
        return {id: each for id, each in nodes.items() if isinstance(each, Mapping)} if isinstance(nodes, dict) else {}


class WrittenFiles:
    """Reads workflow files, each anew only if it has changed."""

    def __init__(self) -> None:
        self._known: dict[Path, WrittenFile] = {}

    def read(self, plan: ExecutionPlan) -> WrittenFile:
        """Return the file of a loop. Blocks; never raises."""
        path = plan.path
        try:
            data = path.read_bytes()
        except OSError as error:
            return WrittenFile(path, "", None, f"{path} cannot be read: {(error.strerror or str(error)).lower()}")
        digest = text_digest(data)
        known = self._known.get(path)
        if known is None or known.digest != digest:
            source = load_source(path, data, {node.type.name: node.type for node in plan.nodes})
            why_not = "" if source is not None else f"{path} has errors now: mend it first (flowtui check shows them)"
            known = self._known[path] = WrittenFile(path, digest, source, why_not)
        return known


def with_config(
    plan: ExecutionPlan, node: PlanNode, config: Mapping[str, Any], file: WrittenFile, env: Mapping[str, str]
) -> PlanNode:
    """Return a node as it would be with a config as one writes it. May run code of its author.

    Raises:
        NodeError: if the config does not fit.
    """
    raw, problems = file.resolved(node, config, env)
    if problems:
        raise NodeError(f"the config of {node.id} does not fit: {'; '.join(each.message for each in problems)}")
    if raw == node.config:
        return node
    cls = node.type.cls
    template, faults = compile_config(cls.Config, raw, has_item=node.kind is not NodeKind.PRODUCER, env=env)
    if template is None:
        raise NodeError(f"the config of {node.id} does not fit: {'; '.join(map(str, faults))}")
    node_type, queue = node.type, node.queue
    if cls.function_setting and raw.get(cls.function_setting) != node.config.get(cls.function_setting):
        found = find_function(str(raw.get(cls.function_setting)), load_modules(plan.path.parent)[0])
        node_type = replace(node_type, function=found.reference, function_digest=found.digest)
    if issubclass(cls, QueueWriter) and raw.get("queue"):
        queue = full_name(plan.workflow, str(raw["queue"]))
    changed = replace(node, config=raw, env=template.env, type=node_type, queue=queue)
    try:
        changed.ports  # noqa: B018 - an author's code, which may raise anything
    except Exception as error:
        raise NodeError(f"{cls.__name__}.ports_for() failed on the config of {node.id}: {one_line(error)}") from error
    return changed


def rendered_templates(
    plan: ExecutionPlan, config: Mapping[str, Any], env: Mapping[str, str], data: NodeData
) -> dict[KeyPath, str]:
    """Return what the templates of a config, with `${NAME}` replaced, become for an item.

    That is JSON, or why there is none; secrets show as `***NAME***`.
    """
    return {path: _rendered(plan, text, env, data) for path, text in texts(config) if is_template(text)}


def _rendered(plan: ExecutionPlan, text: str, env: Mapping[str, str], data: NodeData) -> str:
    try:
        expression = compile_text(text)
        missing = [name for name, is_optional in expression.env.items() if name not in env and not is_optional]
        if missing:
            return f"variable {missing[0]} is not set"
        constants = {
            **GLOBALS,
            "env": {name: env[name] for name in expression.env if name in env},
            SECRETS: {name: f"***{name}***" for name in expression.secrets},
        }
        value = expression.evaluate(variables(constants, expression.uses, data, plan.loop))
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TemplateError, ValueError, TypeError, RecursionError) as error:
        return str(error)
