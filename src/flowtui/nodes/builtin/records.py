"""Nodes that read files of records to their end: `json-lines`, `csv-read`."""

from __future__ import annotations

import asyncio
import csv
import glob
import json
import math
import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator

from flowtui.model.data import NodeData, Unreadable
from flowtui.model.errors import NodeError
from flowtui.model.ids import derived_id
from flowtui.nodes.base import Exhausted, NodeConfig, ProducerNode
from flowtui.nodes.file_names import shown, why
from flowtui.nodes.hints import Unit
from flowtui.nodes.records import LineReader, Spot

#: How many records are read ahead at a time.
_AHEAD = 500
#: How much of what is no record a dead letter shows, in bytes.
_SHOWN = 65_536
_DELIMITERS = ",;\t|"
_BOM = b"\xef\xbb\xbf"


class _Bad(Exception):
    """A record that is none; `raw` is its text."""

    def __init__(self, reason: str, raw: bytes) -> None:
        super().__init__(reason)
        self.raw = raw


class _FilesConfig(NodeConfig):
    path: str = Field(
        min_length=1,
        description="The file, relative to the workflow folder; ~ is the home directory. * and ? match any name: "
        "then all files are read, in the order of their names. What ends in .gz is unpacked.",
    )
    on_bad: Literal["dead_letter", "skip", "stop"] = Field(
        default="dead_letter",
        description="What to do with what is no record: make it a dead letter, skip and count it, or go no further "
        "until the file is mended.",
    )
    resume: bool = Field(
        default=True,
        description="Go on after a restart where it was left, each record once; otherwise each start begins anew.",
    )
    max_line: Annotated[int, Unit("bytes")] = Field(
        default=1_000_000, ge=16, description="A line above this is no record."
    )


class _Records(ProducerNode, ABC):
    """Reads files one after the other, some records ahead, on a worker thread."""

    def setup(self) -> None:
        self._busy = threading.Lock()
        self._ready: deque[tuple[NodeData, Spot]] = deque()
        self._end: Exception | None = None  # what comes behind all that is ready
        self._reader: LineReader | None = None
        self._line = 0  # where the record begins that is being read
        self._skipped = 0
        # Up to where records are ready, and the last file that has none left.
        self._spot = Spot(*self.cursor) if self.config.resume and isinstance(self.cursor, list) else None
        self._finished = ""

    def teardown(self) -> None:
        with getattr(self, "_busy", threading.Lock()):
            self._close()

    async def execute(self) -> NodeData:
        if not self._ready and self._end is None:
            await asyncio.to_thread(self._read_ahead)
        if not self._ready:
            end, self._end = self._end, None
            assert end is not None
            raise end
        item, spot = self._ready.popleft()
        if self.config.resume:
            self.cursor = list(spot)
        return item

    def begin(self, reader: LineReader) -> None:
        """Read what comes before the first record of a file.

        Raises:
            NodeError: if the file cannot be used at all.
        """

    @abstractmethod
    def record(self, reader: LineReader) -> Mapping[str, Any] | None:
        """Return the next record, None at the end of the file; `_line` is where it begins.

        Raises:
            _Bad: if it is none; reading goes on behind it.
        """

    # ---- on a worker thread ----

    def _read_ahead(self) -> None:
        with self._busy:
            try:
                while len(self._ready) < _AHEAD:
                    self._ready.append(self._next())
            except (OSError, NodeError, Exhausted) as error:
                self._end = self._told(error)
                self._close()

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, OSError):
            where = self._reader.path if self._reader is not None else error.filename or self.config.path
            return NodeError(f"{shown(where)} cannot be read: {why(error)}")
        if isinstance(error, Exhausted) and self._skipped:
            self.log.warning("%d records were skipped, since they could not be read", self._skipped)
        return error

    def _next(self) -> tuple[NodeData, Spot]:
        while True:
            reader = self._reader or self._open_next()
            try:
                payload = self.record(reader)
            except _Bad as bad:
                item = self._refused(bad, reader)
            else:
                item = NodeData(payload, self._id(reader)) if payload is not None else None
                if item is None:
                    self._finished = reader.path
                    self._close()
            if item is not None:
                self._spot = reader.spot
                return item, self._spot

    def _refused(self, bad: _Bad, reader: LineReader) -> NodeData | None:
        """Return the dead letter of what is no record, None if it is skipped; raises NodeError to go no further."""
        place = f"{shown(reader.path)}:{self._line}"
        if self.config.on_bad == "stop":
            raise NodeError(f"{place} {bad}: mend the file, or say by on_bad what to do with such records")
        if self.config.on_bad == "skip":
            self._skipped += 1
            self.log.warning("%s %s; skipped", place, bad)
            return None
        raw = bad.raw[:_SHOWN].decode("utf-8", "backslashreplace")
        payload = {"raw": raw, "path": shown(reader.path), "line": self._line}
        return Unreadable(f"{place} {bad}", payload, self._id(reader))

    def _id(self, reader: LineReader) -> str:
        return derived_id(f"{self.loop}.{self.id}", f"{shown(reader.path)}|{reader.inode}", self._line)

    def _open_next(self) -> LineReader:
        path = str(self.path(self.config.path))
        names = sorted(map(os.path.abspath, glob.glob(path) if glob.has_magic(path) else [path]))
        if not names:
            raise NodeError(f"no file matches {self.config.path}: put one there, or mend the path")
        spot = self._spot
        first = max(self._finished, spot.path if spot is not None else "")
        for name in names:
            if name >= first and name != self._finished:
                self._reader = reader = LineReader(name, self.config.max_line)
                self.begin(reader)
                if spot is not None and name == spot.path and not reader.go_to(spot):
                    self.log.warning("%s is another file than before: it is read from its beginning", shown(name))
                return reader
        raise Exhausted

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _checked(self, text: bytes, is_cut: bool, encoding: str) -> str:
        """Return a line as text; raises _Bad if it is none, or too long."""
        if is_cut:
            raise _Bad(f"is longer than max_line, {self.config.max_line:,} bytes", text)
        try:
            return text.decode(encoding)
        except UnicodeDecodeError as error:
            raise _Bad(f"is no {encoding}: byte {error.start} is 0x{text[error.start]:02x}", text) from error


