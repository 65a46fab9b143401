"""All log lines, in files of JSON lines that outlive the engine; the oldest files make room for new ones.

Each engine process writes files of its own, so several may share a folder.
"""

from __future__ import annotations

import heapq
import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import IO

from flowtui.engine.logs import LogBuffer
from flowtui.model.log_lines import LogLine, line_as_dict, line_from_dict

#: How often lines are written, in seconds, and how many at once.
EVERY_S = 0.25
_AT_ONCE = 5_000
#: Seconds until a file that could not be written is tried again.
_RETRY_S = 2.0
#: How many bytes a file may have, and how many files there may be.
FILE_BYTES = 8 * 1024 * 1024
MOST_FILES = 12
#: When the process began to write, its id, and the file's number.
_NAME = re.compile(r"(\d{8}T\d{6}-\d+)-(\d{4,})\.jsonl")
_log = logging.getLogger("flowtui.log-files")


class LogFiles:
    """Writes what comes into a log buffer to files in a folder, on a thread of its own.

    Lines that the buffer has dropped before they could be written are counted in the file. While nothing can be
    written the lines wait in the buffer, and the log says why.
    """

    def __init__(
        self, folder: Path, buffer: LogBuffer, *, file_bytes: int = FILE_BYTES, most_files: int = MOST_FILES
    ) -> None:
        self._folder = folder
        self._buffer = buffer
        self._file_bytes = file_bytes
        self._most_files = most_files
        self._began = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}"
        self._number = 0
        self._file: int | None = None
        self._size = 0
        self._seen = 0
        self._trouble = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flowtui-log-files", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what is left, if that is possible, and end."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()

    # ---- on the thread ----

    def _work(self) -> None:
        while not self._ending.wait(_RETRY_S if self._trouble else EVERY_S):
            self._try()
        self._try()
        if self._file is not None:
            os.close(self._file)

    def _try(self) -> None:
        try:
            while self._write_batch():
                pass
        except OSError as error:
            reason = f"{error.strerror or error}: {self._folder}"
            if reason != self._trouble:
                self._trouble = reason
                _log.error("log lines can't be written to files (%s); as long as there is room they wait", reason)
        else:
            if self._trouble:
                self._trouble = ""
                _log.info("log lines are written to files again")

    def _write_batch(self) -> bool:
        """Write some lines; return whether there may be more."""
        batch = self._buffer.since(self._seen, _AT_ONCE)
        if not batch.lines:
            return False
        lines = list(batch.lines)
        if batch.dropped:
            lines.insert(0, _lost(batch.dropped, lines[0].time))
        text = "".join(f"{json.dumps(line_as_dict(line), separators=(',', ':'))}\n" for line in lines).encode()
        self._append(text)
        self._seen = batch.next_seq
        return len(batch.lines) == _AT_ONCE

    def _append(self, text: bytes) -> None:
        file = self._current()
        try:
            rest = memoryview(text)
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError:
            # All of it comes again.
            os.ftruncate(file, self._size)
            raise
        self._size += len(text)

    def _current(self) -> int:
        """Return the file to write to, a new one if the last is full, or gone."""
        if self._file is not None:
            if self._size < self._file_bytes and os.fstat(self._file).st_nlink:
                return self._file
            os.close(self._file)
            self._file = None
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._number += 1
        path = self._folder / f"{self._began}-{self._number:04}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size
        for old in log_files(self._folder)[: -self._most_files]:
            old.unlink(missing_ok=True)
        return self._file


def log_files(folder: Path) -> list[Path]:
    """Return the log files in a folder, the one that was begun first at the front; none if there is no folder."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    found = [(match[1], int(match[2]), name) for name in names if (match := _NAME.fullmatch(name))]
    return [folder / name for _, _, name in sorted(found)]


class LogReader:
    """Reads the log files in a folder: first what is there, then what comes, also from engines that start later."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # What is written from now on is new.
        self._places = {path: _size(path) for path in log_files(folder)}

    def past(self, since: float = 0.0) -> Iterator[LogLine]:
        """Yield what was written at or after `since` (seconds since the epoch) and before the reader was made."""
        by_process = groupby(self._places, key=_process)
        streams = [self._lines_of(list(paths), since) for _, paths in by_process]
        return heapq.merge(*streams, key=lambda line: line.time)

    def new(self) -> list[LogLine]:
        """Return what was written since the last call, or since the reader was made."""
        fresh: list[LogLine] = []
        for path in log_files(self._folder):
            text, self._places[path] = _whole_lines(path, self._places.get(path, 0))
            fresh += _parsed(text)
        return sorted(fresh, key=lambda line: line.time)

    def _lines_of(self, paths: list[Path], since: float) -> Iterator[LogLine]:
        for path in paths:
            try:
                if path.stat().st_mtime < since:
                    continue
                with path.open("rb") as file:
                    texts = _up_to(self._places[path], file)
                    yield from (line for line in _parsed(texts) if line.time >= since)
            except FileNotFoundError:
                continue  # it has made room meanwhile


def _lost(count: int, at: float) -> LogLine:
    return LogLine(0, at, logging.WARNING, "", "", "", f"{count} log lines came too fast and are not kept")


def _process(path: Path) -> str:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return match[1]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _up_to(end: int, file: IO[bytes]) -> Iterator[str]:
    place = 0
    for text in file:
        place += len(text)
        if place > end:
            return
        yield text.decode("utf-8", "replace")


def _whole_lines(path: Path, place: int) -> tuple[list[str], int]:
    """Return the lines behind a place of a file that have an end, and the place behind them."""
    try:
        with path.open("rb") as file:
            file.seek(place)
            text = file.read()
    except FileNotFoundError:
        return [], place
    whole = text[: text.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace").splitlines(), place + len(whole)


def _parsed(lines: Iterable[str]) -> Iterator[LogLine]:
    """Yield the lines that are log lines; a crash may leave half of one."""
    for text in lines:
        try:
            yield line_from_dict(json.loads(text))
        except (ValueError, KeyError, TypeError):
            continue
