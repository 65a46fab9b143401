"""A box of text over the overview: details that stay up to date, what is wrong, help."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.cells import Tone
from flowtui.tui.details import Describe, Detail, Entry
from flowtui.tui.widgets.text_view import TextView


class ReaderScreen(ModalScreen[None]):
    """Text to read; esc, enter or q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "close", "Back", show=False)]

    def __init__(self, detail: Detail, describe: Describe | None = None) -> None:
        """Show `detail`; with `describe` it is made anew from each snapshot, None meaning that the thing is gone."""
        super().__init__()
        self._detail = detail
        self._describe = describe
        self._view = TextView(detail.title, id="reader")
        self._view.hint = "esc back"

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._show(self._detail)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Bring the text up to date."""
        if self._describe is None:
            return
        detail = self._describe(snapshot)
        if detail is None:
            gone = Entry("", "This is gone; below is the last that was known.", Tone.WARN)
            self._show(Detail(self._detail.title, (gone, *self._detail.entries)))
        else:
            self._detail = detail
            self._show(detail)

    def _show(self, detail: Detail) -> None:
        self._view.show(detail.title, detail.entries)

    def action_close(self) -> None:
        self.dismiss(None)

    def on_pane_opened(self) -> None:
        self.dismiss(None)
