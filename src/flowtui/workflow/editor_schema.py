"""What editors need to help with workflow files: their JSON Schema, with all node types of a registry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from flowtui.model.states import NodeKind
from flowtui.nodes.base import BaseNode
from flowtui.nodes.builtin.queues import QueueWriter
from flowtui.nodes.config_schema import Schema, described, model_schema
from flowtui.nodes.registry import NodeType, Registry
from flowtui.workflow.schema import FileDoc

#: Fields of a node that not every node may have.
_TRIES = ("retry", "timeout", "cache")
_VARIABLE = {
    "type": "string",
    "pattern": r"\$\{",
    "description": "A value from the environment, like ${NAME} or ${NAME:default}.",
}
_TEMPLATE = {
    "type": "string",
    "pattern": r"\$\{|\{\{|\{%",
    "description": "A template, worked out for each item, like {{ data.total }}; or ${NAME}.",
}


def workflow_schema(registry: Registry) -> Schema:
    """Return the JSON Schema, draft 7, of workflow files that use the node types of a registry.

    It is as strict as the loader where a schema can say what the loader checks, and stricter in two things: it takes
    no value for a key that is left empty, and no text for a number or a truth.
    """
    file, parts = model_schema(FileDoc, "file")
    file["title"], parts["file.NodeDoc"]["title"] = "workflow", "node"
    file["properties"]["nodes"]["additionalProperties"] = False  # no other names than the pattern's
    for part in (file, *parts.values()):
        part["properties"] = {name: _without_null(value) for name, value in part["properties"].items()}
    node = parts["file.NodeDoc"]
    types = sorted(registry.types.values(), key=lambda each: each.name)
    parts |= {"variable": _VARIABLE, "template": _TEMPLATE}
    own = {name: node["properties"][name] for name in (*_TRIES, "loop")}
    # Each is known to every node, so that no misspelt field passes, and proposed and checked where it belongs.
    node["properties"] |= {name: {"doNotSuggest": True} for name in own}
    node["properties"] |= {"type": _type_schema(types), "config": {"type": "object"}}
    node["allOf"] = [*_kinds(types, own), *(_config(each, parts) for each in types)]
    return {"$schema": "http://json-schema.org/draft-07/schema#", **file, "definitions": parts}


def _type_schema(types: Iterable[NodeType]) -> Schema:
    """Return the schema of `type`: an editor proposes the names, each with what it does."""
    about = {each.name: _first_words(each.cls) for each in types}
    return {
        "type": "string",
        "enum": list(about),
        "enumDescriptions": list(about.values()),
        "markdownEnumDescriptions": list(about.values()),
    }


def _kinds(types: Iterable[NodeType], own: Mapping[str, Schema]) -> list[Schema]:
    """Return who may have which of the fields that not every node may have."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for each in types:
        if each.cls.kind is NodeKind.PRODUCER:
            fields: tuple[str, ...] = ("loop",)
        else:
            fields = () if issubclass(each.cls, QueueWriter) else _TRIES
        groups.setdefault(fields, []).append(each.name)
    return [
        _then({"enum": names}, {"properties": {name: part if name in fields else False for name, part in own.items()}})
        for fields, names in groups.items()
    ]


def _config(node_type: NodeType, parts: dict[str, Schema]) -> Schema:
    """Return what the config of one type may hold, and note its definitions among `parts`."""
    cls = node_type.cls
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", node_type.name)
    while name in parts:
        name += "_"
    template = "variable" if cls.kind is NodeKind.PRODUCER else "template"
    config, definitions = model_schema(cls.Config, name, template=template)
    parts |= definitions
    notes = described(_about(cls))
    parts[name] = {key: value for key, value in config.items() if not key.endswith("escription")}
    parts[name] |= {"title": node_type.name, **notes}
    rule: Schema = {"properties": {"type": described(_first_words(cls)), "config": {"$ref": f"#/definitions/{name}"}}}
    if config.get("required"):
        rule["required"] = ["config"]
    return _then({"const": node_type.name}, rule)


def _then(types: Schema, rule: Schema) -> Schema:
    return {"if": {"properties": {"type": types}, "required": ["type"]}, "then": rule}


def _about(cls: type[BaseNode]) -> str:
    """Return what the author of a class says about it; nothing that it inherits."""
    own: Any = cls.__dict__.get("__doc__")
    return own if isinstance(own, str) else ""


def _first_words(cls: type[BaseNode]) -> str:
    """Return a class's kind and what its author says about it first."""
    words = _about(cls).strip().partition("\n\n")[0].split()
    return f"{cls.kind}: {' '.join(words)}" if words else str(cls.kind)


def _without_null(schema: Schema) -> Schema:
    """Return the schema of a field that need not be there, without the None that stands for that."""
    if "anyOf" not in schema:
        return schema
    ways = [way for way in schema["anyOf"] if way != {"type": "null"}]
    return {**schema, "anyOf": ways}
