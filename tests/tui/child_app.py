"""Runs the app with a fake client in a terminal; a child process of the tests. First argument: a folder for notes."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import sys
import termios
import threading
import time
from pathlib import Path

from fake_client import NOW, FakeClient, a_busy_afternoon, a_loop, a_snapshot, chatter, moving

from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.app import run_app


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


def many_loops(tick: int) -> EngineSnapshot:
    """Fifty loops of which every figure changes."""
    loops = [
        a_loop(
            f"flow{n % 9}.loop-{n:02}",
            rate=20 + (tick * 7 + n) % 60 + 0.5,
            p95_ms=1 + ((tick * 3 + n) % 80) / 10,
            errors=tick + n,
            iterations=tick * 41 + n,
            history=tuple(float((tick + n + i) % 9) for i in range(12)),
        )
        for n in range(50)
    ]
    return a_snapshot(*loops, taken_at=NOW + tick / 4, uptime_s=8040 + tick / 4)


def keep_changing(client: FakeClient, how: str) -> None:
    tick = 0
    while True:
        tick += 1
        if how == "fifty":
            client.shown = many_loops(tick)
        elif how == "chatty":
            chatter(client, 250)
        else:
            moving(client, tick)
        time.sleep(0.25)


def main() -> int:
    with contextlib.suppress(OSError):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that a hang-up arrives as in a login
    notes, scenario = Path(sys.argv[1]), sys.argv[2]
    client = NotingClient(notes, many_loops(0) if scenario == "fifty" else a_busy_afternoon())
    chatter(client, 300)
    if scenario in ("fifty", "moving", "chatty"):
        threading.Thread(target=keep_changing, args=(client, scenario), daemon=True).start()
    elif scenario == "crash":
        client.breaks = True
    elif scenario == "loose":
        client.start = lambda: os.write(1, b"loose output\nand half a line") and None  # type: ignore[assignment,method-assign]
    elif scenario == "stuck":
        client.may_close.clear()
    try:
        return run_app(client)
    finally:
        if scenario != "fifty":  # there the test's terminal takes nothing any more
            with contextlib.suppress(OSError):  # the terminal may be gone
                os.write(1, b"back on the terminal\r\n")


if __name__ == "__main__":
    sys.exit(main())
