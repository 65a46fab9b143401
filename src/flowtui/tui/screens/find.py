"""Where is it? Asks for an id or a piece of a payload, and shows the places as they are found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from flowtui.model.finding import Hit, Where
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Tone, piece, safe, words
from flowtui.tui.commands import Commands
from flowtui.tui.details import Detail, Entry
from flowtui.tui.finding import Search
from flowtui.tui.screens.reader import ReaderScreen
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable
from flowtui.tui.widgets.painted import Painted
from flowtui.tui.widgets.pane import Pane

#: How often to show what was found, in seconds.
_POLL_S = 0.15
_INDENT = "   "

_SIGNS: dict[Where, Cell] = {
    Where.IN_FLIGHT: ("▶", Tone.GOOD),
    Where.WAITING: ("⇒", Tone.ACCENT),
    Where.DEAD: ("†", Tone.WARN),
    Where.RUN: ("▷", Tone.TEXT),
    Where.PASSED: ("●", Tone.MUTED),
    Where.KEPT: ("○", Tone.MUTED),
    Where.LOGGED: ("·", Tone.MUTED),
}
_GOES_TO = {
    Where.IN_FLIGHT: "its queue",
    Where.WAITING: "its queue",
    Where.DEAD: "the letter",
    Where.RUN: "its loop",
    Where.PASSED: "the inspector",
    Where.KEPT: "the inspector",
    Where.LOGGED: "the log",
}


class FoundPane(LiveTable[Hit]):
    """The places, the one where an item is now first; below each what was found there."""

    columns = (
        Column("", 1),
        Column("WHERE", 9),
        Column("AGE", 6, "right"),
        Column("ITEM", 24, measured=True, wanted=8, least=8, drop=1),
        Column("PLACE", 40, grows=True),
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Found", id=id)
        self._now = 0.0
        self._search: Search | None = None

    def show_search(self, search: Search, now: float) -> None:
        """Show what a search has found so far, with ages at a time in seconds since the epoch."""
        self._search, self._now = search, now
        self.show(search.findings.hits)

    def key(self, item: Hit) -> object:
        return item.key

    def measure(self, item: Hit) -> str:
        return item.id

    def cells(self, item: Hit) -> Sequence[Cell]:
        tone = Tone.TEXT if item.is_whole else Tone.MUTED
        return (
            _SIGNS[item.where],
            (item.where, tone),
            (fmt.age(self._now - item.at), Tone.MUTED),
            (item.id or fmt.NOTHING, Tone.MUTED),
            (item.place, tone),
        )

    def below(self, item: Hit) -> Cell:
        return item.text, Tone.MUTED

    def row(self, index: int, width: int) -> Line:
        item, is_below = self._rows[index]
        if not is_below or self._search is None:
            return super().row(index, width)
        text = safe(item.text)
        hit = re.search(re.escape(safe(self._search.text)), text, re.IGNORECASE)
        if hit is None:
            return (piece(_INDENT + text, width, Tone.MUTED),)
        parts = (_INDENT + text[: hit.start()], Tone.MUTED), (hit[0], Tone.ACCENT), (text[hit.end() :], Tone.MUTED)
        return tuple(words(part, tone) for part, tone in parts)

    def title_words(self) -> str:
        if self._search is None:
            return ""
        places = fmt.plural(len(self._all), "place")
        return f"{places} with {safe(self._search.text)}" + (" so far" if self._search.is_running else "")

    def corner_words(self) -> str:
        if self.chosen is None:
            return ""
        place = f"{self.cursor // 2 + 1:,} of {len(self._all):,}"
        return f"{place} · enter goes to {_GOES_TO[self.chosen.where]} · v shows it · c copies its id"

    def empty_words(self) -> str:
        if self._search is None:
            return (
                "Type an id or a piece of a payload, then enter. Queues, dead letters, samples and logs are looked at; "
                "where the item is now comes first."
            )
        if self._search.is_running:
            return "Looking …"
        if self._search.trouble:
            return "Nothing found so far."
        return f"“{self._search.text}” is nowhere: not in a queue, a dead letter, a sample or a log line."


class _Said(Painted):
    """How far a search is, what keeps it from going on, and where there is more."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line: Line = ()

    def show_search(self, search: Search) -> None:
        """Tell how far a search is."""
        findings = search.findings
        progress = findings.progress if findings.looked or not search.is_running else "looking …"
        self._line = (words(f" {progress}", Tone.MUTED),)
        if search.trouble:
            self._line = (words(f" ! {search.trouble}", Tone.WARN), words(f"; {progress}", Tone.MUTED))
        elif search.is_running:
            self._line = (words(" ▶ ", Tone.GOOD), *self._line, words(" · esc cancels", Tone.ACCENT))
        elif wanting := [*findings.unread, *([f"more in {', '.join(findings.full)}"] if findings.full else [])]:
            self._line = (words(f" ! {'; '.join(wanting)}", Tone.WARN), words(f" ·{self._line[0].text}", Tone.MUTED))
        self.repaint()

    def draw(self, width: int, height: int) -> list[Line]:
        return [self._line]


