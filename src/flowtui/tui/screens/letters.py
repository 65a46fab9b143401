"""Dead letters, grouped by what went wrong."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import describe_letters, letters_detail
from flowtui.tui.places import GoTo
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.panes import TroublePane


class LettersScreen(FrameScreen):
    """The dead letters of all loops."""

    scope = Scope.LETTERS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LETTERS)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands)
        self.groups = TroublePane("Dead letters", id="letter-groups")
        self.begin_with(self.groups)

    def compose_body(self) -> ComposeResult:
        yield self.groups

    def fill(self, snapshot: EngineSnapshot) -> None:
        self.groups.show_snapshot(snapshot)

    @property
    def chosen_group(self) -> DeadLetterGroup | None:
        chosen = self.groups.chosen
        return chosen if isinstance(chosen, DeadLetterGroup) else None

    def arrive(self, wish: GoTo) -> None:
        for group in self.snapshot.dead_letters if self.snapshot is not None else ():
            if group.loop == wish.loop and wish.node in ("", group.node):
                self.groups.choose(group.key)
                return

    def open_pane(self, pane: Pane) -> None:
        if (group := self.chosen_group) and self.snapshot is not None:
            self.read(letters_detail(group, self.snapshot.taken_at), describe_letters(group))
