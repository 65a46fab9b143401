"""What the engine and a child process tell each other, through a socket that only these two hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from flowtui.engine.handle import Report, Tap
from flowtui.engine.processes import Surroundings
from flowtui.engine.telemetry import TrackReading
from flowtui.graph.packed_plan import PackedPlan
from flowtui.model.development import Sample
from flowtui.model.log_lines import LogLine
from flowtui.storage.data_store import StoreAccess


@dataclass(frozen=True, slots=True)
class Start:
    """The first message to a child: what it runs, and what it must see as the engine's process sees it.

    Attributes:
        number: of the track in its loop, from 1.
        secrets: that the plan refers to; they go this way, since what is on a command line or on a disk can be read.
    """

    plan: PackedPlan
    number: int
    secrets: dict[str, str]
    store: StoreAccess
    log_level: int
    surroundings: Surroundings


class Wish(Enum):
    """What the engine asks of a track."""

    PAUSE = auto()
    RESUME = auto()
    FINISH = auto()
    STOP = auto()
    TAP = auto()


class Request(NamedTuple):
    """All further messages to a child; `grace`, in seconds, is for STOP, `tap` for TAP."""

    wish: Wish
    grace: float = 0.0
    tap: Tap | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Every message of a child: the newest of each, if there is any. The first one is empty and says that it lives.

    Attributes:
        lines: log lines, `dropped` others before them are gone.
        reading: what the track did so far, taken after `report`.
        samples: all since the last news, unless these are so many that the oldest have made room.
    """

    lines: tuple[LogLine, ...] = ()
    dropped: int = 0
    reading: TrackReading | None = None
    report: Report | None = None
    samples: tuple[Sample, ...] = ()
