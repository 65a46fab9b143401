"""Workflow file + environment → `WorkflowDoc`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flowtui.model.errors import Problem, Severity
from flowtui.nodes.registry import NodeType
from flowtui.nodes.secrets import NAME as SECRET_NAME
from flowtui.nodes.secrets import VARIABLE_PREFIX
from flowtui.workflow.react_flow import from_react_flow, is_react_flow
from flowtui.workflow.schema import NAME, Checked, NodeDoc
from flowtui.workflow.source import KeyPath, Source, parse_source, plain_scalar, read_source

_REFERENCE = re.compile(
    r"(?P<escape>\$\$\{)|\$\{secret:(?P<secret>[^}]*)\}"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<default>[^}]*))?\}"
    r"|(?P<bad>\$\{[^}]*\}?)"
)


#: What a config holds in place of `${secret:` that is meant as text; it is resolved with the secrets.
_AS_TEXT = "$${secret:"


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A place of a file that refers to a secret; line and column from 1."""

    name: str
    path: Path
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class WorkflowDoc:
    """One workflow file, checked as far as that goes without knowing any node type.

    Attributes:
        name: the workflow's; the file's stem unless the file says another.
        nodes: by id, in the order of the file; strings of their config have `${NAME}` replaced, `${secret:NAME}` not.
        unusable: ids that exist in the file but are so wrong that `nodes` lacks them.
        left_out: `(node id, field)` of fields that were wrong and are not in `nodes`.
        env: where `${NAME}` came from.
        secrets: in the order of the file.
    """

    source: Source
    name: str
    description: str
    nodes: Mapping[str, NodeDoc]
    unusable: frozenset[str]
    left_out: frozenset[tuple[str, str]]
    env: Mapping[str, str]
    secrets: tuple[SecretUse, ...]

    @property
    def path(self) -> Path:
        return self.source.path

    def problem(
        self, path: KeyPath, message: str, code: str, *, key: bool = False, severity: Severity = Severity.ERROR
    ) -> Problem:
        """Return a problem with the value (or the key) at a path of the document."""
        return self.source.problem(path, message, code, key=key, severity=severity)


def load_document(
    path: Path, env: Mapping[str, str], types: Mapping[str, NodeType] = MappingProxyType({}), data: bytes | None = None
) -> tuple[WorkflowDoc | None, tuple[Problem, ...]]:
    """Read one file: a workflow as YAML or JSON, or a React Flow export.

    Args:
        env: where `${NAME}` comes from.
        types: the known node types; only what an export means depends on them.
        data: what the file holds; by default it is read.

    Returns:
        the document, None if nothing at all can be made of the file, and every problem of the file. With an error
        among the problems the document is good for finding further ones only.
    """
    source, problems = read_source(path) if data is None else parse_source(path, data)
    if source is None:
        return None, problems
    if path.suffix.lower() == ".json" and is_react_flow(source):
        translation = from_react_flow(source, types)
        source, problems = translation.source, (*problems, *translation.problems)
    substitution = _Substitution(source, env)
    checked = Checked(source, substitution.document())
    found = [*problems, *substitution.problems, *checked.problems]
    if checked.document is None:
        return None, tuple(found)
    name = checked.document.name or path.stem
    if checked.document.name is None and "name" not in source.value and not NAME.fullmatch(name):
        message = f"the file's name '{name}' can't name the workflow: add 'name:' with letters, digits, '-' and '_'"
        found.append(source.problem((), message, "bad-name"))
    left_out = checked.left_out | {(node, "config") for node in substitution.flawed}
    document = WorkflowDoc(
        source,
        name,
        checked.document.description,
        checked.document.nodes,
        frozenset(checked.unusable),
        frozenset(left_out),
        env,
        tuple(substitution.secrets),
    )
    return document, tuple(found)


def load_source(path: Path, data: bytes, types: Mapping[str, NodeType]) -> Source | None:
    """Return what a file with this content says, an export in our own form; None if it cannot be read as a whole."""
    source, problems = parse_source(path, data)
    if source is not None and path.suffix.lower() == ".json" and is_react_flow(source):
        translation = from_react_flow(source, types)
        source, problems = translation.source, translation.problems
    return source if not any(problem.severity is Severity.ERROR for problem in problems) else None


def resolved(
    source: Source, node: str, config: Mapping[str, Any], env: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return a config for a node of a file with `${NAME}` replaced, and what is wrong with that."""
    substitution = _Substitution(source, env)
    return substitution.config(node, config), tuple(substitution.problems)


class _Substitution:
    """Replaces `${NAME}` and `${NAME:default}` in the configs of one file.

    Attributes:
        flawed: ids of nodes whose config could not be made.
        secrets: which ones the configs refer to, and where.
    """

    def __init__(self, source: Source, env: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.flawed: set[str] = set()
        self.secrets: list[SecretUse] = []
        self._source = source
        self._env = env

    def document(self) -> dict[str, Any]:
        nodes = self._source.value.get("nodes")
        if not isinstance(nodes, dict):
            return self._source.value
        return {**self._source.value, "nodes": {name: self._node(name, node) for name, node in nodes.items()}}

    def _node(self, name: str, node: Any) -> Any:
        if not isinstance(node, dict) or "config" not in node:
            return node
        before = len(self.problems)
        config = self.config(name, node["config"])
        if len(self.problems) > before:
            self.flawed.add(name)
        return {**node, "config": config}

    def config(self, name: str, config: Any) -> Any:
        """Return the config of a node with its references replaced."""
        return self._value(config, ("nodes", name, "config"))

    def _value(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, Mapping):
            return {key: self._value(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self._value(child, (*path, index)) for index, child in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return self._text(value, path)
        return value

    def _text(self, text: str, path: KeyPath) -> Any:
        result = _REFERENCE.sub(lambda found: self._replacement(found, path), text)
        whole = _REFERENCE.fullmatch(text)
        if whole and whole["name"] and path in self._source.plain and result:
            return plain_scalar(result)  # unquoted, so a number is a number here too
        return result

    def _replacement(self, found: re.Match[str], path: KeyPath) -> str:
        name, default = found["name"], found["default"]
        if found["escape"]:
            # `$${secret:` must not become a reference now.
            return "$${" if found.string.startswith(_AS_TEXT, found.start()) else "${"
        if found["secret"] is not None:
            return self._secret(found, path)
        if found["bad"] or (default is not None and "${" in default):
            example = "'${NAME}' or '${NAME:default}', or '$${' for the text"
            self._report(path, f"'{found[0]:.40}' is no variable: write {example}", "bad-variable")
        elif name.startswith(VARIABLE_PREFIX):
            message = f"{name} is a secret: write '${{secret:{name.removeprefix(VARIABLE_PREFIX)}}}'"
            self._report(path, message, "bad-secret")
        elif name in self._env:
            return self._env[name].replace("${secret:", _AS_TEXT)
        elif default is not None:
            return str(default)
        else:
            message = f"variable {name} is not set: set it, or give a default like '${{{name}:…}}'"
            self._report(path, message, "unset-variable")
        return ""

    def _secret(self, found: re.Match[str], path: KeyPath) -> str:
        name = found["secret"]
        if SECRET_NAME.fullmatch(name):
            self.secrets.append(SecretUse(name, self._source.path, *self._source.place(path)))
        else:
            message = f"'{found[0]:.40}' names no secret: write '${{secret:NAME}}', of letters, digits and '_'"
            self._report(path, message, "bad-secret")
        return found[0]

    def _report(self, path: KeyPath, message: str, code: str) -> None:
        self.problems.append(self._source.problem(path, message, code))
