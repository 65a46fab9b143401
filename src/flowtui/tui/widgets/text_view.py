"""`TextView`: text to read and scroll, with labels at the left."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Size

from flowtui.tui.cells import Line, Piece, Tone, fit, safe, width_of, wrap
from flowtui.tui.details import Entry
from flowtui.tui.widgets.pane import Pane


class TextView(Pane):
    """A scrolled text; its cursor is never seen, keys move the text."""

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.hint = ""
        self._entries: Sequence[Entry] = ()
        self._wrapped: list[Line] = []
        self._wrapped_for = 0

    def show(self, heading: str, entries: Sequence[Entry]) -> None:
        """Show these entries under this title; the place in the text stays."""
        self.heading = safe(heading)
        if entries != self._entries:
            before = len(self._wrapped)
            self._entries = entries
            self._wrapped_for = 0
            self._wrap(self._room)
            if len(self._wrapped) != before:
                self.refresh(layout=True)
        self.repaint()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the height that shows everything (called by Textual)."""
        self._wrap(max(8, width - 4))
        return len(self._wrapped) + 2

    def row_count(self) -> int:
        self._wrap(self._room)
        return len(self._wrapped)

    def row(self, index: int, width: int) -> Line:
        return self._wrapped[index]

    def corner_words(self) -> str:
        place = super().corner_words()
        return f"{place} · {self.hint}" if place and self.hint else place or self.hint

    def draw(self, width: int, height: int) -> list[Line]:
        self.top = self.cursor = max(0, min(self.top, self.row_count() - self.page))
        return super().draw(width, height)

    def is_lit(self, index: int) -> bool:
        return False

    def move_to(self, index: int) -> None:
        # The cursor keys scroll here, so wherever they lead becomes the first line.
        self.top = max(0, min(index, self.row_count() - self.page))
        self.cursor = self.top
        self.repaint()

    def scroll_rows(self, rows: int) -> None:
        self.move_to(self.top + rows)

    @property
    def _room(self) -> int:
        return max(8, self.size.width - 4)

    def _wrap(self, width: int) -> None:
        if width == self._wrapped_for:
            return
        self._wrapped_for = width
        labels = [width_of(safe(entry.label)) for entry in self._entries if entry.label and not entry.heading]
        label_width = min(max(labels, default=0) + 2, width // 3)
        lines = [line for entry in self._entries for line in _lines(entry, label_width, width)]
        self._wrapped = lines[1:] if lines and not lines[0] else lines


def _lines(entry: Entry, label_width: int, width: int) -> list[Line]:
    if entry.heading:
        return [(), (Piece(fit(safe(entry.label), width), Tone.STRONG, width),)]
    indent = label_width if entry.label or entry.indented else 0
    room = width - indent
    texts = [fit(safe(line), room) for line in entry.text.split("\n")] if entry.verbatim else wrap(entry.text, room)
    lines: list[Line] = []
    for index, text in enumerate(texts):
        label = fit(safe(entry.label) if index == 0 else "", indent)
        lines.append((Piece(label, Tone.MUTED, indent), Piece(fit(text, room), entry.tone, room)))
    return lines
