"""One thing that `flowtui doctor` has looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended; only an error needs mending before the promises hold."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what to do; `advice` is empty if nothing."""

    verdict: Verdict
    what: str
    found: str
    advice: str = ""


def ok(what: str, found: str) -> Check:
    return Check(Verdict.OK, what, found)


def unknown(what: str, advice: str = "", found: str = "the server does not tell") -> Check:
    return Check(Verdict.UNKNOWN, what, found, advice)


def warning(what: str, found: str, advice: str) -> Check:
    return Check(Verdict.WARNING, what, found, advice)


def error(what: str, found: str, advice: str) -> Check:
    return Check(Verdict.ERROR, what, found, advice)


def size(count: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
