"""A real terminal with a program in it: a pty, a child process and pyte as the eyes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

from warm_python import WarmPython

LEAVE_ALTERNATE_SCREEN, SHOW_CURSOR, MOUSE_OFF = b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l"
_PATIENCE_S = 20.0


class Terminal:
    """A program in a terminal of its own."""

    def __init__(
        self, command: Sequence[str], columns: int, lines: int, warm: WarmPython | None = None, **env: str
    ) -> None:
        """`warm` becomes the program, if no special environment is asked for; else Python starts anew."""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = bytearray()
        self.master, slave = pty.openpty()
        self.resize(columns, lines)
        popen = warm.start if warm is not None and not env else subprocess.Popen
        self.process = popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env},
        )
        os.close(slave)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the terminal; the kernel tells the child."""
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys: str | bytes) -> None:
        """Type."""
        os.write(self.master, keys if isinstance(keys, bytes) else keys.encode())

    def read(self, seconds: float) -> bytes:
        """Take what the app sends in this time, or until it is gone."""
        taken = bytearray()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                break
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            taken += data
            self._feed(data)
        self.sent += taken
        return bytes(taken)

    def _feed(self, data: bytes) -> None:
        # pyte takes the answer's request of the kitty keyboard for text.
        for noise in (b"\x1b[>25u", b"\x1b[<u"):
            data = data.replace(noise, b"")
        self._stream.feed(data)

    def wait_for(self, seen: Callable[[str], bool]) -> str:
        """Read until the screen's text satisfies; fail with the screen if it never does."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            if seen(self.text):
                return self.text
            if not self.read(0.05) and self.process.poll() is not None and not seen(self.text):
                break
        raise AssertionError(f"never seen (exit code {self.process.poll()}):\n{self.text}")

    @property
    def text(self) -> str:
        """What is on the screen."""
        # pyte's own `display` fails between two frames, where half of a wide character is overwritten.
        rows = (self.screen.buffer[y] for y in range(self.screen.lines))
        return "\n".join("".join(row[x].data for x in range(self.screen.columns)) for row in rows)

    def exit_code(self) -> int:
        """Read to the end and return the exit code."""
        until = time.monotonic() + _PATIENCE_S
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.05)
        self.read(0.05)
        return self.process.wait(0.1)

    def is_given_back(self) -> None:
        """Check that whoever has the terminal next finds it as it was."""
        for code in (LEAVE_ALTERNATE_SCREEN, SHOW_CURSOR, MOUSE_OFF):
            assert code in self.sent
        flags = termios.tcgetattr(self.master)[3]
        for flag in (termios.ECHO, termios.ICANON, termios.ISIG):
            assert flags & flag

    def hang_up(self) -> None:
        """Close the terminal, as a dropped connection does."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        """End the child if it is still there."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.master >= 0:
            os.close(self.master)


class TerminalChild(Terminal):
    """The app with a fake client in a terminal of its own."""

    def __init__(
        self,
        notes: Path,
        scenario: str,
        columns: int,
        lines: int,
        warm: WarmPython | None = None,
        prefer: Sequence[str] = (),
        **env: str,
    ) -> None:
        self.notes = notes
        child = Path(__file__).with_name("child_app.py")
        super().__init__([sys.executable, str(child), str(notes), scenario, *prefer], columns, lines, warm, **env)
