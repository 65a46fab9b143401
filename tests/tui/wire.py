"""The app on a terminal that keeps what it is sent, and pyte to look at it."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

import pyte
from fake_client import FakeClient
from rich.cells import cell_len
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key
from textual.pilot import Pilot

from flowtui.model.preferences import USUAL, Preferences
from flowtui.tui.app import FlowtuiApp

Body = Callable[["Wire", Pilot[None]], Awaitable[None]]


class RecordingDriver(HeadlessDriver):
    """A terminal that keeps what it is sent."""

    sent: bytearray

    is_headless = False  # type: ignore[assignment]

    def write(self, data: str) -> None:
        type(self).sent += data.encode()


class Wire:
    """The app on such a terminal."""

    def __init__(self, app: FlowtuiApp, client: FakeClient, sent: bytearray, size: tuple[int, int]) -> None:
        self.app, self.client, self._sent = app, client, sent
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)

    def take(self) -> bytes:
        """Return what was sent since the last time, and show it to pyte."""
        data = bytes(self._sent)
        self._sent.clear()
        self._stream.feed(data)
        return data

    async def painted(self) -> None:
        """Wait until everything that is to be painted is."""
        done = asyncio.Event()
        self.app.call_after_refresh(done.set)
        await done.wait()

    async def settle(self) -> None:
        """Take a new snapshot and paint it."""
        for _ in range(3):
            self.app.poll()
            await self.painted()

    async def press(self, key: str) -> None:
        """Press a key as a terminal does, and wait until what it does is painted."""
        self.app.post_message(Key(key, key if len(key) == 1 else None))
        await asyncio.sleep(0)
        while not self.app.key_order.is_through:
            await asyncio.sleep(0)
        await self.painted()

    def is_what_the_app_means(self) -> None:
        """Compare the terminal's picture with the app's."""
        meant = [strip.text for strip in self.app.screen._compositor.render_strips()]
        # pyte shows nothing for the right half of a wide character, as the app does; it composes combining ones.
        composed = [unicodedata.normalize("NFC", line) for line in meant]
        assert [line.rstrip() for line in self.screen.display] == [line.rstrip() for line in composed]

    def is_as_coloured_as_the_app_means(self) -> None:
        """Compare the colours and weights of the terminal's picture with the app's."""
        for y, strip in enumerate(self.app.screen._compositor.render_strips()):
            x = 0
            for text, style, _ in strip:
                for char in text:
                    cell = self.screen.buffer[y][x]
                    if char != " " and style is not None:
                        assert (cell.fg, cell.bold) == (_hex(style.color), bool(style.bold)), (x, y, char)
                    if style is not None:
                        assert cell.bg == _hex(style.bgcolor), (x, y, char)
                    x += cell_len(char)


def _hex(colour: Any) -> str:
    return "default" if colour is None or colour.is_default else "".join(f"{part:02x}" for part in colour.triplet)


def run_on_the_wire(
    client: FakeClient, body: Body, size: tuple[int, int] = (120, 40), preferences: Preferences = USUAL
) -> None:
    """Run the app with this client until `body` returns; it begins when all is painted."""
    app = FlowtuiApp(client, preferences=preferences)  # type: ignore[arg-type]
    sent = bytearray()
    app.driver_class = type("OneRecordingDriver", (RecordingDriver,), {"sent": sent})
    done: list[bool] = []

    async def drive(pilot: Pilot[Any]) -> None:
        wire = Wire(app, client, sent, size)
        while not client.started.is_set():
            await pilot.pause()
        await wire.settle()
        await wire.settle()
        wire.take()
        await body(wire, pilot)
        done.append(True)
        app.exit()

    app.run(size=size, auto_pilot=drive)
    assert done
