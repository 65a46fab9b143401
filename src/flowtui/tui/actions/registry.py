"""The registry: all actions, and what bindings, footers, help and palette need of them."""

from __future__ import annotations

import re
from dataclasses import replace

from textual.binding import Binding, BindingType

from flowtui.tui.actions.action import Action, Scope
from flowtui.tui.actions.app import APP_ACTIONS
from flowtui.tui.actions.frame import FRAME_ACTIONS
from flowtui.tui.actions.inspector import INSPECTOR_ACTIONS
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
#: Keys of the inspector that count while text is typed, before the text sees them.
_OVER_TEXT = re.compile(r"f\d+|ctrl\+(?!z$).+")


def actions_on(screen: Scope) -> list[Action]:
    """Return all actions that are to be had on a screen, which is named by the scope of its own actions."""
    scopes = {screen, Scope.APP} if screen is Scope.INSPECTOR else {screen, Scope.FRAME, Scope.PANE, Scope.APP}
    if screen not in (Scope.INSPECTOR, Scope.LOGS):
        scopes.add(Scope.TABLE)
    if screen in _WITH_LOG:
        scopes.add(Scope.LOG)
    return [action for action in ACTIONS if action.scope in scopes]


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


def footer_actions(screen: Scope = Scope.LOOPS) -> list[Action]:
    """Return what the footer of a screen names, from left to right."""
    shown = [each for each in actions_on(screen) if each.footer and screen in (each.footer_on or (screen,))]
    if screen is Scope.INSPECTOR:
        # The first key of each; a letter would be typed.
        own = [replace(each, shown=each.shown.split()[0]) for each in shown if each.scope is screen]
        help = [replace(each, shown="f1", footer=len(own) + 1) for each in shown if each.id == "help"]
        shown = own + help
    return sorted(shown, key=lambda action: action.footer)


def by_group(screen: Scope = Scope.LOOPS) -> dict[str, list[Action]]:
    """Return the actions of a screen under their headings, in the order of the help: its own first."""
    groups: dict[str, list[Action]] = {}
    own = (screen, Scope.LOG) if screen is Scope.LOGS else (screen,)
    for action in sorted(actions_on(screen), key=lambda action: action.scope not in own):
        groups.setdefault(action.group, []).append(action)
    return groups
