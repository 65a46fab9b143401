"""A workflow file as plain values, with the line and column of every key and value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from flowtui.model.errors import Problem, Severity
from flowtui.workflow.compose import TAG, TextError, compose_json, compose_yaml, decode
from flowtui.workflow.yaml_faults import unquoted_message

KeyPath = tuple[str | int, ...]
Place = tuple[int, int]

#: Aliases may repeat a part of the file; these bound what a few lines can grow to.
MAX_VALUES = 100_000
MAX_DEPTH = 50

_TEXT_TAGS = frozenset({TAG + "str", TAG + "timestamp", TAG + "value", TAG + "merge"})
_SCALAR_TAGS = frozenset({TAG + "null", TAG + "bool", TAG + "int", TAG + "float"}) | _TEXT_TAGS


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says.

    Attributes:
        value: the document; all keys are text, scalars are None, bool, int, float or str, dates stay text.
        keys, values: line and column, from 1, by path: `("nodes", "check", "needs", 0)`.
        plain: paths of the scalars that are written without quotes.
        damaged: paths whose value is None because it could not be read; a problem tells why.
    """

    path: Path
    value: dict[str, Any]
    keys: Mapping[KeyPath, Place]
    values: Mapping[KeyPath, Place]
    plain: frozenset[KeyPath]
    damaged: frozenset[KeyPath]

    def place(self, path: KeyPath, *, key: bool = False) -> Place:
        """Return line and column of the value (or the key) at a path.

        Of a path that is not in the file it is the value if only a scalar stands there, else the key or the
        element of a list that it would stand under, else the beginning of the file.
        """
        places = self.keys if key else self.values
        if path in places:
            return places[path]
        while path:
            path = path[:-1]
            if path in self.values and not self._is_container(path):
                return self.values[path]
            if path in self.keys:
                return self.keys[path]
            if path in self.values and path:  # an element of a list
                return self.values[path]
        return (1, 1)

    def problem(
        self, path: KeyPath, message: str, code: str, *, key: bool = False, severity: Severity = Severity.ERROR
    ) -> Problem:
        """Return a problem with the value (or the key) at a path."""
        line, column = self.place(path, key=key)
        return Problem(self.path, line, column, message, code, severity)

    def is_damaged(self, path: KeyPath) -> bool:
        """Say whether the value at a path, one around it or one inside it could not be read."""
        return any(path[: len(other)] == other or other[: len(path)] == path for other in self.damaged)

    def _is_container(self, path: KeyPath) -> bool:
        value: Any = self.value
        for step in path:
            value = value[step]
        return isinstance(value, (dict, list))


class Kind(NamedTuple):
    """What a file is, and what stands in it: `a workflow file` with `nodes:`, each of them a `node`."""

    what: str
    key: str
    each: str


WORKFLOW = Kind("a workflow file", "nodes", "node")


def read_source(path: Path, kind: Kind = WORKFLOW) -> tuple[Source | None, tuple[Problem, ...]]:
    """Read a file; the source is None if nothing at all can be made of it."""
    data = read_bytes(path)
    return (None, (data,)) if isinstance(data, Problem) else parse_source(path, data, kind)