class JsonLines(_Records):
    """Read files of JSON lines to their end: each line is an item.

    It goes on behind the last line that was committed, after a crash too, and a file that has grown since it was read
    gives its new lines at the next start. Empty lines are passed over. To follow a file that grows, take `file-tail`.
    """

    example: ClassVar = {"path": "import/*.jsonl"}

    class Config(_FilesConfig):
        pass

    def record(self, reader: LineReader) -> Mapping[str, Any] | None:
        while True:
            is_first = reader.offset == 0
            text, is_cut = reader.read()
            self._line = reader.line
            if not text:
                return None
            if is_first:
                text = text.removeprefix(_BOM)
            if text.isspace():
                continue
            try:
                value = _JSON.decode(self._checked(text, is_cut, "utf-8"))
            except (ValueError, RecursionError) as error:
                raise _Bad(f"is no JSON: {error}", text) from error
            if not isinstance(value, dict):
                raise _Bad(f"is a JSON {type(value).__name__}, not an object", text)
            return value


class CsvRead(_Records):
    """Read CSV files to their end: each row is an item, with the names of the header line.

    All values are text unless `types` says otherwise. It goes on behind the last row that was committed, after a
    crash too. A row with more or fewer fields than the header is no record.
    """

    example: ClassVar = {"path": "import/*.csv", "types": {"quantity": "int", "price": "float"}}

    class Config(_FilesConfig):
        columns: list[str] = Field(default=[], description="Names of the columns, if the files have no header line.")
        types: dict[str, Literal["int", "float", "bool", "json"]] = Field(
            default={}, description="Types of columns that are no text; an empty field of such a column is null."
        )
        delimiter: str = Field(
            default=",",
            description="What separates fields: one character, `tab`, or `sniff`: whichever of , ; tab and | seems to.",
        )
        quote: str = Field(default='"', min_length=1, max_length=1, description="What fields may be enclosed in.")
        encoding: str = Field(default="utf-8", description="Of the text, one in which line ends are single bytes.")

        @field_validator("delimiter")
        @classmethod
        def _one_character(cls, text: str) -> str:
            if len(text) != 1 and text not in ("tab", "sniff"):
                raise ValueError("the delimiter must be one character, `tab` or `sniff`")
            return "\t" if text == "tab" else text

        @field_validator("encoding")
        @classmethod
        def _known(cls, name: str) -> str:
            try:
                if "\n".encode(name) == b"\n":
                    return name
            except LookupError:
                pass
            raise ValueError(f"{name!r} is no encoding in which a line ends with one byte, such as utf-8 or cp1252")

    def begin(self, reader: LineReader) -> None:
        config = self.config
        delimiter = self._sniffed(reader) if config.delimiter == "sniff" else config.delimiter
        self._raw: list[bytes] = []
        self._rows = csv.reader(self._texts(reader), delimiter=delimiter, quotechar=config.quote, strict=True)
        self._names = config.columns
        if not self._names:
            self._line = 1
            try:
                self._names = [name or f"column{n}" for n, name in enumerate(next(self._rows, []), start=1)]
            except (csv.Error, _Bad) as error:
                raise NodeError(f"{shown(reader.path)}: its header line {_csv_fault(error)}") from error
        twice = [name for name in self._names if self._names.count(name) > 1]
        unknown = [name for name in config.types if self._names and name not in self._names]
        if twice:
            raise NodeError(
                f"{shown(reader.path)} has the column {twice[0]!r} twice: mend the header, or give `columns`"
            )
        if unknown:
            raise NodeError(f"{shown(reader.path)} has no column {unknown[0]!r}, which `types` names")

    def record(self, reader: LineReader) -> Mapping[str, Any] | None:
        while True:
            self._line = reader.line + 1
            self._raw.clear()
            try:
                row = next(self._rows, None)
            except csv.Error as error:
                raise _Bad(_csv_fault(error), b"".join(self._raw)) from error
            except _Bad as error:
                # What was begun before the line that is no text is no record either.
                raise _Bad(str(error), b"".join(self._raw)) from error
            if row is None:
                return None
            if row:
                return self._typed(row)

    def _typed(self, row: list[str]) -> Mapping[str, Any]:
        names, types = self._names, self.config.types
        if len(row) != len(names):
            raise _Bad(f"has {len(row)} fields, and the header {len(names)}", b"".join(self._raw))
        payload: dict[str, Any] = dict(zip(names, row, strict=True))
        for name, kind in types.items():
            text = payload[name].strip()
            try:
                payload[name] = _TYPES[kind](text) if text else None
            except ValueError as error:
                raise _Bad(f"has {text!r} in the column {name}, which is no {kind}", b"".join(self._raw)) from error
        return payload

    def _texts(self, reader: LineReader) -> _Texts:
        def next_text() -> str:
            is_first = reader.offset == 0
            text, is_cut = reader.read()
            if not text:
                raise StopIteration
            self._raw.append(text)
            return self._checked(text.removeprefix(_BOM) if is_first else text, is_cut, self.config.encoding)

        return _Texts(next_text)

    def _sniffed(self, reader: LineReader) -> str:
        sample = reader.peek(_SHOWN).removeprefix(_BOM).decode(self.config.encoding, "replace")
        try:
            return csv.Sniffer().sniff(sample, _DELIMITERS).delimiter if sample else ","
        except csv.Error as error:
            raise NodeError(f"{shown(reader.path)}: no delimiter could be found: give `delimiter`") from error


class _Texts:
    """An iterator that, unlike a generator, goes on after an error."""

    def __init__(self, step: Callable[[], str]) -> None:
        self._step = step

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        return self._step()


def _csv_fault(error: Exception) -> str:
    return f"is no CSV: {error}" if isinstance(error, csv.Error) else str(error)


def _truth(text: str) -> bool:
    try:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_JSON = json.JSONDecoder(parse_constant=_no_constant)
_TYPES: Mapping[str, Callable[[str], Any]] = {"int": int, "float": _number, "bool": _truth, "json": _JSON.decode}
