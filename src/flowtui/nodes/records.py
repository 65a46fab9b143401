"""Lines of a file from a given place on, also of a compressed one, with the place behind each."""

from __future__ import annotations

import gzip
import os
import zlib
from typing import IO, NamedTuple

#: The beginning of a file tells it from another of its name, so many bytes of it.
_HEAD = 256
_BUFFER = 1 << 18


class Spot(NamedTuple):
    """Up to where the files of a row have been read.

    Attributes:
        path: the file.
        offset: in bytes; of a compressed file in those of its content.
        line: how many lines are before it.
        marked, mark: a checksum of the file's first `marked` bytes.
    """

    path: str
    offset: int
    line: int
    marked: int
    mark: int


class LineReader:
    """Gives the lines of one file; each with its end, the last perhaps without one.

    Attributes:
        inode: of the file.
        offset, line: where the next line begins, and how many there were before it.
    """

    def __init__(self, path: str, limit: int) -> None:
        """Open a file; a line beyond `limit` bytes is not given as a whole.

        Raises:
            OSError: if it cannot be read.
        """
        self.path = path
        self.offset = self.line = 0
        self._limit = limit
        self._raw = open(path, "rb", buffering=_BUFFER)  # noqa: SIM115 - closed by `close`
        self.inode = os.fstat(self._raw.fileno()).st_ino
        self._head = self._raw.read(_HEAD)
        self._raw.seek(0)
        self._packed = path.endswith(".gz")
        self._mark = 0, 0
        self._file: IO[bytes] = gzip.GzipFile(fileobj=self._raw) if self._packed else self._raw  # type: ignore[assignment]

    def peek(self, size: int) -> bytes:
        """Return the first bytes of the file; only before anything was read.

        Raises:
            OSError: as of `read`.
        """
        try:
            text = self._file.read(size)
        except (EOFError, zlib.error) as error:
            raise _damaged(error) from error
        self._file.seek(0)
        return text

    def go_to(self, spot: Spot) -> bool:
        """Go where a former run was; return False, and stay, if that was in another file of this name.

        Raises:
            OSError: as of `read`.
        """
        head = self._head[: spot.marked]
        if zlib.crc32(head) != spot.mark or len(head) < spot.marked:
            return False
        if not self._packed and os.fstat(self._raw.fileno()).st_size < spot.offset:
            return False
        try:
            self._file.seek(spot.offset)
        except (EOFError, zlib.error) as error:
            raise _damaged(error) from error
        self.offset, self.line = spot.offset, spot.line
        return True

    def read(self) -> tuple[bytes, bool]:
        """Return the next line, empty at the end, and whether it was cut because it is too long.

        Raises:
            OSError: if it cannot be read, or is no whole compressed file.
        """
        try:
            text = self._file.readline(self._limit + 1)
            length, is_cut = len(text), len(text) > self._limit
            while length and text[-1:] != b"\n" and (more := self._file.readline(_BUFFER)):
                length += len(more)
                if more[-1:] == b"\n":
                    break
        except (EOFError, zlib.error) as error:
            raise _damaged(error) from error
        self.offset += length
        self.line += length > 0
        return text, is_cut

    @property
    def spot(self) -> Spot:
        """Where the next line begins."""
        # What has not been read may still change; of a compressed file every byte would.
        marked = len(self._head) if self._packed else min(self.offset, len(self._head))
        if marked != self._mark[0]:
            self._mark = marked, zlib.crc32(self._head[:marked])
        return Spot(self.path, self.offset, self.line, *self._mark)

    def close(self) -> None:
        self._raw.close()


def _damaged(error: Exception) -> OSError:
    return OSError(f"the compressed file is damaged or not whole: {error}")
