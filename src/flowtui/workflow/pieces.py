"""One value as a workflow file gets it, in the style of what stood there before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

from flowtui.workflow.writer import block_text, flow_text, is_shown, style_of

#: How wide folded text is at least; one that was wider stays so.
_NARROWEST = 40
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_WORDS_APART = re.compile(r"(?<=\S) (?=\S)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A value as text.

    Attributes:
        head: what stands behind its key or its dash; empty if all of it stands below.
        body: the lines below, without what the key or the dash itself is indented by.
    """

    head: str
    body: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a scalar was written.

    Attributes:
        style: `'`, `"`, `|`, `>`, or empty for one without quotes.
        indent: of the lines of a block, counted from its key or its dash.
        width: of the widest of these lines.
    """

    style: str
    indent: int = 2
    width: int = 0


class Hand(Protocol):
    """Writes values for one file. The first of several ways that reads back as the value is the best one.

    Attributes:
        comma: what separates two values in brackets.
    """

    comma: str

    def key(self, key: str) -> str:
        """Return a key with its colon and what stands between that and the value."""

    def inline(self, value: Any, manner: Manner | None, *, spread: bool) -> Iterator[str]:
        """Yield ways to write a value as it may stand in brackets; in JSON over several lines if `spread`."""

    def block(self, value: Any, manner: Manner | None, *, is_item: bool) -> Iterator[Piece]:
        """Yield ways to write a value behind a key, or behind the dash of a list."""


class YamlHand:
    """Writes YAML; the arguments as for `block_text`."""

    comma = ", "

    def __init__(self, indent: int, offset: int) -> None:
        self._indent = indent
        self._offset = offset

    def key(self, key: str) -> str:
        return f"{flow_text(key)}: "

    def inline(self, value: Any, manner: Manner | None, *, spread: bool) -> Iterator[str]:
        yield from self._as_before(value, manner)
        yield flow_text(value)

    def block(self, value: Any, manner: Manner | None, *, is_item: bool) -> Iterator[Piece]:
        if isinstance(value, str) and manner is not None and manner.style in ("|", ">"):
            if manner.style == ">":
                yield from _folded(value, manner)
            yield from _literal(value, manner)
        for text in self._as_before(value, manner):
            yield Piece(text)
        yield self._as_writer_does(value, is_item=is_item)
        if isinstance(value, str):
            yield Piece(flow_text(DoubleQuotedScalarString(value)))

    def _as_before(self, value: Any, manner: Manner | None) -> Iterator[str]:
        if not isinstance(value, str) or manner is None:
            return
        if manner.style == "'" and is_shown(value) and "\n" not in value:
            yield flow_text(SingleQuotedScalarString(value))
        elif manner.style == '"':
            yield flow_text(DoubleQuotedScalarString(value))
        elif manner.style == "" and "\n" not in value and (style_of(value) is None or _REFERENCE.fullmatch(value)):
            # Without quotes `${NAME}` may be a number, and dates are what people write without.
            yield value

    def _as_writer_does(self, value: Any, *, is_item: bool) -> Piece:
        piece = self._cut({"k": value}, 0)
        # Behind a dash the first entry of a mapping stands in the same line.
        return self._cut([value], self._offset) if is_item and not piece.head else piece

    def _cut(self, value: Any, indent: int) -> Piece:
        text = block_text(value, self._indent, self._offset)
        first, *body = (line[indent:] for line in text.rstrip("\n").split("\n"))
        return Piece(first[2:].strip(), tuple(body))


class JsonHand:
    """Writes JSON."""

    def __init__(self, indent: str | None, *, is_ascii: bool, is_tight: bool) -> None:
        """Make one.

        Args:
            indent: of one level, None for a file of one line.
            is_ascii: whether other characters are written as `\\u…`.
            is_tight: whether no blanks stand behind commas and colons.
        """
        self.comma = "," if is_tight else ", "
        self._indent = indent
        self._is_ascii = is_ascii
        self._colon = ":" if is_tight else ": "

    def key(self, key: str) -> str:
        return json.dumps(key, ensure_ascii=self._is_ascii) + self._colon

    def inline(self, value: Any, manner: Manner | None, *, spread: bool) -> Iterator[str]:
        indent = self._indent if spread else None
        between = (self.comma if indent is None else ",", self._colon)
        yield json.dumps(value, ensure_ascii=self._is_ascii, indent=indent, separators=between)

    def block(self, value: Any, manner: Manner | None, *, is_item: bool) -> Iterator[Piece]:
        raise AssertionError("everything in JSON stands in brackets")


def manner_of(style: str | None, lines: tuple[str, ...], column: int) -> Manner:
    """Return how a scalar was written.

    Args:
        style: as the parser says.
        lines: of its block, if it has one.
        column: of its key or its dash.
    """
    filled = [line for line in lines if line.strip()]
    indent = min((len(line) - len(line.lstrip(" ")) for line in filled), default=column + 2) - column
    width = max((len(line) - column - indent for line in filled), default=0)
    return Manner(style or "", max(indent, 1), width)


def merged_inline(alias: str, changes: Mapping[str, Any], hand: Hand) -> str:
    """Return a mapping in braces that is what an alias stands for, but for these keys."""
    entries = [hand.key(key) + next(hand.inline(value, None, spread=False)) for key, value in changes.items()]
    return "{" + ", ".join([f"<<: {alias}", *entries]) + "}"


def merged_block(alias: str, changes: Mapping[str, Any], hand: Hand, indent: int) -> Piece:
    """Return the same in lines of their own below a key."""
    lines = [f"<<: {alias}"]
    for key, value in changes.items():
        piece = next(hand.block(value, None, is_item=False))
        lines += [(hand.key(key) + piece.head).rstrip(), *piece.body]
    return Piece("", tuple(" " * indent + line for line in lines))


def _literal(value: str, manner: Manner) -> Iterator[Piece]:
    """Yield the text as `|` with its lines as they are, if they can be seen and do not begin with a blank."""
    if not value.strip() or value[0] in " \n\t" or not is_shown(value.replace("\t", "")):
        return
    lines = value.split("\n")
    chomping = {0: "-", 1: ""}.get(len(value) - len(value.rstrip("\n")), "+")
    if not lines[-1]:
        lines.pop()
    yield Piece(f"|{chomping}", tuple(" " * manner.indent + line if line else "" for line in lines))


def _folded(value: str, manner: Manner) -> Iterator[Piece]:
    """Yield the text as `>`, if none of its lines begins with a blank: those are not folded."""
    text = value.rstrip("\n")
    ends = len(value) - len(text)
    paragraphs = text.split("\n")
    if ends > 1 or not text or not is_shown(value) or any(part[:1] in (" ", "\t") for part in paragraphs):
        return
    lines: list[str] = []
    for number, paragraph in enumerate(paragraphs):
        lines += [""] * bool(number)
        lines += _wrapped(paragraph, max(manner.width, _NARROWEST)) if paragraph else []
    yield Piece(">" if ends else ">-", tuple(" " * manner.indent + line if line else "" for line in lines))


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in _WORDS_APART.split(text):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines
