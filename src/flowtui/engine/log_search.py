"""Looks for a text in what was logged, the newest lines first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from flowtui.engine.log_files import log_files
from flowtui.engine.logs import LogBuffer
from flowtui.model.finding import Wanted
from flowtui.model.log_lines import LogLine, line_from_dict

#: How many lines of the ring, and bytes of a file, are looked at in one go.
_LINES_AT_ONCE = 2000
_BYTES_AT_ONCE = 1_000_000


class LogPage(NamedTuple):
    """Lines with the text, the newest first, and how many kB of files were looked at, of how many."""

    lines: list[LogLine]
    done_kb: int
    total_kb: int


class LogSearch:
    """The log of this engine, if there is one, and the files of all engines of a state directory, if there are any."""

    def __init__(self, ring: LogBuffer | None, folder: Path | None) -> None:
        self._ring = ring
        self._folder = folder

    async def pages(self, wanted: Wanted) -> AsyncIterator[LogPage]:
        """Yield the lines whose text or item holds what is wanted; a line may come twice, from ring and file."""
        files = [] if self._folder is None else await asyncio.to_thread(_newest_first, self._folder)
        total = sum(size for _, size in files)
        yield LogPage(await self._in_ring(wanted), 0, _kb(total))
        done = 0
        for path, size in files:
            end = size
            while end > 0:
                lines, start = await asyncio.to_thread(_look, path, end, wanted)
                done += end - start
                end = start
                yield LogPage(lines, _kb(done), _kb(total))

    async def _in_ring(self, wanted: Wanted) -> list[LogLine]:
        found: list[LogLine] = []
        after = 0
        while self._ring is not None:
            batch = self._ring.since(after, _LINES_AT_ONCE)
            if not batch.lines:
                break
            found += [line for line in batch.lines if _holds(line, wanted)]
            after = batch.next_seq
            await asyncio.sleep(0)
        return found[::-1]


def _holds(line: LogLine, wanted: Wanted) -> bool:
    return wanted.is_in(line.message) or wanted.names(line.item)


def _kb(size: int) -> int:
    return -(-size // 1000)


def _newest_first(folder: Path) -> list[tuple[Path, int]]:
    found = []
    for path in log_files(folder):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # it has made room meanwhile
        found.append((status.st_mtime, path, status.st_size))
    return [(path, size) for _, path, size in sorted(found, reverse=True)]


def _look(path: Path, end: int, wanted: Wanted) -> tuple[list[LogLine], int]:
    """Return the lines with the text in the last part of a file before `end`, and where that part begins."""
    start = max(0, end - _BYTES_AT_ONCE)
    try:
        with path.open("rb") as file:
            file.seek(start)
            block = file.read(end - start)
    except FileNotFoundError:
        return [], 0
    if start and (cut := block.find(b"\n") + 1):  # half a line belongs to the part before
        start, block = start + cut, block[cut:]
    small = block.lower()
    places = {block.rfind(b"\n", 0, at) + 1 for needle in wanted.needles for at in _places(small, needle)}
    lines = (_line(block[at : _end(block, at)]) for at in sorted(places, reverse=True))
    return [line for line in lines if line is not None and _holds(line, wanted)], start


def _places(block: bytes, needle: bytes) -> list[int]:
    """Return where a needle stands, once for each line."""
    places = []
    at = block.find(needle)
    while at >= 0:
        places.append(at)
        at = block.find(needle, _end(block, at))
    return places


def _end(block: bytes, at: int) -> int:
    end = block.find(b"\n", at)
    return len(block) if end < 0 else end


def _line(text: bytes) -> LogLine | None:
    try:
        return line_from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError):
        return None  # a crash may leave half of one
