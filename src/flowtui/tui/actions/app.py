"""What can be done everywhere."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope

_APP = "flowtui"
#: What opens the palette, for actions that have no key of their own.
PALETTE_KEY = ":"

APP_ACTIONS: tuple[Action, ...] = (
    Action("help", ("question_mark", "f1"), "?", "help", "This list.", _APP, Scope.APP, footer=10),
    Action(
        "command_palette",
        ("colon", "ctrl+p"),
        PALETTE_KEY,
        "command",
        "Find a command by name; also ctrl+p. Themes are there too.",
        _APP,
        Scope.APP,
        footer=9,
        palette=False,
    ),
    Action(
        "mode",
        ("m",),
        "m",
        "switch mode",
        "Go from production to development, where a config is saved without a question, or back.",
        _APP,
        Scope.APP,
    ),
    Action("redraw", ("ctrl+l",), "ctrl+l", "redraw", "Paint the whole screen anew.", _APP, Scope.APP),
    Action(
        "quit",
        ("q",),
        "q",
        "quit",
        "Stop all loops and leave; asks if loops run. Also ctrl+c.",
        _APP,
        Scope.APP,
        footer=11,
    ),
)
