"""Runs the app with a fake client in a terminal; a child process of the tests.

Arguments: a folder for notes, the scenario, the preferences that are switched on, such as `ascii`, or off: `-mouse`.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import itertools
import json
import os
import sys
import termios
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crowds import at_rest, fifty_loops
from fake_client import FakeClient, a_busy_afternoon, chatter, moving

from flowtui.model.preferences import Preferences
from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.app import run_app
from flowtui.tui.cells import Line
from flowtui.tui.widgets.panes import LoopsPane


class NotingClient(FakeClient):
    """Writes down in files what a test in another process cannot see."""

    def __init__(self, notes: Path, snapshot: EngineSnapshot) -> None:
        super().__init__(snapshot)
        self.notes = notes
        self.breaks = False
        self.asked = itertools.count()

    def report_output(self, text: str) -> None:
        with (self.notes / "output").open("a") as file:
            file.write(text + "\n")

    def close(self) -> None:
        (self.notes / "closing").touch()
        super().close()
        (self.notes / "closed").touch()

    def snapshot(self) -> EngineSnapshot:
        if self.breaks and next(self.asked) > 3:
            raise RuntimeError("the snapshot broke on purpose")
        return super().snapshot()


class TickingClient(NotingClient):
    """Shows one snapshot after the other, one each time it is asked, as soon as there is a file `go`.

    At the end there is a file `cpu`: how many seconds of a core the screen's thread took in all.
    """

    def __init__(self, notes: Path, ticks: Sequence[EngineSnapshot]) -> None:
        super().__init__(notes, ticks[0])
        self._ticks = ticks
        self._tick = 0
        self._began = 0.0

    def snapshot(self) -> EngineSnapshot:
        if self._tick + 1 < len(self._ticks) and (self._tick or (self.notes / "go").exists()):
            if not self._tick:
                self._began = time.thread_time()
            self._tick += 1
            if self._tick + 1 == len(self._ticks):
                (self.notes / "cpu").write_text(str(time.thread_time() - self._began))
        self.shown = self._ticks[self._tick]
        return super().snapshot()


def ticking(notes: Path, scenario: str, number: int) -> TickingClient:
    """Return a client for `fifty-ticks` or `rest-ticks`; behind the last tick the header says `loading …`."""
    make = fifty_loops if scenario == "fifty-ticks" else at_rest
    ticks = [make(tick) for tick in range(number + 1)]
    client = TickingClient(notes, [*ticks, replace(ticks[-1], loading=True)])
    gc.collect()
    gc.freeze()  # what is shown is made beforehand: it must not weigh on the screen's thread
    return client


def keep_changing(client: FakeClient, how: str) -> None:
    tick = 0
    while True:
        tick += 1
        if how == "fifty":
            client.shown = fifty_loops(tick)
        elif how == "chatty":
            chatter(client, 250)
        else:
            moving(client, tick)
        time.sleep(0.25)


def break_when_zoomed() -> None:
    """Have the drawing of a pane raise as soon as it has more room."""
    usual = LoopsPane.draw

    def draw(pane: LoopsPane, width: int, height: int) -> list[Line]:
        if width == 120:
            raise RuntimeError("the drawing broke on purpose")
        return usual(pane, width, height)

    LoopsPane.draw = draw  # type: ignore[method-assign]


def main() -> int:
    with contextlib.suppress(OSError):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that a hang-up arrives as in a login
    notes, scenario = Path(sys.argv[1]), sys.argv[2]
    preferences = Preferences(**{name.lstrip("-"): name[0] != "-" for name in sys.argv[3:]})
    client = NotingClient(notes, fifty_loops(0) if scenario == "fifty" else a_busy_afternoon())
    if (wanted := notes / "ticks").exists():
        asked = json.loads(wanted.read_text())
        preferences, client = Preferences(**asked["preferences"]), ticking(notes, scenario, asked["number"])
    chatter(client, 300)
    if scenario in ("fifty", "moving", "chatty"):
        threading.Thread(target=keep_changing, args=(client, scenario), daemon=True).start()
    elif scenario == "crash":
        client.breaks = True
    elif scenario == "crash-drawing":
        break_when_zoomed()
    elif scenario == "loose":
        client.start = lambda: os.write(1, b"loose output\nand half a line") and None  # type: ignore[assignment,method-assign]
    elif scenario == "stuck":
        client.may_close.clear()
    try:
        return run_app(client, preferences)
    finally:
        if scenario != "fifty":  # there the test's terminal takes nothing any more
            with contextlib.suppress(OSError):  # the terminal may be gone
                os.write(1, b"back on the terminal\r\n")


if __name__ == "__main__":
    sys.exit(main())
