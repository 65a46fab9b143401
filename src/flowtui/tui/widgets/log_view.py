"""`LogView`: a log, and what a person can do with it wherever it stands."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import ClassVar, TypeVar

from textual.binding import BindingType
from textual.message import Message

from flowtui.model.errors import FlowtuiError
from flowtui.model.log_lines import LEVELS, LogLine, line_as_dict, line_text
from flowtui.tui import format as fmt
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.files import file_refusal, write_new
from flowtui.tui.log_drawing import Times
from flowtui.tui.log_filter import NoPattern, Pattern
from flowtui.tui.replay_watch import Say
from flowtui.tui.screens.ask import AskScreen
from flowtui.tui.widgets.filter_line import Typing
from flowtui.tui.widgets.log_list import PAUSE_S, STRETCH_S, LogList

#: How many lines may be shown around a hit of the filter.
_AROUND = (0, 2, 5)
_SHORT_S = 2.0
T = TypeVar("T")


class LogView(LogList):
    """A log with its keys."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LOG)

    class SearchAsked(Message):
        """A person wants to type what to look for."""

        def __init__(self, typing: Typing) -> None:
            super().__init__()
            self.typing = typing

    def __init__(self, name: str, say: Say, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._say = say
        self._sought_fault = ""
        self._sought_text = ""
        self._seeking: Iterator[LogLine] | None = None

    # Which lines

    def action_level(self) -> None:
        self.want(replace(self.wanted, level=_next(self.wanted.level, tuple(LEVELS.values()))))

    def action_narrow(self) -> None:
        wanted, line = self.wanted, self.chosen
        if wanted.node or (wanted.loop and (line is None or not line.node)):
            self.want(replace(wanted, loop=self.own_loop, node=""))
        elif wanted.loop and line is not None:
            self.want(replace(wanted, node=line.node))
        elif line is not None and line.loop:
            self.want(replace(wanted, loop=line.loop))
        else:
            self._say("This line is flowtui's own: choose one of a loop first.", severity="warning")

    def action_around(self) -> None:
        self.want(replace(self.wanted, around=_next(self.wanted.around, _AROUND)))
        if self.wanted.pattern is None:
            around = fmt.plural(self.wanted.around, "line") if self.wanted.around else "no lines"
            self._say(f"A filter, once / sets one, will show {around} around its hits.", timeout=_SHORT_S)

    # How they look

    def action_wrap(self) -> None:
        self.look.wraps = not self.look.wraps
        self._laid_out_anew()

    def action_times(self) -> None:
        self.look.times = _next(self.look.times, tuple(Times))
        self._laid_out_anew()

    def _laid_out_anew(self) -> None:
        if self.following:
            self.follow()
        else:
            self.keep_in_view()
            self.repaint()

    # Hits

    def action_search(self) -> None:
        self.post_message(
            self.SearchAsked(
                Typing(
                    f"{self.heading}: find ",
                    self._sought_text,
                    self.seek,
                    lambda: self._sought_fault,
                    self._to_nearest,
                )
            )
        )

    def seek(self, text: str) -> None:
        """Light up this text (see `Pattern`) wherever it is; one that is no pattern changes nothing."""
        self._sought_text, self._sought_fault = text, ""
        try:
            pattern = Pattern(text)
        except NoPattern as fault:
            self._sought_fault = str(fault)
        else:
            self.sought = None if pattern.is_empty else pattern
            self.repaint()

    def take_back(self) -> bool:
        had_one = super().take_back()
        if self.sought is None:
            self._sought_text = self._sought_fault = ""
        return had_one

    def _to_nearest(self) -> None:
        """Go to the chosen line if it is a hit, else to the one above, as what is looked for has happened before."""
        if self.sought is not None:
            lines = self.rows
            self._go_through(chain(lines[self.cursor :: -1], lines[: self.cursor : -1]))

    def action_next_hit(self) -> None:
        lines = self.rows
        self._go_through(chain(lines[self.cursor + 1 :], lines[: self.cursor + 1]))

    def action_previous_hit(self) -> None:
        lines, end = self.rows, self.cursor
        self._go_through(chain(reversed(lines[:end]), reversed(lines[end:])))

    def _go_through(self, lines: Iterable[LogLine]) -> None:
        """Go to the first of these lines that is a hit."""
        if (pattern := self.sought or self.wanted.pattern) is None:
            self._say("h sets what to look for, / what to show.", severity="warning")
            return
        self._seeking = iter(lines)
        self._go_on(self._seeking, pattern)

    def _go_on(self, lines: Iterator[LogLine], pattern: Pattern) -> None:
        if lines is not self._seeking:  # meanwhile something else is looked for
            return
        deadline = time.perf_counter() + STRETCH_S
        try:
            for line in lines:
                if pattern.passes(line):
                    self.choose(line)
                    return
                if time.perf_counter() > deadline:
                    self.set_timer(PAUSE_S, partial(self._go_on, lines, pattern))
                    return
        except NoPattern as fault:
            self._say(f"{fault}.", severity="warning")
        else:
            self._say(f"No line that is shown has “{pattern.text}”.", severity="warning")

    # Marks

    def action_mark_line(self) -> None:
        if (line := self.chosen) is not None:
            self.marks ^= {line.seq}
            self.repaint()

    def action_next_mark(self) -> None:
        lines = self.rows
        self._to_mark(chain(lines[self.cursor + 1 :], lines[: self.cursor + 1]))

    def action_previous_mark(self) -> None:
        lines, end = self.rows, self.cursor
        self._to_mark(chain(reversed(lines[:end]), reversed(lines[end:])))

    def _to_mark(self, lines: Iterable[LogLine]) -> None:
        marked = next((line for line in lines if line.seq in self.marks), None)
        if marked is not None:
            self.choose(marked)
        elif self.marks:
            self._say("No line that is shown is marked.", severity="warning")
        else:
            self._say("No line is marked: space marks one.", severity="warning")

    # Out of here

    def action_copy_line(self) -> None:
        if (line := self.chosen) is not None:
            self.app.copy_to_clipboard(line_text(line, with_date=True))
            self._say("The line is copied.", timeout=_SHORT_S)

    def action_save_log(self) -> None:
        lines = self.rows
        if not lines:
            self._say("There is no line to save.", severity="warning")
            return

        def save(name: str | None) -> None:
            if name:
                self.run_worker(self._save(name, lines))

        about = (
            f"{fmt.plural(len(lines), 'line')}, as they are filtered here, are written to this file: as text, "
            "or as JSON lines if its name ends in .jsonl."
        )
        name = time.strftime("flowtui-%Y%m%d-%H%M%S.log", time.localtime(lines[-1].time))
        self.app.push_screen(AskScreen("Save the log", about, name, file_refusal), save)

    async def _save(self, name: str, lines: tuple[LogLine, ...]) -> None:
        def text(line: LogLine) -> str:
            as_json = name.endswith(".jsonl")
            return f"{json.dumps(line_as_dict(line)) if as_json else line_text(line, with_date=True)}\n"

        try:
            path = await asyncio.to_thread(write_new, name, map(text, lines))
        except FlowtuiError as error:
            self._say(str(error), severity="error")
        else:
            self._say(f"{fmt.plural(len(lines), 'line')} written to {path}")


def _next(value: T, values: tuple[T, ...]) -> T:
    """Return the value behind this one, the first behind the last."""
    return values[(values.index(value) + 1) % len(values)]
