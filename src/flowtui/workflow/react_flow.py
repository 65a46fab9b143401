"""A React Flow export → the same workflow in our own form; every value keeps its place in the export."""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowtui.model.errors import Problem, Severity
from flowtui.model.spelling import did_you_mean
from flowtui.nodes.base import ConditionalNode
from flowtui.nodes.registry import NodeType
from flowtui.workflow.schema import NAME
from flowtui.workflow.source import KeyPath, Place, Source

#: Types that say how a node is drawn; what it does then stands in its `data`.
_GENERAL = frozenset({"default", "input", "output", "custom", "base", "flow", "workflow"})
#: Types of what is only drawn, unless a node type of that name exists.
_DRAWN = frozenset({"group", "labeledgroup", "comment", "annotation", "note", "stickynote"})
_TYPE_FIELDS = ("type", "nodeType")
_CARRIED = ("retry", "timeout", "cache", "loop")
_SETTINGS = ("config", "form", *_CARRIED)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LONGEST_ID = 40


@dataclass(frozen=True, slots=True)
class Translation:
    """An export in our own form.

    Attributes:
        source: as if the file had been written in our form; all places are those of the export.
        problems: what is wrong with the export itself.
        renamed: the new ids of nodes whose own ids can't be ids here.
        notes: what the comments in the drawing say.
        places: where each node stands in the export, by its new id.
    """

    source: Source
    problems: tuple[Problem, ...]
    renamed: Mapping[str, str]
    notes: tuple[str, ...]
    places: Mapping[str, KeyPath]


def is_react_flow(source: Source) -> bool:
    """Say whether a file is a React Flow export: there the nodes are a list."""
    return isinstance(source.value.get("nodes"), list)


def from_react_flow(source: Source, types: Mapping[str, NodeType]) -> Translation:
    """Translate an export. `types` are the known node types by name: only a conditional's handles are ports."""
    return _Translator(source, types).translation()


@dataclass(slots=True)
class _Node:
    """A node of the export: where it stands, and what is known of it; `type_at` is None if it says no type."""

    at: KeyPath
    given: str
    data: Mapping[str, Any]
    type_at: KeyPath | None
    type: str
    is_drawn: bool
    id: str = ""


