"""Following one growing file: its new lines, through rename, truncation and restarts."""

from __future__ import annotations

import os
import re
import stat
import time
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from flowtui.nodes.file_names import shown

#: The beginning of a file tells it from another that has got its inode, so many bytes of it.
_HEAD = 256
#: What rotation adds to a name: a number or a date.
_ROTATED = r"[.-]\d[\dT_.:-]*"
#: How much is read at a time at least, in bytes.
_CHUNK = 256 * 1024
#: How long a name must be gone until its file is given up, in seconds; a rotation takes less.
_GONE_S = 10.0
#: A record of several lines is complete when its file has not grown for so long, in seconds.
_QUIET_S = 1.0


class Place(NamedTuple):
    """Up to where a file has been read; `mark` is a checksum of its first `marked` bytes."""

    inode: int
    offset: int
    marked: int
    mark: int


class Line(NamedTuple):
    """A line, or a record of several, without its end.

    Attributes:
        offset: where it begins.
        place: up to where the file has been read with it.
        is_cut: whether the line goes on in the next one.
    """

    text: str
    offset: int
    place: Place
    is_cut: bool


class Tail:
    """A name that is followed, and the file behind it.

    Attributes:
        path: the name; `shown` is the same for people.
        gone: that something was lost, in words; empty if nothing was.
    """

    def __init__(self, path: str, limit: int, begins: re.Pattern[str] | None, place: Place | None = None) -> None:
        """`limit` is the longest line in bytes; `begins` matches the first line of a record of several.

        Without a `place` the file that is there now is read from its beginning.
        """
        self.path = path
        self.shown = shown(path)
        self.gone = ""
        self._limit = limit
        self._begins = begins
        self._place = place
        self._file = -1
        self._inode = 0
        self._head = b""
        self._missing_since: float | None = None
        self._size, self._quiet_since = -1, 0.0

    def skip(self) -> Place:
        """Go to the end of the file; return where that is.

        Raises:
            OSError: if it cannot be read.
        """
        self._switch()
        size = os.fstat(self._file).st_size
        self._place = self._at(size)
        return self._place

    def read(self) -> list[Line]:
        """Return the next lines, at most a chunk of them; none if there is nothing new.

        Raises:
            FileNotFoundError: if the name has been gone for a while, and all of the file was read.
            OSError: if the file cannot be read.
        """
        if self._file < 0 and not self._open():
            return []
        status = self._status()
        is_old = status is None or status.st_ino != self._inode
        if not is_old:
            self._heed_truncation()
        # Whoever writes goes on with the old file until it opens the new one, which is empty until then.
        is_over = is_old and status is not None and status.st_size > 0
        lines = self._lines(is_over)
        if lines or not is_old:
            return lines
        if is_over:
            self._switch(self._next_older())
            return self._lines(False)
        if status is None and self._is_long_gone():
            lines = self._lines(True)
            if not lines:
                raise FileNotFoundError(2, "No such file", self.path)
        return lines

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _open(self) -> bool:
        """Open the file that was followed before, wherever it is now, else the one of that name."""
        place = self._place
        if place is None:
            self._switch()
            return True
        for path in self._candidates(place.inode):
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            head = os.pread(file, _HEAD, 0)
            if os.fstat(file).st_size >= place.offset and zlib.crc32(head[: place.marked]) == place.mark:
                self._file, self._inode, self._head = file, place.inode, head
                return True
            os.close(file)
        self.gone = (
            f"whatever followed byte {place.offset:,} of {self.shown} is gone: the file was deleted, cut or compressed"
        )
        self._place = None
        if self._status() is None:
            raise FileNotFoundError(2, "No such file", self.path)
        self._switch()
        return True

    def _candidates(self, inode: int) -> Iterator[str]:
        status = self._status()
        if status is not None and status.st_ino == inode:
            yield self.path
        with os.scandir(os.path.dirname(self.path)) as entries:
            yield from [each.path for each in entries if each.inode() == inode and each.path != self.path]

    def _next_older(self) -> str:
        """Return the file that followed this one under the name, if that was renamed as well; else the name."""
        mine = os.fstat(self._file)
        folder, name = os.path.split(self.path)
        rotated = re.compile(re.escape(name) + _ROTATED)
        found = []
        with os.scandir(folder) as entries:
            for each in entries:
                if rotated.fullmatch(each.name):
                    status = each.stat(follow_symlinks=False)
                    if status.st_mtime_ns > mine.st_mtime_ns and stat.S_ISREG(status.st_mode):
                        found.append((status.st_mtime_ns, each.path))
        return min(found)[1] if found else self.path

    def _switch(self, path: str = "") -> None:
        """Go to the beginning of a file, unless given the one that has the name now."""
        self.close()
        self._file = os.open(path or self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._missing_since = None
        self._restart()

    def _restart(self) -> None:
        self._inode = os.fstat(self._file).st_ino
        self._head = os.pread(self._file, _HEAD, 0)
        self._place = self._at(0)

    def _heed_truncation(self) -> None:
        assert self._place is not None
        offset = self._place.offset
        head = os.pread(self._file, _HEAD, 0)
        known = self._head[: min(offset, _HEAD)]
        if os.fstat(self._file).st_size < offset or not head.startswith(known):
            self._restart()
        else:
            self._head = head

    def _lines(self, is_over: bool) -> list[Line]:
        """Return the complete lines of the next chunk; the last of a file that `is_over` is complete as it is."""
        assert self._place is not None
        most = max(self._limit + 4, _CHUNK)
        chunk = os.pread(self._file, most, self._place.offset)
        if not chunk:
            return []
        if len(self._head) < _HEAD:
            self._head = os.pread(self._file, _HEAD, 0)
        is_full = len(chunk) == most
        found = self._split(chunk, is_over and not is_full)
        if self._begins is not None:
            found = self._records(found, is_over or is_full or self._is_quiet())
        if found:
            self._place = found[-1].place
        return found

    def _split(self, chunk: bytes, is_over: bool) -> list[Line]:
        assert self._place is not None
        offset = self._place.offset
        end = offset + (len(chunk) if is_over else chunk.rfind(b"\n") + 1)
        found: list[Line] = []
        for text in chunk[: end - offset].split(b"\n"):
            if offset == end:  # behind the last line's end
                break
            after = min(offset + len(text) + 1, end)
            found += self._parts(text, offset, after)
            offset = after
        if not found and len(chunk) > self._limit:
            found = list(self._parts(chunk, offset, -1))[:-1]  # the rest of it will be longer
        return found

    def _parts(self, text: bytes, offset: int, end: int) -> Iterator[Line]:
        while len(text) > self._limit:
            cut = _whole(text, self._limit)
            yield self._line(text[:cut], offset, offset + cut, is_cut=True)
            text, offset = text[cut:], offset + cut
        yield self._line(text, offset, end)

    def _line(self, text: bytes, offset: int, end: int, *, is_cut: bool = False) -> Line:
        shown = text.decode("utf-8", "backslashreplace")
        return Line(shown.removesuffix("\r") if not is_cut else shown, offset, self._at(end), is_cut)

    def _records(self, lines: list[Line], is_complete: bool) -> list[Line]:
        """Put lines together; the last record waits for the next one's beginning unless it `is_complete`."""
        assert self._begins is not None
        found: list[list[Line]] = []
        size = 0
        for line in lines:
            size += len(line.text)
            if not found or size > self._limit or self._begins.search(line.text):
                found.append([])
                size = len(line.text)
            found[-1].append(line)
        if found and not is_complete:
            found.pop()
        return [
            Line("\n".join(line.text for line in each), each[0].offset, each[-1].place, each[-1].is_cut)
            for each in found
        ]

    def _is_quiet(self) -> bool:
        size, now = os.fstat(self._file).st_size, time.monotonic()
        if size != self._size:
            self._size, self._quiet_since = size, now
        return now - self._quiet_since >= _QUIET_S

    def _at(self, offset: int) -> Place:
        marked = min(offset, len(self._head))
        if marked == _HEAD and self._place is not None and self._place.marked == _HEAD:
            mark = self._place.mark
        else:
            mark = zlib.crc32(self._head[:marked])
        return Place(self._inode, offset, marked, mark)

    def _is_long_gone(self) -> bool:
        now = time.monotonic()
        if self._missing_since is None:
            self._missing_since = now
        return now - self._missing_since >= _GONE_S

    def _status(self) -> os.stat_result | None:
        try:
            return os.stat(self.path)
        except FileNotFoundError:
            return None


def _whole(text: bytes, limit: int) -> int:
    """Return where to cut a text so that no UTF-8 character is torn."""
    cut = limit
    while cut > limit - 4 and text[cut : cut + 1] and text[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut if cut > limit - 4 else limit
