"""Making, parsing and counting lines of logs."""

from __future__ import annotations

import os
import re
from collections import Counter, OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from flowtui import BlockingNode, NodeConfig, NodeData, Unit

_USUAL = (
    ("INFO", "web", "GET /products/{n} 200 in {ms} ms"),
    ("INFO", "web", "POST /cart 201 in {ms} ms"),
    ("INFO", "payments", "payment {n} settled in {ms} ms"),
    ("INFO", "mailer", "sent order confirmation {n}"),
    ("WARNING", "web", "slow response: GET /search took {ms} ms"),
    ("INFO", "stock", "reserved 2 items of order {n}"),
    ("INFO", "web", "GET /checkout 200 in {ms} ms"),
)
_FAILURES = (
    ("payments", "card of order {n} declined after {ms} ms"),
    ("mailer", "smtp server refused message {n}: mailbox full"),
    ("stock", "deadlock on table reservations, order {n} rolled back"),
)
_ERROR_EVERY = 25

_ISO = r"(?P<at>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*)"
_SERVICE = r"(?P<service>[\w./-]+)(?:\[\d+\])?: *(?P<message>.*)"
_FORMATS = (
    re.compile(rf"{_ISO} +(?P<level>[A-Z]+) +{_SERVICE}"),
    re.compile(rf"{_ISO} +\S+ +{_SERVICE}"),
    re.compile(rf"(?P<at>[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d) +\S+ +{_SERVICE}"),
)
_LEVELS = {"WARN": "WARNING", "ERR": "ERROR", "FATAL": "CRITICAL", "PANIC": "CRITICAL", "CRIT": "CRITICAL"}
_BAD_WORD = re.compile(r"\b(panic|fatal|critical|error|fail(ed|ure)|exception|denied)\b", re.IGNORECASE)
_DOUBTFUL_WORD = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_MOST_SHAPES = 1000


class WriteDemoLog(BlockingNode):
    """Append a line to a log file as a busy web shop would; one in 25 is an error."""

    class Config(NodeConfig):
        path: str = Field(min_length=1, description="The log file; its folder is made if need be.")
        max_bytes: Annotated[int, Unit("bytes")] = Field(
            default=256_000, ge=1000, description="A file of this size is renamed to `<name>.1`."
        )

    def execute(self, data: NodeData) -> NodeData:
        tick = int(data["tick"])
        line = _demo_line(tick, datetime.now(UTC))
        path = self.path(self.config.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size >= self.config.max_bytes:
            os.replace(path, f"{path}.1")
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        return data | {"line": line}


def _demo_line(tick: int, now: datetime) -> str:
    if tick % _ERROR_EVERY == 3:
        service, message = _FAILURES[tick // _ERROR_EVERY % len(_FAILURES)]
        level = "ERROR"
    else:
        level, service, message = _USUAL[tick % len(_USUAL)]
    text = message.format(n=10_000 + tick * 37 % 9973, ms=3 + tick * tick % 289)
    return f"{now.isoformat(timespec='milliseconds')} {level} {service}[{2000 + len(service)}]: {text}"


class ParseLogLine(BlockingNode):
    """Split a log line into time, level, service and message; the level is guessed if the line names none."""

    async def execute(self, data: NodeData) -> NodeData:
        line = str(data["line"])
        match = next((found for pattern in _FORMATS if (found := pattern.match(line))), None)
        parts = match.groupdict() if match else {}
        message = parts.get("message") or line
        named = parts.get("level")
        return data | {
            "at": parts.get("at", ""),
            "level": _LEVELS.get(named, named) if named else _guessed_level(message),
            "service": parts.get("service") or Path(str(data["path"])).stem,
            "message": message,
        }


def _guessed_level(message: str) -> str:
    if _BAD_WORD.search(message):
        return "ERROR"
    return "WARNING" if _DOUBTFUL_WORD.search(message) else "INFO"


class CountLevels(BlockingNode):
    """Count lines by level since the loop started, and log the share of errors from time to time."""

    class Config(NodeConfig):
        report_every: Annotated[int, Unit("lines")] = Field(
            default=100, ge=1, description="After how many lines to log the figures."
        )

    def setup(self) -> None:
        self._levels: Counter[str] = Counter()

    async def execute(self, data: NodeData) -> NodeData:
        self._levels[str(data["level"])] += 1
        lines = self._levels.total()
        errors = self._levels["ERROR"] + self._levels["CRITICAL"]
        if lines % self.config.report_every == 0:
            self.log.info("%d lines, %d of them errors (%.1f %%)", lines, errors, 100 * errors / lines)
        return data | {"lines": lines, "errors": errors}


class CountAlike(BlockingNode):
    """Add `seen`: how often a message of this service has come that differs at most in its numbers."""

    def setup(self) -> None:
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def execute(self, data: NodeData) -> NodeData:
        shape = _NUMBER.sub("#", str(data["message"]))
        key = (str(data["service"]), shape)
        self._seen[key] = seen = self._seen.pop(key, 0) + 1
        if len(self._seen) > _MOST_SHAPES:
            self._seen.popitem(last=False)
        return data | {"shape": shape, "seen": seen}
