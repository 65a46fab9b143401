"""What is said around a log: whose lines are shown, how grave, and why there are none."""

from __future__ import annotations

import logging

from flowtui.model.log_lines import level_name
from flowtui.tui import format as fmt
from flowtui.tui.log_filter import Wanted

_SELDOM_S = 1.0


def wanted_words(wanted: Wanted) -> str:
    """Return whose lines are shown, and what they are filtered to."""
    what = _whose(wanted)
    if wanted.pattern is not None:
        around = f" ±{wanted.around}" if wanted.around else ""
        what = f"{what} /{wanted.pattern.text}{around}".strip()
    return what or "all loops"


def level_words(level: int, *, roomy: bool = True) -> str:
    """Return which lines a level admits, in a word or, with room, in a few."""
    if level <= logging.DEBUG:
        return "everything" if roomy else "all"
    if level >= logging.ERROR:
        return "errors"
    return f"{level_name(level)} and up" if roomy else f"{level_name(level)}+"


def following_words(rate: float, every_s: float) -> str:
    """Say that a log follows and, if it is painted but every few seconds, how many lines come a second."""
    return f"following, {fmt.rate(rate)} lines/s" if every_s >= _SELDOM_S else "following"


def nothing_words(wanted: Wanted, *, any_lines: bool) -> str:
    """Return why no line is shown, and what to do about it."""
    if wanted.pattern is not None:
        return f"No line matches “{wanted.pattern.text}”. esc clears the filter."
    if not any_lines:
        return "Nothing logged yet. What nodes log or print shows here."
    whose = f" of {_whose(wanted)}" if wanted.loop else ""
    return f"No line{whose} at this level. l shows other levels{', o other loops' if whose else ''}."


def _whose(wanted: Wanted) -> str:
    return f"{wanted.loop} {wanted.node}".strip()
