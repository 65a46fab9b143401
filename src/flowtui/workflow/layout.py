"""Where in the text of a workflow file everything stands: keys, values, dashes, lines and their ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from flowtui.model.errors import Problem
from flowtui.workflow.compose import TAG, Aliases, compose_json, compose_with_aliases, decode
from flowtui.workflow.pieces import Manner, manner_of
from flowtui.workflow.source import Source, read_tree

#: From one thing to the next one: blanks, empty lines, comments.
_APART = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_BREAK = re.compile(r"\r\n|\r|\n")
_PROPERTIES = re.compile(r"[&!][^\s,\[\]{}]*(?:[ \t]+[&!][^\s,\[\]{}]*)*")
_HEADER = re.compile(r"[ \t]*[|>][-+0-9]*")
_COLON = re.compile(r"[ \t]*:")
_ANCHOR = re.compile(r"&[^\s,\[\]{}]+")
_DEFAULT_STEP = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where one value stands.

    Attributes:
        holder: the collection that it is in.
        index: which one in there.
        key: of a mapping's value.
        node: the value; that of the anchor if an alias stands there.
        alias: from where to where an alias stands there.
        in_line: whether it is within brackets.
    """

    holder: CollectionNode
    index: int
    key: ScalarNode | None
    node: Node
    alias: tuple[int, int] | None
    in_line: bool

    @property
    def is_merge(self) -> bool:
        """Whether it is what a `<<` brings in."""
        return self.key is not None and self.key.tag == TAG + "merge"


