"""Sends to the terminal only the cells that differ from what it shows already.

Textual sends whole widgets, and whole screens whenever the focus or the layout changes. Over a slow line that is felt;
so this remembers what was sent, and a frame becomes the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, repeat
from typing import Any

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from flowtui.tui.ink import Run, written

#: One cell: its text and style. The right half of a wide character has no text.
_Cell = tuple[str, Style | None]
_UNKNOWN: _Cell = ("?", Style(conceal=True, blink2=True))

#: Equal cells between two changes that are cheaper to send again than to jump over.
_CHEAP_GAP = 4


class Sent:
    """What the terminal shows, as far as it is known."""

    def __init__(self) -> None:
        self._rows: dict[int, list[_Cell]] = {}

    def forget(self) -> None:
        """Take nothing for granted any more: the terminal was resized, or others have drawn on it."""
        self._rows.clear()

    def only_changes(self, frame: Any) -> Any:
        """Return a frame for Textual to display that sends what changed; what is no frame is returned as it is."""
        if isinstance(frame, LayoutUpdate | ChopsUpdate):
            return _Changes(self, frame)
        return frame

    def difference(self, frame: LayoutUpdate | ChopsUpdate, console: Console) -> str:
        """Return the text that turns what the terminal shows into this frame, and remember that it was sent."""
        stretches = _whole(frame) if isinstance(frame, LayoutUpdate) else _spans(frame)
        runs = (run for y, x, cells in stretches for run in self._changes(y, x, cells))
        return written(runs, console._color_system or ColorSystem.TRUECOLOR)

    def _changes(self, y: int, x: int, cells: list[_Cell]) -> Iterator[Run]:
        row = self._rows.setdefault(y, [])
        row += [_UNKNOWN] * (x + len(cells) - len(row))
        before = row[x : x + len(cells)]
        if before == cells:
            return
        row[x : x + len(cells)] = cells
        for first, end in _runs(before, cells):
            parts = ((style, group) for style, group in groupby(cells[first:end], key=_style_of))
            yield Run(y, x + first, tuple(("".join(text for text, _ in group), style) for style, group in parts))


class _Changes(CompositorUpdate):
    """A frame that is compared when it is written: one that Textual decides not to write was not sent."""

    def __init__(self, sent: Sent, frame: LayoutUpdate | ChopsUpdate) -> None:
        self._sent = sent
        self._frame = frame

    def render_segments(self, console: Console) -> str:
        """Return what to write (called by Textual)."""
        return self._sent.difference(self._frame, console)


def _whole(frame: LayoutUpdate) -> Iterator[tuple[int, int, list[_Cell]]]:
    for y, strips in enumerate(frame.strips, frame.region.y):
        yield y, frame.region.x, _cells(strips)


def _spans(frame: ChopsUpdate) -> Iterator[tuple[int, int, list[_Cell]]]:
    known: dict[tuple[int, int], list[_Cell]] = {}
    for y, first, end in frame.spans:
        for chop_end, (x, strip) in zip(frame.chop_ends[y], frame.chops[y].items(), strict=False):
            if strip is not None and x < end and chop_end > first:
                if (cells := known.get((y, x))) is None:
                    known[y, x] = cells = _cells((strip,))
                start, stop = _whole_cells(cells, max(x, first) - x, min(chop_end, end) - x)
                yield y, x + start, cells[start:stop]


def _whole_cells(cells: list[_Cell], start: int, stop: int) -> tuple[int, int]:
    """Return the span, wider where it would cut a wide character in two."""
    while start and not cells[start][0]:
        start -= 1
    while stop < len(cells) and not cells[stop][0]:
        stop += 1
    return start, stop


def _cells(strips: Iterable[Strip]) -> list[_Cell]:
    cells: list[_Cell] = []
    for strip in strips:
        for text, style, control in strip:
            if control:
                continue
            if text.isascii():
                cells += zip(text, repeat(style))
                continue
            for char in text:
                _add(cells, char, style)
    return cells


def _add(cells: list[_Cell], char: str, style: Style | None) -> None:
    width = cell_len(char)
    if width:
        cells.append((char, style))
        cells += [("", style)] * (width - 1)
    elif cells:  # a combining character belongs to the one before, whose right half may stand between
        index = -1 if cells[-1][0] or len(cells) < 2 else -2
        text, its_style = cells[index]
        cells[index] = (text + char, its_style)


def _runs(before: list[_Cell], after: list[_Cell]) -> Iterator[tuple[int, int]]:
    """Yield stretches that differ; none begins with the right half of a wide character."""
    first = end = -1
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if first >= 0 and index - end > _CHEAP_GAP:
            yield first, end
            first = -1
        if first < 0:
            first = index - 1 if index and not new[0] else index
        end = index + 1
    if first >= 0:
        yield first, end


def _style_of(cell: _Cell) -> Style | None:
    return cell[1]
