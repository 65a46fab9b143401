"""Preferences as people read them: an example to begin with, and what is in force."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flowtui.cli.preferences import NAMES
from flowtui.cli.tables import table
from flowtui.model.preferences import USUAL, Preferences
from flowtui.tui.actions.action import Action
from flowtui.tui.actions.keys import written_key
from flowtui.tui.actions.registry import ACTIONS, remapped
from flowtui.tui.tables import column_titles
from flowtui.tui.themes import ABOUT

_HEAD = """\
# How the screen of flowtui looks and which keys it knows. What stands behind a '#' here is as it is anyway:
# take the '#' away, and nothing else, to change it. `flowtui config` says what is in force.
"""
_ABOUT = {
    "theme": f"Colours: {', '.join(f'{name} ({what})' for name, what in ABOUT.items())}. "
    "Without it one that suits the terminal.",
    "refresh": "How often the screen is brought up to date: times a second, from 0.2 to 10.",
    "bell": "Whether the terminal's bell rings when something has gone wrong.",
    "on_alert": "A program and its arguments, run when something has gone wrong; nothing if empty.",
    "queue_depth": "From how many waiting items on a queue is an alert.",
    "low_bandwidth": "Whether to send as little as possible over a slow line; also --lowbw.",
    "mouse": "Whether the mouse is told; also --no-mouse. Without it the terminal selects text as it is used to.",
    "ascii": "Whether frames and signs are plain ASCII; also --ascii. It is on wherever the locale is not UTF-8.",
    "columns": "The columns of a table, in their order.",
    "keymap": "The keys of an action: one, or several in brackets; [] for none. Characters stand in quotes.",
}
_WIDTH = 100
_EXAMPLES: dict[str, Any] = {"theme": "dark", "queue_depth": 10_000}


def example_text() -> str:
    """Return a file of preferences in which all is said, and nothing is in force."""
    return "\n".join([_HEAD, *(line for name in _ABOUT for line in _example_of(name))])


def _example_of(name: str) -> Iterator[str]:
    yield from textwrap.wrap(_ABOUT[name], _WIDTH, initial_indent="# ", subsequent_indent="# ")
    if name == "columns":
        yield "#columns:"
        yield from (f"#  {each}: {json.dumps(titles)}" for each, titles in column_titles().items())
    elif name == "keymap":
        yield "#keymap:"
        for action, is_first in in_groups(ACTIONS):
            if is_first:
                yield f"#  # {action.group}"
            yield f"#  {action.id}: {_keys_text(action)}"
    else:
        value = _EXAMPLES.get(name, getattr(USUAL, name))
        yield f"#{name}: {value if isinstance(value, str) else json.dumps(value)}"
    yield ""


def in_groups(actions: Iterable[Action]) -> Iterator[tuple[Action, bool]]:
    """Yield actions that have one heading side by side, each with whether it is the first one."""
    groups: dict[str, list[Action]] = {}
    for action in actions:
        groups.setdefault(action.group, []).append(action)
    for group in groups.values():
        yield from ((action, action is group[0]) for action in group)


def _keys_text(action: Action) -> str:
    keys = [json.dumps(written_key(key)) for key in action.keys]
    return keys[0] if len(keys) == 1 else f"[{', '.join(keys)}]"


def setting_rows(preferences: Preferences) -> Sequence[Sequence[str]]:
    """Return all that is no table and no key: its name, what is in force, and a word if that is not the usual."""
    rows = []
    for name in NAMES:
        if name in ("keymap", "columns"):
            continue
        value, usual = getattr(preferences, name), getattr(USUAL, name)
        rows.append((name, _value_text(name, value), "" if value == usual else "yours"))
    for name, titles in preferences.columns.items():
        rows.append((f"columns of {name}", ", ".join(titles), "yours"))
    return rows


def _value_text(name: str, value: Any) -> str:
    if value in ("", None, ()):
        return "what suits the terminal" if name == "theme" else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def key_lines(preferences: Preferences) -> Iterator[str]:
    """Yield all actions under their headings: id, keys, what it does, and a word if the keys are not the usual ones."""
    actions = [*in_groups(ACTIONS)]
    rows = [("ACTION", "KEYS", "WHAT IT DOES", "")]
    for action, _ in actions:
        now = remapped(action, preferences.keymap)
        keys = " ".join(map(written_key, now.keys)) or "none"
        rows.append((action.id, keys, action.label, "yours" if now.keys != action.keys else ""))
    head, *lines = table(rows)
    yield f"  {head}"
    for (action, is_first), line in zip(actions, lines, strict=True):
        if is_first:
            yield action.group
        yield f"  {line}"
