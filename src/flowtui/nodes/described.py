"""A node type in words: what its author wrote about it, where it stands, and an example."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from textwrap import dedent
from typing import Any

from ruamel.yaml import YAML

from flowtui.model.errors import NodeError
from flowtui.model.forms import FieldKind, FormField
from flowtui.model.states import NodeKind
from flowtui.nodes.base import BaseNode
from flowtui.nodes.checks import is_base
from flowtui.nodes.fields import form_fields
from flowtui.nodes.functions import load_function
from flowtui.nodes.modules import revision_of
from flowtui.nodes.registry import NodeType

_SENTENCE = re.compile(r"(.+?)(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s+[^a-z\s]|\s*$)", re.DOTALL)
#: The node that the first consumer of an example needs.
UPSTREAM = "incoming"


def description(cls: type[BaseNode]) -> str:
    """Return the docstring of a class, or of the class of an author that it extends; empty if there is none."""
    own = (each for each in cls.__mro__ if issubclass(each, BaseNode) and not is_base(each))
    return next((inspect.cleandoc(each.__doc__) for each in own if each.__doc__), "")


def summary(cls: type[BaseNode]) -> str:
    """Return the first sentence of the docstring, as one line without its full stop."""
    paragraph = description(cls).partition("\n\n")[0]
    found = _SENTENCE.match(paragraph)
    return " ".join((found[1] if found else paragraph).split())


def place(node_type: NodeType) -> tuple[str, int]:
    """Return the file that defines a type, and the line of its class; 0 if that is not known."""
    path = str(node_type.source or inspect.getsourcefile(node_type.cls) or "")
    try:
        return path, inspect.getsourcelines(node_type.cls)[1]
    except (OSError, TypeError):
        return path, 0


def author_place(node_type: NodeType) -> tuple[Path, int] | None:
    """Return the file and the line where the author of a workflow folder has written what a node does.

    That is its class, or the function that its config names; None if what it does is built in or installed.
    """
    if node_type.source is not None:
        return node_type.source, place(node_type)[1]
    if not node_type.function or revision_of(node_type.function.partition(":")[0]) is None:
        return None
    try:
        function = inspect.unwrap(load_function(node_type.function))
        return Path(inspect.getsourcefile(function) or ""), inspect.getsourcelines(function)[1]
    except (NodeError, OSError, TypeError, ValueError):
        return None


def example(node_type: NodeType) -> str:
    """Return a piece of the `nodes:` of a workflow that uses the type, as YAML."""
    given = node_type.cls.example
    if isinstance(given, str) and given.strip():
        return dedent(given).strip()
    config = given if isinstance(given, Mapping) else made_up_config(node_type)
    node: dict[str, Any] = {"type": node_type.name}
    if node_type.cls.kind is not NodeKind.PRODUCER:
        node["needs"] = UPSTREAM
    if config:
        node["config"] = config
    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump({node_type.name: node}, text)
    return text.getvalue().strip()


def made_up_config(node_type: NodeType) -> dict[str, Any]:
    """Return a config with a value for each setting that must be given, and the defaults of the others."""
    values: dict[str, Any] = {}
    while True:
        # Made anew for each value, as the choices of the next setting may depend on it.
        fields = form_fields(node_type.cls.Config, values).fields
        missing = next((each for each in fields if each.required and not each.given), None)
        if missing is None:
            break
        values[missing.name] = _made_up(missing)
    shown = [each for each in fields if each.visible and each.current not in (None, "", [], {})]
    return {each.name: values.get(each.name, each.default) for each in shown}


def _made_up(field: FormField) -> Any:
    if field.secret:
        return f"${{secret:{field.name.upper()}}}"
    if field.choices and field.kind is not FieldKind.LIST:
        return field.choices[0].value
    match field.kind:
        case FieldKind.BOOLEAN:
            return True
        case FieldKind.DURATION:
            return "1s"
        case FieldKind.INTEGER | FieldKind.NUMBER:
            return _number(field)
        case FieldKind.LIST:
            return [field.choices[0].value if field.choices else _element(field)]
        case FieldKind.MAPPING:
            return {"name": _element(field)}
        case FieldKind.OBJECT:
            return {each.name: _made_up(each) for each in field.fields if each.required}
    return field.name


def _element(field: FormField) -> Any:
    return _made_up(replace(field.element, path=field.path)) if field.element else field.name


def _number(field: FormField) -> float:
    """Return a number within the limits of a field."""
    above = float("-inf") if field.above is None else field.above
    below = float("inf") if field.below is None else field.below
    least = above if field.minimum is None else field.minimum
    most = below if field.maximum is None else field.maximum
    tried = (least, 1, most, least + 1, most - 1, (least + most) / 2)
    fitting = [each for each in tried if isfinite(each) and above < each < below and least <= each <= most]
    number = fitting[0] if fitting else 1
    return int(number) if number == int(number) else number
