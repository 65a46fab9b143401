"""`EngineSnapshot`: all that a screen shows, immutable, pulled as a whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from flowtui.model.access import Access
from flowtui.model.errors import Problem
from flowtui.model.queued import Owner
from flowtui.model.states import LoopState, NodeHealth, NodeKind, OnFull
from flowtui.model.workflows import Reload, WorkflowView


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node of a loop, all its tracks together. Times are in milliseconds, rates per second.

    Attributes:
        health_reason, health_since: why, and since when (seconds since the epoch; 0 before anything happened).
        hits: runs that the cache answered.
        last_error_at: in seconds since the epoch; 0 if there was none.
        retrying: `2/3, next in 4 s` while an item waits for its next try, else empty.
        ports: of a conditional: how often each port was taken.
        needs: the nodes it needs in the order of the file, each with the port behind a conditional, else empty.
        queue: full name of the queue that it reads or writes, None if it does neither.
        busy: how much of the last seconds it has worked, all its runs together: 1.0 is one run all the time. None of a
            producer, which may as well have waited.
    """

    id: str
    title: str
    type: str
    kind: NodeKind
    health: NodeHealth
    health_reason: str
    health_since: float
    runs: int
    errors: int
    hits: int
    rate: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    retries: int
    retrying: str
    running: int
    last_error: str
    last_error_at: float
    ports: tuple[tuple[str, int], ...]
    needs: tuple[tuple[str, str], ...] = ()
    queue: str | None = None
    busy: float | None = None


@dataclass(frozen=True, slots=True)
class LoopView:
    """One loop.

    Attributes:
        reason, since: why the loop is in its state, and since when (seconds since the epoch).
        waiting, waiting_since: what a running loop waits for, empty if nothing.
        replicas, tracks: how many tracks there should be, and how many there are.
        rate, rate_1s, rate_1m: settled iterations a second, over the last five seconds, second and minute.
        history: that rate over the last minute, oldest first, at most 12 figures.
        last_at: when the last iteration ended, in seconds since the epoch; 0 before the first one.
        p50_ms, p95_ms, p99_ms: from an iteration's start to its settlement; None before the first one.
        in_flight: iterations begun and not yet committed.
        revision: counts the changes of this loop's meaning since the engine started, from 1.
        grace_until: of a stopping loop: until when what is in flight may end by itself, in seconds since the epoch;
            else 0.
        paused_itself: whether it is paused for what has happened in it, and nobody asked for that.
    """

    id: str
    workflow: str
    producer: str
    path: Path
    pool: str
    replicas: int
    tracks: int
    state: LoopState
    reason: str
    since: float
    waiting: str
    waiting_since: float
    iterations: int
    errors: int
    rate: float
    rate_1s: float
    rate_1m: float
    history: tuple[float, ...]
    last_at: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    in_flight: int
    revision: int
    reads: str | None
    writes: tuple[str, ...]
    nodes: tuple[NodeView, ...]
    is_triggered: bool = False
    grace_until: float = 0.0
    paused_itself: bool = False

    @property
    def is_recovering(self) -> bool:
        """Whether a track has died and starts again in a while; the reason tells more."""
        return self.state is LoopState.STARTING and self.tracks < self.replicas


@dataclass(frozen=True, slots=True)
class HolderView:
    """A track that reads a queue.

    Attributes:
        instance: `host:pid` of the engine that it belongs to; `is_here` tells whether it is this one.
        held_s: for how long, in seconds, it has had the first of its items in flight, as far as this engine has seen.
    """

    owner: Owner
    instance: str
    is_here: bool
    in_flight: int
    held_s: float


