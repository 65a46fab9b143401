"""What a process writes to its file descriptors 1 and 2, as lines, of which only so many a second count."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

_MOST_A_SECOND = 2_000
_LONGEST_LINE = 64 * 1024
#: What is left over at the end, in bytes; somebody else may still write, and faster than it can be read.
_MOST_AT_THE_END = 1024 * 1024


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
        data = self._data()
        if data is None:
            return True
        self._split(data, is_end=not data)
        return bool(data)

    def close(self) -> None:
        """Take what is left; what still holds the other end open is not waited for."""
        left = _MOST_AT_THE_END
        while left > 0 and (data := self._data()):
            self._split(data)
            left -= len(data)
        self._split(b"", is_end=True)
        self._own_up()
        os.close(self._descriptor)

    def _data(self) -> bytes | None:
        try:
            return os.read(self._descriptor, 65536)
        except BlockingIOError:
            return None

    def _split(self, data: bytes, *, is_end: bool = False) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        if rest and (is_end or len(rest) > _LONGEST_LINE):
            lines.append(rest)
            rest = b""
        self._rest = rest
        for line in lines:
            self._take(line)

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
