"""All queues: how full, how fast, how old, who reads them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import describe_queue, queue_detail
from flowtui.tui.places import GoTo
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.panes import QueuesPane


class QueuesScreen(FrameScreen):
    """The queues of all loops."""

    scope = Scope.QUEUES
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.QUEUES)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands)
        self.queues = QueuesPane("Queues", id="all-queues")
        self.begin_with(self.queues)

    def compose_body(self) -> ComposeResult:
        yield self.queues

    def fill(self, snapshot: EngineSnapshot) -> None:
        self.queues.show_snapshot(snapshot)

    def arrive(self, wish: GoTo) -> None:
        if wish.queue:
            self.queues.choose(wish.queue)

    def open_pane(self, pane: Pane) -> None:
        if queue := self.queues.chosen:
            self.read(queue_detail(queue), describe_queue(queue.name))
