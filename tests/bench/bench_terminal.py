"""What the app costs a terminal: time to the first paint and to the first finished iteration, and bytes a second.

Run it with `python tests/bench/bench_terminal.py [ROUNDS] [SECONDS]`. The peer of the first paint is a bare Textual app
with one line of text, in the same run; bytes are counted on the samples at 120x40.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_FLOWTUI = str(Path(sys.executable).with_name("flowtui"))
_SAMPLES = Path(__file__).parents[2] / "workflows"
_BARE = """
from textual.app import App
from textual.widgets import Label

class Bare(App):
    def compose(self):
        yield Label("Loops")

Bare().run()
"""
_WORKFLOW = """
nodes:
  start: {{type: interval, config: {{every: 100ms}}}}
  end: {{type: file-append, needs: start, config: {{path: "{path}"}}}}
"""
_PATIENCE_S = 30.0


class TerminalApp:
    """A command in a pseudo terminal of 120 columns and 40 lines."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm-256color", **env}
        )
        os.close(slave)
        self.count = 0
        self._text = b""

    def read(self, seconds: float) -> None:
        """Take what comes within `seconds`, or until something came."""
        if select.select([self._master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                data = os.read(self._master, 1 << 16)
                self.count += len(data)
                self._text = (self._text + data)[-200_000:]

    def until(self, condition: Callable[[], bool]) -> float:
        """Read until `condition` holds; return the seconds since the start."""
        while not condition():
            self.read(0.002)
            if time.perf_counter() - self.began > _PATIENCE_S:
                raise TimeoutError("the app did not get there")
        return time.perf_counter() - self.began

    def shows(self, text: bytes) -> bool:
        return text in self._text

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        deadline = time.perf_counter() + _PATIENCE_S
        while self._process.poll() is None and time.perf_counter() < deadline:
            self.read(0.05)
        self._process.kill()
        os.close(self._master)


@contextlib.contextmanager
def running(command: list[str], **env: str) -> Iterator[TerminalApp]:
    """Run a command in a terminal and end it."""
    app = TerminalApp(command, env)
    try:
        yield app
    finally:
        app.end()


def first_times() -> tuple[float, float, float]:
    """Return the seconds to a bare Textual app's paint, to flowtui's paint and to its first finished iteration."""
    with running([sys.executable, "-c", _BARE]) as app:
        bare = app.until(lambda: app.shows(b"Loops"))
    with tempfile.TemporaryDirectory() as name:
        folder, result = Path(name, "flows"), Path(name, "result")
        folder.mkdir()
        (folder / "first.yaml").write_text(_WORKFLOW.format(path=result))
        with running([_FLOWTUI, str(folder), "--state-dir", f"{name}/state"]) as app:
            paint = app.until(lambda: app.shows(b"Loops"))
            iteration = app.until(lambda: result.exists() and result.stat().st_size > 0)
    return bare, paint, iteration


def bytes_per_second(seconds: float) -> float:
    """Return what the samples send, after they have come to rest."""
    with tempfile.TemporaryDirectory() as name:
        command = [_FLOWTUI, str(_SAMPLES), "--state-dir", f"{name}/state"]
        with running(command, FLOWTUI_SAMPLES=f"{name}/samples") as app:
            while time.perf_counter() - app.began < 5.0:
                app.read(0.1)
            before, began = app.count, time.perf_counter()
            while time.perf_counter() - began < seconds:
                app.read(0.1)
            return (app.count - before) / (time.perf_counter() - began)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0
    times = [first_times() for _ in range(rounds)]
    for bare, paint, iteration in times:
        print(f"bare Textual {bare:5.2f} s  first paint {paint:5.2f} s  first iteration {iteration:5.2f} s")
    bare, paint, iteration = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"median: paint {paint:.2f} s = {paint / bare:.1f}x bare Textual; first iteration {iteration:.2f} s")
    print(f"samples at 120x40: {bytes_per_second(seconds):,.0f} bytes/s over {seconds:.0f} s")


if __name__ == "__main__":
    main()
