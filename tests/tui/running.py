"""Runs the app under Textual's pilot, for tests that need no real terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fake_client import FakeClient
from textual.pilot import Pilot
from textual.widgets import Input

from flowtui.model.preferences import USUAL, Preferences
from flowtui.tui.app import FlowtuiApp

_PATIENCE_S = 20.0
#: Until the next look for what takes its time in a thread or by a clock: to look costs CPU, which others need.
_LOOK_S = 0.01


class Running:
    """A running app, its client and what to do with them."""

    def __init__(self, app: FlowtuiApp, client: FakeClient, pilot: Pilot[None]) -> None:
        self.app = app
        self.client = client
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys, then let everything settle."""
        await self.pilot.press(*keys)  # returns when the app is idle
        async with asyncio.timeout(_PATIENCE_S):
            while not self.app.key_order.is_through:
                await self.pilot.pause()
        await self.settle()

    async def settle(self) -> None:
        """Let the app take a new snapshot and paint it."""
        self.app.poll()
        await self.pilot.pause()

    async def until(self, words: str) -> None:
        """Let everything settle until these words are on the screen."""
        await self.until_true(lambda: words in self.text)

    async def until_true(self, condition: Callable[[], object]) -> None:
        """Let everything settle until a condition holds."""
        rest = 0.0
        async with asyncio.timeout(_PATIENCE_S):
            while not condition():
                await asyncio.sleep(rest)
                await self.settle()
                rest = _LOOK_S

    async def resize(self, columns: int, lines: int) -> None:
        """Change the size of the terminal."""
        await self.pilot.resize_terminal(columns, lines)
        await self.settle()

    async def type(self, text: str) -> None:
        """Put text into the focused input, as a paste does."""
        assert isinstance(self.app.focused, Input)
        self.app.focused.insert_text_at_cursor(text)
        await self.settle()

    @property
    def text(self) -> str:
        """All lines on the screen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    @property
    def toasts(self) -> list[str]:
        """The notices that are shown."""
        return [toast.message for toast in self.app._notifications]

    def line_with(self, words: str) -> str:
        """The first line on the screen that contains these words."""
        found = [line for line in self.text.splitlines() if words in line]
        assert found, f"{words!r} is not on the screen:\n{self.text}"
        return found[0]


@asynccontextmanager
async def running(
    client: FakeClient | None = None, columns: int = 120, lines: int = 40, *, preferences: Preferences = USUAL
) -> AsyncIterator[Running]:
    """Run the app with this client."""
    client = client or FakeClient()
    app = FlowtuiApp(client, preferences=preferences)  # type: ignore[arg-type]
    async with app.run_test(size=(columns, lines), notifications=True) as pilot:
        it = Running(app, client, pilot)
        while not client.started.is_set():
            await pilot.pause()
        await it.settle()
        yield it
