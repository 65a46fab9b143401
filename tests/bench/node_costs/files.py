"""Nodes that read and write files."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

from flowtui.nodes.builtin.folders import DirectoryWatch
from flowtui.nodes.builtin.output import FileAppend
from flowtui.nodes.builtin.records import CsvRead, JsonLines
from flowtui.nodes.builtin.tailing import FileTail
from node_costs import Row, consumed, produced, timed

_RECORD = {"id": 4711, "customer": "Ada", "total": 12.5, "text": "x" * 100}


def _written(folder: Path, count: int) -> Path:
    path = folder / "records.jsonl"
    path.write_text((json.dumps(_RECORD) + "\n") * count)
    return path


def _inbox(folder: Path, count: int) -> Path:
    inbox = folder / "inbox"
    inbox.mkdir()
    for n in range(count):
        (inbox / f"{n}.json").write_text(json.dumps(_RECORD))
    return inbox


def _directory_watch(folder: Path, count: int) -> float:
    config = {"path": str(_inbox(folder, count)), "read": "json", "settle": 0}
    return produced(DirectoryWatch, config, count, folder)


def _rename_and_read(folder: Path, count: int) -> float:
    inbox, claimed = _inbox(folder, count), folder / "claimed"
    claimed.mkdir()

    def read_all() -> None:
        for name in sorted(os.listdir(inbox)):
            os.rename(inbox / name, claimed / name)
            json.loads((claimed / name).read_bytes())

    return timed(read_all)


def _file_tail(folder: Path, count: int) -> float:
    path = _written(folder, count)
    return produced(FileTail, {"paths": [str(path)], "start": "beginning"}, count, folder)


def _read_lines(folder: Path, count: int) -> float:
    path = _written(folder, count)

    def read_all() -> None:
        with path.open() as file:
            for line in file:
                line.rstrip("\n")

    return timed(read_all)


def _json_lines(folder: Path, count: int) -> float:
    return produced(JsonLines, {"path": str(_written(folder, count))}, count, folder)


def _parse_lines(folder: Path, count: int) -> float:
    path = _written(folder, count)

    def parse_all() -> None:
        with path.open("rb") as file:
            for line in file:
                json.loads(line)

    return timed(parse_all)


def _table(folder: Path, count: int) -> Path:
    path = folder / "records.csv"
    path.write_text(",".join(_RECORD) + "\n" + (",".join(map(str, _RECORD.values())) + "\n") * count)
    return path


def _csv_read(folder: Path, count: int) -> float:
    config = {"path": str(_table(folder, count)), "types": {"id": "int", "total": "float"}}
    return produced(CsvRead, config, count, folder)


def _read_table(folder: Path, count: int) -> float:
    path = _table(folder, count)

    def read_all() -> None:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                int(row["id"]), float(row["total"])

    return timed(read_all)


def _file_append(folder: Path, count: int) -> float:
    return consumed(FileAppend, {"path": "out.jsonl"}, [_RECORD] * count, folder)


def _open_and_append(folder: Path, count: int) -> float:
    path = folder / "out.jsonl"

    def append_all() -> None:
        for _ in range(count):
            with path.open("a") as file:
                file.write(json.dumps(_RECORD) + "\n")

    return timed(append_all)


ROWS = (
    Row("directory-watch, with JSON", _directory_watch, _rename_and_read, "renaming and parsing the file", 8.0),
    Row("file-tail", _file_tail, _read_lines, "iterating over the lines of the file", 80.0),
    Row("json-lines", _json_lines, _parse_lines, "parsing each line of the file", 8.0),
    Row("csv-read", _csv_read, _read_table, "csv.DictReader and the same numbers", 10.0),
    Row("file-append", _file_append, _open_and_append, "open, write, close", 3.0),
)
