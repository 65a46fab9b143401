"""`LiveTable`: a pane of columns that follows a list of values, sorted by the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from flowtui.tui.cells import Align, Line, Piece, Tone, piece, safe, width_of
from flowtui.tui.widgets.pane import Pane

Item = TypeVar("Item")
Cell = tuple[str, Tone]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: shown above the rows.
        width: in cells; of a measured column the widest it may get.
        measured: as wide as the widest text that the table's `measure` returns.
        wanted: of a measured column: other columns go before it is cut to less than this.
        least: what it may shrink to in the end; others are `width` or gone.
        grows: takes the room that is left.
        drop: when the pane is too narrow, the column with the highest number goes first; 0 stays.
        gap: empty cells before it.
    """

    title: str
    width: int
    align: Align = "left"
    measured: bool = False
    wanted: int = 0
    least: int = 0
    grows: bool = False
    drop: int = 0
    gap: int = 1


@lru_cache(128)
def column_widths(columns: tuple[Column, ...], measured: int, room: int) -> tuple[int, ...]:
    """Return the width of each column in `room` cells, 0 for those that are left out."""
    widths = [min(measured, column.wanted) if column.measured else column.width for column in columns]
    widths = [max(width, column.least) for width, column in zip(widths, columns, strict=True)]

    def taken() -> int:
        return sum(width + column.gap for width, column in zip(widths, columns, strict=True) if width) - columns[0].gap

    for index in sorted(range(len(columns)), key=lambda index: -columns[index].drop):
        if taken() <= room or not columns[index].drop:
            break
        widths[index] = 0
    for index, column in enumerate(columns):
        if column.measured:
            most = max(column.least, min(measured, column.width))
            widths[index] = max(column.least, min(most, widths[index] + room - taken()))
    growing = next((index for index, column in enumerate(columns) if column.grows and widths[index]), None)
    if growing is not None:
        widths[growing] = max(1, widths[growing] + room - taken())
    return tuple(widths)


class LiveTable(Pane, Generic[Item]):
    """A table. Subclasses say how an item becomes cells; the cursor stays on its item when the order changes."""

    columns: tuple[Column, ...] = ()

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._all: Sequence[Item] = ()
        self._rows: list[tuple[Item, bool]] = []  # an item's own row, then the line below it if it has one
        self._measured = 0
        self._touched = False
        self.waits = False
        self.when_moved: Callable[[], None] | None = None

    # What a subclass supplies

    def key(self, item: Item) -> object:
        """Return what stays the same while an item changes."""
        raise NotImplementedError

    def cells(self, item: Item) -> Sequence[Cell]:
        """Return one text and tone for each column."""
        raise NotImplementedError

    def below(self, item: Item) -> Cell | None:
        """Return a second line for an item, None for none."""
        return None

    def covers(self, item: Item) -> int:
        """Return how many columns behind the growing one its text may cover where it would be cut."""
        return 0

    def measure(self, item: Item) -> str:
        """Return the text of the measured column."""
        return ""

    def searched(self, item: Item) -> str:
        """Return the text in which the filter looks."""
        return self.measure(item)

    # Content

    @property
    def chosen(self) -> Item | None:
        """The item under the cursor, None if the table is empty."""
        return self._rows[self.cursor][0] if 0 <= self.cursor < len(self._rows) else None

    def show(self, items: Sequence[Item]) -> None:
        """Show these items in this order."""
        self._all = items
        self.apply_filter()
        self.repaint()

    def choose(self, key: object) -> None:
        """Put the cursor on the item with this key, if it is shown."""
        for index, (item, is_below) in enumerate(self._rows):
            if not is_below and self.key(item) == key:
                self._touched = True
                self.move_to(index)
                return

    def to_top(self) -> None:
        """Put the cursor on the first row, and leave it there whatever comes."""
        self._touched = False
        self.cursor = self.top = 0
        self.repaint()

    def apply_filter(self) -> None:
        asked = self.filter_text.casefold().split()
        chosen = self.chosen
        kept = None if chosen is None or not self._touched else self.key(chosen)
        self._rows = []
        for item in self._all:
            if asked and not all(word in self.searched(item).casefold() for word in asked):
                continue
            self._rows.append((item, False))
            if self.below(item) is not None:
                self._rows.append((item, True))
        self._measured = max((width_of(safe(self.measure(item))) for item in self._all), default=0)
        self._keep_cursor(kept)

    def _keep_cursor(self, key: object) -> None:
        index = 0 if key is None else min(self.cursor, len(self._rows) - 1)
        if key is not None:
            found = (i for i, (item, is_below) in enumerate(self._rows) if not is_below and self.key(item) == key)
            index = next(found, max(0, index))
        moved = index != self.cursor
        self.cursor = max(0, index)
        if moved:
            self.keep_in_view()
        self.top = max(0, min(self.top, len(self._rows) - self.page))

    # Rows

    def row_count(self) -> int:
        return len(self._rows)

    def is_lit(self, index: int) -> bool:
        return index == self.cursor or (self._rows[index][1] and index == self.cursor + 1)

    def move_to(self, index: int) -> None:
        self._touched = True
        index = max(0, min(index, len(self._rows) - 1))
        if self._rows and self._rows[index][1]:
            index += 1 if index > self.cursor and index + 1 < len(self._rows) else -1
        super().move_to(index)
        if self.when_moved is not None:
            self.when_moved()

    def row(self, index: int, width: int) -> Line:
        item, is_below = self._rows[index]
        if is_below:
            text, tone = self.below(item) or ("", Tone.TEXT)
            return (piece("  " + text, width, tone),)
        return self._line(self.cells(item), width, self.covers(item))

    def column_heads(self, width: int) -> Line | None:
        return self._line([(column.title, Tone.MUTED) for column in self.columns], width)

    def _line(self, cells: Sequence[Cell], width: int, covers: int = 0) -> Line:
        line: list[Piece] = []
        widths = column_widths(self.columns, self._measured, width)
        if covers:
            widths = self._spread(widths, cells, covers)
        for column, wide, (text, tone) in zip(self.columns, widths, cells, strict=True):
            if wide:
                gap = " " * (column.gap if line else 0)
                cell = piece(text, wide, tone, column.align)
                line.append(Piece(gap + cell.text, tone, wide + len(gap)))
        return tuple(line)

    def _spread(self, widths: Sequence[int], cells: Sequence[Cell], covers: int) -> tuple[int, ...]:
        """Let the growing column take the room of as many of the next `covers` columns as its text needs."""
        wide = list(widths)
        growing = next(index for index, column in enumerate(self.columns) if column.grows)
        needed = width_of(safe(cells[growing][0]))
        for index in range(growing + 1, growing + 1 + covers):
            if wide[growing] < needed and wide[index]:
                wide[growing] += wide[index] + self.columns[index].gap
                wide[index] = 0
        return tuple(wide)

    def corner_words(self) -> str:
        if self.filter_text:
            return f"{sum(not below for _, below in self._rows)} of {len(self._all)}"
        return super().corner_words()

    def empty_words(self) -> str:
        if self.waits:
            return "loading …"
        return f"Nothing matches “{self.filter_text}”. esc clears the filter." if self.filter_text else ""
