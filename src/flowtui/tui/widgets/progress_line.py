"""`ProgressLine`: how far a command for several loops has got."""

from __future__ import annotations

from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Piece, Tone, fit, safe, width_of, width_of_line, words
from flowtui.tui.progress import Step
from flowtui.tui.widgets.painted import Painted

_BAR_CELLS = 20
_LEAST_BAR = 6
_LONG, _SHORT = "lets them go on", "calls off"
#: Whether it says what is done, whether what is waited for, and what the key does: what goes first has room for all.
_SHAPES = (
    (True, True, _LONG),
    (True, True, _SHORT),
    (True, False, _LONG),
    (True, False, _SHORT),
    (False, False, _SHORT),
)


class ProgressLine(Painted):
    """A bar, what is waited for, and the key that calls it off; not there while nothing is under way."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.display = False
        self._step: Step | None = None

    def show(self, step: Step | None) -> None:
        """Show how far it is; None for nothing under way."""
        self._step = step
        if self.display != (step is not None):
            self.display = step is not None
        self.repaint()

    def draw(self, width: int, height: int) -> list[Line]:
        step = self._step
        if step is None:
            return []
        for doing, waits_for, key in _SHAPES:
            head = words(f" {step.doing} " if doing else " ", Tone.STRONG)
            tail = words(f"  U {key} " if step.may_be_called_off else " ", Tone.ACCENT)
            said = safe(step.said + step.waits_for if waits_for else step.said)
            room = width - head.width - tail.width - width_of(said)
            if room >= 0:
                break
        line = [head]
        if room > _LEAST_BAR:
            line += [words(fmt.bar(step.done, step.total, min(_BAR_CELLS, room - 1)), Tone.ACCENT), words(" ")]
        left = max(1, width - tail.width - width_of_line(line))
        return [(*line, Piece(fit(said, left), Tone.TEXT, left), tail)]
