"""What a process writes to its file descriptors 1 and 2, as lines, of which only so many a second count."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

_MOST_A_SECOND = 2_000
_LONGEST_LINE = 64 * 1024


class OutputLines:
    """Reads a pipe and says every line; a flood is cut, and how much of it was cut is said too."""

    def __init__(self, descriptor: int, say: Callable[[str], None]) -> None:
        """Own `descriptor`, the reading end of a pipe."""
        self._descriptor = descriptor
        self._say = say
        self._rest = b""
        self._second = 0
        self._said = 0
        self._dropped = 0
        self.last = ""  # the last line that was not empty
        os.set_blocking(descriptor, False)

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> bool:
        """Take what is there now; return False if nothing will come any more."""
        try:
            data = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return True
        *lines, rest = (self._rest + data).split(b"\n")
        if rest and (not data or len(rest) > _LONGEST_LINE):
            lines.append(rest)
            rest = b""
        self._rest = rest
        for line in lines:
            self._take(line)
        return bool(data)

    def close(self) -> None:
        """Take what is left; grandchildren that still hold the other end are not waited for."""
        while (before := (self._rest, self._said, self._dropped)) is not None:
            if not self.read() or before == (self._rest, self._said, self._dropped):
                break
        if self._rest:
            self._take(self._rest)
        self._own_up()
        os.close(self._descriptor)

    def _take(self, line: bytes) -> None:
        second = int(time.monotonic())
        if second != self._second:
            self._own_up()
            self._second, self._said = second, 0
        if self._said >= _MOST_A_SECOND:
            self._dropped += 1
            return
        self._said += 1
        text = line.rstrip(b"\r").decode("utf-8", "replace")
        self.last = text if text.strip() else self.last
        self._say(text)

    def _own_up(self) -> None:
        if self._dropped:
            self._say(f"… {self._dropped} more lines were written than can be shown")
            self._dropped = 0
