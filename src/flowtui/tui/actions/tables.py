"""What can be done in every table: sorting, marking."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope

_SORT, _MARK = "Sorting a table", "Marking rows, to act on several at once"

TABLE_ACTIONS: tuple[Action, ...] = (
    Action(
        "sort_next",
        ("greater_than_sign",),
        ">",
        "sort by the next column",
        "Sort by the next column; after the last one comes the usual order. A click on a column's head sorts too.",
        _SORT,
        Scope.TABLE,
    ),
    Action(
        "sort_previous",
        ("less_than_sign",),
        "<",
        "sort by the column before",
        "Sort by the column before, or in the usual order.",
        _SORT,
        Scope.TABLE,
    ),
    Action(
        "sort_reverse",
        ("I",),
        "I",
        "sort the other way round",
        "Sort the other way round: ▲ rises, ▼ falls. A second click on the head does it too.",
        _SORT,
        Scope.TABLE,
    ),
    Action(
        "mark",
        ("space",),
        "space",
        "mark",
        "Mark the row with a *, or no longer, and go on to the next.",
        _MARK,
        Scope.TABLE,
        palette=False,
    ),
    Action(
        "mark_all",
        ("asterisk",),
        "*",
        "mark all",
        "Mark all rows that the filter shows; again, none of them. esc clears all marks.",
        _MARK,
        Scope.TABLE,
    ),
)
