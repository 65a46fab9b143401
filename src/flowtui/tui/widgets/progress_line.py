"""`ProgressLine`: how far a command for several loops has got."""

from __future__ import annotations

from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Piece, Tone, fit, safe, width_of, words
from flowtui.tui.progress import Step
from flowtui.tui.widgets.painted import Painted

_BAR_CELLS = 20
_LEAST_BAR = 6


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
        doing = words(f" {step.doing} ", Tone.STRONG)
        tail = words("  U lets them go on " if step.may_be_called_off else " ", Tone.ACCENT)
        said = safe(f" {step.said}")
        room = width - doing.width - tail.width - width_of(said)
        bar = min(_BAR_CELLS, room)
        line = [doing]
        if bar >= _LEAST_BAR:
            line.append(words(fmt.bar(step.done, step.total, bar), Tone.ACCENT))
        left = max(1, width - tail.width - sum(part.width for part in line))
        line.append(Piece(fit(said, left), Tone.TEXT, left))
        return [(*line, tail)]
