"""Nodes that write something down: `log`, `file-append`."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from pathlib import Path, PurePath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from flowtui.model.data import NodeData
from flowtui.model.log_lines import LEVELS
from flowtui.nodes.base import BlockingNode, NodeConfig, NonBlockingNode
from flowtui.nodes.hints import Unit

_SHOWN = 500


def as_text(value: object) -> str:
    """Return a value as a line says it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _shown(data: NodeData) -> str:
    text = as_text(data.payload)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class Log(BlockingNode):
    """Write a line to the log and hand the item on unchanged."""

    example: ClassVar = {"message": "order {{ data.id }}: {{ data.total }}", "level": "info"}

    class Config(NodeConfig):
        message: Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": "string"})] = Field(
            default="", description="The line; without it the payload is shown, cut to 500 characters."
        )
        level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How grave it is.")

    async def execute(self, data: NodeData) -> NodeData:
        config = self.config
        level = LEVELS[config.level]
        if self.log.isEnabledFor(level):
            self.log.log(level, "%s", config.message or _shown(data))
        return data


class FileAppend(NonBlockingNode):
    """Append the item to a file as one line of JSON and hand it on unchanged.

    A line is there as a whole or not at all, also when several loops or processes write the file. Unless `sync` is on,
    the operating system may keep it in memory for some seconds. A full disk is an error. A redelivered item is written
    again; to tell, put "{{ item }}", its id, into the record.
    """

    example: ClassVar = {"path": "out/orders.jsonl", "record": {"id": "{{ item }}", "total": "{{ data.total }}"}}

    class Config(NodeConfig):
        path: str = Field(
            min_length=1,
            description="The file, relative to the workflow folder; ~ is the home directory. Missing folders are made.",
        )
        record: Any = Field(default=None, description="What to write; without it the payload.")
        max_bytes: Annotated[int, Unit("bytes")] | None = Field(
            default=None,
            ge=1,
            description="A file that would outgrow this is renamed to `<name>.1`, that to `<name>.2`.",
        )
        keep: Annotated[int, Unit("files")] = Field(
            default=1, ge=1, le=1000, description="How many renamed files to keep; the oldest is replaced."
        )
        sync: bool = Field(
            default=False, description="Wait until each line is on the disk, so that a power cut cannot take it."
        )

        @field_validator("path")
        @classmethod
        def _stay_below(cls, path: str) -> str:
            # A payload may be part of the path, and payloads come from strangers.
            if ".." in PurePath(path).parts:
                raise ValueError("`..` is not allowed in the path; write an absolute one")
            return path

    def execute(self, data: NodeData) -> NodeData:
        config = self.config
        record = data.payload if config.record is None else config.record
        line = json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"
        try:
            text = line.encode()
        except UnicodeEncodeError:  # half a character, as some programs escape it
            text = json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        append(self.path(config.path), text, config.max_bytes, keep=config.keep, sync=config.sync)
        return data


def append(path: Path, line: bytes, max_bytes: int | None = None, *, keep: int = 1, sync: bool = False) -> None:
    """Append a line to a file that others may append to at the same time, making its folders if need be.

    Args:
        max_bytes: a file that would outgrow this is renamed first.
        keep: how many renamed ones there may be.
        sync: whether to wait until it is on the disk.

    Raises:
        OSError: if it cannot be written as a whole; nothing of it is left in the file then.
    """
    while True:
        file = _open(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            status = os.fstat(file)
            size = status.st_size
            is_torn = size > 0 and stat.S_ISREG(status.st_mode) and not _ends_with_a_line(path, size)
            text = b"\n" + line if is_torn else line  # a crash has torn what was written last
            if max_bytes is None or size == 0 or size + len(text) <= max_bytes:
                _write_whole(file, text, size, path)
                if sync:
                    os.fsync(file)
                    if size == 0:
                        _sync_folder(path.parent)
                return
            if _is_still(path, file):
                _rotate(path, keep)
                if sync:
                    _sync_folder(path.parent)
        finally:
            os.close(file)


def _rotate(path: Path, keep: int) -> None:
    # Whoever holds the file's lock is the only one who renames: there is no other file of that name until the end.
    for n in range(keep - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}.{n}", f"{path}.{n + 1}")
    os.replace(path, f"{path}.1")


def _ends_with_a_line(path: Path, size: int) -> bool:
    try:
        with path.open("rb") as file:
            return os.pread(file.fileno(), 1, size - 1) in (b"\n", b"")
    except OSError:  # a file that may be written and not be read
        return True


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _open(path: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def _is_still(path: Path, file: int) -> bool:
    """Return whether nobody has renamed the file while this writer waited for its lock."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _write_whole(file: int, line: bytes, size: int, path: Path) -> None:
    written = os.write(file, line)
    if written < len(line):
        with contextlib.suppress(OSError):  # a pipe cannot be cut
            os.ftruncate(file, size)
        raise OSError(f"only {written} of {len(line)} bytes could be written to {path}; is the disk full?")
