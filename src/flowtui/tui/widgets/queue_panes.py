"""What is seen of one queue: who reads it and holds its items, and the items themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from flowtui.model.queued import QueuedItem
from flowtui.model.snapshot import GroupView, HolderView, QueueView
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.queue_words import (
    holder_name,
    item_line,
    item_state,
    reader_glyph,
    reader_name,
    readers_of,
)
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable
from flowtui.tui.widgets.pane import Pane


class _Reader(NamedTuple):
    """A reader, or one that holds items for it."""

    group: GroupView
    holder: HolderView | None = None


class ReadersPane(LiveTable[_Reader]):
    """The loops that read a queue, each with its own backlog, and below each the tracks that hold its items."""

    columns = (
        Column("", 1),
        Column("READER", 60, measured=True, wanted=28, least=10, grows=True),
        Column("WAITING", 7, "right"),
        Column("LAG", 9, "right"),
        Column("IN FLIGHT", 9, "right"),
        Column("OUT/S", 6, "right", drop=2),
        Column("DEAD", 5, "right", drop=3),
        Column("DROPPED", 7, "right", drop=4),
        Column("LOST", 4, "right", drop=1),
    )

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._queue: QueueView | None = None

    def show_queue(self, queue: QueueView | None) -> None:
        """Show the readers of this queue."""
        is_other = queue is None or self._queue is None or queue.name != self._queue.name
        self._queue = queue
        groups = readers_of(queue) if queue is not None else ()
        rows = [(_Reader(group), *(_Reader(group, holder) for holder in group.holders)) for group in groups]
        self.show([row for several in rows for row in several])
        if is_other and groups:
            self.choose_reader(max(groups, key=lambda group: group.waiting).loop)

    def choose_reader(self, loop: str) -> None:
        """Put the cursor on the reader with this id, if it is shown."""
        self.choose((loop, None))

    @property
    def group(self) -> GroupView | None:
        """The reader that is chosen, be it by one of its tracks."""
        return self.chosen.group if self.chosen is not None else None

    def key(self, item: _Reader) -> object:
        return item.group.loop, item.holder and item.holder.owner

    def measure(self, item: _Reader) -> str:
        return reader_name(item.group) if item.holder is None else f"  {holder_name(item.holder)}"

    def cells(self, item: _Reader) -> Sequence[Cell]:
        group, holder = item
        nothing: Cell = ("", Tone.TEXT)
        if holder is not None:
            held: Cell = (f"for {fmt.age(holder.held_s)}" if holder.in_flight else "", Tone.MUTED)
            in_flight: Cell = (fmt.count(holder.in_flight), Tone.MUTED)
            return nothing, (self.measure(item), Tone.MUTED), nothing, held, in_flight, *[nothing] * 4
        return (
            reader_glyph(group),
            (self.measure(item), Tone.WARN if group.is_orphan else Tone.TEXT),
            (fmt.count(group.waiting), Tone.TEXT),
            (fmt.age(group.oldest_s), Tone.TEXT),
            (fmt.count(group.in_flight), Tone.TEXT),
            (fmt.rate(group.out_rate), Tone.TEXT),
            (fmt.count(group.dead), Tone.TEXT if group.dead else Tone.MUTED),
            (fmt.count(group.dropped), Tone.WARN if group.dropped else Tone.MUTED),
            (fmt.count(group.unaccounted), Tone.BAD if group.unaccounted else Tone.MUTED),
        )

    def title_words(self) -> str:
        of = f"of {self._queue.name}" if self._queue is not None else ""
        return f"{of} /{self.filter_text}" if self.filter_text else of

    def empty_words(self) -> str:
        return super().empty_words() or "Choose a queue to see who reads it."


class ItemsPane(LiveTable[QueuedItem]):
    """Items of a queue. Its filter is not its own: the whole queue is searched, not only the items that are shown.

    Attributes:
        when_searched: told that another text is looked for.
    """

    columns = (
        Column("#", 7, "right", drop=4),
        Column("ITEM", 26, measured=True, wanted=12, least=8),
        Column("STATE", 9, gap=2),
        Column("AGE", 6, "right"),
        Column("SIZE", 7, "right", drop=3),
        Column("PAYLOAD", 10, grows=True, gap=2),
    )

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.when_searched: Callable[[str], None] | None = None
        self._now = 0.0
        self._said = self._empty = self._more = ""

    def show_items(self, items: Sequence[QueuedItem], now: float) -> None:
        """Show these items, with their ages at a time in seconds since the epoch."""
        self._now = now
        self.show(items)

    def tell(self, said: str, empty: str, more: str) -> None:
        """Say this in the title, in place of items if there are none, and of what is not shown."""
        if (said, empty, more) != (self._said, self._empty, self._more):
            self._said, self._empty, self._more = said, empty, more
            self.repaint()

    def set_filter(self, text: str) -> None:
        if text != self.filter_text:
            self.filter_text = text
            if self.when_searched is not None:
                self.when_searched(text)

    def lets_through(self, item: QueuedItem) -> bool:
        return True  # the store has chosen them

    def key(self, item: QueuedItem) -> object:
        return item.key

    def measure(self, item: QueuedItem) -> str:
        return item.id

    def cells(self, item: QueuedItem) -> Sequence[Cell]:
        return (
            ("▶" if item.owner is not None else f"{item.place.index + 1:,}", Tone.MUTED),
            (item.id, Tone.TEXT),
            item_state(item),
            (fmt.age(self._now - item.at), Tone.TEXT),
            (fmt.size(item.size), Tone.MUTED),
            (item_line(item), Tone.TEXT),
        )

    def title_words(self) -> str:
        return self._said

    def corner_words(self) -> str:
        return " · ".join(filter(None, (Pane.corner_words(self), self._more)))

    def empty_words(self) -> str:
        return self._empty
