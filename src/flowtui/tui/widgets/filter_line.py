"""The line in which a filter is typed, or what to look for; it takes the footer's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from flowtui.tui.cells import safe

_HINT = "enter keeps it, esc clears it "


@dataclass(frozen=True, slots=True)
class Typing:
    """A text that counts while it is typed.

    Attributes:
        label: stands before it.
        text: what it was so far.
        take: gets it whenever it changes; empty when it is cleared.
        fault: says why the text is not heeded, empty if it is.
        kept: called when a person is content with it.
    """

    label: str
    text: str
    take: Callable[[str], None]
    fault: Callable[[], str] = str
    kept: Callable[[], None] = lambda: None


class FilterLine(Horizontal):
    """An input; enter keeps the text, esc clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close(False)", "Clear", show=False)]

    class Closed(Message):
        """The line was left."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label = Static(id="filter-label", markup=False)
        self._entry = Input(id="filter-input", select_on_focus=False)
        self._entry.cursor_blink = False  # a blinking cursor is bytes all day
        self._hint = Static(_HINT, id="filter-hint", markup=False)
        self._typing = Typing("", "", lambda _: None)

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._entry
        yield self._hint

    def open(self, typing: Typing) -> None:
        """Show the line for this text."""
        self._typing = typing
        self._label.update(f" {safe(typing.label)}")
        self.display = True
        self._entry.value = typing.text
        self._entry.cursor_position = len(typing.text)
        self._entry.focus()
        self.say_fault()

    def say_fault(self) -> None:
        """Say why the text is not heeded, if it is not."""
        fault = self._typing.fault()
        self._hint.set_class(bool(fault), "filter-wrong")
        self._hint.update(f"✖ {safe(fault)} " if fault else _HINT)

    def action_close(self, keep: bool) -> None:
        if self.display:
            self.display = False
            if keep:
                self._typing.kept()
            else:
                self._typing.take("")
            self.post_message(self.Closed())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self._typing.take(event.value)
            self.say_fault()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_close(True)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        # Another pane was clicked; when the whole terminal loses focus, the line stays.
        if self.app.app_focus:
            self.action_close(True)
