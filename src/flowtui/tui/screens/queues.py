"""All queues: how full, how fast, how old; of the chosen one who reads it, who holds its items, and what waits."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from flowtui.model.queued import QueuedItem
from flowtui.model.snapshot import EngineSnapshot, GroupView, LoopView, QueueView
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import find_loop
from flowtui.tui.places import GoTo
from flowtui.tui.queue_look import Aim, QueueLook, Work
from flowtui.tui.queue_words import describe_queue, item_detail, queue_detail
from flowtui.tui.screens.queue_actions import QueueActions
from flowtui.tui.screens.sizes import ROOMY_HEIGHT
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.panes import QueuesPane
from flowtui.tui.widgets.queue_panes import ItemsPane, ReadersPane

#: Below this height each pane is alone; from a roomy one on all are seen at once.
_TWO_HEIGHT = 18
_FRAME_AND_HEADS = 3
_LEAST_TABLE = 6
#: The readers keep their height whoever comes and goes: what is below must not jump.
_READERS_HEIGHT = 9


class QueuesScreen(QueueActions):
    """The queues of all loops."""

    scope = Scope.QUEUES
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.QUEUES)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands)
        self.queues = QueuesPane("Queues", id="all-queues")
        self.readers = ReadersPane("Readers", id="readers")
        self.items = ItemsPane("Items", id="items")
        self.begin_with(self.queues, self.readers, self.items)
        self._lower: Pane = self.items  # the last one chosen below the queues
        self.queues.when_moved = self._show_queue
        self.readers.when_moved = self._aim
        self.items.when_moved = self._go_on
        self.items.when_searched = lambda _: self._aim()
        self.look = QueueLook(commands.client, self._in_background, self._show_items, lambda: commands.now)

    def compose_body(self) -> ComposeResult:
        yield self.queues
        yield self.readers
        yield self.items

    def _in_background(self, work: Work) -> None:
        # Not a coroutine made here: the next work may replace it before it has begun, and nobody would ever await it.
        self.run_worker(work, group="look", exclusive=True)  # type: ignore[arg-type]

    def on_screen_suspend(self) -> None:
        self.look.rest()

    def on_screen_resume(self) -> None:
        self.look.wake()

    # What is shown, and chosen

    def lay_out(self) -> None:
        height = self.size.height
        room = height - 2 - self.alert.display
        if self.zoomed or height < _TWO_HEIGHT:
            shown = {self.current}
        elif height >= ROOMY_HEIGHT:
            shown = set(self.panes)
        else:
            shown = {self.queues, self._lower}
        for pane in self.panes:
            pane.display = pane in shown
            others = tuple(other.heading.lower() for other in self.panes if other not in shown)
            takes_turns = not self.zoomed and (pane is not self.queues or shown == {pane})
            pane.taking_turns = others if takes_turns else ()
        wanted = max(_LEAST_TABLE, min(self._queue_rows() + _FRAME_AND_HEADS, room * 40 // 100))
        self.queues.styles.height = "1fr" if shown == {self.queues} else wanted
        self.readers.styles.height = _READERS_HEIGHT if self.items in shown else "1fr"

    def _queue_rows(self) -> int:
        return len(self.snapshot.queues) if self.snapshot is not None else 0

    def make_current(self, pane: Pane) -> None:
        if pane is not self.queues:
            self._lower = pane
        super().make_current(pane)

    def fill(self, snapshot: EngineSnapshot) -> None:
        self.queues.show_snapshot(snapshot, self._commands.watch.alerts)
        self._show_queue()

    def filtered(self) -> None:
        if self.current is self.queues:
            self._show_queue()

    def _show_queue(self) -> None:
        self.readers.show_queue(self.queues.chosen)
        self._aim()

    def _aim(self) -> None:
        queue, reader = self.queues.chosen, self.readers.group
        if not self.items.is_shown and self.look.aim is not None:
            return
        aim = Aim(queue.name, reader.loop, self.items.filter_text) if queue is not None and reader is not None else None
        figures = reader and queue and (reader.waiting, reader.in_flight, queue.in_rate, queue.out_rate)
        self.look.look_at(aim, figures)
        self._show_items()

    def _show_items(self) -> None:
        look = self.look
        self.items.tell(look.said(), look.nothing(), look.more())
        self.items.show_items(look.items, self._commands.now)

    def _go_on(self) -> None:
        if self.items.cursor >= self.items.row_count() - 1:
            self.look.go_on()

    @property
    def chosen_queue(self) -> QueueView | None:
        return self.queues.chosen

    @property
    def chosen_reader(self) -> GroupView | None:
        return self.readers.group

    @property
    def chosen_item(self) -> QueuedItem | None:
        return self.items.chosen if self.current is self.items else None

    @property
    def chosen_loop(self) -> LoopView | None:
        queue, reader = self.queues.chosen, self.readers.group
        if queue is None or self.snapshot is None:
            return None
        for loop in (reader.loop if reader is not None else "", *queue.readers, *queue.writers):
            if (found := find_loop(self.snapshot, loop)) is not None:
                return found
        return None

    # Drilling in

    def arrive(self, wish: GoTo) -> None:
        if not wish.queue:
            return
        self.queues.set_filter("")
        self.queues.choose(wish.queue)
        if wish.loop:
            self.readers.choose_reader(wish.loop)
        if wish.item:
            self.items.set_filter(wish.item)
        self.go_to(self.items if wish.item else self.queues)

    def leave(self) -> None:
        if self.current is self.queues:
            super().leave()
        else:
            self.go_to(self.queues)

    def action_look_again(self) -> None:
        self.look.again()

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        if event.pane is self.items:
            self.open_pane(event.pane)
        else:
            self.go_to(self.items)

    def open_pane(self, pane: Pane) -> None:
        if pane is not self.items:
            if queue := self.queues.chosen:
                self.read(queue_detail(queue), describe_queue(queue.name))
        elif (item := self.items.chosen) and (queue := self.queues.chosen):
            name = queue.name
            self.whole_item(item, lambda whole: self.read(item_detail(whole, name, self._commands.now), None))
