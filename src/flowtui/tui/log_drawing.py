"""How a line of a log is drawn: in one row of cells, or in as many as it takes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flowtui.model.log_lines import LogLine
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Piece, Tone, fill, fit, fold, piece, safe, width_of_line, words

#: Where in a text the hits are.
Spans = Callable[[str], Sequence[tuple[int, int]]]

#: What stands before the level's sign: one that a person has set, or that of a line which is shown for a hit near it.
MARK, NEAR = "◆", "-"
#: Between two columns, also where a name was cut.
_GAP = Piece(" ", Tone.MUTED, 1)
_LEVELS = (
    (logging.ERROR, "✖", Tone.BAD),
    (logging.WARNING, "!", Tone.WARN),
    (logging.INFO, " ", Tone.TEXT),
    (0, "·", Tone.MUTED),
)
#: Wrapped text begins below the message, unless that is narrower than this.
_LEAST_ROOM = 24
_INDENT = 2
_WIDEST_LOOP, _WIDEST_NODE = 24, 14


class Times(StrEnum):
    """How the time of a line is told."""

    CLOCK = "time of day"
    AGO = "how long ago"
    DATE = "date and time"

    @property
    def width(self) -> int:
        """How many cells it takes."""
        return {Times.CLOCK: 8, Times.AGO: 6, Times.DATE: 19}[self]

    def words(self, moment: float, now: float) -> str:
        """Return the time of a line (both in seconds since the epoch)."""
        match self:
            case Times.AGO:
                return fmt.age(now - moment)
            case Times.DATE:
                return fmt.moment(moment)
        return fmt.clock(moment)


@dataclass(slots=True)
class Look:
    """How lines look.

    Attributes:
        now: seconds since the epoch.
        loop_width, node_width: of the longest names seen.
    """

    times: Times = Times.CLOCK
    wraps: bool = False
    now: float = 0.0
    loop_width: int = 8
    node_width: int = 4

    def make_room(self, lines: Iterable[LogLine]) -> None:
        """See to it that the names of lines fit, within reason."""
        names = {(line.loop, line.node) for line in lines}
        self.loop_width = max(self.loop_width, *(min(_WIDEST_LOOP, len(loop)) for loop, _ in names), 0)
        self.node_width = max(self.node_width, *(min(_WIDEST_NODE, len(node)) for _, node in names), 0)


def no_spans(_: str) -> Sequence[tuple[int, int]]:
    """Return that there is no hit."""
    return ()


def one_row(line: LogLine, look: Look, width: int, sign: str = " ", spans: Spans = no_spans) -> Line:
    """Return a line cut to `width` cells; `sign` stands before that of its level."""
    head, tone = _head(line, look, width, sign, spans)
    room = max(1, width - width_of_line(head))
    return (*head, *_cut(line.message, room, tone, spans))


def all_rows(line: LogLine, look: Look, width: int, most: int, sign: str = " ", spans: Spans = no_spans) -> list[Line]:
    """Return a line broken into parts of `width` cells; behind `most` of them an ellipsis stands for the rest."""
    head, tone = _head(line, look, width, sign, spans)
    indent = width_of_line(head)
    parts = _parts(line.message, max(1, width - indent), most, tone, spans)
    first, *others = parts
    if others and width - indent < _LEAST_ROOM:
        # Below each other there would be but a column of letters.
        others = _parts(line.message, max(1, width - _INDENT), most - 1, tone, spans)
        first, indent = (), _INDENT
    blank = Piece(" " * indent, Tone.MUTED, indent)
    return [(*head, *first), *((blank, *part) for part in others)]


def _head(line: LogLine, look: Look, width: int, sign: str, spans: Spans) -> tuple[Line, Tone]:
    """Return what stands before the message, and the tone of that."""
    level_sign, tone = next((sign, tone) for level, sign, tone in _LEVELS if line.level >= level)
    loop = min(look.loop_width, max(8, width // 5))
    node = min(look.node_width, max(4, width // 8))
    at = look.times.width
    when = piece(look.times.words(line.time, look.now), at, Tone.MUTED, "right")
    names = (
        *_cut(line.loop or "flowtui", loop, Tone.TEXT if line.loop else Tone.MUTED, spans),
        _GAP,
        *_cut(line.node, node, Tone.MUTED, spans),
        _GAP,
    )
    return (when, Piece(sign, Tone.ACCENT, 1), Piece(f"{level_sign} ", tone, 2), *names), tone


def _cut(text: str, room: int, tone: Tone, spans: Spans) -> Line:
    # A line of a log may be a megabyte; of that, no more is looked at than could be seen.
    shown = safe(text[: room * 4 + 4])
    found = spans(shown)
    if not found:
        return (piece(shown, room, tone),)
    line = _lit_up(shown, 0, len(shown), found, tone)
    return fill(line, room) if width_of_line(line) <= room else _shortened(line, room)


def _parts(text: str, room: int, most: int, tone: Tone, spans: Spans) -> list[Line]:
    parts: list[Line] = []
    for shown, first, end, found in _folded(text[: room * most * 4 + 4], room, spans):
        if len(parts) == most:
            parts[-1] = _shortened((*parts[-1], _GAP), max(1, min(room, width_of_line(parts[-1]) + 1)))
            break
        parts.append(_lit_up(shown, first, end, found, tone))
    return parts


def _folded(text: str, room: int, spans: Spans) -> Iterator[tuple[str, int, int, Sequence[tuple[int, int]]]]:
    """Yield the parts of a text that fit, each as a stretch of a line together with the hits in that line."""
    for line in text.replace("\r\n", "\n").expandtabs(4).split("\n"):
        shown = safe(line)
        found = spans(shown)
        yield from ((shown, first, end, found) for first, end in fold(shown, max(2, room)))


def _shortened(line: Line, room: int) -> Line:
    """Return a line that is wider than this with an ellipsis at its end."""
    parts: list[Piece] = []
    for part in line:
        if part.width >= room:
            return (*parts, Piece(fit(part.text + " ", room), part.tone, room))
        parts.append(part)
        room -= part.width
    return tuple(parts)


def _lit_up(text: str, first: int, end: int, spans: Sequence[tuple[int, int]], tone: Tone) -> Line:
    """Return a stretch of a safe text, the hits in it lit up."""
    pieces: list[Piece] = []
    place = first
    for start, stop in spans:
        start, stop = max(start, first), min(stop, end)
        if start >= stop:
            continue
        pieces += [words(text[place:start], tone), words(text[start:stop], Tone.HIT)]
        place = stop
    return tuple(part for part in (*pieces, words(text[place:end], tone)) if part.width)
