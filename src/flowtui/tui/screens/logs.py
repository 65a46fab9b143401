"""The log of all loops, or of one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.details import log_detail
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
            self.log_view.only_loop = wish.loop
            self.log_view.apply_filter()

    def open_pane(self, pane: Pane) -> None:
        if line := self.log_view.chosen:
            self.read(log_detail(line), None)
