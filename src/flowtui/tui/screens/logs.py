"""The log of all loops, of one, or of a node."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from flowtui.model.snapshot import LoopView, NodeView
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.details import find_loop, log_detail
from flowtui.tui.places import GoTo
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.widgets.pane import Pane


class LogsScreen(FrameScreen):
    """The log, with all the room there is."""

    scope = Scope.LOGS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LOGS)

    def compose_body(self) -> ComposeResult:
        yield self.log_view

    def arrive(self, wish: GoTo) -> None:
        if wish.loop:
            self.log_view.show_log_of(wish.loop, wish.node)

    @property
    def _meant(self) -> tuple[str, str]:
        """The loop and the node of the chosen line; while no line is, those whose log this is."""
        line = self.log_view.chosen
        if line is None or self.log_view.following:
            return self.log_view.wanted.loop, self.log_view.wanted.node
        return line.loop, line.node

    @property
    def chosen_loop(self) -> LoopView | None:
        return find_loop(self.snapshot, self._meant[0]) if self.snapshot is not None else None

    @property
    def chosen_node(self) -> tuple[LoopView, NodeView] | None:
        loop = self.chosen_loop
        node = next((node for node in loop.nodes if node.id == self._meant[1]), None) if loop is not None else None
        return (loop, node) if loop is not None and node is not None else None

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        self.open_pane(event.pane)

    def open_pane(self, pane: Pane) -> None:
        if line := self.log_view.chosen:
            self.read(log_detail(line), None)
