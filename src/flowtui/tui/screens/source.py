"""One file of the folder: its lines, with what is wrong where it is wrong."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from flowtui.model.development import SourcePlace
from flowtui.model.workflows import SourceText
from flowtui.tui.editing import EditSource
from flowtui.tui.widgets.source_pane import SourcePane


class SourceScreen(ModalScreen[None]):
    """A file to read; esc, q or y closes it, e edits it at the line of the cursor, n and N go to its problems."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,y", "close", "Back", show=False),
        Binding("e", "edit", "Edit", show=False),
        Binding("c", "copy", "Copy path", show=False),
        Binding("n", "problem(1)", "Next problem", show=False),
        Binding("N", "problem(-1)", "Problem before", show=False),
    ]

    def __init__(self, text: SourceText, line: int, note: str) -> None:
        """`line` is where to begin, from 1; `note` stands in the title."""
        super().__init__()
        self._text = text
        self._line = line
        self._pane = SourcePane(text, note, id="source")

    def compose(self) -> ComposeResult:
        yield self._pane

    def on_mount(self) -> None:
        self._pane.focus()
        self.call_after_refresh(self._pane.go_to_line, self._line)

    def action_close(self) -> None:
        self.dismiss(None)

    def on_pane_opened(self) -> None:
        self.dismiss(None)

    def action_edit(self) -> None:
        line, column = self._pane.place
        # Closed first: what was saved is something else than what is shown here.
        self.dismiss(None)
        self.app.post_message(EditSource(SourcePlace(self._text.path, line, column)))

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(str(self._text.path.absolute()))
        self.notify("The path is copied.", timeout=2, markup=False)

    def action_problem(self, step: int) -> None:
        self._pane.go_to_problem(step)
