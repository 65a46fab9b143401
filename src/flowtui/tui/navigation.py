"""Going from screen to screen by digit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.commands import Commands
from flowtui.tui.places import GoTo, Place, ShowLoop
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.screens.letters import LettersScreen
from flowtui.tui.screens.logs import LogsScreen
from flowtui.tui.screens.loop import LoopScreen
from flowtui.tui.screens.overview import OverviewScreen
from flowtui.tui.screens.queues import QueuesScreen
from flowtui.tui.screens.workflows import WorkflowsScreen

if TYPE_CHECKING:
    from flowtui.tui.app import FlowtuiApp

_MADE: dict[Place, Callable[[Commands], FrameScreen]] = {
    Place.QUEUES: QueuesScreen,
    Place.LOGS: LogsScreen,
    Place.LETTERS: LettersScreen,
    Place.WORKFLOWS: WorkflowsScreen,
}


class Navigation:
    """Which screens of operation there are. Each is made when it is first gone to, and keeps its cursor and filter."""

    def __init__(self, app: FlowtuiApp, commands: Commands, overview: OverviewScreen) -> None:
        self._app = app
        self._commands = commands
        self._places: dict[Place, FrameScreen] = {Place.OVERVIEW: overview}

    def go_to(self, wish: GoTo, snapshot: EngineSnapshot | None) -> None:
        """Show a screen: one that lies below the current one is uncovered, another one is put on top."""
        screen = self._place(wish.place)
        if screen in self._app.screen_stack:
            while self._app.screen is not screen:
                self._app.pop_screen()
        else:
            self._app.push_screen(screen)
        screen.snapshot = snapshot  # what is seen can be acted upon at once

        def arrive() -> None:
            self._app.poll()
            screen.arrive(wish)

        self._app.call_after_refresh(arrive)

    def show_loop(self, wish: ShowLoop, snapshot: EngineSnapshot | None) -> None:
        """Show the screen of a loop, in place of that of another one."""
        if isinstance(self._app.screen, LoopScreen):
            self._app.pop_screen()
        self._app.push_screen(LoopScreen(self._commands, wish.loop, snapshot))
        # Its log is read by a look at the engine, and its room is known only then.
        self._app.call_after_refresh(self._app.poll)

    def _place(self, place: Place) -> FrameScreen:
        if place not in self._places:
            self._places[place] = screen = _MADE[place](self._commands)
            # Screens that are not installed end when they are left.
            self._app.install_screen(screen, place)
        return self._places[place]
