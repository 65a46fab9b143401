"""Numbers and times as a person reads them at a glance: short, rounded, never wider than announced."""

from __future__ import annotations

#: What stands where there is no figure.
NOTHING = "—"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def count(number: float) -> str:
    """Return a count in at most 5 characters (`999`, `3.1k`, `12.4k`, `124k`, `1.2M`)."""
    for limit, unit in ((1e3, ""), (1e6, "k"), (1e9, "M"), (1e12, "G")):
        if abs(number) < limit * 0.99995:
            return f"{number:.0f}" if not unit else _three_digits(number / limit * 1e3, unit)
    return _three_digits(number / 1e12, "T")


def rate(per_second: float) -> str:
    """Return a rate in at most 5 characters (`0`, `<0.1`, `4.1`, `41`, `12.4k`)."""
    if per_second <= 0:
        return "0"
    if per_second < 0.1:
        return "<0.1"
    return f"{per_second:.1f}" if per_second < 9.95 else count(per_second)


def age(seconds: float | None) -> str:
    """Return an age in its largest unit, rounded down, in at most 6 characters (`12 s`, `3 min`, `2 h`, `5 d`)."""
    if seconds is None:
        return NOTHING
    if seconds < _MINUTE:
        return f"{max(0, int(seconds))} s"
    if seconds < _HOUR:
        return f"{int(seconds / _MINUTE)} min"
    return f"{int(seconds / _HOUR)} h" if seconds < 2 * _DAY else f"{int(seconds / _DAY)} d"


def plural(number: int, noun: str) -> str:
    """Return `1 loop`, `5 loops`, `1,204 lines`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _three_digits(number: float, unit: str) -> str:
    return f"{number:.1f}{unit}" if number < 99.95 else f"{number:.0f}{unit}"
