"""What is wrong, the worst first: the line below the header, and the list behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowtui.client.alerts import Alert, Kind
from flowtui.tui.cells import Tone
from flowtui.tui.details import Detail, Entry


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One thing that is wrong, as one line; `glyph` and words say it without colour too."""

    glyph: str
    text: str
    tone: Tone


def alert_lines(alerts: Sequence[Alert], now: float) -> list[AlertLine]:
    """Return a line for each alert at a time, in seconds since the epoch."""
    return [AlertLine(_glyph(each), each.text(now), Tone.BAD if each.is_grave else Tone.WARN) for each in alerts]


def trouble_detail(alerts: Sequence[Alert], now: float) -> Detail:
    """Return the list of all that is wrong."""
    entries = [Entry(line.glyph, line.text, line.tone) for line in alert_lines(alerts, now)]
    return Detail("What is wrong", tuple(entries or [Entry("", "Nothing is wrong.", Tone.GOOD)]))


def _glyph(alert: Alert) -> str:
    if alert.is_grave:
        return "✖"
    return {Kind.PAUSED: "‖", Kind.RECOVERING: "↻"}.get(alert.kind, "!")
