"""Node types as `flowtui nodes` prints them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from textwrap import indent, wrap
from typing import Any

from flowtui.cli.tables import table
from flowtui.model.forms import FieldKind, FormField
from flowtui.model.printable import SHOWN
from flowtui.model.states import NodeKind
from flowtui.nodes.base import ConditionalNode, Pool, ProducerNode
from flowtui.nodes.dependencies import shown
from flowtui.nodes.described import description, example, place, summary
from flowtui.nodes.fields import form_fields, label_of
from flowtui.nodes.registry import NodeType, Registry

_KINDS = {
    NodeKind.PRODUCER: "Producers drive a loop",
    NodeKind.BLOCKING: "Blocking nodes work while the loop waits",
    NodeKind.CONDITIONAL: "Conditional nodes choose a branch",
    NodeKind.NON_BLOCKING: "Non-blocking nodes work while the loop goes on",
}
_MOST_NAMED = 20
_LEAST_WIDTH = 30
#: Lines longer than this are hard to read, however wide the terminal is.
_MOST_WIDTH = 110


def listing(registry: Registry, width: int | None) -> list[str]:
    """Return all types by kind, a line each, cut to a width if there is one."""
    column = max((len(name) for name in registry.types), default=0)
    lines: list[str] = []
    for kind, title in _KINDS.items():
        types = [registry.types[name] for name in sorted(registry.types) if registry.types[name].cls.kind is kind]
        if types:
            lines += [""] * bool(lines) + [title]
            lines += [f"  {each.name:<{column}}  {summary(each.cls)}".rstrip().translate(SHOWN) for each in types]
    return [line if width is None or len(line) <= width else f"{line[: width - 1]}…" for line in lines]


def as_dict(node_type: NodeType) -> dict[str, Any]:
    """Return all about a type as JSON."""
    cls, (file, line) = node_type.cls, place(node_type)
    told: dict[str, Any] = {
        "name": node_type.name,
        "title": label_of(node_type.name),
        "kind": cls.kind,
        "summary": summary(cls),
        "description": description(cls),
        "pool": _pool(node_type).label,
        "file": file,
        "line": line,
        "example": example(node_type),
        "config": form_fields(cls.Config, templates=cls.kind is not NodeKind.PRODUCER).to_json(),
    }
    if issubclass(cls, ConditionalNode):
        told |= {"ports": list(cls.ports), "ports_by_config": _has_own_ports(cls)}
    if issubclass(cls, ProducerNode):
        told["replicable"] = cls.replicable
    return told


def about(node_type: NodeType, width: int) -> list[str]:
    """Return all about a type as lines for people, `width` characters wide where that can be."""
    cls, width = node_type.cls, min(width, _MOST_WIDTH)
    facts = [("pool", _pool(node_type).label)]
    if _pool(node_type) is not cls.pool:
        facts = [("pool", f"{_pool(node_type).label}, as execute() is a plain def")]
    if issubclass(cls, ConditionalNode):
        facts.append(("ports", ", ".join(cls.ports) + (", and what the config says" if _has_own_ports(cls) else "")))
    if issubclass(cls, ProducerNode):
        facts.append(("replicable", "yes" if cls.replicable else "no: one track, on one instance"))
    file, line = place(node_type)
    facts.append(("source", f"{file}:{line}" if line else file))
    text = [*_paragraphs(description(cls), width), ""] if description(cls) else []
    lines = [f"{node_type.name} ({cls.kind} node)", "", *text, *table(facts), "", *_settings(node_type, width)]
    lines += ["", "Example, below nodes:", *indent(example(node_type), "  ").splitlines()]
    return [line.translate(SHOWN) for line in lines]


def _pool(node_type: NodeType) -> Pool:
    execute = getattr(node_type.cls, "execute", None)
    return node_type.cls.pool if inspect.iscoroutinefunction(execute) else max(node_type.cls.pool, Pool.THREAD)


def _has_own_ports(cls: type[ConditionalNode]) -> bool:
    return cls.ports_for.__func__ is not ConditionalNode.ports_for.__func__  # type: ignore[attr-defined]


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a docstring; running text is filled anew, lists and code stay."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ""
        lines = paragraph.splitlines()
        is_running = not any(line[:1] in " -*>" for line in lines if line)
        yield from wrap(paragraph, width, break_long_words=False) if is_running else lines


def _settings(node_type: NodeType, width: int) -> list[str]:
    fields = list(_rows(form_fields(node_type.cls.Config).fields, ""))
    if not fields:
        return ["It has no settings."]
    rows = [("SETTING", "TYPE", "DEFAULT", "UNIT")]
    rows += [(name, field.type, _default(field), field.unit) for name, field in fields]
    if not any(field.unit for _, field in fields):
        rows = [row[:3] for row in rows]  # type: ignore[misc]
    left = table(rows)
    column = max(map(len, left)) + 2
    texts = ["DESCRIPTION", *(_explained(field) for _, field in fields)]
    room = max(width - column, _LEAST_WIDTH)
    lines: list[str] = []
    for start, text in zip(left, texts, strict=True):
        first, *more = wrap(text, room, break_long_words=False) or [""]
        lines.append(f"{start:<{column}}{first}".rstrip())
        lines += [" " * column + each for each in more]
    return lines


def _rows(fields: tuple[FormField, ...], prefix: str) -> Iterator[tuple[str, FormField]]:
    for field in fields:
        name = f"{prefix}{field.name}"
        yield name, field
        yield from _rows(field.fields, f"{name}.")
        if field.element and field.element.fields:
            yield from _rows(field.element.fields, f"{name}[]." if field.kind is FieldKind.LIST else f"{name}.*.")


def _default(field: FormField) -> str:
    if field.required:
        return "required"
    if field.default is None:
        return "none"
    text = shown(field.default) if field.default != "" else '""'
    if field.kind is FieldKind.DURATION and not isinstance(field.default, str):
        text += "s"
    return text if len(text) <= 24 else f"{text[:23]}…"


def _explained(field: FormField) -> str:
    parts = [f"{field.help.rstrip('.')}." if field.help else "", _limits(field)]
    if field.choices:
        named = ", ".join(each.label for each in field.choices[:_MOST_NAMED])
        parts.append(f"One of: {named}{', …' if len(field.choices) > _MOST_NAMED else ''}.")
    if field.depends_on:
        parts.append(f"Depends on {' and '.join(field.depends_on)}.")
    if field.secret:
        parts.append("Secret: write ${secret:NAME}.")
    return " ".join(filter(None, parts))


def _limits(field: FormField) -> str:
    limits = [
        f"{word} {limit:g}{'s' * (field.kind is FieldKind.DURATION)}"
        for word, limit in (
            ("at least", field.minimum),
            ("more than", field.above),
            ("at most", field.maximum),
            ("less than", field.below),
        )
        if limit is not None and not (limit == 0 and field.kind is FieldKind.DURATION)  # as durations always are
    ]
    text = ", ".join(limits)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
