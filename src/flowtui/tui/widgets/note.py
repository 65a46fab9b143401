"""`Note`: a few words beside something, which are drawn anew only when they change."""

from __future__ import annotations

from textual.widgets import Static

from flowtui.tui.cells import safe


class Note(Static):
    """Any text, shown as it stands; without one it takes no room."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._words: str | None = None
        self.display = False

    def say(self, text: str) -> None:
        """Show this text; its line ends stay."""
        if text != self._words:
            # Every update has the whole screen laid out anew.
            self._words = text
            self.update("\n".join(safe(line) for line in text.split("\n")))
            self.display = bool(text)
