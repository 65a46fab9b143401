"""One change to the text of a workflow file that brings it closer to what it shall say, and touches nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ruamel.yaml.nodes import CollectionNode, MappingNode, ScalarNode, SequenceNode

from flowtui.workflow.layout import Layout, Place
from flowtui.workflow.pieces import Hand, JsonHand, Piece, YamlHand, merged_block, merged_inline
from flowtui.workflow.source import KeyPath

#: With more differences than this a collection is written anew as a whole.
_MANY = 40
_COMMA = re.compile(r"[ \t\r\n]*,")
_ONLY_COMMENT = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")


def canonical(value: Any) -> str:
    """Return a text that is the same for the same value of JSON only; `1`, `1.0` and `true` are not."""
    return json.dumps(value, sort_keys=True)


def same(one: Any, other: Any) -> bool:
    """Say whether two values of JSON are the same, of the same types; the order of keys does not matter."""
    return one is other or canonical(one) == canonical(other)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one value, and the texts with which it might be made, the best one first."""

    path: KeyPath
    texts: Iterator[str]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A part of the text and what takes its place."""

    start: int
    end: int
    text: str = ""


class Splicer:
    """Finds the next change for one layout."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._text = layout.text
        self._hand: Hand = _json_hand(layout.text) if layout.is_json else YamlHand(*layout.indents())

    def next_change(self, wanted: Mapping[str, Any], whole: KeyPath) -> Change | None:
        """Return the first change toward a document; None if the text says it already.

        A collection at `whole` or in there may be written anew as a whole if much of it differs.
        """
        self._whole = whole
        if same(self._layout.value, wanted):
            return None
        return self._mapping(self._layout.root, False, self._layout.value, wanted, ())

    # What to change

    def _change(self, place: Place, have: Any, want: Any, path: KeyPath) -> Change:
        node = place.node
        is_inside = path[: len(self._whole)] == self._whole
        if place.alias is None and not (is_inside and _count(have, want) > _MANY):
            if isinstance(node, MappingNode) and isinstance(want, dict) and have and self._has_ends(place):
                return self._mapping(node, place.in_line, have, want, path, place)
            if isinstance(node, SequenceNode) and isinstance(want, list) and have:
                return self._list(place, have, want, path)
        return Change(path, self._set(place, have, want))

    def _has_ends(self, place: Place) -> bool:
        """Say whether a mapping has what holds it together: `[a: 1]` holds one without braces."""
        is_block = isinstance(place.node, CollectionNode) and not place.node.flow_style
        return is_block or self._text[self._layout.skip(self._layout.inner_start(place.node))] == "{"

    def _mapping(
        self,
        node: CollectionNode,
        in_line: bool,
        have: Mapping[str, Any],
        want: Mapping[str, Any],
        path: KeyPath,
        place: Place | None = None,
    ) -> Change:
        entries = self._layout.entries(node, in_line=in_line)
        own = {each.key.value: each for each in entries if each.key is not None and not each.is_merge}
        behind: Place | None = None
        for key, value in want.items():
            if key in own and not same(have[key], value):
                return self._change(own[key], have[key], value, (*path, key))
            if key not in own and not (key in have and same(have[key], value)):
                return Change((*path, key), self._insert_key(node, behind or entries[-1], key, value))
            behind = own.get(key, behind)
        gone = [each for key, each in own.items() if key not in want]
        # What a `<<` brings in can only go with it; what else it brings is written out then.
        gone = gone or [each for each in entries if each.is_merge][-1:]
        if place is not None and len(entries) == 1:
            return Change(path, self._set(place, have, want))
        return Change(path, self._remove(gone[-1], entries))

    def _list(self, place: Place, have: Sequence[Any], want: Sequence[Any], path: KeyPath) -> Change:
        entries = self._layout.entries(place.node, in_line=place.in_line)
        match = SequenceMatcher(None, [canonical(each) for each in have], [canonical(each) for each in want], False)
        what, i, _, j, _ = next(step for step in match.get_opcodes() if step[0] != "equal")
        if what == "replace":
            return self._change(entries[i], have[i], want[j], (*path, i))
        if what == "insert":
            return Change(path, self._insert_item(entries, i, want[j]))
        if len(entries) == 1:
            return Change(path, self._set(place, have, want))
        return Change(path, self._remove(entries[i], entries))

    # Values

    def _set(self, place: Place, have: Any, want: Any) -> Iterator[str]:
        anchor = self._layout.anchor(place)
        if place.in_line:
            start, end = self._layout.value_start(place), self._layout.end(place)
            for text in self._inline(place, have, want):
                yield self._cut(_Cut(start, end, self._spaced(place, start, f"{anchor} {text}".strip())))
            return
        for piece in self._pieces(place, have, want):
            yield self._cut(*self._put(place, Piece(f"{anchor} {piece.head}".strip(), piece.body)))

    def _inline(self, place: Place, have: Any, want: Any) -> Iterator[str]:
        changes = self._over_alias(place, have, want)
        if changes and place.alias is not None:
            yield merged_inline(self._text[slice(*place.alias)], changes, self._hand)
        start = self._layout.start(place)
        spread = self._layout.begins_line(start)
        for text in self._hand.inline(want, self._layout.manner(place), spread=spread):
            yield self._indented(text, start)

    def _pieces(self, place: Place, have: Any, want: Any) -> Iterator[Piece]:
        changes = self._over_alias(place, have, want)
        if changes and place.alias is not None:
            alias = self._text[slice(*place.alias)]
            if place.key is None:
                yield Piece(merged_inline(alias, changes, self._hand))
            else:
                yield merged_block(alias, changes, self._hand, self._layout.indents()[0])
        yield from self._hand.block(want, self._layout.manner(place), is_item=place.key is None)

    def _over_alias(self, place: Place, have: Any, want: Any) -> dict[str, Any]:
        """Return what differs from a mapping that an alias stands for, if all its keys are still wanted."""
        is_mapping = place.alias is not None and isinstance(have, dict) and isinstance(want, dict)
        if not is_mapping or have.keys() - want.keys():
            return {}
        return {key: value for key, value in want.items() if key not in have or not same(have[key], value)}

    def _put(self, place: Place, piece: Piece) -> Iterator[_Cut]:
        """Yield what puts a value into the place of another one that stands outside of brackets."""
        layout, node = self._layout, place.node
        start, end = layout.value_start(place), layout.end(place)
        body: tuple[int, int] | None = None
        if place.alias is None and isinstance(node, ScalarNode) and node.style in ("|", ">"):
            end, last = layout.header_end(node), end
            body = (layout.next_line(end), last) if layout.next_line(end) < last else None
        elif place.alias is None and isinstance(node, CollectionNode) and not node.flow_style:
            first = layout.skip(layout.inner_start(node))
            if layout.begins_line(first):
                body = (layout.line_start(first), end)
                start, end = self._behind_key(place)
        yield self._head(place, start, end, piece.head)
        indent = " " * layout.base(place)
        lines = [indent + line if line else "" for line in piece.body]
        line_break = layout.break_at(start)
        if body is not None and lines:
            yield _Cut(*body, line_break.join(lines))
        elif body is not None:
            yield self._lines(*body)
        elif lines:
            at = layout.line_end(end)
            yield _Cut(at, at, line_break + line_break.join(lines))

    def _behind_key(self, place: Place) -> tuple[int, int]:
        """Return the span of the anchor and the tag of a collection that stands in the lines below."""
        layout = self._layout
        inner = layout.inner_start(place.node)
        if inner > place.node.start_mark.index:
            return place.node.start_mark.index, inner
        if place.key is None:
            return layout.dash(place) + 1, layout.dash(place) + 1
        at = self._text.index(":", place.key.end_mark.index) + 1
        return at, at

    def _head(self, place: Place, start: int, end: int, head: str) -> _Cut:
        if head:
            return _Cut(start, end, self._spaced(place, start, head))
        rest = self._text[end : self._layout.line_end(end)]
        return _Cut(len(self._text[:start].rstrip(" \t")), end + (0 if rest.strip() else len(rest)))

    def _spaced(self, place: Place, start: int, text: str) -> str:
        """Return a value with the blank, or the colon, that it needs in front."""
        if place.key is not None and start == place.key.end_mark.index:
            return f": {text}"
        is_apart = self._text[start - 1] in " \t\r\n[{,"
        is_tight = place.in_line and start < self._layout.end(place) and place.alias is None
        return text if is_apart or is_tight else f" {text}"

    # Entries

    def _insert_key(self, node: CollectionNode, behind: Place, key: str, value: Any) -> Iterator[str]:
        layout = self._layout
        brought = layout.brought(node, key)
        manner = layout.manner(brought) if brought is not None else None
        if behind.in_line:
            spread = layout.begins_line(layout.start(behind))
            for text in self._hand.inline(value, manner, spread=spread):
                yield self._insert_in_line(behind, self._hand.key(key) + text)
            return
        first = layout.start(layout.entries(behind.holder)[0])
        for piece in self._hand.block(value, manner, is_item=False):
            head = (self._hand.key(key) + piece.head).rstrip()
            yield self._insert_lines(behind, layout.column(first), (head, *piece.body))

    def _insert_item(self, entries: Sequence[Place], index: int, value: Any) -> Iterator[str]:
        layout = self._layout
        if entries[0].in_line:
            spread = layout.begins_line(layout.start(entries[0]))
            for text in self._hand.inline(value, None, spread=spread):
                if index:
                    yield self._insert_in_line(entries[index - 1], text)
                else:
                    yield self._insert_in_front(entries[0], text)
            return
        column = layout.column(layout.dash(entries[0]))
        for piece in self._hand.block(value, None, is_item=True):
            lines = (f"- {piece.head}", *piece.body)
            if index:
                yield self._insert_lines(entries[index - 1], column, lines)
                continue
            at = layout.dash(entries[0])
            between = layout.break_at(at) + " " * column
            yield self._cut(_Cut(at, at, between.join(lines) + between))

    def _insert_lines(self, behind: Place, column: int, lines: Sequence[str]) -> str:
        at = self._layout.line_end(self._layout.end(behind))
        line_break = self._layout.break_at(at)
        return self._cut(
            _Cut(at, at, "".join(line_break + " " * column + line if line else line_break for line in lines))
        )

    def _insert_in_line(self, behind: Place, text: str) -> str:
        layout, end = self._layout, self._layout.end(behind)
        start = layout.start(behind)
        comma = _COMMA.match(self._text, end)
        has_comma = comma is not None and layout.line_start(comma.end()) == layout.line_start(end)
        after = comma.end() if comma and has_comma else end
        text = self._indented(text, start)
        if not (layout.begins_line(start) and _ONLY_COMMENT.match(self._text, after)):
            return self._cut(_Cut(end, end, self._hand.comma + text))
        at = layout.line_end(after)
        indent = self._text[layout.line_start(start) : start]
        line = f"{layout.break_at(start)}{indent}{text}"
        return self._cut(_Cut(at, at, f"{line},")) if has_comma else self._cut(_Cut(end, end, ","), _Cut(at, at, line))

    def _insert_in_front(self, place: Place, text: str) -> str:
        layout, start = self._layout, self._layout.start(place)
        text = self._indented(text, start)
        if not layout.begins_line(start):
            return self._cut(_Cut(start, start, text + self._hand.comma))
        indent = self._text[layout.line_start(start) : start]
        return self._cut(_Cut(start, start, f"{text},{layout.break_at(start)}{indent}"))

    def _remove(self, place: Place, entries: Sequence[Place]) -> Iterator[str]:
        remove = self._remove_in_line if place.in_line else self._remove_lines
        yield self._cut(*remove(place, entries))

    def _remove_lines(self, place: Place, entries: Sequence[Place]) -> Iterator[_Cut]:
        layout, end = self._layout, self._layout.end(place)
        start = layout.start(place) if place.key is not None else layout.dash(place)
        if layout.begins_line(start):
            yield self._lines(layout.line_start(start), end)
            return
        # The first one, behind the dash of a list: the next one moves up, unless a comment stands between them.
        other = entries[1]
        behind = layout.start(other) if other.key is not None else layout.dash(other)
        if "#" in self._text[end:behind]:
            yield _Cut(len(self._text[:start].rstrip(" \t")), end)
        else:
            yield _Cut(start, behind)

    def _lines(self, start: int, end: int) -> _Cut:
        """Cut whole lines; a file whose last line has no end keeps that habit."""
        after = self._layout.next_line(end)
        if after == self._layout.line_end(end) and start:
            start -= 2 if self._text[start - 2 : start] == "\r\n" else 1
        return _Cut(start, after)

    def _remove_in_line(self, place: Place, entries: Sequence[Place]) -> Iterator[_Cut]:
        layout, start, end = self._layout, self._layout.start(place), self._layout.end(place)
        comma = _COMMA.match(self._text, end)
        after = comma.end() if comma else end
        before = entries[place.index - 1] if place.index else None
        if layout.begins_line(start) and _ONLY_COMMENT.match(self._text, after):
            if comma is None and before is not None:
                yield self._comma_behind(before)
            yield _Cut(layout.line_start(start), layout.next_line(after))
        elif comma is not None:
            rest = self._text[after : layout.line_end(after)]
            blanks = len(rest) - len(rest.lstrip(" \t"))
            yield _Cut(start, after + blanks) if rest.strip() else _Cut(len(self._text[:start].rstrip(" \t")), after)
        elif before is not None:
            behind = self._comma_behind(before)
            is_plain = "#" not in self._text[behind.end : start]
            yield from [_Cut(behind.start, end)] if is_plain else [behind, _Cut(start, end)]
        else:
            yield _Cut(start, end)

    def _comma_behind(self, place: Place) -> _Cut:
        at = self._text.index(",", self._layout.end(place))
        return _Cut(at, at + 1)

    # Text

    def _indented(self, text: str, start: int) -> str:
        """Return text of several lines with all but the first further in, as the line that it begins in is."""
        line = self._text[self._layout.line_start(start) :]
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        return text.replace("\n", self._layout.break_at(start) + indent)

    def _cut(self, *cuts: _Cut) -> str:
        text = self._text
        for cut in reversed(sorted(cuts, key=lambda cut: cut.start)):  # noqa: C413 - of two at one place the later one first
            text = text[: cut.start] + cut.text + text[cut.end :]
        return text


def _count(have: Any, want: Any) -> int:
    """Return in how many places two values differ."""
    if isinstance(have, dict) and isinstance(want, dict):
        both = have.keys() & want.keys()
        return len(have.keys() ^ want.keys()) + sum(_count(have[key], want[key]) for key in both)
    if isinstance(have, list) and isinstance(want, list):
        pairs = zip(have, want, strict=False)
        return abs(len(have) - len(want)) + sum(_count(one, other) for one, other in pairs)
    return int(not same(have, want))


def _is_tight(text: str) -> bool:
    return '": ' not in text and ", " not in text


def _json_hand(text: str) -> JsonHand:
    found = re.search(r"[\[{][ \t]*\r?\n([ \t]+)\S", text)
    return JsonHand(found[1] if found else None, is_ascii="\\u" in text, is_tight=_is_tight(text))
