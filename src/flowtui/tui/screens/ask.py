"""Asks for one of several things, or for a line of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from flowtui.tui.cells import Tone, safe
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable
from flowtui.tui.widgets.pane import Pane


@dataclass(frozen=True, slots=True)
class Option:
    """One of several things to choose: what it is, and what more is to be known of it."""

    label: str
    detail: str = ""
    warning: str = ""


class _Options(LiveTable[tuple[int, Option]]):
    columns = (Column("", 40, measured=True, wanted=24, least=12), Column("", 10, grows=True, gap=2))

    def key(self, item: tuple[int, Option]) -> object:
        return item[0]

    def measure(self, item: tuple[int, Option]) -> str:
        return item[1].label

    def cells(self, item: tuple[int, Option]) -> Sequence[Cell]:
        return (item[1].label, Tone.TEXT), (item[1].detail, Tone.MUTED)

    def below(self, item: tuple[int, Option]) -> Cell | None:
        return (f"! {item[1].warning}", Tone.WARN) if item[1].warning else None

    def column_heads(self, width: int) -> None:
        return None

    def corner_words(self) -> str:
        return " · ".join(filter(None, (super().corner_words(), "enter takes it · esc back")))


class ChooseScreen(ModalScreen[int | None]):
    """A list; enter takes the chosen row and answers with its place, esc with None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Back", show=False)]

    def __init__(self, title: str, options: Sequence[Option]) -> None:
        super().__init__()
        self._options = options
        self._table = _Options(title, id="choose")

    def compose(self) -> ComposeResult:
        yield self._table

    def on_mount(self) -> None:
        lines = sum(1 + bool(option.warning) for option in self._options)
        self._table.styles.height = min(lines + 2, max(3, self.app.size.height - 4))
        self._table.focus()
        self.call_after_refresh(self.begin)

    def begin(self) -> None:
        """Show the list."""
        self._table.show(list(enumerate(self._options)))

    def on_pane_opened(self, event: Pane.Opened) -> None:
        if self._table.chosen is not None:
            self.dismiss(self._table.chosen[0])

    def action_leave(self) -> None:
        self.dismiss(None)


class AskScreen(ModalScreen[str | None]):
    """A line of text; enter answers with it unless `refuse` says what is wrong with it, esc with None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]

    def __init__(self, title: str, about: str, text: str, refuse: Callable[[str], str]) -> None:
        super().__init__()
        self._refuse = refuse
        self._title = Static(f" {safe(title)}", id="form-title", markup=False)
        self._about = Static(safe(about), id="ask-about", markup=False)
        self._entry = Input(text, id="ask-text", compact=True, select_on_focus=False)
        self._entry.cursor_blink = False
        self._wrong = Static("", id="ask-wrong", classes="field-wrong", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="form-sheet"):
            yield self._title
            yield self._about
            yield self._entry
            yield self._wrong
            yield Static(" enter takes it · esc back", id="form-hint", markup=False)

    def on_mount(self) -> None:
        self._wrong.display = False
        self._entry.focus()
        self._entry.cursor_position = len(self._entry.value)

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if wrong := self._refuse(text):
            self._wrong.update(safe(f"✖ {wrong}"))
            self._wrong.display = True
        else:
            self.dismiss(text)

    def action_leave(self) -> None:
        self.dismiss(None)
