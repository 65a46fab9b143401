"""Shows how far something is that takes a while, and lets it be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Entry
from flowtui.tui.widgets.text_view import TextView

T = TypeVar("T")
#: What is done within this time is not worth a screen, in seconds.
_PATIENCE_S = 0.4
_LOOK_S = 0.25
_BAR_CELLS = 40


class Steps:
    """How many things are done so far; told from any thread."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def take(self, done: int) -> None:
        """Take note of how many are done."""
        self.done = done


class ProgressScreen(ModalScreen[None]):
    """A bar; esc cancels what it stands for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "cancel", "Cancel", show=False)]

    def __init__(self, title: str, steps: Steps, cancel: Callable[[], object]) -> None:
        super().__init__()
        self._title = title
        self._steps = steps
        self._cancel = cancel
        self._is_over = False
        self._view = TextView(title, id="box")
        self._view.hint = "esc cancels"

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._show()
        self.set_interval(_LOOK_S, self._show)

    def _show(self) -> None:
        done, total = self._steps.done, self._steps.total
        bar = f"{fmt.bar(done, max(1, total), _BAR_CELLS)} {fmt.share(done, total)}"
        self._view.show(self._title, (Entry("", f"{done:,} of {total:,}", Tone.STRONG), Entry("", bar, Tone.ACCENT)))

    def action_cancel(self) -> None:
        self._cancel()

    def end(self) -> None:
        """Go, as soon as nothing lies above."""
        self._is_over = True
        if self.is_active:
            self.dismiss(None)

    def on_screen_resume(self) -> None:
        if self._is_over:
            self.dismiss(None)


async def followed(app: App[Any], title: str, steps: Steps, asked: Future[T]) -> T:
    """Return the answer; if it takes a while, show how far it is.

    Raises:
        asyncio.CancelledError: if a person has cancelled it.
    """
    answer = asyncio.wrap_future(asked)
    done, _ = await asyncio.wait([answer], timeout=_PATIENCE_S)
    if not done:
        screen = ProgressScreen(title, steps, answer.cancel)
        await app.push_screen(screen)
        await asyncio.wait([answer])
        screen.end()
    return answer.result()
