"""Where notices stand: never over what a person has just chosen."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.widget import Widget
from textual.widgets._toast import ToastRack

from flowtui.tui.widgets.pane import Pane

_ABOVE = "-above"


def keep_clear(screen: Screen[Any], *, above: bool = False) -> None:
    """Have the notices of a screen stand in the half in which the cursor is not.

    Where they stand while neither half holds it, or it is to their left, `above` says.
    """
    rack = next(iter(screen.query(ToastRack)), None)
    if rack is None:
        return
    half = screen.size.height / 2
    row = _cursor_row(screen.focused, screen.size.width // 2)
    rack.set_class(above if row is None else row >= half, _ABOVE)


def _cursor_row(focused: Widget | None, left_of: int) -> int | None:
    """Return the line of the screen on which the cursor is; None if no notice reaches as far left as that."""
    if focused is None or focused.region.right <= left_of:
        return None
    if isinstance(focused, Pane):
        return focused.region.y + focused.cursor_line
    caret = focused.app.cursor_position  # of who types
    return caret.y if caret.x >= left_of else None
