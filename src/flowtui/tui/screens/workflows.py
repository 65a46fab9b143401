"""Workflow files: what is wrong with them, what the last reload changed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from flowtui.model.errors import Problem
from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import problem_detail
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.panes import TroublePane


class WorkflowsScreen(FrameScreen):
    """The files of the folder."""

    scope = Scope.WORKFLOWS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.WORKFLOWS)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands)
        self.problems = TroublePane("Problems", id="problems")
        self.begin_with(self.problems)

    def compose_body(self) -> ComposeResult:
        yield self.problems

    def fill(self, snapshot: EngineSnapshot) -> None:
        self.problems.show_snapshot(snapshot)

    def open_pane(self, pane: Pane) -> None:
        if isinstance(chosen := self.problems.chosen, Problem):
            self.read(problem_detail(chosen), None)
