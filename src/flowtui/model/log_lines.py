"""A line of a log, and how it looks outside of flowtui: as a person reads it, and as JSON."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowtui.model.printable import SHOWN

#: Levels by name, the least grave first.
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log. `loop` and `node` are empty for flowtui's own lines; `level` is a `logging` level."""

    seq: int
    time: float
    level: int
    loop: str
    node: str
    item: str
    message: str


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Lines after a given sequence number; `dropped` of them are gone from the buffer and can't be shown."""

    lines: tuple[LogLine, ...]
    next_seq: int
    dropped: int


def line_text(line: LogLine, *, with_date: bool = False) -> str:
    """Return a log line as a person reads it."""
    clock = datetime.fromtimestamp(line.time).strftime("%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S")
    place = f"{line.loop.removesuffix('.')} {line.node}".strip() or "flowtui"
    return f"{clock} {level_name(line.level):<7} {place:<28} {line.message.translate(SHOWN)}"


def line_as_dict(line: LogLine) -> dict[str, Any]:
    """Return a log line as JSON has it; its place in the buffer is not told."""
    return {
        "time": line.time,
        "level": level_name(line.level),
        "loop": line.loop,
        "node": line.node,
        "item": line.item,
        "message": line.message,
    }


def line_from_dict(told: Mapping[str, Any]) -> LogLine:
    """Read back what `line_as_dict` returned.

    Raises:
        KeyError, TypeError, ValueError: if it is something else.
    """
    level = logging.getLevelNamesMapping().get(str(told["level"]).upper(), logging.INFO)
    texts = [str(told[name]) for name in ("loop", "node", "item", "message")]
    return LogLine(0, float(told["time"]), level, *texts)


def level_name(level: int) -> str:
    """Return a level as flowtui writes it."""
    return logging.getLevelName(level).lower()
