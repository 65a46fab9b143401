"""Which panes of the overview are seen, and how big they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.screens.sizes import ROOMY_HEIGHT
from flowtui.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from flowtui.tui.screens.overview import OverviewScreen

#: From this size on all panes are seen at once.
_ALL_WIDTH, _ALL_HEIGHT = 112, ROOMY_HEIGHT
#: Below this height the log takes turns with the others too.
_TWO_HEIGHT = 18
_FRAME_AND_HEADS = 3


def arrange(screen: OverviewScreen, snapshot: EngineSnapshot | None) -> None:
    """Show what fits: all panes, the chosen one above the log, or one alone."""
    width, height = screen.size
    room = height - 2 - screen.alert.display
    if screen.zoomed:
        _show_only(screen, {screen.current})
        _fill(screen)
    elif width >= _ALL_WIDTH and height >= _ALL_HEIGHT:
        _show_only(screen, set(screen.panes))
        _all_panes(screen, snapshot, width, room)
    elif height >= _TWO_HEIGHT:
        _show_only(screen, {screen.upper, screen.log_view})
        _two_panes(screen, snapshot, room)
    else:
        _show_only(screen, {screen.current})
        _fill(screen)


def _show_only(screen: OverviewScreen, shown: set[Pane]) -> None:
    for pane in screen.panes:
        pane.display = pane in shown
        others = tuple(other.heading.lower() for other in screen.panes if other not in shown)
        pane.taking_turns = others if pane is not screen.log_view and len(shown) == 2 else ()
    screen.upper_row.display = screen.loops.display or screen.nodes.display
    screen.lower_row.display = screen.queues.display or screen.trouble.display


def _fill(screen: OverviewScreen) -> None:
    _set_heights(screen, "1fr", "1fr")
    for pane in screen.panes:
        pane.styles.width = "1fr"


def _two_panes(screen: OverviewScreen, snapshot: EngineSnapshot | None, room: int) -> None:
    _fill(screen)
    # The same height for every pane that takes its turn: the log must not jump.
    rows = len(snapshot.loops) if snapshot else 0
    height = max(8, min(rows + _FRAME_AND_HEADS, room * 55 // 100))
    _set_heights(screen, height, height)


def _all_panes(screen: OverviewScreen, snapshot: EngineSnapshot | None, width: int, room: int) -> None:
    left = max(85, min(86, width - 34), width * 62 // 100)
    for pane in screen.panes:
        pane.styles.width = left if pane in (screen.loops, screen.queues) else "1fr"
    loops = snapshot.loops if snapshot else ()
    rows = max([len(loops), *(len(loop.nodes) + 1 for loop in loops)], default=0)
    upper = max(8, min(rows + _FRAME_AND_HEADS, room * 45 // 100))
    lower = max(6, min(len(snapshot.queues) + _FRAME_AND_HEADS if snapshot else 0, room * 25 // 100))
    _set_heights(screen, upper, lower)


def _set_heights(screen: OverviewScreen, upper: int | str, lower: int | str) -> None:
    screen.upper_row.styles.height = upper
    screen.lower_row.styles.height = lower
