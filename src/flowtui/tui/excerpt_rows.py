"""Lines of a file with their numbers, and a caret where something is wrong."""

from __future__ import annotations

from flowtui.model.excerpts import Excerpt
from flowtui.tui.cells import Tone, safe, width_of


def excerpt_rows(place: Excerpt, width: int) -> list[tuple[str, Tone]]:
    """Return the lines of an excerpt with their numbers, and a caret below the column; of a long line what is meant."""
    digits = len(str(place.lines[-1][0]))
    room = max(8, width - digits - 3)
    rows: list[tuple[str, Tone]] = []
    for number, text in place.lines:
        at_fault = number == place.line
        before = safe(text[: max(0, place.column - 1)])
        shown = safe(text)
        caret = width_of(before)
        if at_fault and caret > room - 4:
            # Cut from the left, so that what is meant can be seen.
            cut = max(0, len(before) - room // 2)
            shown = "…" + shown[cut:]
            caret = width_of(before[cut:]) + 1
        rows.append((f"{number:>{digits}} │ {shown}", Tone.TEXT if at_fault else Tone.MUTED))
        if at_fault and place.column:
            rows.append((f"{' ' * digits} │ {' ' * caret}^", Tone.BAD))
    return rows
