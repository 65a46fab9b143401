"""The one registry of actions: keys, command palette, footer and help are all made from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from textual.binding import Binding, BindingType


class Scope(Enum):
    """Who carries an action out; the value is Textual's namespace for its `action_…` method."""

    APP = "app"
    SCREEN = "screen"
    PANE = "focused"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do.

    Attributes:
        id: the handler is `action_<id>` of the app, the overview or the focused pane, as `scope` says.
        keys: as Textual names them; the first is the one that footer and help show first. Without any, the palette
            alone offers it.
        shown: those keys as a person reads them.
        label: a word or two, for footer and palette.
        help: one sentence.
        group: heading in the help.
        footer: rank in the footer from the left, 0 for not there.
        palette: whether the command palette offers it; moving a cursor by palette helps nobody.
    """

    id: str
    keys: tuple[str, ...]
    shown: str
    label: str
    help: str
    group: str
    scope: Scope = Scope.SCREEN
    footer: int = 0
    palette: bool = True


#: What opens the palette, for actions that have no key of their own.
PALETTE_KEY = ":"

_LOOP, _ALL, _LOOK, _MOVE, _APP = "The chosen loop", "All loops", "Looking closer", "Moving in a list", "flowtui"
_FLOW = "Its workflow, by command"
_LETTERS = "Dead letters"

ACTIONS: tuple[Action, ...] = (
    Action("start", ("s",), "s", "start", "Start the chosen loop.", _LOOP, footer=1),
    Action(
        "stop",
        ("x",),
        "x",
        "stop",
        "Stop it: what is in flight gets its grace, the rest returns to its queue.",
        _LOOP,
        footer=2,
    ),
    Action("pause", ("p",), "p", "pause", "Pause it, or let a paused one go on.", _LOOP, footer=3),
    Action("drain", ("d",), "d", "drain", "Drain it: work off what there is, then stop.", _LOOP, footer=4),
    Action("restart", ("r",), "r", "restart", "Stop it, then start it again; start it if it rests.", _LOOP),
    Action(
        "kill",
        ("K",),
        "K",
        "kill",
        "End it at once; asks first. What is in flight is recovered as after a crash.",
        _LOOP,
    ),
    Action(
        "trigger",
        ("T",),
        "T",
        "run once",
        "Run a trigger's loop once: asks for its inputs, then shows the run node by node until its result.",
        _LOOP,
    ),
    Action("more_replicas", ("plus", "equals_sign"), "+ =", "more replicas", "Run one more copy of it.", _LOOP),
    Action("fewer_replicas", ("minus",), "-", "fewer replicas", "Run one copy less; the last one stays.", _LOOP),
    Action("start_all", ("S",), "S", "start all", "Start every loop that can start.", _ALL),
    Action("stop_all", ("X",), "X", "stop all", "Stop every loop; asks first.", _ALL),
    Action(
        "pause_all",
        ("P",),
        "P",
        "pause all",
        "Pause every running loop; if none runs, let all paused ones go on.",
        _ALL,
    ),
    Action(
        "drain_all",
        ("D",),
        "D",
        "drain all",
        "Drain every loop, sources first, each reader when its queue is empty; asks first.",
        _ALL,
    ),
    Action("start_workflow", (), "", "start workflow", "Start every loop of the chosen loop's workflow.", _FLOW),
    Action(
        "stop_workflow", (), "", "stop workflow", "Stop every loop of the chosen loop's workflow; asks first.", _FLOW
    ),
    Action(
        "pause_workflow",
        (),
        "",
        "pause workflow",
        "Pause every loop of the chosen loop's workflow; if none runs, let the paused ones go on.",
        _FLOW,
    ),
    Action(
        "drain_workflow", (), "", "drain workflow", "Drain every loop of the chosen loop's workflow; asks first.", _FLOW
    ),
    Action(
        "restart_workflow",
        (),
        "",
        "restart workflow",
        "Stop and start every loop of the chosen loop's workflow; asks first.",
        _FLOW,
    ),
    Action("details", ("v",), "v", "details", "Show all that is known about the chosen row, a loop too.", _LOOK),
    Action(
        "open",
        ("enter",),
        "enter",
        "open",
        "Drill in: from a loop to its nodes, from any other row to its details.",
        _LOOK,
        Scope.PANE,
        footer=5,
    ),
    Action(
        "tap",
        ("t",),
        "t",
        "tap",
        "Watch items pass through the chosen node; there, space holds the view and enter shows one whole.",
        _LOOK,
    ),
    Action(
        "trouble", ("exclamation_mark",), "!", "what is wrong", "List everything that is wrong, the worst first.", _LOOK
    ),
    Action(
        "replay",
        ("R",),
        "R",
        "replay",
        "Run the chosen group of dead letters again, from the node that failed; asks first.",
        _LETTERS,
    ),
    Action(
        "edit",
        ("e",),
        "e",
        "edit",
        "Open it in your editor: a node's code, a loop's workflow file, the place of a problem.",
        _LOOK,
    ),
    Action("filter", ("slash",), "/", "filter", "Show only rows with these words; esc clears it.", _LOOK, footer=7),
    Action("next_pane", ("tab",), "tab", "next pane", "Go to the next pane.", _LOOK, footer=6),
    Action("previous_pane", ("shift+tab",), "shift+tab", "previous pane", "Go to the pane before.", _LOOK),
    Action("zoom", ("z",), "z", "maximise", "Give the pane the whole screen, and back.", _LOOK, footer=10),
    Action("follow", ("f",), "f", "follow the log", "Show new log lines as they come.", _LOOK),
    Action(
        "back",
        ("escape",),
        "esc",
        "back",
        "Clear the filter, leave the maximised pane, return to the loops.",
        _LOOK,
        palette=False,
    ),
    Action("cursor_down", ("j", "down"), "j ↓", "down", "One row down.", _MOVE, Scope.PANE, palette=False),
    Action(
        "cursor_up",
        ("k", "up"),
        "k ↑",
        "up",
        "One row up; in the log this stops following.",
        _MOVE,
        Scope.PANE,
        palette=False,
    ),
    Action(
        "page_down", ("pagedown", "ctrl+f"), "pgdn", "page down", "One page down.", _MOVE, Scope.PANE, palette=False
    ),
    Action("page_up", ("pageup", "ctrl+b"), "pgup", "page up", "One page up.", _MOVE, Scope.PANE, palette=False),
    Action("first", ("g", "home"), "g home", "first", "To the first row.", _MOVE, Scope.PANE, palette=False),
    Action(
        "last",
        ("G", "end"),
        "G end",
        "last",
        "To the last row; in the log this follows again.",
        _MOVE,
        Scope.PANE,
        palette=False,
    ),
    Action("help", ("question_mark", "f1"), "?", "help", "This list.", _APP, Scope.APP, footer=9),
    Action(
        "command_palette",
        ("colon", "ctrl+p"),
        PALETTE_KEY,
        "command",
        "Find a command by name; also ctrl+p. Themes are there too.",
        _APP,
        Scope.APP,
        footer=8,
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


def bindings(scope: Scope) -> list[BindingType]:
    """Return the key bindings of all actions with this scope."""
    return [
        Binding(",".join(action.keys), action.id, action.label, show=False, id=f"flowtui.{action.id}")
        for action in ACTIONS
        if action.scope is scope and action.keys
    ]


def footer_actions() -> list[Action]:
    """Return what the footer names, from left to right."""
    return sorted((action for action in ACTIONS if action.footer), key=lambda action: action.footer)


def by_group() -> dict[str, list[Action]]:
    """Return all actions under their headings, in the order of the help."""
    groups: dict[str, list[Action]] = {}
    for action in ACTIONS:
        groups.setdefault(action.group, []).append(action)
    return groups