class FindScreen(ModalScreen[Hit | None]):
    """A line to type in and what was found; answers with the hit to go to, None if left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False),
        Binding("q", "leave", "Back", show=False),
        Binding("slash,F", "ask", "Another", show=False),
        Binding("tab,shift+tab", "switch", "Line or list", show=False),
        Binding("v", "details", "Details", show=False),
        Binding("c", "copy", "Copy", show=False),
    ]

    def __init__(self, commands: Commands, text: str) -> None:
        """Look for `text`; without one show what was found the last time, and ask."""
        super().__init__()
        self._commands = commands
        self._search = commands.search
        self._text = text
        self._entry = Input(id="find-text", select_on_focus=False, placeholder="an id, or a piece of a payload")
        self._entry.cursor_blink = False  # a blinking cursor is bytes all day
        self._found = FoundPane(id="found")
        self._said = _Said(id="find-said")
        self._shown_end = False  # whether the end of the search is shown

    def compose(self) -> ComposeResult:
        with Horizontal(id="find-line"):
            yield Static(" Where is ", id="find-label", markup=False)
            yield self._entry
        yield self._found
        yield self._said

    def on_mount(self) -> None:
        self.set_interval(_POLL_S, self._look)
        if self._text:
            self._entry.value = self._text
            self._begin(self._text)
            return
        if self._search is not None:
            self._entry.value = self._search.text
            self.call_after_refresh(self._show)
        self.action_ask()

    def _begin(self, text: str) -> None:
        self._search = self._commands.find(text)
        self._shown_end = False
        self._found.to_top()
        self._found.focus()
        self._look()

    def _look(self) -> None:
        if self._search is not None and not self._shown_end:
            self._search.take()
            self._shown_end = not self._search.is_running
            self._show()

    def _show(self) -> None:
        if self._search is not None:
            self._found.show_search(self._search, self._commands.now)
            self._said.show_search(self._search)

    # What a person does

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if text := event.value.strip():
            self._begin(text)

    def on_key(self, event: events.Key) -> None:
        if event.key == "down" and self._entry.has_focus:
            event.stop()
            self._found.focus()

    def action_ask(self) -> None:
        """Give the keys to the line, to look for something else."""
        self._entry.focus()
        self._entry.action_select_all()

    def action_switch(self) -> None:
        """Give the keys to the list, or back to the line."""
        if self._entry.has_focus:
            self._found.focus()
        else:
            self.action_ask()

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        if (hit := self._found.chosen) is not None:
            self._stop()
            self.dismiss(hit)

    def action_details(self) -> None:
        """Show all that is known of the hit."""
        if (hit := self._found.chosen) is not None:
            self.app.push_screen(ReaderScreen(_hit_detail(hit)))

    def action_copy(self) -> None:
        """Copy the item's id to the clipboard of the terminal."""
        hit = self._found.chosen
        if hit is not None and hit.id:
            self.app.copy_to_clipboard(hit.id)
            self.notify(f"The id {safe(hit.id)} is copied.", timeout=2, markup=False)

    def action_leave(self) -> None:
        """Cancel the search; else go back."""
        if self._search is not None and self._search.is_running:
            self._stop()
            self._look()
        else:
            self.dismiss(None)

    def _stop(self) -> None:
        if self._search is not None:
            self._search.cancel()


def _hit_detail(hit: Hit) -> Detail:
    """Return all that is known of a hit."""
    facts = {
        "where": f"{_SIGNS[hit.where][0]} {hit.where}: {hit.place}",
        "since" if hit.where in (Where.IN_FLIGHT, Where.WAITING) else "when": fmt.moment(hit.at),
        "item": hit.id,
        "trace": hit.trace,
    }
    entries = [Entry(name, text) for name, text in facts.items() if text]
    return Detail(f"Found {hit.id}".strip(), (*entries, Entry(""), Entry("", hit.text)))
