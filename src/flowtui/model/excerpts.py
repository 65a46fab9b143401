"""The lines of a file around a place in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_AROUND = 2
#: Of a longer line only the stretch around the place is kept, in characters.
_LONGEST = 400
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines of a file, in order.

    Attributes:
        lines: their numbers, from 1, and their text without line end; tabs are spaces.
        line: the number of the one that is meant.
        column: where in the text of that line, from 1; 0 if no place of it is meant.
    """

    lines: tuple[tuple[int, str], ...]
    line: int
    column: int


def excerpt(lines: Sequence[str], line: int, column: int, around: int = _AROUND) -> Excerpt | None:
    """Return up to `around` lines before and behind a place; None if there is no such line.

    Args:
        lines: of the whole file.
        line, column: the place, from 1; a column of 0 means all of the line.
    """
    if not 1 <= line <= len(lines):
        return None
    start = max(0, column - 1 - _LONGEST // 2) if len(lines[line - 1]) > _LONGEST else 0
    begins = len(_CUT) if start else 0
    shown = [
        (number, _cut(lines[number - 1], start if number == line else 0))
        for number in range(max(1, line - around), min(len(lines), line + around) + 1)
    ]
    return Excerpt(tuple(shown), line, column - start + begins if column else 0)


def lines_of(text: bytes) -> list[str]:
    """Return the lines of a file, numbered as editors do; what is no UTF-8 is replaced."""
    return text.decode("utf-8-sig", "replace").replace("\r\n", "\n").split("\n")


def _cut(text: str, start: int) -> str:
    text = text.replace("\t", " ")
    rest = text[start : start + _LONGEST]
    return (_CUT if start else "") + rest + (_CUT if start + _LONGEST < len(text) else "")
