"""Numbers, times and bars as a person reads them at a glance: short, rounded, never wider than announced."""

from __future__ import annotations

import time
from collections.abc import Sequence

from flowtui.model.figures import NOTHING, age, count, plural, rate

__all__ = [
    "NOTHING",
    "age",
    "bar",
    "clock",
    "count",
    "milliseconds",
    "moment",
    "plural",
    "rate",
    "share",
    "size",
    "sparkline",
    "uptime",
]

#: Without the full block: rows stand above each other, and would run together.
_SPARKS = "▁▂▃▄▅▆▇"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def milliseconds(duration_ms: float | None) -> str:
    """Return a duration in at most 7 characters (`0.2 ms`, `18 ms`, `1.2 s`, `3 min`); `—` for None."""
    if duration_ms is None:
        return NOTHING
    if duration_ms < 9.95:
        return f"{duration_ms:.1f} ms" if duration_ms >= 0.05 else "<0.1 ms"
    if duration_ms < 999.5:
        return f"{duration_ms:.0f} ms"
    if duration_ms < 9950:
        return f"{duration_ms / 1000:.1f} s"
    return age(duration_ms / 1000)


def uptime(seconds: float) -> str:
    """Return a running time in two units from the first hour on (`12 s`, `14 min`, `2 h 14 min`, `5 d 3 h`)."""
    if seconds < _MINUTE:
        return age(seconds)
    if seconds < _HOUR:
        return f"{int(seconds / _MINUTE)} min"
    if seconds < _DAY:
        return f"{int(seconds / _HOUR)} h {int(seconds % _HOUR / _MINUTE)} min"
    return f"{int(seconds / _DAY)} d {int(seconds % _DAY / _HOUR)} h"


def share(part: float, whole: float) -> str:
    """Return a percentage without decimals; `<1%` and `>99%` instead of a wrong 0 or 100."""
    if whole <= 0:
        return NOTHING
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "<1%"
    if 99 < percent < 100:
        return ">99%"
    return f"{percent:.0f}%"


def sparkline(figures: Sequence[float], width: int) -> str:
    """Return the last `width` figures as bars, nothing for no figures.

    The highest is the measure, but what is steady stands at two thirds, so that it looks unlike a peak.
    """
    shown = [max(0.0, figure) for figure in figures[-width:]] if width > 0 else []
    if not any(shown):
        return _SPARKS[0] * len(shown)
    top = max(*shown, 1.5 * sum(shown) / len(shown))
    return "".join(_SPARKS[round(figure / top * (len(_SPARKS) - 1))] for figure in shown)


def bar(part: float, whole: float, width: int) -> str:
    """Return a bar of `width` cells; what is more than nothing shows at least one full cell."""
    full = 0 if part <= 0 else min(width, max(1, round(part / whole * width)))
    return "█" * full + "░" * (width - full)


def size(number: float) -> str:
    """Return a number of bytes in at most 7 characters (`999 B`, `3.1 kB`, `124 kB`, `1.2 MB`)."""
    text = count(number)
    return f"{text} B" if text[-1].isdigit() else f"{text[:-1]} {text[-1]}B"


def clock(epoch: float) -> str:
    """Return the local time of day as `14:02:11`."""
    return time.strftime("%H:%M:%S", time.localtime(epoch))


def moment(epoch: float) -> str:
    """Return local date and time as `2025-01-31 14:02:11`."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch))
