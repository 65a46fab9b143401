"""`LiveTable`: a pane of columns that follows a list of values; people sort, filter and mark its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from time import monotonic
from typing import ClassVar, Generic, TypeVar

from textual.binding import BindingType
from textual.timer import Timer

from flowtui.model.preferences import USUAL, Preferences
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.cells import Line, Lit, Piece, Tone, piece, safe, shown_width, width_of
from flowtui.tui.widgets.columns import Column, chosen_columns, column_widths
from flowtui.tui.widgets.glow import Glow
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.table_order import CalmOrder, Sorting

__all__ = ["Cell", "Column", "LiveTable"]

Item = TypeVar("Item")
Cell = tuple[str, Tone]

_MARK = Piece("*", Tone.ACCENT, 1)


class LiveTable(Pane, Generic[Item]):
    """A table. Subclasses say how an item becomes cells; cursor and marks stay on their items when the order changes.

    Attributes:
        table: its name in the preferences; empty where nobody chooses columns.
        markable: whether rows can be marked; screens that act on several at once say so.
        waits: whether the items are still being looked for.
        when_moved: called when another item may be chosen.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.TABLE)
    table: ClassVar[str] = ""
    columns: tuple[Column, ...] = ()

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._all: Sequence[Item] = ()
        self._rows: list[tuple[Item, bool]] = []  # an item's own row, then the line below it if it has one
        self._measured = 0
        self._touched = False
        self.jumped_at = 0.0  # when news put another item under the cursor (of `monotonic`)
        self._titles: tuple[str, ...] = ()  # of the columns that a person has chosen; none for all
        self._sorted_by: tuple[str, bool] | None = None  # a title, and whether the greatest comes first
        self._order = CalmOrder()
        self._marks: set[object] = set()  # keys
        self._glow: Glow | None = Glow()
        self._fading: Timer | None = None
        self.markable = False
        self.waits = False
        self.when_moved: Callable[[], None] | None = None

    def on_mount(self) -> None:
        self.prefer(getattr(self.app, "preferences", USUAL))

    def prefer(self, preferences: Preferences) -> None:
        """Show the columns that a person has chosen, and let nothing glow where every byte counts."""
        self._titles = tuple(preferences.columns.get(self.table, ()))
        self._glow = None if preferences.low_bandwidth else Glow()
        self.repaint()

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

    def covers(self, item: Item) -> Collection[str]:
        """Return the titles of columns that the growing one may cover, if they stand behind it and it would be cut."""
        return ()

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

    @property
    def marked(self) -> list[Item]:
        """The marked items, also those that the filter hides, in the usual order."""
        return [item for item in self._all if self.key(item) in self._marks]

    @property
    def acted_on(self) -> list[Item]:
        """What a command is for: the marked items, else the one under the cursor; nothing if the table is empty."""
        return self.marked or ([] if self.chosen is None else [self.chosen])

    def show(self, items: Sequence[Item]) -> None:
        """Show these items; their order is the usual one, to which a person who has sorted them can go back."""
        self._all = items
        if self._marks:
            self._marks &= {self.key(item) for item in items}
        before = None if self.chosen is None else self.key(self.chosen)
        self.apply_filter()
        if None not in (before, self.chosen) and self.key(self._rows[self.cursor][0]) != before:
            self.jumped_at = monotonic()
        self._notice()
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
        chosen = self.chosen
        kept = None if chosen is None or not self._touched else self.key(chosen)
        self._rows = []
        for item in self._order.arrange(self._all, self.key, self._sorting, monotonic()):
            if not self.lets_through(item):
                continue
            self._rows.append((item, False))
            if self.below(item) is not None:
                self._rows.append((item, True))
        self._measured = max((shown_width(self.measure(item)) for item in self._all), default=0)
        self._keep_cursor(kept)

    def lets_through(self, item: Item) -> bool:
        """Whether the filter shows an item."""
        return not self.filter_text or self.has_words(self.searched(item))

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

    def _shown_items(self) -> list[Item]:
        return [item for item, is_below in self._rows if not is_below]

    # Sorting

    @property
    def _sorting(self) -> Sorting | None:
        if self._sorted_by is None:
            return None
        title, falls = self._sorted_by
        column = next((column for column in self.columns if column.title == title), None)
        if column is None or column.by is None:
            return None
        return Sorting(title, column.by, falls, column.wavers)

    def _columns_in(self, width: int) -> tuple[list[int], list[int]]:
        """Return which columns are shown in so many cells, and how wide they are, 0 for those that are left out."""
        indexes = chosen_columns(self.columns, self._titles)
        return list(indexes), list(column_widths(tuple(map(self.columns.__getitem__, indexes)), self._measured, width))

    def _columns_seen(self) -> list[tuple[Column, int]]:
        """Return the columns in view, each with its width."""
        found = zip(*self._columns_in(max(1, self.size.width - 4)), strict=True)
        return [(self.columns[index], width) for index, width in found if width]

    def sort(self, title: str = "", *, falls: bool | None = None) -> None:
        """Sort by the column with this title, as is usual for it if nothing else is said; the usual order without."""
        column = next((column for column in self.columns if column.title == title and column.by), None)
        self._sorted_by = (title, column.wavers if falls is None else falls) if column else None
        self.apply_filter()
        self.repaint()
        if self.when_moved is not None:
            self.when_moved()

    def action_sort_next(self) -> None:
        self._step_sorting(1)

    def action_sort_previous(self) -> None:
        self._step_sorting(-1)

    def _step_sorting(self, by: int) -> None:
        stops = ["", *(column.title for column, _ in self._columns_seen() if column.by)]
        now = self._sorted_by[0] if self._sorted_by else ""
        place = stops.index(now) if now in stops else 0
        self.sort(stops[(place + by) % len(stops)])

    def action_sort_reverse(self) -> None:
        if self._sorted_by is not None:
            title, falls = self._sorted_by
            self.sort(title, falls=not falls)

    def head_clicked(self, x: int) -> None:
        right = 0
        for column, width in self._columns_seen():
            right += width + (column.gap if right else 0)
            if x < right:
                if column.by and self._sorted_by and self._sorted_by[0] == column.title:
                    self.action_sort_reverse()
                elif column.by:
                    self.sort(column.title)
                return

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let keys pass that are of no use here (called by Textual)."""
        if action in ("mark", "mark_all"):
            return self.markable
        if action in ("sort_next", "sort_previous", "sort_reverse"):
            return any(column.by for column in self.columns)
        return super().check_action(action, parameters)

    # Marking

    def action_mark(self) -> None:
        if self.chosen is not None:
            self._marks ^= {self.key(self.chosen)}
            self.move_to(self.cursor + 1)

    def action_mark_all(self) -> None:
        shown = {self.key(item) for item in self._shown_items()}
        self._marks = self._marks - shown if shown <= self._marks else self._marks | shown
        self._touched = True
        self.repaint()

    def clear_marks(self) -> bool:
        """Mark nothing any more; return whether anything was marked."""
        had = bool(self._marks)
        self._marks.clear()
        self.repaint()
        return had

    # Cells that light up

    def _notice(self) -> None:
        """Light up what has changed among the rows in view."""
        if self._glow is None or not self.is_shown:
            return
        noticed = [column for column in self.columns if column.news]
        rows = self._rows[self.top : self.top + self.page]
        seen = {
            (self.key(item), column.title): column.news(item)
            for item, is_below in rows
            if not is_below
            for column in noticed
            if column.news
        }
        self._glow.look(seen, monotonic())
        self._fade()

    def _fade(self) -> None:
        if self._glow is None:
            return
        left = self._glow.fade(monotonic())
        if left is not None and self._fading is None:
            self._fading = self.set_timer(left, self._faded)

    def _faded(self) -> None:
        self._fading = None
        self._fade()
        self.repaint()

    # Rows

    def row_count(self) -> int:
        return len(self._rows)

    def is_lit(self, index: int) -> bool:
        return index == self.cursor or (self._rows[index][1] and index == self.cursor + 1)

    def margin(self, index: int) -> Piece:
        item, is_below = self._rows[index]
        return _MARK if self._marks and not is_below and self.key(item) in self._marks else super().margin(index)

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
        key = self.key(item)
        return self._line(self.cells(item), width, self.covers(item), lambda title: self._is_fresh(key, title))

    def _is_fresh(self, key: object, title: str) -> bool:
        return self._glow is not None and self._glow.is_lit((key, title))

    def column_heads(self, width: int) -> Line | None:
        sorting = self._sorting
        line = self._line([(column.title, Tone.MUTED) for column in self.columns], width)
        if sorting is None:
            return line
        indexes, widths = self._columns_in(width)
        seen = [self.columns[index].title for index, wide in zip(indexes, widths, strict=True) if wide]
        return tuple(
            _directed(part, falls=sorting.falls) if title == sorting.title else part
            for title, part in zip(seen, line, strict=True)
        )

    def _line(
        self,
        cells: Sequence[Cell],
        width: int,
        covers: Collection[str] = (),
        is_fresh: Callable[[str], bool] | None = None,
    ) -> Line:
        line: list[Piece] = []
        indexes, widths = self._columns_in(width)
        if covers:
            self._spread(indexes, widths, cells, covers)
        for index, wide in zip(indexes, widths, strict=True):
            if wide:
                column, (text, tone) = self.columns[index], cells[index]
                gap = " " * (column.gap if line else 0)
                cell = piece(text, wide, tone, column.align)
                lit = Lit.FRESH if is_fresh is not None and is_fresh(column.title) else Lit.NO
                line.append(Piece(gap + cell.text, tone, wide + len(gap), lit))
        return tuple(line)

    def _spread(
        self, indexes: Sequence[int], widths: list[int], cells: Sequence[Cell], covers: Collection[str]
    ) -> None:
        """Let the growing column take the room of as many columns behind it as its text needs, if it may."""
        growing = next((place for place, index in enumerate(indexes) if self.columns[index].grows), None)
        if growing is None or not widths[growing]:
            return
        needed = width_of(safe(cells[indexes[growing]][0]))
        for place in range(growing + 1, len(indexes)):
            column = self.columns[indexes[place]]
            if widths[growing] >= needed or (widths[place] and column.title not in covers):
                return
            if widths[place]:
                widths[growing] += widths[place] + column.gap
                widths[place] = 0

    def corner_words(self) -> str:
        said = []
        sorting = self._sorting
        if sorting is not None and sorting.title not in {column.title for column, _ in self._columns_seen()}:
            said.append(f"by {sorting.title} {_direction(sorting.falls)}")
        if self._marks:
            shown = {self.key(item) for item in self._shown_items()}
            hidden = len(self._marks - shown)
            said.append(f"{len(self._marks):,} marked" + (f", {hidden:,} of them hidden" if hidden else ""))
        if words := self.place_words():
            said.append(words)
        return " · ".join(said)

    def place_words(self) -> str:
        """Return which rows are in view, and of how many."""
        return f"{len(self._shown_items())} of {len(self._all)}" if self.filter_text else super().corner_words()

    def empty_words(self) -> str:
        if self.waits:
            return "loading …"
        return f"Nothing matches “{self.filter_text}”. esc clears the filter." if self.filter_text else ""


def _direction(falls: bool) -> str:
    return "▼" if falls else "▲"


def _directed(head: Piece, *, falls: bool) -> Piece:
    """Return the head of the column by which rows are sorted, with the direction just before or behind its title."""
    text, title = head.text, head.text.strip()
    start = text.index(title)
    place = start - 1 if start else min(len(title), len(text) - 1)
    return Piece(text[:place] + _direction(falls) + text[place + 1 :], Tone.STRONG, head.width, head.lit)
