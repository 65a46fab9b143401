"""`SlotTabs`: the upstream nodes of a join on one line, of which one is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from flowtui.tui.cells import Line, Lit, Piece, Tone, lit, words
from flowtui.tui.widgets.painted import Painted


class SlotTabs(Painted, can_focus=True):
    """Names on a line; the arrow keys choose one, which stands in brackets."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up,h,k", "step(-1)", "Before", show=False),
        Binding("right,down,l,j,enter,space", "step(1)", "Next", show=False),
    ]

    class Chosen(Message):
        """The tab at `place` was chosen."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs: Sequence[str] = ()
        self._chosen = 0

    def show(self, tabs: Sequence[str], chosen: int) -> None:
        """Show these tabs."""
        self._tabs, self._chosen = tabs, chosen
        self.repaint()

    def action_step(self, by: int) -> None:
        if self._tabs:
            self.post_message(self.Chosen((self._chosen + by) % len(self._tabs)))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.focus()
        x = 0
        for place, each in enumerate(self._pieces()):
            x += each.width
            if event.x < x:
                self.post_message(self.Chosen(place))
                return

    def draw(self, width: int, height: int) -> list[Line]:
        pieces = self._pieces()
        first = 0
        # The chosen one is always seen.
        while first < self._chosen and sum(each.width for each in pieces[first : self._chosen + 1]) > width:
            first += 1
        return [tuple(pieces[first:])]

    def _pieces(self) -> list[Piece]:
        return [self._tab(place, each) for place, each in enumerate(self._tabs)]

    def _tab(self, place: int, text: str) -> Piece:
        if place != self._chosen:
            return words(f" {text} ", Tone.MUTED)
        (chosen,) = lit((words(f"[{text}]", Tone.STRONG),), Lit.YES if self.has_focus else Lit.NO)
        return chosen
