"""Writing to a terminal that may be slow, frozen or gone; catching what others write over it."""

from __future__ import annotations

import os
import selectors
import threading
from collections import deque
from collections.abc import Callable, Mapping

#: A terminal that is this far behind gets no more frames; it is drawn anew once it has caught up.
_MOST_PENDING = 128 * 1024
_LONGEST_LINE = 64 * 1024


class TerminalOutput:
    """A file for Textual to write to, which never blocks and never fails.

    Frames for a terminal that does not keep up are dropped as a whole, so that a frozen connection stops neither the
    screen's event loop nor the signals that arrive there. Safe from any thread.

    Attributes:
        count: bytes that the terminal has taken.
        lost: whether it is gone.
    """

    def __init__(self, fd: int, forms: Mapping[int, str] | None = None) -> None:
        """`forms` says what is written for a character, as `str.translate` takes it."""
        self._fd = fd
        self._forms = forms
        self.count = 0
        self._texts: deque[str] = deque()
        self._pending = 0
        self._changed = threading.Condition()
        self._dropped = False
        self._keep_all = True
        self._ended = False
        self.lost = False
        self._thread = threading.Thread(target=self._run, name="flowtui-terminal", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Take a frame or a control sequence, to be written soon."""
        if self._forms is not None and not text.isascii():
            text = text.translate(self._forms)
        with self._changed:
            if self.lost or (self._pending > _MOST_PENDING and not self._keep_all):
                self._dropped = True
            else:
                self._texts.append(text)
                self._pending += len(text)
                self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Do nothing: what was taken is written at once."""

    def fileno(self) -> int:
        """Return the terminal's file descriptor."""
        return self._fd

    def isatty(self) -> bool:
        """Return True, as a terminal does."""
        return True

    def keep_all(self, keep: bool) -> None:
        """Drop nothing from now on: the sequences that give the terminal back must not get lost."""
        with self._changed:
            self._keep_all = keep

    def has_caught_up(self) -> bool:
        """Return True once after frames were dropped and the terminal takes more again."""
        with self._changed:
            if self._dropped and not self._pending and not self.lost:
                self._dropped = False
                return True
            return False

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken all yet."""
        return self._pending > 0

    def drain(self, timeout: float) -> bool:
        """Wait until all is written, at most `timeout` seconds; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0 or self.lost, timeout)

    def end(self) -> None:
        """End the writing thread; a thread that a frozen terminal holds is left to the end of the process."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(0.2)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._texts) or self._ended)
                if not self._texts:
                    return
                text = "".join(self._texts)
                self._texts.clear()
            try:
                self._write_all(text.encode("utf-8", "replace"))
            except OSError:
                self.lost = True
            with self._changed:
                self._pending -= len(text)
                self._changed.notify_all()
            if self.lost:
                return

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            taken = os.write(self._fd, view)
            self.count += taken
            view = view[taken:]


class OutputCapture:
    """Leads file descriptors 1 and 2 into a pipe, line by line to `report`, until `restore`."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._saved = (os.dup(1), os.dup(2))
        self._read_end, write_end = os.pipe()
        self._stop_read, self._stop_write = os.pipe()
        os.dup2(write_end, 1)
        os.dup2(write_end, 2)
        os.close(write_end)
        self._thread = threading.Thread(target=self._run, name="flowtui-output", daemon=True)
        self._thread.start()

    def restore(self) -> None:
        """Put the two descriptors back, report what is left in the pipe, end the thread."""
        for fd, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, fd)
            os.close(saved)
        # A child may hold the pipe open for ever, so its end cannot be waited for.
        os.write(self._stop_write, b".")
        self._thread.join(2.0)
        for fd in (self._stop_read, self._stop_write):
            os.close(fd)
        if not self._thread.is_alive():
            os.close(self._read_end)

    def _run(self) -> None:
        os.set_blocking(self._read_end, False)
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._read_end, selectors.EVENT_READ)
            selector.register(self._stop_read, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                chunk = self._read()
                rest = self._say_lines(rest + chunk)
                if not chunk and self._stop_read in ready:
                    break
        if rest:
            self._report(_text(rest))

    def _read(self) -> bytes:
        try:
            return os.read(self._read_end, 65536)
        except BlockingIOError:
            return b""

    def _say_lines(self, data: bytes) -> bytes:
        """Report whole lines, return what is left."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._report(_text(line))
        if len(rest) > _LONGEST_LINE:
            self._report(_text(rest))
            return b""
        return rest


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "replace")
