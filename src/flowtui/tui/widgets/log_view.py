"""`LogView`: the merged log, followed until a person scrolls up."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from flowtui.model.log_lines import LogBatch, LogLine
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Piece, Tone, piece
from flowtui.tui.widgets.pane import Pane

_KEPT = 10_000
_BATCH = 2000
#: At most this many batches a pull: a flood must not hold up the keys.
_BATCHES = 5

#: Between two columns, also where a name was cut.
_GAP = Piece(" ", Tone.MUTED, 1)
_LEVELS = (
    (logging.ERROR, "✖", Tone.BAD),
    (logging.WARNING, "!", Tone.WARN),
    (logging.INFO, " ", Tone.TEXT),
    (0, "·", Tone.MUTED),
)


class LogView(Pane):
    """A log. While it follows, the newest line is at the bottom; scrolling up stops that and counts what is new."""

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.following = True
        self.level = logging.INFO
        self.only_loop = ""  # the loop whose lines alone are shown; empty for all
        self._after = 0
        self._kept: deque[LogLine] = deque(maxlen=_KEPT)
        self._rows: deque[LogLine] = deque(maxlen=_KEPT)
        self._unseen = 0
        self._dropped = 0
        self._loop_width = 8
        self._node_width = 4

    # Content

    def pull(self, logs: Callable[[int, int], LogBatch]) -> None:
        """Take the lines that came since the last time; a hidden log leaves them where they are."""
        if not self.is_shown:
            return
        gone = 0
        for _ in range(_BATCHES):
            batch = logs(self._after, _BATCH)
            self._dropped += batch.dropped
            gone += self._take(batch.lines)
            if len(batch.lines) < _BATCH:
                break
        self._settle(gone)

    def _take(self, lines: tuple[LogLine, ...]) -> int:
        """Return how many of the rows shown had to go for the new ones."""
        if not lines:
            return 0
        self._after = lines[-1].seq
        self._kept.extend(lines)
        fresh = [line for line in lines if self._passes(line)]
        for line in fresh:
            self._loop_width = max(self._loop_width, min(24, len(line.loop)))
            self._node_width = max(self._node_width, min(14, len(line.node)))
        before = len(self._rows)
        self._rows.extend(fresh)
        if not self.following:
            self._unseen += len(fresh)
        return before + len(fresh) - len(self._rows)

    def _settle(self, gone: int) -> None:
        last = len(self._rows) - 1
        if self.following:
            self.cursor = max(0, last)
            self.top = max(0, last + 1 - self.page)
        else:
            self.cursor = max(0, self.cursor - gone)
            self.top = max(0, self.top - gone)
        self.repaint()

    def _passes(self, line: LogLine) -> bool:
        if line.level < self.level or self.only_loop not in ("", line.loop):
            return False
        if not self.filter_text:
            return True
        text = f"{line.loop} {line.node} {line.item} {line.message}".casefold()
        return all(word in text for word in self.filter_text.casefold().split())

    def apply_filter(self) -> None:
        self._rows = deque((line for line in self._kept if self._passes(line)), maxlen=_KEPT)
        self.follow()

    @property
    def chosen(self) -> LogLine | None:
        """The line under the cursor, None if there is none."""
        return self._rows[self.cursor] if 0 <= self.cursor < len(self._rows) else None

    # Moving

    def follow(self) -> None:
        """Show the newest line and go on doing so."""
        self.following = True
        self._unseen = 0
        self._settle(0)

    def move_to(self, index: int) -> None:
        last = len(self._rows) - 1
        if index >= last and (self.following or index > self.cursor):
            self.follow()
            return
        self.following = False
        super().move_to(index)

    def scroll_rows(self, rows: int) -> None:
        if rows > 0 and self.top + rows + self.page >= len(self._rows):
            self.follow()
        elif len(self._rows) > self.page:
            super().scroll_rows(rows)

    def action_page_up(self) -> None:
        # From the bottom, the first page up shows the page above, not just the cursor at its top.
        self.top = max(0, self.top - self.page)
        self.move_to(min(self.cursor - self.page, self.top + self.page - 1))

    def action_last(self) -> None:
        self.follow()

    # Drawing

    def on_resize(self) -> None:
        if self.following:
            self._settle(0)

    def row_count(self) -> int:
        return len(self._rows)

    def is_lit(self, index: int) -> bool:
        return not self.following and index == self.cursor

    def row(self, index: int, width: int) -> Line:
        return self._line(self._rows[index], width)

    def _line(self, line: LogLine, width: int) -> Line:
        sign, tone = next((sign, tone) for level, sign, tone in _LEVELS if line.level >= level)
        loop = min(self._loop_width, max(8, width // 5))
        node = min(self._node_width, max(4, width // 8))
        head = (
            Piece(fmt.clock(line.time), Tone.MUTED, 8),
            Piece(f" {sign} ", tone, 3),
            piece(line.loop or "flowtui", loop, Tone.MUTED if not line.loop else Tone.TEXT),
            _GAP,
            piece(line.node, node, Tone.MUTED),
            _GAP,
        )
        room = max(1, width - 8 - 3 - loop - node - 2)
        return (*head, piece(line.message, room, tone))

    def title_words(self) -> str:
        what = f"/{self.filter_text}" if self.filter_text else self.only_loop or "all loops"
        said = [what, "info and up" if self.level == logging.INFO else "everything"]
        if self.following:
            said.append("following")
        elif self._unseen:
            said.append(f"{self._unseen:,} new, f follows")
        else:
            said.append("not following, f follows")
        return ", ".join(said)

    def corner_words(self) -> str:
        dropped = f"{fmt.plural(self._dropped, 'line')} dropped" if self._dropped else ""
        if self.following:
            return dropped
        place = f"{self.top + 1:,}–{min(len(self._rows), self.top + self.page):,} of {len(self._rows):,}"
        return f"{place}, {dropped}" if dropped else place

    def empty_words(self) -> str:
        if self.filter_text:
            return f"No line matches “{self.filter_text}”. esc clears the filter."
        return "Nothing logged yet. What nodes log or print shows here."
