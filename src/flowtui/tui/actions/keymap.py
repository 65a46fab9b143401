"""The keys in force: those of the registry, and those that a person has chosen in place of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from textual.dom import DOMNode

from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.keys import shown_key_name
from flowtui.tui.actions.registry import ACTIONS, Keymap, actions_on, remapped
from flowtui.tui.preferred import preferences_of

#: The screens that have actions of their own.
SCREENS = (Scope.LOOPS, Scope.QUEUES, Scope.LOGS, Scope.LETTERS, Scope.WORKFLOWS, Scope.INSPECTOR)
#: Keys that leave flowtui, whatever the keymap says: a person who is lost presses them.
LEAVING = ("ctrl+c", "ctrl+q")


def keymap_of(node: DOMNode) -> Keymap:
    """Return the keymap of the app that a widget or screen belongs to."""
    return preferences_of(node).keymap


def shown_key(id: str, keymap: Keymap) -> str:
    """Return the first key of an action as a person reads it, nothing if it has none."""
    keys = next(remapped(action, keymap) for action in ACTIONS if action.id == id).keys
    return shown_key_name(keys[0]) if keys else ""


def clashes(keymap: Keymap) -> Iterator[tuple[str, str, str]]:
    """Yield every key that would do two things on one screen: the key and the ids of both actions."""
    seen: set[tuple[str, str, str]] = set()
    # A table and a log on one screen have the keys in turn.
    for screen, absent in product(SCREENS, (Scope.TABLE, Scope.LOG)):
        taken: dict[str, str] = dict.fromkeys(LEAVING, "quit")
        for action in actions_on(screen, keymap):
            for key in action.keys if action.scope is not absent else ():
                other = taken.setdefault(key, action.id)
                clash = key, other, action.id
                if other != action.id and clash not in seen:
                    seen.add(clash)
                    yield clash