@dataclass(frozen=True, slots=True)
class GroupView:
    """One loop that reads a queue, all its tracks on all instances together.

    Attributes:
        loop: its id.
        waiting, in_flight: its own backlog, and what its tracks have taken.
        out_rate: items a second that it ends well.
        oldest_s: the age of the first waiting item, in seconds.
        tracks: how many read for it now.
        dead, dropped: how many items ever became dead letters, and how many there was no room for.
        is_orphan: whether items are kept for it though no workflow has it any more.
    """

    loop: str
    waiting: int
    in_flight: int = 0
    out_rate: float = 0.0
    oldest_s: float | None = None
    tracks: int = 0
    dead: int = 0
    dropped: int = 0
    unaccounted: int = 0
    is_orphan: bool = False
    holders: tuple[HolderView, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue, all its reading groups together. Rates per second, ages in seconds.

    Attributes:
        depth: items that wait in the fullest group (or in the backlog if nobody reads).
        out_rate: items a second that the fullest group ends well.
        in_flight: items handed out and not yet acknowledged.
        unaccounted: pushed minus everything that became of it; 0 unless something is broken.
        bound: how many items may wait for each reader, 0 for any number.
        on_full: what becomes of more; None without a bound.
        history: the highest depth in each quarter of a minute, oldest first, at most 12 figures.
        drift: items a second by which it grows, or shrinks if negative; 0 if it goes to and fro.
        full_in_s: in how many seconds it is full if it goes on growing like this, 0 if it is; None if it does not grow.
        empty_in_s: in how many seconds it is empty if it goes on shrinking like this; None if it does not.
        groups: the loops that read it, or have read it.
    """

    name: str
    depth: int
    in_flight: int
    in_rate: float
    out_rate: float
    oldest_s: float | None
    readers: tuple[str, ...]
    writers: tuple[str, ...]
    unaccounted: int
    bound: int = 0
    on_full: OnFull | None = None
    history: tuple[int, ...] = ()
    drift: float = 0.0
    full_in_s: float | None = None
    empty_in_s: float | None = None
    groups: tuple[GroupView, ...] = ()

    @property
    def orphans(self) -> tuple[tuple[str, int], ...]:
        """Loops for which items are kept though no workflow has them any more, and how many wait."""
        return tuple((group.loop, group.waiting) for group in self.groups if group.is_orphan)


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead letters of one loop and node with one error type, raised at one place.

    Attributes:
        message: of the newest one.
        first_at, last_at: when the first and the newest one were filed, in seconds since the epoch.
        fingerprint: what the group is named by in commands.
        of_production: whether they are those of the production beside which this engine develops; it only reads them.
        new: how many were filed in the last minute; only an engine that runs knows.
    """

    loop: str
    node: str
    error: str
    message: str
    count: int
    last_at: float
    first_at: float = 0.0
    fingerprint: str = ""
    of_production: bool = False
    new: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it this group, however many letters it has."""
        return self.loop, self.node, self.error, self.fingerprint, self.of_production

    def as_dict(self) -> dict[str, object]:
        """Return what any command can tell of it, as JSON can hold it."""
        told = asdict(self)
        del told["new"]
        return told


@dataclass(frozen=True, slots=True)
class StoreView:
    """The store. `kind` is `local`, `redis` or `memory`; `trouble` is empty while it answers."""

    kind: str
    address: str
    durable: bool
    trouble: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One engine process on a store; `started_at` in seconds since the epoch.

    Attributes:
        id: its name in the store.
        folder: of its workflows, on its host.
    """

    id: str
    host: str
    pid: int
    folder: str
    started_at: float

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """Everything at one moment; `taken_at` in seconds since the epoch.

    Attributes:
        instances: the engines on the store, this one among them, the oldest first; none before the store is open.
        workflows: the files of the folder: workflow files, node modules, then what is ignored, each by name.
        reloads: the last ones, the newest first.
    """

    taken_at: float
    uptime_s: float
    folder: Path
    access: Access
    store: StoreView
    loops: tuple[LoopView, ...]
    queues: tuple[QueueView, ...]
    dead_letters: tuple[DeadLetterGroup, ...]
    dead_total: int
    problems: tuple[Problem, ...]
    last_reload: str
    loading: bool
    instances: tuple[Instance, ...] = ()
    workflows: tuple[WorkflowView, ...] = ()
    reloads: tuple[Reload, ...] = ()
