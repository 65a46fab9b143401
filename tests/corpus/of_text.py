"""Mutations of the text: quotes, brackets, indentation, keys that are there twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpus.broken import Broken, Fault, at_value, mutation
from corpus.outline import Entry, Good


@mutation
def a_key_twice(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.key_column and entry.raw and not _is_inside_a_flow(good, entry):
            text = good.with_line(entry.line, good.lines[entry.line - 1])
            fault = Fault(entry.line + 1, entry.key_column, "duplicate-key")
            says = f"'{entry.name}' is here twice, first in line {entry.line}: remove one of them"
            yield Broken(f"{entry.path}", text, (fault,), says)


@mutation
def a_node_twice(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        block = "\n".join(good.lines[node.entry.line - 1 : node.last_line])
        last = max(each.last_line for each in good.nodes.values())
        fault = Fault(last + 1, node.entry.key_column, "duplicate-key")
        says = f"'{node.id}' is here twice, first in line {node.entry.line}"
        yield Broken(node.id, good.with_line(last, block), (fault,), says)


@mutation
def a_template_without_quotes(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if re.match(r"""["']\{\{""", entry.raw) and entry.raw.count('"') <= 2:
            text = good.with_value(entry, entry.text)
            yield at_value(f"{entry.path}", text, entry, "unquoted-template", "must be quoted as a whole, like ")


@mutation
def a_line_too_far_to_the_right(good: Good) -> Iterator[Broken]:
    """Below a key with a value nothing can stand further to the right."""
    before: Entry | None = None
    for entry in good.entries:
        if not entry.key_column or _is_inside_a_flow(good, entry):
            continue
        if before and before.raw and len(before.path) == len(entry.path) and entry.line == before.line + 1:
            text = good.replaced(entry.line, 1, 0, " ")
            yield Broken(f"{entry.path}", text, (Fault(entry.line, 0, "not-yaml"),), "check the indentation")
        before = entry


@mutation
def a_line_too_far_to_the_left(good: Good) -> Iterator[Broken]:
    """A line that begins between two levels belongs to none."""
    for entry in good.entries:
        if entry.key_column and len(entry.path) > 2 and not _is_inside_a_flow(good, entry):
            above = next(each for each in good.entries if each.line == entry.line - 1)
            if len(above.path) < len(entry.path) or entry.line == above.line:
                continue
            text = good.replaced(entry.line, 1, 1, "")
            yield Broken(f"{entry.path}", text, (Fault(entry.line, 0, "not-yaml"),), "check the indentation")


@mutation
def a_tab(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.key_column and len(entry.path) > 2 and not _is_inside_a_flow(good, entry):
            text = good.replaced(entry.line, 1, entry.key_column - 1, "\t")
            yield Broken(f"{entry.path}", text, (Fault(entry.line, 0, "not-yaml"),), "with spaces, not with tabs")


@mutation
def a_quote_that_never_ends(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.raw.startswith('"') and '"' not in "".join(good.lines[entry.line :]):
            text = good.replaced(entry.line, entry.column + len(entry.raw) - 1, 1, "")
            yield Broken(f"{entry.path}", text, (Fault(entry.line, 0, "not-yaml"),), "close the quote")


@mutation
def a_bracket_that_never_ends(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.is_flow and len(entry.path) < 4:
            text = good.replaced(entry.line, entry.column + len(entry.raw) - 1, 1, "")
            says = f"close it with '{entry.raw[-1]}'"
            yield Broken(f"{entry.path}", text, (Fault(entry.line, entry.column, "not-yaml"),), says)


@mutation
def a_tag_that_is_not_known(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.path[2:3] == ("config",) and entry.raw and not entry.is_flow:
            text = good.replaced(entry.line, entry.column, 0, "!secret ")
            yield at_value(f"{entry.path}", text, entry, "bad-tag", "'!secret' is not known here: remove it")


@mutation
def an_alias_of_nothing(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.path[2:3] == ("config",) and entry.raw and not entry.is_flow:
            text = good.with_value(entry, "*nothing")
            yield at_value(f"{entry.path}", text, entry, "not-yaml", "write the anchor")


@mutation
def a_control_character(good: Good) -> Iterator[Broken]:
    for entry in good.entries:
        if entry.raw.startswith('"'):
            text = good.replaced(entry.line, entry.column + 1, 0, "\x07")
            fault = Fault(entry.line, entry.column + 1, "not-text")
            yield Broken(f"{entry.path}", text, (fault,), "remove it, or escape it inside double quotes")


@mutation
def nothing_but_text(good: Good) -> Iterator[Broken]:
    yield Broken("one word", "workflow\n", (Fault(1, 1, "not-a-mapping"),), "must be a mapping with 'nodes:'")
    yield Broken("comments", "# nothing\n", (Fault(1, 1, "empty-file"),), "write at least 'nodes:' with one node")
    two = good.text + "---\n" + good.text
    yield Broken("two documents", two, (Fault(good.text.count("\n") + 1, 1, "not-yaml"),), "one workflow")


def _is_inside_a_flow(good: Good, entry: Entry) -> bool:
    return any(
        entry.path[:length] == other.path
        for length in range(1, len(entry.path))
        for other in good.entries
        if other.is_flow and other.line == entry.line
    )
