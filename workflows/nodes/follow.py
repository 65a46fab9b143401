"""Following log files as they grow, through rotation, truncation and restarts."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import itertools
import os
import stat
from collections import deque
from dataclasses import dataclass
from typing import BinaryIO, Literal

from pydantic import Field

from flowtui import Duration, NodeConfig, NodeData, ProducerNode

_CHUNK = 64 * 1024
_MOST_FILES = 100


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    end: int


class _Tail:
    """A name that is followed: the file behind it when last looked at, and how far its lines have been taken."""

    def __init__(self, path: str, inode: int, offset: int = 0) -> None:
        self.path = path
        self.inode = inode
        self.offset = offset
        self._file: BinaryIO | None = None

    def read(self, status: os.stat_result | None) -> list[_Line]:
        """Return up to 64 kB of lines behind the offset. No status: the name is gone, which may be half of a rename."""
        if status and status.st_ino == self.inode:
            if status.st_size < self.offset:
                self.offset = 0  # truncated
            return self._lines(is_old=False) if status.st_size > self.offset else []
        lines = self._lines(is_old=True)
        if lines or status is None:
            return lines
        self.close()
        self.inode, self.offset = status.st_ino, 0
        return self.read(status)

    def close(self) -> None:
        if self._file:
            self._file.close()
        self._file = None

    def _lines(self, *, is_old: bool) -> list[_Line]:
        """Return the complete lines; the last one of an old file counts as complete, for it grows no more."""
        file = self._open()
        if file is None:
            return []
        file.seek(self.offset)
        chunk = file.read(_CHUNK)
        complete = chunk.rfind(b"\n") + 1
        if not complete and (is_old or len(chunk) == _CHUNK):
            complete = len(chunk)
        lines, end = [], self.offset
        for text in chunk[:complete].splitlines(keepends=True):
            end += len(text)
            lines.append(_Line(text.decode(errors="replace").rstrip("\r\n"), end))
        return lines

    def _open(self) -> BinaryIO | None:
        name = None if self._file else self._name()
        if name:
            self._file = open(name, "rb")  # noqa: SIM115 - kept, so that it can be read to its end under any name
            if os.fstat(self._file.fileno()).st_ino != self.inode:
                self.close()  # renamed just now; the next look finds out
        return self._file

    def _name(self) -> str | None:
        """Return what the file is called now, None if it is no longer in its folder."""
        status = _status(self.path)
        if status and status.st_ino == self.inode:
            return self.path
        with contextlib.suppress(FileNotFoundError), os.scandir(os.path.dirname(self.path)) as entries:
            return next((entry.path for entry in entries if entry.inode() == self.inode), None)
        return None


class FollowFiles(ProducerNode):
    """Yield each new line of log files: `{"path": …, "line": …}`.

    The cursor holds how far each file has been read, so a restart goes on where the last committed line ended. A
    file that was renamed is read to its end before the new one of that name; one that shrank is read anew. A line
    counts when it is complete; a line of more than 64 kB comes in parts.
    """

    class Config(NodeConfig):
        paths: list[str] = Field(min_length=1, description="Files to follow; * and ? match any names.")
        start: Literal["end", "beginning"] = Field(
            default="end", description="Where to begin in files that exist at the very first start."
        )
        poll: Duration = Field(default=0.25, description="How long to wait before looking again.")

    def setup(self) -> None:
        known = self.cursor if isinstance(self.cursor, dict) else None
        self._tails = {path: _Tail(path, *place) for path, place in (known or {}).items()}
        self._lines: deque[tuple[_Tail, _Line]] = deque()
        self._unreadable: set[str] = set()
        if known is None and self.config.start == "end":
            self._tails = {path: _Tail(path, status.st_ino, status.st_size) for path, status in self._found().items()}

    def teardown(self) -> None:
        for tail in getattr(self, "_tails", {}).values():
            tail.close()

    async def execute(self) -> NodeData | None:
        if not self._lines:
            self._read_all()
        if not self._lines:
            await asyncio.sleep(self.config.poll)
            return None
        tail, line = self._lines.popleft()
        tail.offset = line.end
        self.cursor = {path: [tail.inode, tail.offset] for path, tail in self._tails.items()}
        return NodeData({"path": tail.path, "line": line.text})

    def _found(self) -> dict[str, os.stat_result]:
        """Return the files to follow; pipes and folders are none."""
        paths = {path for pattern in self.config.paths for path in glob.glob(str(self.path(pattern)))}
        statuses = {path: status for path in sorted(paths) if (status := _status(path))}
        files = ((path, status) for path, status in statuses.items() if stat.S_ISREG(status.st_mode))
        return dict(itertools.islice(files, _MOST_FILES))

    def _read_all(self) -> None:
        found = self._found()
        for path, status in found.items():
            self._read(self._tails.setdefault(path, _Tail(path, status.st_ino)), status)
        for path in self._tails.keys() - found.keys():
            if not self._read(self._tails[path], None):
                self._tails.pop(path).close()

    def _read(self, tail: _Tail, status: os.stat_result | None) -> bool:
        """Take over a file's new lines; return whether there are any."""
        try:
            lines = tail.read(status)
        except OSError as error:
            if tail.path not in self._unreadable:
                self._unreadable.add(tail.path)
                self.log.warning("cannot read %s: %s", tail.path, error.strerror)
            return False
        self._lines.extend((tail, line) for line in lines)
        return bool(lines)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
