"""What can be done with the log, wherever it stands."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope


def _of_log(id: str, keys: str, shown: str, label: str, help: str, footer: int = 0) -> Action:
    return Action(id, tuple(keys.split()), shown, label, help, "The log", Scope.LOG, footer, footer_on=(Scope.LOGS,))


LOG_ACTIONS: tuple[Action, ...] = (
    _of_log(
        "level",
        "l",
        "l",
        "level",
        "Show warnings and errors, errors alone, everything, info and up. Debug lines come with --log-level debug.",
        1,
    ),
    _of_log("narrow", "o", "o", "only this", "Show only the loop of the chosen line, then only its node, then all.", 2),
    _of_log("search", "h", "h", "find", "Light up words or a regular expression; n and N go from hit to hit.", 3),
    _of_log("next_hit", "n", "n", "next hit", "To the next line with what is lit up, else one of the filter.", 4),
    _of_log("previous_hit", "N", "N", "hit before", "To the line before with what is lit up, else one of the filter."),
    _of_log("around", "a", "a", "around hits", "Show 2, 5 or no lines before and behind each hit of the filter."),
    _of_log("wrap", "w", "w", "wrap", "Show lines whole, as many rows as they take, or cut.", 5),
    _of_log("times", "at", "@", "times", "Show the time of day, how long ago, date and time."),
    _of_log("mark_line", "space", "space", "mark", "Mark the line, or no longer; while following, the newest."),
    _of_log("next_mark", "b", "b", "next mark", "To the next marked line."),
    _of_log("previous_mark", "B", "B", "mark before", "To the marked line before."),
    _of_log("copy_line", "c", "c", "copy", "Copy the line to the clipboard of the terminal."),
    _of_log("save_log", "W", "W", "save", "Write the lines that are shown to a file; asks for its name."),
)
