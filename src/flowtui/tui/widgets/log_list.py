"""`LogList`: the lines of a log that are wanted, followed until a person scrolls up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from textual.timer import Timer

from flowtui.model.log_lines import LogBatch, LogLine
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line
from flowtui.tui.log_drawing import MARK, NEAR, Look, Spans, all_rows, no_spans, one_row
from flowtui.tui.log_filter import NoPattern, Pattern, Wanted
from flowtui.tui.log_rows import LogRows, Progress
from flowtui.tui.log_words import following_words, level_words, nothing_words, wanted_words
from flowtui.tui.pace import Pace
from flowtui.tui.widgets.pane import Pane

#: As many lines as the engine keeps.
_KEPT = 20_000
_BATCH = 2000
#: At most this many batches a pull: a flood must not hold up the keys.
_BATCHES = 5
#: How long lines are looked through at a stretch, and what keys get in between, in seconds.
STRETCH_S = 0.02
PAUSE_S = 0.005
#: From this width of the pane on its title has long words.
_ROOMY = 70


class LogList(Pane):
    """Lines of a log.

    While it follows, the newest line is at the bottom; scrolling up stops that and counts what is new.

    Attributes:
        following: whether it shows what comes.
        paint_every_s: how often it is painted anew while it follows, at most: a screen of lines is many bytes.
        own_loop: the loop whose log this is; it can be narrowed no less. Empty for the log of all.
        look: how lines look.
    """

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.following = True
        self.paint_every_s = 0.2
        self.own_loop = ""
        self.look = Look()
        self.marks: set[int] = set()  # numbers of lines
        self.sought: Pattern | None = None  # what is lit up, and gone to by n
        self._after = 0
        self._rows = LogRows(_KEPT)
        self._unseen = 0
        self._last_seen = 0  # number of the newest line when it stopped following
        self._typed = ""
        self._fault = ""
        self._painted_at = 0.0
        self._pace = Pace()
        self._drawn_for: list[int] = []  # of wrapped lines: which row each line of cells belongs to
        self._later: dict[Callable[[], None], Timer] = {}

    # Content

    def pull(self, logs: Callable[[int, int], LogBatch], now: float) -> None:
        """Take the lines that came since the last time; a hidden log leaves them where they are.

        `now` is in seconds since the epoch.
        """
        if not self.is_shown:
            return
        self.look.now = now
        for _ in range(_BATCHES):
            batch = logs(self._after, _BATCH)
            self._after = batch.next_seq
            self._rows.take(batch.lines, batch.dropped)
            self.look.make_room(batch.lines)
            if len(batch.lines) < _BATCH:
                break
        self._look_through()

    def _look_through(self) -> None:
        """See which lines are to be shown; if there are many, go on when the keys have had their turn."""
        place = self._place()
        progress = self._rows.look_through(STRETCH_S)
        if progress.fault:
            self._fault = progress.fault
            self._filter_is(self._rows.wanted.pattern)
        if not self.following:
            self._unseen += progress.added
        if progress.renewed:
            self._return_to(place)
            self._unseen = 0 if self.following else len(self._rows) - self._rows.index_of(self._last_seen + 1)
        self._settle(progress)
        if not progress.done:
            self.after(PAUSE_S, self._look_through)

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something a little later, once, however often it is asked for."""
        if (timer := self._later.get(what)) is not None:
            timer.stop()
        self._later[what] = self.set_timer(seconds, what)

    def _settle(self, progress: Progress) -> None:
        if self.following:
            self._to_the_end()
        else:
            self.cursor = max(0, self.cursor - progress.gone)
            self.top = max(0, self.top - progress.gone)
        wait = self.paint_every_s - (time.monotonic() - self._painted_at)
        if self.following and progress.added and wait > 0:
            self.after(wait, self.repaint)
        else:
            self.repaint()

    def repaint(self) -> None:
        self._painted_at = time.monotonic()
        self._pace.look(self.told, self.paint_every_s)
        super().repaint()

    def _to_the_end(self) -> None:
        self.cursor = max(0, len(self._rows) - 1)
        self.top = self.first_with(self.cursor)

    def _place(self) -> tuple[int, int]:
        """Return the number of the chosen line, and how far it is from the first one in view."""
        line = self.chosen
        return (line.seq if line is not None else 0), self.cursor - self.top

    def _return_to(self, place: tuple[int, int]) -> None:
        """Choose the same line as before among other rows, or the next one, where it stood."""
        seq, below = place
        self.cursor = max(0, min(self._rows.index_of(seq), len(self._rows) - 1))
        self.top = max(0, self.cursor - below)
        self.keep_in_view()

    # What is wanted

    @property
    def wanted(self) -> Wanted:
        """Which lines are shown."""
        return self._rows.wanted

    def want(self, wanted: Wanted) -> None:
        """Show other lines; the chosen one stays chosen if it is among them."""
        if wanted != self.wanted:
            self._rows.want(wanted)
            if self.is_mounted:
                # A little later: who types fast sees every letter at once, and has the last text looked for.
                self.after(PAUSE_S, self._look_through)

    def belong_to(self, loop: str) -> None:
        """Be the log of this loop, and of no other."""
        self.own_loop = loop
        self.want(replace(self.wanted, loop=loop))

    def show_log_of(self, loop: str, node: str = "") -> None:
        """Show all of a loop or a node that is grave enough, and follow it."""
        self._typed = self._fault = self.filter_text = ""
        self.want(replace(self.wanted, loop=loop, node=node, pattern=None))
        self.follow()

    def set_filter(self, text: str) -> None:
        """Show only lines in which this is found (see `Pattern`); one that is no pattern changes nothing."""
        if text == self._typed:
            return
        self._typed = text
        try:
            pattern = Pattern(text)
        except NoPattern as fault:
            self._fault = str(fault)
            self.repaint()
        else:
            self._fault = ""
            self._filter_is(None if pattern.is_empty else pattern)
            self.want(replace(self.wanted, pattern=None if pattern.is_empty else pattern))

    def _filter_is(self, pattern: Pattern | None) -> None:
        self.filter_text = pattern.text if pattern is not None else ""

    @property
    def filter_typed(self) -> str:
        return self._typed

    @property
    def filter_fault(self) -> str:
        return self._fault

    def take_back(self) -> bool:
        if self._typed or self.filter_text:
            self._typed = self._typed or self.filter_text
            self.set_filter("")
        elif self.sought is not None:
            self.sought = None
            self.repaint()
        else:
            return False
        return True

    # Rows

    @property
    def chosen(self) -> LogLine | None:
        """The line under the cursor, None if there is none."""
        return self._rows[self.cursor] if 0 <= self.cursor < len(self._rows) else None

    @property
    def rows(self) -> tuple[LogLine, ...]:
        """All lines that are not filtered out, the oldest first."""
        return self._rows.rows

    @property
    def told(self) -> int:
        """How many lines this log has heard of: those that it keeps, and those that it counts as not kept."""
        return self._rows.kept + self._rows.not_kept

    def row_count(self) -> int:
        return len(self._rows)

    # Moving

    def follow(self) -> None:
        """Show the newest line and go on doing so."""
        self.following = True
        self._unseen = 0
        self._rows.let_go()
        self._to_the_end()
        self.repaint()

    def stay(self) -> None:
        """Follow no longer; what comes is counted."""
        if self.following and len(self._rows):
            self._last_seen = self._rows[len(self._rows) - 1].seq
        self.following = False
        self._rows.holds = True

    def move_to(self, index: int) -> None:
        last = len(self._rows) - 1
        if index >= last and (self.following or index > self.cursor):
            self.follow()
            return
        self.stay()
        super().move_to(index)

    def choose(self, line: LogLine) -> None:
        """Go to a line, if it is shown; this stops following."""
        index = self._rows.index_of(line.seq)
        if index < len(self._rows) and self._rows[index].seq == line.seq:
            self.stay()
            if not self.top <= index < self.top + self.page:
                self.top = max(0, index - self.page // 2)
            super().move_to(index)

    def scroll_rows(self, rows: int) -> None:
        if rows > 0 and self.top + rows + self.page >= len(self._rows):
            self.follow()
        elif len(self._rows) > self.page:
            super().scroll_rows(rows)

    def action_page_up(self) -> None:
        # From the bottom, the first page up shows the page above, not just the cursor at its top.
        page = self.page
        self.top = self.first_with(self.top - 1) if self.top else 0
        self.move_to(min(self.cursor - page, self.top + self.page - 1))

    def action_last(self) -> None:
        self.follow()

    def on_resize(self) -> None:
        if self.following:
            self._to_the_end()
        else:
            self.keep_in_view()
        self._redraw()

    # Lines that take several rows of cells

    @property
    def _room(self) -> int:
        return super().page

    @property
    def page(self) -> int:
        if not self.look.wraps:
            return self._room
        index = taken = 0
        for index in range(self.top, len(self._rows)):
            taken += self._height(index)
            if taken > self._room:
                return max(1, index - self.top)
        return max(1, index + 1 - self.top)

    def first_with(self, last: int) -> int:
        """Return which row is the first in view if this one is the last."""
        if not self.look.wraps:
            return max(0, last + 1 - self._room)
        first, taken = last, self._height(last)
        while first > 0 and (taken := taken + self._height(first - 1)) <= self._room:
            first -= 1
        return first

    def _height(self, index: int) -> int:
        return len(self._drawn_row(index, max(1, self.size.width - 4))) if 0 <= index < len(self._rows) else 0

    def keep_in_view(self) -> None:
        if self.look.wraps:
            self.top = max(self.first_with(self.cursor), min(self.top, self.cursor))
            self.top = max(0, min(self.top, self.first_with(len(self._rows) - 1)))
        else:
            super().keep_in_view()

    def row_at(self, y: int) -> int | None:
        if not self.look.wraps:
            return super().row_at(y)
        return self._drawn_for[y - 1] if 0 < y <= len(self._drawn_for) else None

    @property
    def cursor_line(self) -> int:
        if self.look.wraps and self.cursor in self._drawn_for:
            return 1 + self._drawn_for.index(self.cursor)
        return super().cursor_line

    # Drawing

    def is_lit(self, index: int) -> bool:
        return not self.following and index == self.cursor

    def row(self, index: int, width: int) -> Line:
        line = self._rows[index]
        return one_row(line, self.look, width, self._sign(line), self._spans)

    def draw_rows(self, width: int, height: int) -> list[Line]:
        if not self.look.wraps:
            return super().draw_rows(width, height)
        # The newest line stands at the bottom, above all of it that there is room for.
        drawn: list[tuple[int, Line]] = []
        for index in range(max(0, self.top - self.following), len(self._rows)):
            drawn += [(index, self.lit_up(index, line, width)) for line in self._drawn_row(index, width)]
            if len(drawn) >= height and not self.following:
                break
        drawn = drawn[-height:] if self.following else drawn[:height]
        self._drawn_for = [index for index, _ in drawn]
        return [line for _, line in drawn]

    def _drawn_row(self, index: int, width: int) -> list[Line]:
        line = self._rows[index]
        return all_rows(line, self.look, width, self._room, self._sign(line), self._spans)

    @property
    def _spans(self) -> Spans:
        pattern = self.sought or self.wanted.pattern
        return pattern.spans if pattern is not None else no_spans

    def _sign(self, line: LogLine) -> str:
        if line.seq in self.marks:
            return MARK
        if not self.wanted.around or self.wanted.pattern is None:
            return " "
        try:
            return " " if self.wanted.is_hit(line) else NEAR
        except NoPattern:
            return " "

    # Words around

    def title_words(self) -> str:
        roomy = self.size.width >= _ROOMY
        said = [wanted_words(self.wanted), level_words(self.wanted.level, roomy=roomy)]
        if self._rows.share_done < 1:
            said.append(f"{self._rows.share_done:.0%} looked through")
        if self.following:
            said.append(following_words(self._pace.rate, self.paint_every_s))
        else:
            said.append(f"{self._unseen:,} new" if self._unseen else "not following")
            said += ["f follows"] if roomy else []
        if self.sought is not None:
            said.append(f"finds “{self.sought.text}”")
        if self._fault:
            said.append(f"✖ {self._fault}")
        return ", ".join(said)

    def corner_words(self) -> str:
        shown, kept = len(self._rows), self._rows.kept
        said = []
        if not self.following and shown:
            said.append(f"{self.top + 1:,}–{min(shown, self.top + self.page):,} of {shown:,}")
        elif shown != kept:
            said.append(f"{shown:,} of {kept:,} lines")
        if self._rows.not_kept:
            said.append(f"{self._rows.not_kept:,} not kept")
        return ", ".join(said)

    def empty_words(self) -> str:
        if self._rows.share_done < 1:
            return f"Looking through {fmt.plural(self._rows.kept, 'line')} …"
        return nothing_words(self.wanted, any_lines=self._rows.kept > 0)
