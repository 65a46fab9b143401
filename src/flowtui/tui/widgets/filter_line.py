"""The line in which a filter is typed; it takes the footer's place."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class FilterLine(Horizontal):
    """An input; enter keeps the filter, esc clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close(False)", "Clear", show=False)]

    class Closed(Message):
        """The line was left; `keep` says whether the filter stays."""

        def __init__(self, keep: bool) -> None:
            super().__init__()
            self.keep = keep

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label = Static(id="filter-label", markup=False)
        self._entry = Input(id="filter-input", select_on_focus=False)
        self._entry.cursor_blink = False  # a blinking cursor is bytes all day

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._entry
        yield Static("enter keeps it, esc clears it ", id="filter-hint", markup=False)

    def open(self, pane: str, text: str) -> None:
        """Show the line for this pane with its filter so far."""
        self._label.update(f" {pane} /")
        self.display = True
        self._entry.value = text
        self._entry.cursor_position = len(text)
        self._entry.focus()

    def action_close(self, keep: bool) -> None:
        if self.display:
            self.display = False
            self.post_message(self.Closed(keep))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_close(True)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        # Another pane was clicked; when the whole terminal loses focus, the line stays.
        if self.app.app_focus:
            self.action_close(True)
