"""What can be done with workflow files."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope

_FILE = "The chosen file"

WORKFLOW_ACTIONS: tuple[Action, ...] = (
    Action(
        "roll_back",
        ("b",),
        "b",
        "roll back",
        "Give it back the text that runs if it is broken, else the last good one before; shows what changes, and asks.",
        _FILE,
        Scope.WORKFLOWS,
        footer=1,
    ),
    Action(
        "roll_back_to",
        ("B",),
        "B",
        "roll back to",
        "Choose among all texts of it that are kept, broken ones too; shows what changes, and asks.",
        _FILE,
        Scope.WORKFLOWS,
    ),
    Action(
        "copy_path",
        ("c",),
        "c",
        "copy path",
        "Copy its path to the clipboard of the terminal.",
        _FILE,
        Scope.WORKFLOWS,
    ),
    Action(
        "forget_file",
        ("delete", "ctrl+d"),
        "delete",
        "forget",
        "Forget the texts that are kept of a deleted file; asks first.",
        _FILE,
        Scope.WORKFLOWS,
    ),
    Action(
        "reload",
        ("r",),
        "r",
        "reload",
        "Read the folder again now, without waiting until a change is noticed.",
        "The folder",
        Scope.WORKFLOWS,
        footer=3,
    ),
)