class Layout:
    """A file's text and what it says, with all places.

    Attributes:
        problems: what is wrong with the file as far as it can be told without knowing any node type.
    """

    def __init__(self, path: Path, text: str) -> None:
        """Read a text without byte order mark; raises `TextError` if nothing can be made of it."""
        decode(text.encode())
        self.text = text
        self.is_json = path.suffix.lower() == ".json"
        self.aliases: Aliases = {}
        if self.is_json:
            root = compose_json(text)
        else:
            root, self.aliases = compose_with_aliases(text)
        self.source: Source
        self.problems: tuple[Problem, ...]
        self.source, self.problems = read_tree(path, text, root)
        assert isinstance(root, MappingNode)
        self.root = root

    @property
    def value(self) -> dict[str, Any]:
        return self.source.value

    # Lines

    def line_start(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def line_end(self, at: int) -> int:
        """Return where the line ends, before its line break."""
        found = _BREAK.search(self.text, at)
        return found.start() if found else len(self.text)

    def next_line(self, at: int) -> int:
        """Return where the next line begins; the end of the text if there is none."""
        found = _BREAK.search(self.text, at)
        return found.end() if found else len(self.text)

    def line_number(self, at: int) -> int:
        """Return the number of a line, from 1."""
        return len(_BREAK.findall(self.text, 0, at)) + 1

    def column(self, at: int) -> int:
        return at - self.line_start(at)

    def begins_line(self, at: int) -> bool:
        """Say whether only blanks, or the `?` of a key, stand before it in its line."""
        return self.text[self.line_start(at) : at].strip(" \t") in ("", "?")

    def break_at(self, at: int) -> str:
        """Return the line break of the line, or of the file's first line."""
        found = _BREAK.search(self.text, at) or _BREAK.search(self.text)
        return found[0] if found else "\n"

    def skip(self, at: int) -> int:
        """Return where the next thing stands that is no comment."""
        found = _APART.match(self.text, at)
        return found.end() if found else at

    # Collections

    def entries(self, node: Node, *, in_line: bool = False) -> list[Place]:
        """Return the places of all that a collection itself holds; not of what a `<<` brings in."""
        assert isinstance(node, CollectionNode)
        in_line = in_line or bool(node.flow_style)
        spans = self.aliases.get(id(node), ())
        if isinstance(node, SequenceNode):
            return [
                Place(node, index, None, child, spans[index] if spans else None, in_line)
                for index, child in enumerate(node.value)
            ]
        return [
            Place(node, index, key, child, spans[2 * index + 1] if spans else None, in_line)
            for index, (key, child) in enumerate(node.value)
        ]

    def brought(self, node: Node, key: str) -> Place | None:
        """Return the place of the value that a `<<` brings into a mapping under a key, None if none does."""
        for merge in self.entries(node):
            if not merge.is_merge:
                continue
            for part in merge.node.value if isinstance(merge.node, SequenceNode) else [merge.node]:
                own = (each for each in self.entries(part) if each.key is not None and each.key.value == key)
                found = next((each for each in own if not each.is_merge), None) or self.brought(part, key)
                if found is not None:
                    return found
        return None

    # Places

    def start(self, place: Place) -> int:
        """Return where an entry begins: its key, or the item itself."""
        return place.key.start_mark.index if place.key is not None else self.value_start(place)

    def value_start(self, place: Place) -> int:
        """Return where a value begins, with its anchor; of an empty one where it would."""
        if place.alias is not None:
            return place.alias[0]
        if _is_empty(place.node) and place.key is not None:
            found = _COLON.match(self.text, place.key.end_mark.index)
            return found.end() if found else place.key.end_mark.index
        return int(place.node.start_mark.index)

    def end(self, place: Place) -> int:
        """Return where a value ends; the comment behind it does not belong to it."""
        node = place.node
        if place.alias is not None:
            return place.alias[1]
        if _is_empty(node):
            return self.value_start(place)
        if isinstance(node, ScalarNode) and node.style in ("|", ">"):
            return self._block_end(node)
        if not isinstance(node, CollectionNode) or node.flow_style:
            return int(node.end_mark.index)
        return self.end(self.entries(node)[-1])

    def inner_start(self, node: Node) -> int:
        """Return where a value begins behind its anchor and its tag."""
        start: int = node.start_mark.index
        found = _PROPERTIES.match(self.text, start)
        return found.end() if found else start

    def anchor(self, place: Place) -> str:
        """Return the anchor of a value with its `&`, empty if it has none."""
        start = place.node.start_mark.index
        found = _PROPERTIES.match(self.text, start) if place.alias is None else None
        anchor = _ANCHOR.search(found[0]) if found else None
        return anchor[0] if anchor else ""

    def header_end(self, node: ScalarNode) -> int:
        """Return where the `|` or `>` of a block ends."""
        found = _HEADER.match(self.text, self.inner_start(node))
        assert found is not None
        return found.end()

    def _block_end(self, node: ScalarNode) -> int:
        header_end = self.header_end(node)
        body = self.text[header_end : node.end_mark.index]
        if "+" in self.text[self.inner_start(node) : header_end]:
            last = list(_BREAK.finditer(body))[-1:]
            is_whole = bool(last) and last[0].end() == len(body)
            return header_end + (last[0].start() if is_whole else len(body))
        return self.line_end(header_end + len(body.rstrip(" \t\r\n")))

    def dash(self, place: Place) -> int:
        """Return where the dash of an item stands in a list without brackets."""
        if place.index:
            return self.skip(self.end(self.entries(place.holder)[place.index - 1]))
        return self.skip(self.inner_start(place.holder))

    def base(self, place: Place) -> int:
        """Return the column of the key or of the dash that a value stands behind."""
        return self.column(self.dash(place) if place.key is None else place.key.start_mark.index)

    def manner(self, place: Place) -> Manner | None:
        """Return how a scalar is written; None if it is none, or is empty."""
        node = place.node
        if not isinstance(node, ScalarNode) or _is_empty(node) or not _is_text(node):
            return None
        if node.style not in ("|", ">") or place.alias is not None:
            return manner_of(node.style, (), 0)
        lines = self.text[self.next_line(self.header_end(node)) : self._block_end(node)]
        return manner_of(node.style, tuple(_BREAK.split(lines)), self.base(place))

    # The file's habits

    def indents(self) -> tuple[int, int]:
        """Return how far mappings stand in below their key, and the dashes of lists."""
        step, offset = 0, -1
        waiting: list[Node] = [self.root]
        while waiting and (not step or offset < 0):
            node = waiting.pop(0)
            for place in self.entries(node):
                child = place.node
                if place.alias is not None or not isinstance(child, CollectionNode) or child.flow_style:
                    continue
                waiting.append(child)
                first = self.skip(self.inner_start(child))
                if place.key is None or not self.begins_line(first):
                    continue
                further = self.column(first) - self.column(place.key.start_mark.index)
                if isinstance(child, SequenceNode):
                    offset = further if offset < 0 else offset
                else:
                    step = step or further
        return step or _DEFAULT_STEP, offset if offset >= 0 else _DEFAULT_STEP

    def alias_lines(self) -> Mapping[str, int]:
        """Return the line in which each alias is used first, by its name."""
        spans = sorted(span for spans in self.aliases.values() for span in spans if span is not None)
        return {self.text[start + 1 : end]: self.line_number(start) for start, end in reversed(spans)}


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.style is None and node.start_mark.index == node.end_mark.index


def _is_text(node: ScalarNode) -> bool:
    return node.tag not in (TAG + "null", TAG + "bool", TAG + "int", TAG + "float")
