"""The columns of a table: what they are, how wide they get, which of them a person has chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flowtui.tui.cells import Align
from flowtui.tui.widgets.table_order import Value


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
        by: what an item is worth when rows are sorted by this column; None if they cannot be. Figures, which are
            aligned to the right, waver, and begin with the greatest; the rest begins with the least.
        steady: a figure that does not waver, as an age, and begins with the least.
        news: what lights the cell up for a moment when it changes; None for what nobody has to notice.
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
    by: Callable[[Any], Value] | None = None
    steady: bool = False
    news: Callable[[Any], object] | None = None

    @property
    def wavers(self) -> bool:
        """Whether it holds figures that change a little all the time."""
        return self.align == "right" and not self.steady


def titles_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the titles that a person can choose of these columns."""
    return tuple(column.title for column in columns if column.title)


@lru_cache(64)
def chosen_columns(columns: tuple[Column, ...], titles: tuple[str, ...]) -> tuple[int, ...]:
    """Return which columns are shown if a person has chosen these titles, in which order; all of them for none.

    Columns without a title stay with the next one that has one, and at either end where they are.
    """
    if not titles:
        return tuple(range(len(columns)))
    titled = [index for index, column in enumerate(columns) if column.title]
    before = {index: previous for previous, index in zip([-1, *titled], titled, strict=False)}
    first = titled[0] if titled else len(columns)
    by_title = {columns[index].title: index for index in titled}
    wanted = [by_title[title] for title in titles if title in by_title]
    shown = list(range(first))
    for index in wanted:
        shown += range(before[index] + 1 if index != first else index, index + 1)
    return (*shown, *range(titled[-1] + 1 if titled else len(columns), len(columns)))


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