def read_bytes(path: Path) -> bytes | Problem:
    """Return the content of a file, or why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Problem(path, 0, 0, f"the file can't be read: {reason}", "unreadable")


def parse_source(path: Path, data: bytes, kind: Kind = WORKFLOW) -> tuple[Source | None, tuple[Problem, ...]]:
    """Parse the content of a file, as JSON if its name says so, else as YAML."""
    try:
        text = decode(data)
        root = compose_json(text) if path.suffix.lower() == ".json" else compose_yaml(text)
        return read_tree(path, text, root, kind)
    except TextError as error:
        return None, (Problem(path, error.line, error.column, error.message, error.code),)


def read_tree(path: Path, text: str, root: Node | None, kind: Kind = WORKFLOW) -> tuple[Source, tuple[Problem, ...]]:
    """Read the tree of a text.

    Raises:
        TextError: if nothing at all can be made of it.
    """
    if root is None or root.tag == TAG + "null":
        raise TextError(1, 1, f"the file is empty: write at least '{kind.key}:' with one {kind.each}", "empty-file")
    if not isinstance(root, MappingNode):
        raise TextError(*_place(root), f"{kind.what} must be a mapping with '{kind.key}:'", "not-a-mapping")
    reading = _Reading(path, text)
    reading.value(root, ())
    return reading.source, tuple(reading.problems)


def text_digest(text: bytes) -> str:
    """Return what tells the content of a file from any other: 16 hexadecimal digits."""
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def plain_scalar(text: str) -> Any:
    """Return what YAML 1.2 makes of an unquoted scalar: None, a bool, an int, a float or the text itself."""
    yaml = YAML(typ="safe", pure=True)
    return _scalar(yaml, ScalarNode(yaml.resolver.resolve(ScalarNode, text, (True, False)), text))


def _place(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(yaml: YAML, node: ScalarNode) -> Any:
    if node.tag in _TEXT_TAGS:
        # YAML and JSON may write one character as an escaped surrogate pair.
        return node.value.encode("utf-16", "surrogatepass").decode("utf-16")
    return yaml.constructor.construct_object(node)


class _Reading:
    """One pass over the nodes of a file."""

    def __init__(self, path: Path, text: str) -> None:
        self.problems: list[Problem] = []
        self._path = path
        self._text = text
        self._yaml = YAML(typ="safe", pure=True)
        self._document: Any = None
        self._count = 0
        self._keys: dict[KeyPath, Place] = {}
        self._values: dict[KeyPath, Place] = {}
        self._plain: set[KeyPath] = set()
        self._damaged: set[KeyPath] = set()

    @property
    def source(self) -> Source:
        return Source(
            self._path, self._document, self._keys, self._values, frozenset(self._plain), frozenset(self._damaged)
        )

    def value(self, node: Node, path: KeyPath) -> Any:
        self._check_size(node, len(path))
        self._values[path] = _place(node)
        if isinstance(node, MappingNode) and node.tag == TAG + "map":
            value: Any = self._mapping(node, path)
        elif isinstance(node, SequenceNode) and node.tag == TAG + "seq":
            value = [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        elif isinstance(node, ScalarNode) and node.tag in _SCALAR_TAGS:
            value = self._leaf(node, path)
        else:
            tag = str(node.tag).replace(TAG, "!!")
            value = None
            self._damage(path, node, f"the tag '{tag}' is not known here: remove it", "bad-tag")
        if not path:
            self._document = value if isinstance(value, dict) else {}
        return value

    def _leaf(self, node: ScalarNode, path: KeyPath) -> Any:
        if node.style is None:
            self._plain.add(path)
        try:
            return _scalar(self._yaml, node)
        except UnicodeDecodeError:
            self._damage(path, node, "the text holds half of a surrogate pair", "not-text")
        except (ValueError, YAMLError):
            tag = str(node.tag).replace(TAG, "!!")
            self._damage(path, node, f"'{node.value:.40}' does not fit the tag '{tag}'", "bad-tag")
        return None

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any] | None:
        if node.flow_style and self._text.startswith("{{", node.start_mark.index):
            self._unquoted_template(node, path)
            return None
        found: dict[str, Any] = {}
        merged: list[tuple[str, Node, Node]] = []
        for key, child in node.value:
            if key.tag == TAG + "merge":
                merged.extend(self._merged(child, len(path) + 1))
            elif not isinstance(key, ScalarNode):
                self._bad_key(key, path)
            elif key.value in found:
                first = self._keys[(*path, key.value)][0]
                message = f"'{key.value}' is here twice, first in line {first}: remove one of them"
                self._report(key, message, "duplicate-key")
            else:
                here = (*path, key.value)
                self._keys[here] = _place(key)
                found[key.value] = self.value(child, here)
                if isinstance(child, ScalarNode) and not child.value and child.style is None:
                    self._values[here] = self._keys[here]  # else it would stand where the next thing stands
        for name, key, child in merged:
            if name not in found:
                self._keys[(*path, name)] = _place(key)
                found[name] = self.value(child, (*path, name))
        return found

    def _merged(self, node: Node, depth: int) -> Iterator[tuple[str, Node, Node]]:
        """Yield what `<<: *anchor` brings in; of two equal keys the first counts."""
        self._check_size(node, depth)
        parts = node.value if isinstance(node, SequenceNode) else [node]
        for part in parts:
            if not isinstance(part, MappingNode):
                self._report(part, "'<<' takes a mapping or a list of mappings", "bad-key")
                continue
            for key, child in part.value:
                if key.tag == TAG + "merge":
                    yield from self._merged(child, depth + 1)
                elif isinstance(key, ScalarNode):
                    yield key.value, key, child

    def _bad_key(self, key: Node, path: KeyPath) -> None:
        beside = (*path, "")  # the mapping's other keys are sound
        if self._text.startswith("{{", key.start_mark.index):
            self._unquoted_template(key, beside)
        else:
            self._damage(beside, key, "a key must be text: quote it if it is meant to be", "bad-key")

    def _unquoted_template(self, node: Node, path: KeyPath) -> None:
        piece = self._text[node.start_mark.index : node.end_mark.index]
        self._damage(path, node, unquoted_message(piece), "unquoted-template")

    def _damage(self, path: KeyPath, node: Node, message: str, code: str) -> None:
        self._damaged.add(path)
        self._report(node, message, code)

    def _report(self, node: Node, message: str, code: str) -> None:
        self.problems.append(Problem(self._path, *_place(node), message, code))

    def _check_size(self, node: Node, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TextError(
                *_place(node), f"the file is nested more than {MAX_DEPTH} levels deep, or holds itself", "too-large"
            )
        self._count += 1
        if self._count > MAX_VALUES:
            message = f"the file holds more than {MAX_VALUES:,} values, those of aliases included"
            raise TextError(*_place(node), message, "too-large")