class _Translator:
    """One pass over an export."""

    def __init__(self, source: Source, types: Mapping[str, NodeType]) -> None:
        self._source = source
        self._types = types
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._value: dict[str, Any] = {"nodes": {}}
        self._keys: dict[KeyPath, Place] = {}
        self._values: dict[KeyPath, Place] = {}
        self._damaged: set[KeyPath] = set()

    def translation(self) -> Translation:
        self._heading()
        nodes = self._read_nodes()
        working = [node for node in nodes.values() if not node.is_drawn]
        renamed = _name_nodes(working)
        for node in working:
            self._write_node(node)
        self._connect(nodes)
        source = replace(
            self._source,
            value=self._value,
            keys=self._keys,
            values=self._values,
            plain=frozenset(),
            damaged=frozenset(self._damaged),
        )
        places = {node.id: node.at for node in working}
        return Translation(source, tuple(self._problems), renamed, tuple(self._notes), places)

    def _heading(self) -> None:
        self._values[()] = self._source.values[()]
        self._keys[("nodes",)] = self._source.keys[("nodes",)]
        self._values[("nodes",)] = self._source.values[("nodes",)]
        name, description = self._source.value.get("name"), self._source.value.get("description")
        fitting = name if isinstance(name, str) and NAME.fullmatch(name) else id_from(name)
        if fitting:
            self._value["name"] = fitting
            self._place(("name",), ("name",))
        if isinstance(description, str) and description:
            self._value["description"] = self._carry(("description",), ("description",))

    def _read_nodes(self) -> dict[str, _Node]:
        """Return the nodes by their ids in the export."""
        nodes: dict[str, _Node] = {}
        for index, raw in enumerate(self._source.value["nodes"]):
            at: KeyPath = ("nodes", index)
            given = _as_id(raw.get("id")) if isinstance(raw, dict) else ""
            if not given:
                if not self._source.is_damaged(at):
                    self._report(at, "a node must be an object with an 'id': give it one", "missing-field")
            elif given in nodes:
                first = self._source.place((*nodes[given].at, "id"))[0]
                message = f"the id '{given}' is here twice, first in line {first}: give one of the nodes another"
                self._report((*at, "id"), message, "duplicate-id")
            else:
                nodes[given] = self._read_node(at, given, raw)
        return nodes

    def _read_node(self, at: KeyPath, given: str, raw: dict[str, Any]) -> _Node:
        data = raw.get("data")
        if not isinstance(data, dict):
            if data is not None:
                self._report((*at, "data"), "'data' must be an object", "bad-value")
            data = {}
        drawn_as = raw.get("type")
        node = _Node(at, given, data, (*at, "type"), drawn_as if isinstance(drawn_as, str) else "", is_drawn=False)
        shape = _shape(node.type)
        if node.type not in self._types and shape in _DRAWN:
            node.is_drawn = True
            text = next((data[key] for key in ("label", "text", "content") if isinstance(data.get(key), str)), "")
            if text.strip() and shape not in ("group", "labeledgroup"):
                self._notes.append(text.strip())
        elif drawn_as is None or shape in _GENERAL:
            said = next((key for key in _TYPE_FIELDS if data.get(key)), None)
            if said is not None:
                node.type_at = (*at, "data", said)
                node.type = data[said] if isinstance(data[said], str) else ""
            elif node.type not in self._types:
                node.type_at = None
        return node

    def _write_node(self, node: _Node) -> None:
        path: KeyPath = ("nodes", node.id)
        written: dict[str, Any] = {}
        self._value["nodes"][node.id] = written
        self._keys[path] = self._source.place((*node.at, "id"))
        self._values[path] = self._source.values[node.at]
        self._write_type(node, written)
        title = next((key for key in ("label", "title") if isinstance(node.data.get(key), str)), None)
        text = " ".join(node.data[title].split()) if title else ""
        if text and text != node.id:
            written["title"] = text
            self._place((*node.at, "data", str(title)), (*path, "title"))
        config = self._config(node)
        if config is not None:
            written["config"] = config
        for field in _CARRIED:
            if node.data.get(field) is not None:
                written[field] = self._carry((*node.at, "data", field), (*path, field))
        self._check_others(node, config if isinstance(config, dict) else {})

    def _write_type(self, node: _Node, written: dict[str, Any]) -> None:
        path: KeyPath = ("nodes", node.id, "type")
        if node.type_at is not None:
            written["type"] = self._carry(node.type_at, path)
            return
        named = (
            f"'{node.type}' is only how node '{node.given}' is drawn"
            if node.type
            else f"node '{node.given}' has no type"
        )
        at = (*node.at, "type") if node.type else node.at
        self._report(at, f"{named}: name its node type in 'type' or 'data.type'", "missing-field")
        self._damaged.add(path)

    def _config(self, node: _Node) -> Any:
        """Return the settings: those of `config`, and over them what was typed into the form."""
        path: KeyPath = ("nodes", node.id, "config")
        at: KeyPath = (*node.at, "data", "config")
        config, form = node.data.get("config"), node.data.get("form")
        if form is not None and not isinstance(form, dict):
            self._report((*node.at, "data", "form"), "'form' must be an object of settings", "bad-value")
            form = None
        if config is not None and not isinstance(config, dict):
            return self._carry(at, path)
        if config is None and not form:
            if at in self._source.damaged:
                self._damaged.add(path)
            return None
        self._place(at if config is not None else (*node.at, "data", "form"), path)
        chosen: dict[str, KeyPath] = {key: (*at, key) for key in config or ()}
        chosen |= {key: (*node.at, "data", "form", key) for key, value in (form or {}).items() if value is not None}
        return {key: self._carry(place, (*path, key)) for key, place in chosen.items()}

    def _check_others(self, node: _Node, config: Mapping[str, Any]) -> None:
        """Warn of what is left out though it may be meant for us; most other fields belong to the drawing."""
        known = self._types.get(node.type)
        settings = known.cls.Config.model_fields if known else {}
        for key in node.data:
            at = (*node.at, "data", key)
            if key in _SETTINGS or key == "label" or at == node.type_at:
                continue
            close = difflib.get_close_matches(key, _SETTINGS, n=1, cutoff=0.8)
            if key in settings and key not in config:
                message = f"'{key}' is a setting of '{node.type}', and is not looked for here: move it into 'config'"
                self._report(at, message, "misplaced-setting", severity=Severity.WARNING)
            elif close:
                message = f"unknown field '{key}' in 'data' (did you mean '{close[0]}'?)"
                self._report(at, message, "unknown-field", severity=Severity.WARNING)

    def _connect(self, nodes: Mapping[str, _Node]) -> None:
        edges = self._source.value.get("edges")
        if edges is None:
            return
        if not isinstance(edges, list):
            self._report(("edges",), "'edges' must be a list", "bad-value")
            return
        for index, edge in enumerate(edges):
            at: KeyPath = ("edges", index)
            if isinstance(edge, dict):
                self._connect_one(at, edge, nodes)
            elif not self._source.is_damaged(at):
                self._report(at, "an edge must be an object with 'source' and 'target'", "bad-value")

    def _connect_one(self, at: KeyPath, edge: dict[str, Any], nodes: Mapping[str, _Node]) -> None:
        source, target = self._end(at, edge, "source", nodes), self._end(at, edge, "target", nodes)
        if target is None:
            return
        path: KeyPath = ("nodes", target.id, "needs")
        self._keys.setdefault(path, self._source.values[at])
        self._values.setdefault(path, self._source.values[at])
        if source is None:
            self._damaged.add(path)  # so that the node is not said to lack an edge as well
            return
        needs: list[str] = self._value["nodes"][target.id].setdefault("needs", [])
        port = self._port(source, edge)
        place = (*at, "sourceHandle" if port else "source")
        self._values[(*path, len(needs))] = self._source.values[place]
        needs.append(f"{source.id}.{port}" if port else source.id)

    def _end(self, at: KeyPath, edge: dict[str, Any], end: str, nodes: Mapping[str, _Node]) -> _Node | None:
        """Return the node at one end of an edge, None if there is none that works."""
        given = _as_id(edge.get(end))
        node = nodes.get(given)
        if node is not None and not node.is_drawn:
            return node
        way = "comes from" if end == "source" else "leads to"
        if not given:
            message = f"the edge has no '{end}': name a node's id, or remove the edge"
        elif node is None:
            hint = did_you_mean(given, nodes) or f": remove it, or correct its '{end}'"
            message = f"the edge {way} '{given}', and there is no such node{hint}"
        else:
            message = f"the edge {way} '{given}', a '{node.type}', which does no work: connect the nodes themselves"
        if not self._source.is_damaged((*at, end)):
            self._report((*at, end) if end in edge else at, message, "dangling-edge")
        return None

    def _port(self, source: _Node, edge: dict[str, Any]) -> str:
        """Return the port that an edge starts at; handles of what has no ports only say where a line is drawn."""
        known = self._types.get(source.type)
        if known is not None and not issubclass(known.cls, ConditionalNode):
            return ""
        return _as_id(edge.get("sourceHandle"))

    def _carry(self, old: KeyPath, new: KeyPath) -> Any:
        """Return the value at a path of the export, and note the places of all of it for its new path."""
        value: Any = self._source.value
        for step in old:
            value = value[step]
        self._note_places(value, old, new)
        return value

    def _note_places(self, value: Any, old: KeyPath, new: KeyPath) -> None:
        self._place(old, new)
        if old in self._source.damaged:
            self._damaged.add(new)
        inside: Iterable[tuple[str | int, Any]] = ()
        if isinstance(value, dict):
            inside = value.items()
        elif isinstance(value, list):
            inside = enumerate(value)
        for key, child in inside:
            self._note_places(child, (*old, key), (*new, key))

    def _place(self, old: KeyPath, new: KeyPath) -> None:
        self._values[new] = self._source.values[old]
        if isinstance(new[-1], str):
            self._keys[new] = self._source.keys[old]

    def _report(self, at: KeyPath, message: str, code: str, *, severity: Severity = Severity.ERROR) -> None:
        self._problems.append(self._source.problem(at, message, code, severity=severity))


