"""The one registry of actions: keys, command palette, footer and help are all made from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from textual.binding import Binding, BindingType


class Scope(Enum):
    """Who carries an action out, by its `action_…` method: the app, the overview, the inspector or the focused pane."""

    APP = "app"
    SCREEN = "overview"
    INSPECTOR = "inspector"
    PANE = "pane"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do.

    Attributes:
        id: the handler is `action_<id>` of whom `scope` names.
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


#: Keys of the inspector that count while text is typed, before the text sees them.
_OVER_TEXT = re.compile(r"f\d+|ctrl\+(?!z$).+")

#: What opens the palette, for actions that have no key of their own.
PALETTE_KEY = ":"

_LOOP, _ALL, _LOOK, _MOVE, _APP = "The chosen loop", "All loops", "Looking closer", "Moving in a list", "flowtui"
_FLOW = "Its workflow, by command"
_LETTERS = "Dead letters"
_NODE = "In the inspector of a node"


def _of_node(id: str, keys: str, label: str, help: str, footer: int = 0, *, palette: bool = True) -> Action:
    """Return an action of the inspector; its keys are shown as Textual names them."""
    shown = keys.replace("escape", "esc")
    return Action(id, tuple(keys.split()), shown, label, help, _NODE, Scope.INSPECTOR, footer, palette)


_INSPECTOR = (
    _of_node("run_node", "f5 ctrl+r", "run", "Run the node with this config and this input; esc cancels it.", 1),
    _of_node("run_upstream", "f6", "upstream", "Run what is missing upstream, step by step; shows the plan first.", 3),
    _of_node(
        "compare", "f7", "diff", "Compare the output with that of the last run, the pinned one, that of production.", 4
    ),
    _of_node("pin_output", "f8", "pin", "Pin the output: the nodes behind get it as their input; again unpins it.", 5),
    _of_node(
        "replay_letter", "f9", "replay", "Run the dead letter again in production, or all like it; asks which.", 6
    ),
    _of_node("save_case", "f10 ctrl+t", "test case", "Save the run as a test case for `flowtui test`.", 8),
    _of_node("choose_source", "f3", "source", "Choose where the input comes from: pin, cache, sample, letter, run.", 2),
    _of_node("save_config", "ctrl+s", "save config", "Write the config to the workflow file; the rest of it stays.", 7),
    _of_node(
        "undo_save", "f4 ctrl+z", "undo the save", "Take the last save of a config back; in a text ctrl+z is its own."
    ),
    _of_node(
        "edit_code", "f2 e", "edit code", "Open the node's code in your editor; else its place in the workflow file."
    ),
    _of_node("copy_data", "ctrl+g c", "copy", "Copy the input or, elsewhere, the output to the terminal's clipboard."),
    _of_node("save_data", "ctrl+o w", "save to a file", "Write the input or, elsewhere, the output to a file."),
    _of_node("show_raw", "v", "tree or raw", "Show the output as a tree, or as JSON text."),
    _of_node(
        "next_part", "ctrl+n", "next part", "Go on to config, input, output, runs or log; tab goes field by field."
    ),
    _of_node("maximise", "f11 z", "maximise", "Give the part the whole screen, and back."),
    _of_node(
        "leave",
        "escape q",
        "back",
        "Cancel the run; else leave the diff, the maximised part, the inspector.",
        9,
        palette=False,
    ),
)

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
    Action(
        "loop_screen",
        ("2",),
        "2",
        "its loop",
        "Show the chosen loop alone: its graph with live figures and the bottleneck, and its log.",
        _LOOK,
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
    Action(
        "inspect",
        ("i",),
        "i",
        "inspect",
        "Try the chosen node out, or the node where the chosen dead letters failed, with the newest of them.",
        _LOOK,
        footer=6,
    ),
    Action("filter", ("slash",), "/", "filter", "Show only rows with these words; esc clears it.", _LOOK, footer=8),
    Action("next_pane", ("tab",), "tab", "next pane", "Go to the next pane.", _LOOK, footer=7),
    Action("previous_pane", ("shift+tab",), "shift+tab", "previous pane", "Go to the pane before.", _LOOK),
    Action("zoom", ("z",), "z", "maximise", "Give the pane the whole screen, and back.", _LOOK, footer=12),
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
    *_INSPECTOR,
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


def bindings(scope: Scope) -> list[BindingType]:
    """Return the key bindings of all actions with this scope."""
    return [
        Binding(key, action.id, action.label, show=False, id=f"flowtui.{action.id}", priority=_is_first(action, key))
        for action in ACTIONS
        if action.scope is scope
        for key in action.keys
    ]


def _is_first(action: Action, key: str) -> bool:
    return action.scope is Scope.INSPECTOR and _OVER_TEXT.fullmatch(key) is not None


def footer_actions(scope: Scope = Scope.SCREEN) -> list[Action]:
    """Return what the footer of the overview names, or of the inspector, from left to right."""
    shown = [action for action in ACTIONS if action.footer]
    if scope is Scope.INSPECTOR:
        # The first key of each; a letter would be typed.
        own = [replace(each, shown=each.shown.split()[0]) for each in shown if each.scope is scope]
        help = [replace(each, shown="f1", footer=len(own) + 1) for each in shown if each.id == "help"]
        shown = own + help
    else:
        shown = [each for each in shown if each.scope is not Scope.INSPECTOR]
    return sorted(shown, key=lambda action: action.footer)


def by_group(first: Scope = Scope.SCREEN) -> dict[str, list[Action]]:
    """Return all actions under their headings, in the order of the help; those of the inspector where it is asked."""
    groups: dict[str, list[Action]] = {}
    for action in sorted(ACTIONS, key=lambda action: action.scope is not first is Scope.INSPECTOR):
        groups.setdefault(action.group, []).append(action)
    return groups
