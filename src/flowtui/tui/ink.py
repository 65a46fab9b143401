"""Writes stretches of cells with as few control sequences as will do.

A colour of 24 bits costs twenty bytes, and Textual gives every stretch its own and takes it back behind it. A screen of
figures changes in many places, most of them in one and the same style: these are written one behind the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.color import Color, ColorSystem
from rich.style import Style
from textual.strip import Strip

_RESET = "\x1b[m"
#: So many characters come at once on any line.
_AT_A_GLANCE = 1_000


class Run(NamedTuple):
    """Text that stands side by side, from a place on."""

    y: int
    x: int
    parts: tuple[tuple[str, Style | None], ...]


def written(runs: Iterable[Run], colours: ColorSystem) -> str:
    """Return the text that draws all runs; it leaves the terminal in its plain style."""
    all_runs = [*runs]
    pen = _Pen(colours)
    for run in all_runs if _is_large(all_runs) else _by_style(all_runs, colours):
        pen.draw(run)
    return pen.text()


def _is_large(runs: Sequence[Run]) -> bool:
    """Tell whether one sees the runs come over a slow line: then they had better come from the top to the bottom."""
    return sum(len(text) for run in runs for text, _ in run.parts) > _AT_A_GLANCE


def _by_style(runs: Sequence[Run], colours: ColorSystem) -> Iterator[Run]:
    by_style: dict[_Look, list[Run]] = {}
    for run in runs:
        if len(run.parts) == 1:
            by_style.setdefault(_look(run.parts[0][1], colours), []).append(run)
        else:
            yield run
    for alike in by_style.values():
        yield from alike


class _Look(NamedTuple):
    """A style as codes of the terminal; empty for what is plain."""

    attributes: str
    colour: str
    background: str


_PLAIN = _Look("", "", "")


@lru_cache(4096)
def _look(style: Style | None, colours: ColorSystem) -> _Look:
    if style is None:
        return _PLAIN
    bare = style.without_color
    return _Look(
        Strip.render_ansi(bare, colours), _codes(style.color, colours), _codes(style.bgcolor, colours, ground=True)
    )


def _codes(colour: Color | None, colours: ColorSystem, *, ground: bool = False) -> str:
    if colour is None or colour.is_default:
        return ""
    return ";".join(colour.downgrade(colours).get_ansi_codes(foreground=not ground))


class _Pen:
    """Where the terminal's cursor is, and in which style it writes."""

    def __init__(self, colours: ColorSystem) -> None:
        self._colours = colours
        self._texts: list[str] = []
        self._look = _PLAIN
        self._at = (-1, -1)

    def draw(self, run: Run) -> None:
        """Write a run."""
        y, x = self._at
        if y == run.y and 0 <= x <= run.x:
            step = run.x - x
            self._texts.append(f"\x1b[{step}C" if step > 1 else "\x1b[C" * step)
        else:
            self._texts.append(f"\x1b[{run.y + 1};{run.x + 1}H")
        is_sure, width = True, 0
        for text, style in run.parts:
            self._take(_look(style, self._colours))
            self._texts.append(text)
            is_sure, width = is_sure and text.isascii(), width + len(text)
        # Terminals disagree on the width of some characters: behind those the place is told anew.
        self._at = (run.y, run.x + width) if is_sure else (-1, -1)

    def text(self) -> str:
        """Return what was written, and the way back to the plain style."""
        self._take(_PLAIN)
        return "".join(self._texts)

    def _take(self, look: _Look) -> None:
        if look == self._look:
            return
        before, self._look = self._look, look
        if look == _PLAIN:
            self._texts.append(_RESET)
        elif before.attributes != look.attributes:
            # Attributes cannot be taken back one by one on every terminal.
            codes = ";".join(filter(None, look))
            self._texts.append(f"\x1b[{codes}m" if before == _PLAIN else f"\x1b[0;{codes}m")
        else:
            changes = [
                now or plain for was, now, plain in zip(before, look, ("", "39", "49"), strict=True) if was != now
            ]
            self._texts.append(f"\x1b[{';'.join(changes)}m")
