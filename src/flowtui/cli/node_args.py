"""What the command line says about one node: where it is, its input, other settings."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowtui.cli.usage import Misuse, json_object
from flowtui.graph.folder import LoadedWorkflow, load_file, workflow_files
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.development import NodeInput, Origin, Stored
from flowtui.model.forms import Edit, FieldKind, Form, FormField
from flowtui.model.spelling import did_you_mean
from flowtui.nodes.registry import discover

_DEFAULT_FOLDER = Path("workflows")
_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """A node of a workflow file that has no errors."""

    workflow: LoadedWorkflow
    plan: ExecutionPlan
    node: PlanNode

    @property
    def folder(self) -> Path:
        return self.workflow.path.parent


def find_node(text: str) -> Target:
    """Return the node that `FILE:NODE` names; FILE is a path, or the name of a workflow in the default folder.

    Raises:
        Misuse: if there is none, or its file has errors.
    """
    file, _, id = text.rpartition(":")
    if not file or not id:
        raise Misuse(f"{text!r} names no node: write its file and its id, such as workflows/orders.yaml:check")
    path = _file(file)
    loaded = load_file(path, os.environ, discover(path.parent))
    if loaded.workflow is None:
        problems = "\n".join(map(str, loaded.problems))
        raise Misuse(f"none of the nodes of {path} can run before its errors are mended:\n{problems}")
    found = {node.id: (plan, node) for plan in loaded.workflow.plans for node in plan.nodes}
    if id not in found:
        raise Misuse(f"{path} has no node {id!r}{did_you_mean(id, found) or ': it has ' + ', '.join(found)}")
    return Target(loaded.workflow, *found[id])


def _file(text: str) -> Path:
    path = Path(text)
    if path.is_file():
        return path
    if path.is_dir():
        raise Misuse(f"{text!r} is a folder: name one of its files, and a node, such as {path / 'orders.yaml'}:check")
    files = workflow_files(_DEFAULT_FOLDER) if _DEFAULT_FOLDER.is_dir() else ()
    by_name = {file.name: file for file in files} | {file.stem: file for file in files}
    if text in by_name:
        return by_name[text]
    hint = did_you_mean(text, [file.stem for file in files]) or "; name a file, or a workflow in the folder workflows"
    raise Misuse(f"there is no workflow file {text!r}{hint}")


def given_inputs(texts: Sequence[str]) -> tuple[NodeInput, ...]:
    """Return the inputs that `--input JSON` and `--input UPSTREAM=JSON` give.

    Raises:
        Misuse: if one is no JSON object, or they do not go together.
    """
    if sum(text == "-" or text.endswith("=-") for text in texts) > 1:
        raise Misuse("standard input can be read only once: give the other input as @file")
    found: dict[str, NodeInput] = {}
    for text in texts:
        named = _NAMED.fullmatch(text)
        upstream, text = named.groups() if named else ("", text)
        what = f"input from {upstream}" if upstream else "input"
        if upstream in found:
            raise Misuse(f"the {what} is given twice")
        found[upstream] = NodeInput(Origin.MOCK, Stored(json_object(text, what)), upstream)
    if "" in found and len(found) > 1:
        raise Misuse("an --input without UPSTREAM= is all that the node takes: leave out the others, or name each")
    return tuple(found.values())


def changes_of(settings: Iterable[str], form: Form, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of a config that `--set a.b=value` stands for, as `forms.edit` takes them.

    A value is JSON if it can be read as that, else text.

    Raises:
        Misuse: if one sets nothing.
    """
    changes: dict[str, Any] = {}
    now = copy.deepcopy(dict(config))
    for text in settings:
        name, is_set, value = text.partition("=")
        if not is_set or not all(name.split(".")):
            raise Misuse(f"--set {text!r} sets nothing: write --set key=value, or --set key.inner=value")
        keys = name.split(".")
        _put(now, keys, _value(value), name)
        depth = _depth(form, keys)
        owner: Any = changes
        for key in keys[: depth - 1]:
            owner = owner.setdefault(key, {})
        new: Any = now
        for key in keys[:depth]:
            new = new[key]
        owner[keys[depth - 1]] = new
    return changes


def why_unfit(node: str, edit: Edit) -> str:
    """Return in one sentence what is wrong with settings, field by field; empty if nothing is."""
    texts = [": ".join(filter(None, (".".join(map(str, each.path)), each.message))) for each in edit.errors]
    return f"the config of {node} does not fit: {'; '.join(texts)}" if texts else ""


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return text


def _no_json(name: str) -> Any:
    raise ValueError(name)


def _depth(form: Form, keys: Sequence[str]) -> int:
    """Return how many of these keys lead through settings; what is further in is part of one value."""
    fields: tuple[FormField, ...] = form.fields
    for depth, key in enumerate(keys, 1):
        field = next((each for each in fields if each.name == key), None)
        if field is None or field.kind is not FieldKind.OBJECT:
            return depth
        fields = field.fields
    return len(keys)


def _put(owner: Any, keys: Sequence[str], value: Any, name: str) -> None:
    for key in keys[:-1]:
        owner = _inner(owner, key, name)
    last = keys[-1]
    if isinstance(owner, dict):
        owner[last] = value
    else:
        owner[_index(owner, last, name)] = value


def _inner(owner: Any, key: str, name: str) -> Any:
    if isinstance(owner, list):
        return owner[_index(owner, key, name)]
    if owner.get(key) is None:
        owner[key] = {}
    if not isinstance(owner[key], dict | list):
        raise Misuse(f"--set {name}: {key} is {json.dumps(owner[key])}, in which nothing can be set")
    return owner[key]


def _index(owner: list[Any], key: str, name: str) -> int:
    if not key.isdecimal() or int(key) >= len(owner):
        raise Misuse(f"--set {name}: {key} is no place in a list of {len(owner)}; they count from 0")
    return int(key)
