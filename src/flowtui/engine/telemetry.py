"""Counters that tracks bump, and what is read from them: one moment of one track, or of several together."""

from __future__ import annotations

import operator
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from flowtui.engine.logs import Place
from flowtui.engine.measures import Histogram

#: As slow as can be: what a node that has not run yet counts as.
NO_RUN_NS = 1 << 62
K = TypeVar("K")
#: All that moves in the counters of a node before its next reading has to be another one.
_moving = operator.attrgetter(
    "runs",
    "errors",
    "running",
    "started_ns",
    "in_threads",
    "overruns",
    "hits",
    "retries",
    "retrying",
    "held_since",
)


class Waiting(NamedTuple):
    """What a track waits for: a kind of `WaitingFor`, in words, and since when (seconds since the epoch)."""

    kind: int
    reason: str
    since: float


NOT_WAITING = Waiting(99, "", 0.0)


class WaitingFor:
    """What a running track waits for, the gravest first.

    The store, its turn to run the loop, a full queue, a place in flight, input.
    """

    STORE, STANDBY, QUEUE, ROOM, INPUT = range(5)
    __slots__ = ("_reasons",)

    def __init__(self) -> None:
        self._reasons: dict[int, tuple[str, float]] = {}

    def set(self, kind: int, reason: str) -> None:
        """Wait for `kind`; a changed reason keeps its since-when."""
        before = self._reasons.get(kind)
        self._reasons[kind] = (reason, before[1] if before else time.time())

    def clear(self, kind: int) -> None:
        """Wait for `kind` no longer."""
        self._reasons.pop(kind, None)

    @property
    def now(self) -> Waiting:
        """The gravest reason; `NOT_WAITING` if there is none."""
        reasons = dict(self._reasons)
        if not reasons:
            return NOT_WAITING
        kind = min(reasons)
        return Waiting(kind, *reasons[kind])


class NextTry(NamedTuple):
    """Of the item that began to wait last: which try comes, of how many, and when (of `time.monotonic`)."""

    number: int = 0
    attempts: int = 0
    at: float = 0.0


NO_TRY = NextTry()


@dataclass(frozen=True, slots=True)
class NodeReading:
    """What one node did at one moment, in one track or in several; fields as in `NodeCounters`."""

    runs: int = 0
    errors: int = 0
    running: int = 0
    in_threads: int = 0
    overruns: int = 0
    hits: int = 0
    retries: int = 0
    retrying: int = 0
    next_try: NextTry = NO_TRY
    started_ns: int = 0
    held_since: float = 0.0
    last_failed: bool = False
    last_error: str = ""
    last_error_at: float = 0.0
    ports: Mapping[str, int] = field(default_factory=dict)
    durations: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackReading:
    """What one track, or several together, did at one moment. Nodes by id; `last_at` in seconds since the epoch."""

    iterations: int = 0
    errors: int = 0
    in_flight: int = 0
    last_at: float = 0.0
    waiting: Waiting = NOT_WAITING
    durations: Mapping[int, int] = field(default_factory=dict)
    nodes: Mapping[str, NodeReading] = field(default_factory=dict)

    def ended(self) -> TrackReading:
        """Return what stays of it when the track is gone: what it did, not what it does."""
        nodes = {
            id: replace(node, running=0, in_threads=0, overruns=0, retrying=0, held_since=0.0)
            for id, node in self.nodes.items()
        }
        return replace(self, in_flight=0, waiting=NOT_WAITING, nodes=nodes)

    def forgiven(self) -> TrackReading:
        """Return it without failures that would still show although a new track has begun."""
        nodes = {id: replace(node, last_failed=False) for id, node in self.nodes.items()}
        return replace(self, nodes=nodes)


