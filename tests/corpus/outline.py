"""Where everything stands in a well-formed file, read without flowtui and without a YAML library.

It understands what the good files of the corpus are written in: block mappings, flow collections on one line, quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(?P<lead> *)(?P<key>[\w.-]+):(?: +(?P<value>[^#\s].*?))?(?: +#.*)?$")
_MEMBER = re.compile(r'"?(?P<key>[\w.-]+)"?: *')


@dataclass(frozen=True)
class Entry:
    """A key with its value, or an item of a list; lines and columns from 1.

    Attributes:
        key_column: 0 for an item of a list.
        raw: the value as it is written; empty for a block mapping.
    """

    path: tuple[str | int, ...]
    line: int
    key_column: int
    raw: str
    column: int

    @property
    def name(self) -> str:
        return str(self.path[-1])

    @property
    def text(self) -> str:
        """The value without its quotes."""
        return self.raw[1:-1] if self.raw[:1] in "\"'" else self.raw

    @property
    def is_flow(self) -> bool:
        return self.raw[:1] in ("{", "[")


class Good:
    """A good workflow file: its text, its entries, and its nodes by id."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.text = path.read_text()
        self.lines = self.text.splitlines()
        self.entries = list(_entries(self.lines))
        self.nodes = {
            str(entry.path[1]): Node(self, entry)
            for entry in self.entries
            if len(entry.path) == 2 and entry.path[0] == "nodes"
        }

    def at(self, *path: str | int) -> Entry | None:
        return next((entry for entry in self.entries if entry.path == path), None)

    def below(self, *path: str | int) -> list[Entry]:
        """The entries directly below a path."""
        return [entry for entry in self.entries if entry.path[:-1] == path]

    def replaced(self, line: int, column: int, length: int, new: str) -> str:
        """The text with a piece of one line replaced."""
        lines = self.lines.copy()
        lines[line - 1] = lines[line - 1][: column - 1] + new + lines[line - 1][column - 1 + length :]
        return "\n".join(lines) + "\n"

    def with_value(self, entry: Entry, new: str) -> str:
        return self.replaced(entry.line, entry.column, len(entry.raw), new)

    def with_line(self, after: int, new: str) -> str:
        return "\n".join([*self.lines[:after], new, *self.lines[after:]]) + "\n"

    def without_lines(self, first: int, last: int) -> str:
        return "\n".join([*self.lines[: first - 1], *self.lines[last:]]) + "\n"

    def without_member(self, entry: Entry) -> str:
        """The text without one member of a flow mapping, its comma included."""
        line = self.lines[entry.line - 1]
        start, end = entry.key_column - 1, entry.column - 1 + len(entry.raw)
        if line[end : end + 2] == ", ":
            end += 2
        elif line[start - 2 : start] == ", ":
            start -= 2
        return self.replaced(entry.line, start + 1, end - start, "")


class Node:
    """A node of a good file."""

    def __init__(self, good: Good, entry: Entry) -> None:
        self.id = entry.name
        self.entry = entry
        self._good = good

    @property
    def type(self) -> str:
        found = self.field("type")
        assert found is not None
        return found.text

    @property
    def last_line(self) -> int:
        return max(entry.line for entry in self._good.entries if entry.path[:2] == self.entry.path)

    @property
    def needs(self) -> list[Entry]:
        """One entry for each id in `needs`."""
        needs = self.field("needs")
        if needs is None:
            return []
        return self._good.below(*needs.path) if needs.is_flow else [needs]

    @property
    def needed(self) -> list[str]:
        return [need.text.partition(".")[0] for need in self.needs]

    def field(self, *names: str) -> Entry | None:
        return self._good.at(*self.entry.path, *names)


def _entries(lines: list[str]) -> list[Entry]:
    found: list[Entry] = []
    open_keys: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            if item := re.fullmatch(r"( *)- (.*)", line):
                path = tuple(key for _, key in open_keys)
                place = sum(entry.path[:-1] == path for entry in found)
                found.append(Entry((*path, place), number, 0, item[2], len(item[1]) + 3))
            continue
        indent = len(match["lead"])
        open_keys = [*(each for each in open_keys if each[0] < indent), (indent, match["key"])]
        path = tuple(key for _, key in open_keys)
        raw, column = match["value"] or "", match.start("value") + 1
        found.append(Entry(path, number, indent + 1, raw, column if raw else 0))
        found.extend(_members(path, number, raw, column))
    return found


def _members(path: tuple[str | int, ...], line: int, raw: str, column: int) -> list[Entry]:
    """Return what stands in a flow collection."""
    if raw[:1] not in ("{", "["):
        return []
    found: list[Entry] = []
    for index, (start, piece) in enumerate(_pieces(raw)):
        key = _MEMBER.match(piece) if raw[0] == "{" else None
        before = key.end() if key else 0
        here = (*path, key["key"] if key else index)
        at = column + start
        found.append(Entry(here, line, at if key else 0, piece[before:], at + before))
        found.extend(_members(here, line, piece[before:], at + before))
    return found


def _pieces(raw: str) -> list[tuple[int, str]]:
    """Return the parts between the commas of a flow collection, each with its offset."""
    pieces: list[tuple[int, str]] = []
    depth, quote, start = 0, "", 1
    for index, char in enumerate(raw):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "{[":
            depth += 1
        elif (char in "}]" and depth == 1) or (char == "," and depth == 1):
            piece = raw[start:index]
            pieces.append((start + len(piece) - len(piece.lstrip()), piece.strip()))
            start = index + 1
            depth -= char != ","
        elif char in "}]":
            depth -= 1
    return [(at, piece) for at, piece in pieces if piece]
