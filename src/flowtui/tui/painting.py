"""Sends to the terminal the cells that changed, and no others of their line."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.screen import ModalScreen, Screen

Result = TypeVar("Result")


class _SpansUpdate(ChopsUpdate):
    """Textual's own update begins every span at the left edge of its widget: here it begins where the change does."""

    def render_segments(self, console: Any) -> str:
        sequences: list[str] = []
        for y, first, end in self.spans:
            for chop_end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= end or chop_end <= first:
                    continue
                start = max(x, first)
                sequences.append(Control.move_to(start, y).segment.text)
                sequences.append(strip.crop(start - x, min(chop_end, end) - x).render(console))
        return "".join(sequences)


class _SpansCompositor(Compositor):
    def render_partial_update(self) -> ChopsUpdate | None:
        update = super().render_partial_update()
        return update and _SpansUpdate(update.chops, update.spans, update.chop_ends)


class PlainScreen(Screen[None]):
    """A screen that fills the terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = _SpansCompositor()


class BoxScreen(ModalScreen[Result], Generic[Result]):
    """A box over another screen."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = _SpansCompositor()
