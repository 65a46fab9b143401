"""The command palette, and what it offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from textual.app import SystemCommand
from textual.command import CommandList, CommandPalette
from textual.screen import Screen
from textual.widget import Widget

from flowtui.tui.actions.action import Action, Scope
from flowtui.tui.actions.registry import actions_on
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.widgets.live_table import LiveTable

_OF_PANES = (Scope.PANE, Scope.TABLE)


class Palette(CommandPalette):
    """Textual's palette, which here survives the keys that move through its list while that is not there yet."""

    def _action_command_list(self, action: str) -> None:
        # A list that has no room has no lines either, and moving by pages in it raises KeyError.
        if self.query_one(CommandList).size.area:
            super()._action_command_list(action)


def offered(screen: Screen[Any], keymap: Mapping[str, tuple[str, ...]]) -> Iterable[SystemCommand]:
    """Return the actions of a screen that a palette offers, each with its keys."""
    if isinstance(screen, FrameScreen):
        for action in actions_on(screen.scope, keymap):
            yield from _command(action, _handler(screen, action))
    elif isinstance(screen, InspectorScreen):
        for action in actions_on(Scope.INSPECTOR, keymap):
            yield from _command(action, screen)


def _handler(screen: FrameScreen, action: Action) -> Widget:
    if action.scope is Scope.LOG:
        return screen.log_view
    return screen.current if action.scope in _OF_PANES else screen


def _command(action: Action, target: Widget) -> Iterable[SystemCommand]:
    is_its = action.scope is not Scope.TABLE or isinstance(target, LiveTable)
    if action.palette and is_its and target.check_action(action.id, ()):
        name = action.id if action.scope is not Scope.APP else f"app.{action.id}"
        keys = f"  ({action.shown})" if action.shown else ""
        title = f"{action.label[0].upper()}{action.label[1:]}{keys}"
        yield SystemCommand(title, action.help, partial(target.run_action, name))
