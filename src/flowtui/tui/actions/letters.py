"""What can be done with dead letters."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope

_LETTERS = "Dead letters"

LETTER_ACTIONS: tuple[Action, ...] = (
    Action(
        "edit_payload",
        ("E",),
        "E",
        "edit payload",
        "Change the payload of the chosen letter as JSON; one that somebody else has edited meanwhile stays as it is.",
        _LETTERS,
        Scope.LETTERS,
        footer=3,
    ),
    Action(
        "remove",
        ("delete", "ctrl+d"),
        "delete ctrl+d",
        "remove",
        "Remove the marked or chosen letters for good, or where groups have the keys all of the group; asks first.",
        _LETTERS,
        Scope.LETTERS,
    ),
    Action(
        "export",
        ("o",),
        "o",
        "export",
        "Write the marked or chosen letters, or all of a group, to a file, as JSON lines.",
        _LETTERS,
        Scope.LETTERS,
        footer=4,
    ),
    Action(
        "copy",
        ("c",),
        "c",
        "copy",
        "Copy it to the terminal's clipboard: of a letter in the list its payload, of the open one all, of a group "
        "its error.",
        _LETTERS,
        Scope.LETTERS,
    ),
)