class NodeCounters:
    """What one node did in one track. Written by the track's thread, read by any."""

    __slots__ = (
        "_read",
        "errors",
        "failed_run",
        "held_since",
        "histogram",
        "hits",
        "in_threads",
        "last_error",
        "last_error_at",
        "last_ns",
        "next_try",
        "overruns",
        "ports",
        "retries",
        "retrying",
        "running",
        "runs",
        "started_ns",
    )

    def __init__(self, ports: Iterable[str] = ()) -> None:
        self.runs = 0
        self.errors = 0
        self.running = 0
        self.in_threads = 0  # calls on worker threads that have not ended, cancelled ones too
        self.overruns = 0  # calls on worker threads that are past their timeout and have not ended
        self.hits = 0  # runs that were answered from the cache
        self.retries = 0
        self.retrying = 0  # items that wait for their next try
        self.next_try = NO_TRY
        self.started_ns = 0  # when the last run began (of `perf_counter_ns`)
        self.held_since = 0.0  # since when it holds its event loop (seconds since the epoch), 0 if it does not
        self.last_ns = NO_RUN_NS
        self.failed_run = -1  # the number of the last run that raised, so that a success needs no note
        self.last_error = ""
        self.last_error_at = 0.0  # seconds since the epoch
        self.ports = dict.fromkeys(ports, 0)
        self.histogram = Histogram()
        self._read = NodeReading()

    def failed(self, error: str) -> None:
        """Count a run that raised."""
        self.runs += 1
        self.errors += 1
        self.failed_run = self.runs
        self.last_error = error
        self.last_error_at = time.time()

    def took(self, ns: int) -> None:
        """Note how long a run took."""
        self.last_ns = ns
        self.histogram.observe(ns)

    def reading(self, begun: Sequence[int] = ()) -> NodeReading:
        """Return all of it as it is now; `begun` tells of the runs that `running` does not count when they began.

        As long as nothing happens it is the same object, so that whoever looks again can see that at once.
        """
        started = [*begun, self.started_ns] if self.running else begun
        if self._is_read(self.running + len(begun), min(started, default=0)):
            return self._read
        self._read = NodeReading(
            runs=self.runs,
            errors=self.errors,
            running=self.running + len(begun),
            in_threads=self.in_threads,
            overruns=self.overruns,
            hits=self.hits,
            retries=self.retries,
            retrying=self.retrying,
            next_try=self.next_try,
            started_ns=min(started, default=0),
            held_since=self.held_since,
            last_failed=self.failed_run == self.runs,
            last_error=self.last_error,
            last_error_at=self.last_error_at,
            ports=self.ports.copy(),
            durations=self.histogram.counts.copy(),
        )
        return self._read

    def _is_read(self, running: int, started_ns: int) -> bool:
        read = self._read
        return (
            read.runs == self.runs
            and read.running == running
            and read.started_ns == started_ns
            and read.errors == self.errors
            and read.in_threads == self.in_threads
            and read.overruns == self.overruns
            and read.hits == self.hits
            and read.retries == self.retries
            and read.retrying == self.retrying
            and read.held_since == self.held_since
            and len(read.ports) == len(self.ports)
        )


