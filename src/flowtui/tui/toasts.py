"""Notices: each is said once, and never stands over what a person has just chosen or is asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets._toast import ToastRack

from flowtui.tui.cells import safe
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.sizes import ROOMY_HEIGHT
from flowtui.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from textual.app import App

_ABOVE, _ASIDE, _TIGHT = "-above", "-aside", "-tight"
#: So many lines a notice has until it was laid out.
_USUAL_LINES = 5


class Toasts:
    """The notices of an app."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._said, self._said_at, self._said_until = "", 0.0, 0.0
        self._screen: Screen[Any] | None = None
        self._screen_since = 0.0

    def say(self, text: str, severity: Any, timeout: float | None) -> None:
        """Show a notice, unless the same one is still there; the text is never markup."""
        now = time.monotonic()
        if text == self._said and now < self._said_until:
            return
        self.keep_clear()
        self._said, self._said_at = text, time.monotonic()
        self._said_until = now + (self._app.NOTIFICATION_TIMEOUT if timeout is None else timeout)
        self.keep_clear()
        self._app.notify(safe(text), severity=severity, timeout=timeout, markup=False)

    def keep_clear(self) -> None:
        """Have the notices stand in the half of the screen in which the cursor is not, or beside what is asked.

        If there is no room beside a question, what was said before it steps aside until it is answered.
        """
        screen = self._app.screen
        if screen is not self._screen:
            self._screen, self._screen_since = screen, time.monotonic()
        rack = next(iter(screen.query(ToastRack)), None)
        if rack is None:
            return
        rack.set_class(screen.size.height < ROOMY_HEIGHT, _TIGHT)
        if isinstance(screen, ModalScreen):
            above, below = _rows_beside(screen)
            rack.set_class(above > below, _ABOVE)
            has_room = max(above, below) >= (rack.size.height or _USUAL_LINES)
            rack.set_class(not has_room and self._said_at < self._screen_since, _ASIDE)
            return
        row = _cursor_row(screen.focused, screen.size.width // 2)
        # In the inspector one reads below why a run failed.
        is_above = isinstance(screen, InspectorScreen) if row is None else row >= screen.size.height / 2
        rack.set_class(is_above, _ABOVE)


def _rows_beside(screen: Screen[Any]) -> tuple[int, int]:
    """Return how many lines are free above what a screen asks or tells, and how many below."""
    regions = [child.region for child in screen.children if not child.has_class("-textual-system") and child.region]
    top = min((region.y for region in regions), default=screen.size.height)
    return top, screen.size.height - max((region.bottom for region in regions), default=0)


def _cursor_row(focused: Widget | None, left_of: int) -> int | None:
    """Return the line of the screen on which the cursor is; None if no notice reaches as far left as that."""
    if focused is None or focused.region.right <= left_of:
        return None
    if isinstance(focused, Pane):
        return focused.region.y + focused.cursor_line
    caret = focused.app.cursor_position  # of who types
    return caret.y if caret.x >= left_of else None