def id_from(text: Any) -> str:
    """Return an id or a name of ours that reads like a text, empty if nothing is left of it.

    Words are joined with `_`, so that a template can say `data.by.check_order`.
    """
    if not isinstance(text, str):
        return ""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", letters)
    joined = words[0] if words else ""
    for word in words[1:]:
        if len(joined) + len(word) >= _LONGEST_ID:
            break
        joined += f"_{word}"
    joined = joined[:_LONGEST_ID]
    return joined if not joined or joined[0].isalpha() else f"n{joined}"


def _name_nodes(nodes: Iterable[_Node]) -> dict[str, str]:
    """Give every node its id here, and return the new ones.

    An id that can be one stays. Others follow the label, or the type, and where that is not enough the old id too, so
    that no id depends on which other nodes are before it.
    """
    others = []
    taken = set()
    for node in nodes:
        if NAME.fullmatch(node.given) and not _UUID.fullmatch(node.given):
            node.id = node.given
            taken.add(node.id)
        else:
            others.append(node)
    wished = {node.given: id_from(node.data.get("label")) or id_from(node.type) or "node" for node in others}
    wishes = Counter([*wished.values(), *taken])
    for node in others:
        name = wished[node.given]
        if wishes[name] > 1:
            name = f"{name}_{_tail(node.given)}"
        while name in taken:
            name += "_"
        node.id = name
        taken.add(name)
    return {node.given: node.id for node in others}


def _tail(given: str) -> str:
    if _UUID.fullmatch(given):
        return given[:8].lower()
    letters = "_".join(re.findall(r"[A-Za-z0-9]+", given))
    if letters and len(letters) <= _LONGEST_ID:
        return letters
    return hashlib.blake2b(given.encode(), digest_size=4).hexdigest()


def _as_id(value: Any) -> str:
    """Return an id or handle as text; some exports write numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _shape(drawn_as: str) -> str:
    """Return what a type of React Flow says about the drawing: `customNode`, `custom-node` → `custom`."""
    return re.sub("[^a-z]", "", drawn_as.lower()).removesuffix("node")
