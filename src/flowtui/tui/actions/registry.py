"""The registry: all actions, and what bindings, footers, help and palette need of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from textual.binding import Binding, BindingType

from flowtui.tui.actions.action import Action, Scope
from flowtui.tui.actions.app import APP_ACTIONS
from flowtui.tui.actions.frame import FRAME_ACTIONS, SCREENS
from flowtui.tui.actions.inspector import INSPECTOR_ACTIONS
from flowtui.tui.actions.keys import shown_key_name, shown_keys
from flowtui.tui.actions.letters import LETTER_ACTIONS
from flowtui.tui.actions.logs import LOG_ACTIONS
from flowtui.tui.actions.loops import LOOP_ACTIONS
from flowtui.tui.actions.queues import QUEUE_ACTIONS
from flowtui.tui.actions.tables import TABLE_ACTIONS
from flowtui.tui.actions.workflows import WORKFLOW_ACTIONS

ACTIONS: tuple[Action, ...] = (
    *LOOP_ACTIONS,
    *QUEUE_ACTIONS,
    *LOG_ACTIONS,
    *LETTER_ACTIONS,
    *WORKFLOW_ACTIONS,
    *INSPECTOR_ACTIONS,
    *FRAME_ACTIONS,
    *TABLE_ACTIONS,
    *APP_ACTIONS,
)

#: Screens that show a log.
_WITH_LOG = (Scope.LOOPS, Scope.LOGS)
#: The keys of actions that a person has given others, by their ids; keys as Textual names them.
Keymap = Mapping[str, tuple[str, ...]]
_USUAL: Keymap = MappingProxyType({})

#: Keys of the inspector that count while text is typed, before the text sees them.
_OVER_TEXT = re.compile(r"f\d+|ctrl\+(?!z$).+")
#: Stands behind the id of a binding that counts before a text sees the key.
_FIRST = ".first"
#: No key is called so; a binding that has none waits under it for the keymap.
_NO_KEY = "none:"


def remapped(action: Action, keymap: Keymap) -> Action:
    """Return the action with the keys that a keymap gives it."""
    keys = keymap.get(action.id)
    return action if keys is None or keys == action.keys else replace(action, keys=keys, shown=shown_keys(keys))


def actions_on(screen: Scope, keymap: Keymap = _USUAL) -> list[Action]:
    """Return all actions that are to be had on a screen, which is named by the scope of its own actions."""
    scopes = {screen, Scope.APP} if screen is Scope.INSPECTOR else {screen, Scope.FRAME, Scope.PANE, Scope.APP}
    if screen not in (Scope.INSPECTOR, Scope.LOGS):
        scopes.add(Scope.TABLE)
    if screen in _WITH_LOG:
        scopes.add(Scope.LOG)
    return [remapped(action, keymap) for action in ACTIONS if action.scope in scopes]


def bindings(scope: Scope) -> list[BindingType]:
    """Return the key bindings of all actions with this scope; those without a key wait for one from `keymap_ids`."""
    return [
        Binding(key, action.id, action.label, show=False, id=id, priority=id.endswith(_FIRST))
        for action in ACTIONS
        if action.scope is scope
        for id, keys in _keys_by_id(action, action.keys).items()
        for key in keys or (_NO_KEY + id,)
    ]


def keymap_ids(keymap: Keymap) -> dict[str, str]:
    """Return the keymap as Textual takes it: keys by the ids of bindings."""
    told = {
        id: keys for each in ACTIONS if each.id in keymap for id, keys in _keys_by_id(each, keymap[each.id]).items()
    }
    return {id: ",".join(keys) or _NO_KEY + id for id, keys in told.items()}


def _keys_by_id(action: Action, keys: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the keys by the id of their binding: in the inspector some count before the text sees them."""
    id = f"flowtui.{action.id}"
    if action.scope is not Scope.INSPECTOR:
        return {id: keys}
    first = tuple(key for key in keys if _OVER_TEXT.fullmatch(key))
    return {id: tuple(key for key in keys if key not in first), f"{id}{_FIRST}": first}


def footer_actions(screen: Scope = Scope.LOOPS, keymap: Keymap = _USUAL) -> list[Action]:
    """Return what the footer of a screen names, each with its first key, from left to right."""
    on_screen = [replace(each, shown=each.shown.split()[0]) for each in actions_on(screen, keymap) if each.shown]
    shown = [each for each in on_screen if each.footer and screen in (each.footer_on or (screen,))]
    if screen is Scope.INSPECTOR:
        # A letter would be typed.
        own = [each for each in shown if each.scope is screen]
        help = [replace(each, shown=_over_text(each), footer=len(own) + 1) for each in shown if each.id == "help"]
        shown = own + help
    else:
        shown += _screens(on_screen)
    return sorted(shown, key=lambda action: action.footer)


def _screens(actions: Sequence[Action]) -> list[Action]:
    """Return one entry for all screens, as there is no room for each, if their keys are still digits in a row."""
    keys = {each.id: each.shown for each in actions if each.group == SCREENS}
    first, last = keys.get("show_overview", ""), keys.get("show_workflows", "")
    if not (first.isdecimal() and last.isdecimal()):
        return []
    return [Action("screens", (), f"{first}–{last}", "screens", "", SCREENS, Scope.FRAME, footer=10)]


def _over_text(action: Action) -> str:
    return shown_key_name(next((key for key in action.keys if _OVER_TEXT.fullmatch(key)), action.keys[0]))


def by_group(screen: Scope = Scope.LOOPS, keymap: Keymap = _USUAL) -> dict[str, list[Action]]:
    """Return the actions of a screen under their headings, in the order of the help: its own first."""
    groups: dict[str, list[Action]] = {}
    own = (screen, Scope.LOG) if screen is Scope.LOGS else (screen,)
    for action in sorted(actions_on(screen, keymap), key=lambda action: action.scope not in own):
        groups.setdefault(action.group, []).append(action)
    return groups
