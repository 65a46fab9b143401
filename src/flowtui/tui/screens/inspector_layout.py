"""Which parts of the inspector are seen, and how big they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowtui.tui.screens.sizes import LEAST_HEIGHT, LEAST_WIDTH

if TYPE_CHECKING:
    from flowtui.tui.screens.inspector_view import InspectorView, Part

#: From this size on all parts are seen at once.
_ALL_WIDTH, _ALL_HEIGHT = 112, 26
#: Below this height runs and log take turns with the others too.
_TWO_HEIGHT = 18
_LINES_AROUND = 3  # header, node, footer


def arrange(screen: InspectorView) -> bool:
    """Show what fits: all parts, one above and one below, or one alone; return whether others are seen than before."""
    width, height = screen.size
    enough = width >= LEAST_WIDTH and height >= LEAST_HEIGHT
    screen.too_small.display = not enough
    for line in (screen.header, screen.node_bar, screen.footer, screen.body):
        line.display = enough
    if not enough:
        screen.too_small.show(f"terminal too small: {width}×{height}, needs {LEAST_WIDTH}×{LEAST_HEIGHT}")
        return False
    room = height - _LINES_AROUND
    upper: int | str = "1fr"
    widths: dict[Part, int] = {}
    if screen.maximised or height < _TWO_HEIGHT:
        shown = {screen.current}
    else:
        upper = max(12, room * 62 // 100)
        shown = {screen.upper, screen.lower}
        if width >= _ALL_WIDTH and height >= _ALL_HEIGHT:
            shown = {*screen.uppers, *screen.lowers}
            widths = {screen.config: max(34, width * 30 // 100), screen.runs: max(44, width * 38 // 100)}
    return _show_only(screen, shown, widths, upper)


def _show_only(screen: InspectorView, shown: set[Part], widths: dict[Part, int], upper: int | str) -> bool:
    before = {part for part in (*screen.uppers, *screen.lowers) if part.display}
    for row, parts in ((screen.upper_row, screen.uppers), (screen.lower_row, screen.lowers)):
        seen = [part for part in parts if part in shown]
        for part in parts:
            part.display = part in shown
            part.styles.width = widths.get(part, "1fr")
            part.taking_turns = tuple(each.heading.lower() for each in parts if each is not part and len(seen) == 1)
        row.display = bool(seen)
    screen.upper_row.styles.height = upper
    return shown != before