class TrackCounters:
    """What one track did: iterations are settled and committed ones, errors those of them with a failed node."""

    __slots__ = ("_last", "_read", "errors", "histogram", "iterations", "last_ns", "nodes", "number", "waiting")

    def __init__(self, ports: Mapping[str, Iterable[str]], number: int = 1) -> None:
        """`ports` by node id, for every node of the loop; none for what is no conditional. `number` is the track's."""
        self.number = number
        self.iterations = 0
        self.errors = 0
        self.last_ns = 0  # when the last one was committed (of `perf_counter_ns`), 0 before the first
        self._last = (0, 0.0)  # the same as it was last read, and by the clock on the wall
        self.histogram = Histogram()
        self.waiting = WaitingFor()
        self.nodes = {id: NodeCounters(each) for id, each in ports.items()}
        self._read: tuple[tuple[object, ...], TrackReading] = ((), TrackReading())  # of what it was made, and itself

    def reading(self, in_flight: int, places: Iterable[Place] = ()) -> TrackReading:
        """Return all of it as it is now; `places` are those of the track's tasks.

        As long as nothing happens it is the same object.
        """
        begun: dict[str, list[int]] = {}
        for place in places:
            if place.since_ns:
                begun.setdefault(place.owner.node, []).append(place.since_ns)
        waiting, last_at, (read_of, read) = self.waiting.now, self._last_at(), self._read
        # Of thousands of nodes few have done anything since the last time: that must be seen at one glance.
        moving = list(map(_moving, self.nodes.values()))
        of = (moving, begun, self.iterations, self.errors, in_flight, last_at, waiting)
        if of == read_of:
            return read
        nodes = {id: node.reading(begun.get(id, ())) for id, node in self.nodes.items()}
        same_nodes = len(read.nodes) == len(nodes) and all(read.nodes[id] is node for id, node in nodes.items())
        figures = (self.iterations, self.errors, in_flight, last_at, waiting)
        if not same_nodes or figures != (read.iterations, read.errors, read.in_flight, read.last_at, read.waiting):
            read = TrackReading(*figures, durations=self.histogram.counts.copy(), nodes=nodes)
        self._read = of, read
        return read

    def _last_at(self) -> float:
        # Worked out once for each value: two readings of a track that rests are equal.
        last_ns = self.last_ns
        if last_ns != self._last[0]:
            self._last = last_ns, time.time() - (time.perf_counter_ns() - last_ns) / 1e9
        return self._last[1]


def together(readings: Iterable[TrackReading]) -> TrackReading:
    """Return the sum over several tracks of one loop."""
    tracks = list(readings)
    if len(tracks) == 1:
        return tracks[0]
    by_id: dict[str, list[NodeReading]] = {}
    for track in tracks:
        for id, node in track.nodes.items():
            by_id.setdefault(id, []).append(node)
    return TrackReading(
        iterations=sum(t.iterations for t in tracks),
        errors=sum(t.errors for t in tracks),
        in_flight=sum(t.in_flight for t in tracks),
        last_at=max((t.last_at for t in tracks), default=0.0),
        waiting=common_waiting([t.waiting for t in tracks]),
        durations=_sum_of(t.durations for t in tracks),
        nodes={id: _node_together(nodes) for id, nodes in by_id.items()},
    )


def common_waiting(each: list[Waiting]) -> Waiting:
    """Return what a loop waits for: store or queue if any track does, anything else only if all of them wait."""
    gravest = min(each, key=lambda waiting: (waiting.kind, waiting.since), default=NOT_WAITING)
    all_wait = all(waiting.reason for waiting in each)
    return gravest if all_wait or gravest.kind <= WaitingFor.QUEUE else NOT_WAITING


def _node_together(nodes: list[NodeReading]) -> NodeReading:
    last = max(nodes, key=lambda node: node.last_error_at)
    retrying = [node.next_try for node in nodes if node.retrying]
    return NodeReading(
        runs=sum(n.runs for n in nodes),
        errors=sum(n.errors for n in nodes),
        running=sum(n.running for n in nodes),
        in_threads=sum(n.in_threads for n in nodes),
        overruns=sum(n.overruns for n in nodes),
        hits=sum(n.hits for n in nodes),
        retries=sum(n.retries for n in nodes),
        retrying=sum(n.retrying for n in nodes),
        next_try=min(retrying, key=lambda each: each.at) if retrying else NO_TRY,
        started_ns=min((n.started_ns for n in nodes if n.running), default=0),
        held_since=min((n.held_since for n in nodes if n.held_since), default=0.0),
        last_failed=any(n.last_failed for n in nodes),
        last_error=last.last_error,
        last_error_at=last.last_error_at,
        ports=_sum_of(n.ports for n in nodes),
        durations=_sum_of(n.durations for n in nodes),
    )


def _sum_of(counts: Iterable[Mapping[K, int]]) -> dict[K, int]:
    total: dict[K, int] = {}
    for each in counts:
        for key, count in each.items():
            total[key] = total.get(key, 0) + count
    return total
