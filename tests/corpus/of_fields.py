"""Mutations of what stands at a key: types, names of fields, values, templates, variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpus.broken import Broken, Fault, at_key, at_value, misspelt, mutation
from corpus.outline import Entry, Good, Node

#: Settings without which a type does not work.
REQUIRED = {
    "if": ["when"],
    "switch": ["value", "cases"],
    "file-append": ["path"],
    "interval": ["every"],
    "delay": ["seconds"],
    "directory-watch": ["path"],
    "file-tail": ["paths"],
}
PRODUCERS = (
    "cron",
    "csv-read",
    "directory-watch",
    "file-tail",
    "http-poll",
    "interval",
    "json-lines",
    "queue-reader",
    "redis-stream",
    "sequence",
    "trigger",
    "webhook",
)
_OPTIONS = ("loop", "retry", "cache")
#: A value of another type for each field that must be a number, a truth or a mapping.
_WRONG = {
    "count": "many",
    "start": "[1]",
    "resume": "maybe",
    "replicas": '"2"',
    "restarts": "-1",
    "autostart": '"yes"',
    "max_in_flight": "0",
    "breaker": "none",
    "attempts": "1.5",
    "factor": "0.5",
    "jitter": "3",
    "max_bytes": "0",
    "max_items": "-5",
    "title": "[a, b]",
    "retry": "3",
    "cache": "10s",
    "names": "{a: b}",
    "size": "big",
    "top": "few",
}


def config_entries(good: Good) -> Iterator[tuple[Node, Entry]]:
    for node in good.nodes.values():
        for entry in good.below(*node.entry.path, "config"):
            yield node, entry


@mutation
def a_misspelt_type(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        entry = node.field("type")
        wrong = misspelt(node.type)
        yield at_value(f"type of {node.id}", good.with_value(entry, wrong), entry, "unknown-node", f"'{node.type}'?")


@mutation
def a_type_like_no_other(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        entry = node.field("type")
        text = good.with_value(entry, "zzzzzzzzz")
        yield at_value(f"type of {node.id}", text, entry, "unknown-node", "check its spelling, or define it in")


@mutation
def a_node_without_a_type(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        line = node.field("type").line
        fault = Fault(node.entry.line, node.entry.key_column, "missing-field")
        yield Broken(f"no type of {node.id}", good.without_lines(line, line), (fault,), "'type' is missing: add")


@mutation
def a_misspelt_field_of_a_node(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        for entry in good.below(*node.entry.path):
            text = good.replaced(entry.line, entry.key_column, len(entry.name), misspelt(entry.name))
            yield at_key(f"{entry.name} of {node.id}", text, entry, "unknown-field", f"(did you mean '{entry.name}'?)")


@mutation
def a_misspelt_option(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.key_column and len(entry.path) > 3 and entry.path[2] in _OPTIONS:
            text = good.replaced(entry.line, entry.key_column, len(entry.name), entry.name + "x")
            yield at_key(f"{entry.path}", text, entry, "unknown-field", f"(did you mean '{entry.name}'?)")


@mutation
def a_misspelt_setting(good: Good) -> Iterator[Broken]:
    for node, entry in config_entries(good):
        text = good.replaced(entry.line, entry.key_column, len(entry.name), misspelt(entry.name))
        yield at_key(f"{entry.name} of {node.id}", text, entry, "unknown-field", f"did you mean '{entry.name}'?")


@mutation
def a_field_that_nobody_knows(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        entry = node.field("type")
        text = good.with_line(entry.line, " " * (entry.key_column - 1) + "colour: red")
        fault = Fault(entry.line + 1, entry.key_column, "unknown-field")
        yield Broken(f"colour of {node.id}", text, (fault,), "'colour' in a node: it has type, title, needs")


@mutation
def a_setting_that_nobody_knows(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        config = node.field("config")
        if config is not None and config.raw.startswith("{"):
            text = good.replaced(config.line, config.column + 1, 0, "zzzz: 1, ")
            fault = Fault(config.line, config.column + 1, "unknown-field")
            yield Broken(f"zzzz of {node.id}", text, (fault,), "'zzzz' (there are: ")


@mutation
def a_misspelt_field_of_the_file(good: Good) -> Iterator[Broken]:
    for entry in good.below():
        text = good.replaced(entry.line, 1, len(entry.name), misspelt(entry.name))
        yield at_key(entry.name, text, entry, "unknown-field", f"(did you mean '{entry.name}'?)")


@mutation
def a_missing_setting(good: Good) -> Iterator[Broken]:
    for node, entry in config_entries(good):
        if entry.name not in REQUIRED.get(node.type, ()):
            continue
        config = node.field("config")
        if config.is_flow:
            text = good.without_member(entry)
        elif len(good.below(*config.path)) > 1 and entry.raw:
            text = good.without_lines(entry.line, entry.line)
        else:
            continue
        yield at_key(f"{entry.name} of {node.id}", text, config, "bad-config", f"'{entry.name}' is missing: add it")


@mutation
def a_missing_config(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        config = node.field("config")
        if config is None or node.type not in REQUIRED:
            continue
        last = max(entry.line for entry in good.entries if entry.path[:3] == config.path)
        text = good.without_lines(config.line, last)
        faults = (Fault(node.entry.line, node.entry.key_column, "bad-config"),) * len(REQUIRED[node.type])
        yield Broken(f"config of {node.id}", text, faults, "is missing: add it")


@mutation
def a_value_of_a_wrong_type(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        wrong = _WRONG.get(entry.name)
        if wrong is None or not entry.raw or len(entry.path) < 3 or "record" in entry.path or "cases" in entry.path:
            continue
        code = "bad-config" if "config" in entry.path else "bad-value"
        yield at_value(f"{entry.path}", good.with_value(entry, wrong), entry, code, f"{entry.name}")


@mutation
def a_block_that_is_no_mapping(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if len(entry.path) == 3 and entry.path[2] in ("config", "loop", "retry") and entry.raw.startswith("{"):
            says = f"'{entry.name}' must be a mapping"
            yield at_value(f"{entry.path}", good.with_value(entry, "[1]"), entry, "bad-value", says)


@mutation
def a_value_that_is_none_of_a_few(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.name in ("level", "on_full", "on_error", "pool"):
            code = "bad-config" if "config" in entry.path else "bad-value"
            yield at_value(f"{entry.path}", good.with_value(entry, misspelt(entry.raw)), entry, code, f"'{entry.raw}'")


@mutation
def a_duration_in_a_unit_that_does_not_exist(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if re.fullmatch(r"[\d.]+(ms|s|m|h|d)?", entry.raw) and entry.name in (
            "every", "delay", "max_delay", "timeout", "ttl", "seconds", "age"
        ):  # fmt: skip
            code = "bad-config" if "config" in entry.path else "bad-value"
            text = good.with_value(entry, "3 parsecs")
            yield at_value(f"{entry.path}", text, entry, code, "a duration is a number of seconds or text like 500ms")


@mutation
def a_template_that_does_not_parse(good: Good) -> Iterator[Broken]:
    for node, entry in _templates(good):
        start = entry.raw.index("{{ ") + 3
        text = good.replaced(entry.line, entry.column + start, 0, "( ")
        yield at_value(f"{entry.path} of {node}", text, entry, "bad-template", "the template does not parse: ")


@mutation
def a_template_with_an_unknown_variable(good: Good) -> Iterator[Broken]:
    for node, entry in _templates(good):
        if "{{ data." in entry.raw:
            text = good.with_value(entry, entry.raw.replace("{{ data.", "{{ dta.", 1))
            yield at_value(f"{entry.path} of {node}", text, entry, "bad-template", "did you mean 'data'?")


@mutation
def a_template_where_there_is_no_item(good: Good) -> Iterator[Broken]:
    for node, entry in config_entries(good):
        if node.type in PRODUCERS and entry.raw and not entry.is_flow:
            text = good.with_value(entry, '"{{ data.x }}"')
            yield at_value(f"{entry.path}", text, entry, "bad-template", "${NAME} reads the environment")


@mutation
def a_variable_that_is_not_set(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        found = re.search(r"\$\{(\w+):[^}]*\}", entry.raw)
        if found and not entry.is_flow:
            text = good.with_value(entry, entry.raw.replace(found[0], f"${{{found[1]}}}"))
            says = f"variable {found[1]} is not set: set it, or give a default like '${{{found[1]}:"
            yield at_value(f"{entry.path}", text, entry, "unset-variable", says)


@mutation
def a_variable_that_is_none(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        found = re.search(r"\$\{(\w+):[^}]*\}", entry.raw)
        if found and not entry.is_flow:
            text = good.with_value(entry, entry.raw.replace(found[0], "${1-2}"))
            yield at_value(f"{entry.path}", text, entry, "bad-variable", "write '${NAME}' or '${NAME:default}'")


def _templates(good: Good) -> Iterator[tuple[str, Entry]]:
    for node in good.nodes.values():
        for entry in good.entries:
            if entry.path[:3] == (*node.entry.path, "config") and "{{ " in entry.raw and not entry.is_flow:
                yield node.id, entry
