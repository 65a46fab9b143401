"""Text on a grid of terminal cells: made harmless, cut to measure, compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

Align = Literal["left", "right"]

#: Cells between two changed stretches that are cheaper to send again than to jump over.
_CHEAP_GAP = 4


class Tone(StrEnum):
    """What a piece of text means; the style sheet says how that looks."""

    TEXT = "text"
    STRONG = "strong"
    MUTED = "muted"
    FRAME = "frame"
    FRAME_FOCUS = "frame-focus"
    ACCENT = "accent"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    LOUD = "loud"
    HIT = "hit"


class Lit(IntEnum):
    """Whether a line is the cursor's, and whether its pane has the keys; or whether a cell has just changed."""

    NO = 0
    YES = 1
    BLURRED = 2
    FRESH = 3


class Piece(NamedTuple):
    """A stretch of one line in one tone; `width` is its exact width in cells."""

    text: str
    tone: Tone
    width: int
    lit: Lit = Lit.NO


Line = tuple[Piece, ...]


class _Shown(dict[int, str]):
    """How each character is shown; filled as characters turn up."""

    def __missing__(self, code: int) -> str:
        self[code] = shown = _show(code)
        return shown


def _show(code: int) -> str:
    char = chr(code)
    if code < 0x20:
        return {0x09: "⇥", 0x0A: "↵"}.get(code, chr(0x2400 + code))
    if code == 0x7F:
        return "␡"
    # Joiners, variation selectors and skin tones: terminals disagree on the width of what they make.
    if code in (0x200C, 0x200D) or 0xFE00 <= code <= 0xFE0F or 0x1F3FB <= code <= 0x1F3FF:
        return ""
    if 0x1F1E6 <= code <= 0x1F1FF:  # a pair of these would be a flag, of one, two or four cells
        return chr(code - 0x1F1E6 + ord("A"))
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    if category in ("Zl", "Zp"):
        return "↵"
    return "\N{REPLACEMENT CHARACTER}" if category in ("Cc", "Cf", "Cs", "Co", "Cn") else char


_SHOWN = _Shown()


def safe(text: str) -> str:
    """Return text that is printed as it stands: control characters become symbols, what has no sure width goes."""
    return text if text.isascii() and text.isprintable() else text.translate(_SHOWN)


def width_of(text: str) -> int:
    """Return how many cells a text takes that `safe` has returned."""
    return len(text) if text.isascii() else cell_len(text)


@lru_cache(8192)
def shown_width(text: str) -> int:
    """Return how many cells any text takes; quick for those that come again and again, as names do."""
    return width_of(safe(text))


def fit(text: str, width: int, align: Align = "left") -> str:
    """Return safe text in exactly `width` cells; what does not fit ends in an ellipsis."""
    if width <= 0:
        return ""
    taken = width_of(text)
    if taken > width:
        return set_cell_size(text, width - 1) + "…"
    padding = " " * (width - taken)
    return text + padding if align == "left" else padding + text


def piece(text: str, width: int, tone: Tone = Tone.TEXT, align: Align = "left") -> Piece:
    """Return any text as a piece of exactly `width` cells."""
    # A line of a log may be a megabyte; of that, no more is looked at than could be seen.
    return Piece(fit(safe(text[: width * 4 + 4]), width, align), tone, max(0, width))


def words(text: str, tone: Tone = Tone.TEXT) -> Piece:
    """Return any short text as a piece that is as wide as the text."""
    shown = safe(text)
    return Piece(shown, tone, width_of(shown))


def width_of_line(line: Sequence[Piece]) -> int:
    """Return the width of a whole line in cells."""
    return sum(part.width for part in line)


def fill(line: Sequence[Piece], width: int) -> Line:
    """Return the line cut or filled to exactly `width` cells."""
    parts: list[Piece] = []
    room = width
    for part in line:
        if part.width > room:
            parts.append(Piece(fit(part.text, room), part.tone, room, part.lit))
            return tuple(parts)
        parts.append(part)
        room -= part.width
    if room:
        parts.append(Piece(" " * room, Tone.TEXT, room))
    return tuple(parts)


def lit(line: Sequence[Piece], how: Lit) -> Line:
    """Return the line as the cursor's line; what has just changed still stands out."""
    return tuple(part if part.lit else part._replace(lit=how) for part in line)


def changed_spans(old: Line, new: Line) -> list[tuple[int, int]]:
    """Return which cells differ, as (first, one behind the last) from left to right."""
    if old == new:
        return []
    if [part.width for part in old] != [part.width for part in new]:
        return [(0, max(width_of_line(old), width_of_line(new)))]
    spans: list[tuple[int, int]] = []
    x = 0
    for before, after in zip(old, new, strict=True):
        if before != after:
            start, end = _narrowed(before, after, x)
            if spans and start - spans[-1][1] <= _CHEAP_GAP:
                start = spans.pop()[0]
            spans.append((start, end))
        x += after.width
    return spans


def _narrowed(before: Piece, after: Piece, x: int) -> tuple[int, int]:
    old, new = before.text, after.text
    one_to_one = len(old) == len(new) == after.width and old.isascii() and new.isascii()
    if not one_to_one or (before.tone, before.lit) != (after.tone, after.lit):
        return x, x + after.width
    differing = [index for index, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    return x + differing[0], x + differing[-1] + 1


def wrap(text: str, width: int) -> list[str]:
    """Return safe lines of at most `width` cells; breaks at spaces where it can, keeps indentation and line ends."""
    wrapped: list[str] = []
    for line in text.replace("\r\n", "\n").expandtabs(4).split("\n"):
        wrapped += _wrap_one(safe(line), max(2, width))
    return wrapped


def _wrap_one(line: str, width: int) -> list[str]:
    return [line[first:end] for first, end in fold(line, width)]


def fold(line: str, width: int) -> list[tuple[int, int]]:
    """Return where to break one safe line so that each part fits, as (first, one behind the last) of each part.

    It breaks at spaces where it can, which belong to no part then.
    """
    parts: list[tuple[int, int]] = []
    start = 0
    while (end := start + chars_in(line, width, start)) < len(line):
        space = line.rfind(" ", start, end)
        cut = space if space > start and not line[start:space].isspace() else end
        parts.append((start, start + len(line[start:cut].rstrip())))
        start = cut
        while line[start : start + 1] == " ":
            start += 1
    return [*parts, (start, len(line))]


def chars_in(line: str, width: int, start: int = 0) -> int:
    """Return how many characters of safe text fit from `start` on, never less than one."""
    stretch = line[start : start + width + 1]
    if stretch.isascii():
        return width
    taken = 0
    for index in range(start, len(line)):
        taken += cell_len(line[index])
        if taken > width:
            return max(1, index - start)
    return len(line) - start
