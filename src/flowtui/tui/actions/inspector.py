"""What can be done in the inspector of a node."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope

_NODE = "In the inspector of a node"


def _of_node(id: str, keys: str, label: str, help: str, footer: int = 0, *, palette: bool = True) -> Action:
    """Return an action of the inspector; its keys are shown as Textual names them."""
    shown = keys.replace("escape", "esc")
    return Action(id, tuple(keys.split()), shown, label, help, _NODE, Scope.INSPECTOR, footer, palette)


INSPECTOR_ACTIONS: tuple[Action, ...] = (
    _of_node("run_node", "f5 ctrl+r", "run", "Run the node with this config and this input; esc cancels it.", 1),
    _of_node("run_upstream", "f6", "upstream", "Run what is missing upstream, step by step; shows the plan first.", 3),
    _of_node(
        "compare", "f7", "diff", "Compare the output with that of the last run, the pinned one, that of production.", 4
    ),
    _of_node("pin_output", "f8", "pin", "Pin the output: the nodes behind get it as their input; again unpins it.", 5),
    _of_node(
        "replay_letter", "f9", "replay", "Run the dead letter again in production, or all like it; asks which.", 6
    ),
    _of_node("save_case", "ctrl+t f10", "test case", "Save the run as a test case for `flowtui test`.", 8),
    _of_node("choose_source", "f3", "source", "Choose where the input comes from: pin, cache, sample, letter, run.", 2),
    _of_node(
        "save_config", "f12 ctrl+s", "save config", "Write the config to the workflow file; the rest of it stays.", 7
    ),
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
    _of_node("maximise", "z f11", "maximise", "Give the part the whole screen, and back."),
    _of_node(
        "leave",
        "escape q",
        "back",
        "Cancel the run; else leave the diff, the maximised part, the inspector.",
        9,
        palette=False,
    ),
)
