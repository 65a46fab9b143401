"""What can be done everywhere."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope

_APP = "flowtui"

APP_ACTIONS: tuple[Action, ...] = (
    Action("help", ("question_mark", "f1"), "?", "help", "This list.", _APP, Scope.APP, footer=10),
    Action(
        "command_palette",
        ("colon", "ctrl+p"),
        ":",
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
    Action("theme", (), "", "theme", "Choose colours; each is shown as you come to it.", _APP, Scope.APP),
    Action(
        "traffic",
        ("circumflex_accent",),
        "^",
        "bytes sent",
        "Show how much is sent to the terminal, at the right of the footer, or no longer.",
        _APP,
        Scope.APP,
    ),
    Action(
        "low_bandwidth",
        (),
        "",
        "low bandwidth",
        "Send as little as possible: rounded figures, once a second, the log seldom; or all again.",
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
