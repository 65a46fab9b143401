"""How the engine holds a track, wherever that lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from flowtui.engine.lifecycle import Event
from flowtui.engine.telemetry import TrackReading


@dataclass(frozen=True, slots=True)
class Report:
    """What a track says; exactly one of ENDED, COMPLETE, FAIL and CRASH comes, as the last.

    Attributes:
        event: STARTED, SETTLED (nothing in flight, and paused), PAUSE (it has paused itself), or the last.
        pauses: how often it had been asked to pause when it said so.
    """

    event: Event
    reason: str = ""
    pauses: int = 0


LAST_EVENTS = frozenset({Event.ENDED, Event.COMPLETE, Event.FAIL, Event.CRASH})


class Tap(NamedTuple):
    """That one node is to be sampled as often as every so many seconds."""

    node: str
    every_s: float


class TrackHandle(Protocol):
    """One track. All methods but `reading` are called on the engine's control thread, and return at once."""

    def pause(self) -> None:
        """Begin no more iterations; SETTLED is reported as soon as nothing is in flight."""

    def resume(self) -> None:
        """Begin iterations again."""

    def finish(self) -> None:
        """Begin nothing more, let everything settle however long it takes, commit it, end; a pause is over."""

    def stop(self, grace: float) -> None:
        """Begin nothing more, let what is in flight settle for `grace` seconds, then cancel it and end."""

    def kill(self) -> None:
        """End within about a second, whatever its nodes do."""

    def tap(self, tap: Tap | None) -> None:
        """Sample one node more often from now on; None ends that."""

    def reading(self) -> TrackReading:
        """Return what it did so far; from any thread."""
