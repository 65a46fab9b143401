"""What is wrong, since when and whether it gets worse; and which of it has just begun, so that somebody is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from flowtui.model.errors import Problem, Severity
from flowtui.model.figures import age, count, plural, rate
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot, QueueView
from flowtui.model.states import LoopState, NodeHealth

#: From which part of its bound on a queue counts as full, and below which part of that it no longer does.
_FULL = 0.9
_CALM = 0.8
#: Nobody is called again for the same thing within so many seconds.
QUIET_S = 60.0
#: Queues that fill more slowly than this do not count as growing, in items a second.
_LEAST_GROWTH = 0.05


class Kind(StrEnum):
    """What can be wrong, the worst first."""

    ENGINE = "engine"
    STORE = "store"
    FAILED = "loop failed"
    LOST = "items unaccounted for"
    PAUSED = "loop paused itself"
    QUEUE = "queue full"
    FILE = "problem in a file"
    RECOVERING = "process died"
    STALLED = "node stalled"
    LETTERS = "dead letters"
    WARNING = "warning in a file"
    PREFERENCES = "problem in the preferences"


#: For what somebody is called who does not look: what does not mend itself, and what makes others wait.
_CALLS = frozenset({Kind.ENGINE, Kind.STORE, Kind.FAILED, Kind.LOST, Kind.PAUSED, Kind.QUEUE})
#: Alerts of these kinds are the same one only if they say the same.
_TOLD_APART = frozenset({Kind.FILE, Kind.WARNING, Kind.PREFERENCES})
#: What is grave; the others are warnings.
_GRAVE = frozenset({Kind.ENGINE, Kind.STORE, Kind.FAILED, Kind.FILE})
_RANK = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong.

    Attributes:
        head, when, tail: the sentence; `when` has a place for the age of `since`.
        since: in seconds since the epoch; 0 if that is not known.
        loop, node, queue: whom it is about, as far as it is about one.
    """

    kind: Kind
    head: str
    when: str = ""
    tail: str = ""
    since: float = 0.0
    loop: str = ""
    node: str = ""
    queue: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same alert at another moment."""
        about = self.head if self.kind in _TOLD_APART else ""
        return self.kind, self.loop, self.node, self.queue, about

    @property
    def is_grave(self) -> bool:
        return self.kind in _GRAVE

    def text(self, now: float) -> str:
        """Return the sentence at a time, in seconds since the epoch."""
        when = self.when.format(age(now - self.since)) if self.since else ""
        return f"{self.head}{when}{self.tail}"

    def call(self, snapshot: EngineSnapshot) -> tuple[str, dict[str, Any]]:
        """Return what a program is told: the sentence, and the same as JSON can hold it."""
        text = self.text(snapshot.taken_at)
        told = {"kind": self.kind, "text": text, "since": self.since, "at": snapshot.taken_at, "grave": self.is_grave}
        about = {"loop": self.loop, "node": self.node, "queue": self.queue, "folder": str(snapshot.folder)}
        return text, told | about


class AlertWatch:
    """Looks at one snapshot after the other.

    Attributes:
        alerts: what is wrong now, the worst first.
    """

    def __init__(self, queue_depth: int | None = None, own: Sequence[Problem] = ()) -> None:
        """Watch with a person's preferences.

        Args:
            queue_depth: from how many waiting items on a queue is an alert; None for only when its bound is near.
            own: what is wrong in the file of the preferences themselves.
        """
        self._own = [Alert(Kind.PREFERENCES, f"preferences: {each.place} {each.message}") for each in own]
        self.alerts: tuple[Alert, ...] = ()
        self._depth = queue_depth
        self._since: dict[tuple[str, ...], float] = {}
        self._called: dict[tuple[str, ...], float] = {}
        self._has_looked = False

    def look(self, snapshot: EngineSnapshot, failure: str) -> list[Alert]:
        """Take a snapshot and why nothing can run; return what has begun and is worth a call, the worst first.

        At the first look, what is wrong already is worth one call at most. What comes and goes is worth one a minute.
        """
        now = snapshot.taken_at
        known = self._since
        found = self._all(snapshot, failure)
        self.alerts = tuple(replace(each, since=self._seen_since(each, now)) for each in found)
        self._since = {alert.key: alert.since for alert in self.alerts}
        calling = [each for each in self.alerts if each.kind in _CALLS]
        begun = [each for each in calling if each.key not in known and now - self._called.get(each.key, 0.0) >= QUIET_S]
        if not self._has_looked:
            self._has_looked = not snapshot.loading
            begun = begun[:1]
        self._called = {key: at for key, at in self._called.items() if now - at < QUIET_S}
        self._called |= {alert.key: now for alert in begun}
        return begun

    def _seen_since(self, alert: Alert, now: float) -> float:
        if alert.kind is Kind.LETTERS:  # there it is the last one that counts
            return alert.since
        return min(self._since.get(alert.key, now), alert.since or now)

    def _all(self, snapshot: EngineSnapshot, failure: str) -> list[Alert]:
        found = [
            *_whole(snapshot, failure),
            *_loops(snapshot),
            *_files(snapshot),
            *self._queues(snapshot.queues),
            *_letters(snapshot),
            *self._own,
        ]
        return sorted(found, key=lambda alert: (_RANK[alert.kind], -alert.since))

    def _queues(self, queues: Iterable[QueueView]) -> Iterator[Alert]:
        for queue in queues:
            if queue.unaccounted:
                lost = f"queue {queue.name}: {plural(queue.unaccounted, 'item')} unaccounted for"
                yield Alert(Kind.LOST, lost, ", seen {} ago", queue=queue.name)
            alert = Alert(Kind.QUEUE, f"queue {queue.name} {_held(queue)}", " for {}", _trend(queue), queue=queue.name)
            # One that stands at its limit comes and goes with every item.
            calm = _CALM if alert.key in self._since else 1.0
            if (limit := _limit(queue, self._depth)) is not None and queue.depth >= limit * calm:
                yield alert


def _whole(snapshot: EngineSnapshot, failure: str) -> Iterator[Alert]:
    if failure:
        yield Alert(Kind.ENGINE, failure, ", {} ago")
    if snapshot.store.trouble and snapshot.store.trouble != failure:
        yield Alert(Kind.STORE, "store in trouble", " for {}", f": {snapshot.store.trouble}")


def _loops(snapshot: EngineSnapshot) -> Iterator[Alert]:
    for loop in snapshot.loops:
        reason = f": {loop.reason}" if loop.reason else ""
        if loop.state is LoopState.FAILED:
            yield Alert(Kind.FAILED, f"{loop.id} failed", " {} ago", reason, loop.since, loop.id)
        elif loop.paused_itself:
            yield Alert(Kind.PAUSED, f"{loop.id} paused itself", " {} ago", reason, loop.since, loop.id)
        elif loop.is_recovering:
            yield Alert(Kind.RECOVERING, f"{loop.id}: {loop.reason}", loop=loop.id)
        for node in loop.nodes:
            if node.health is NodeHealth.STALLED:
                head = f"{loop.id}: node {node.id} is stalled"
                why = f": {node.health_reason}" if node.health_reason else ""
                yield Alert(Kind.STALLED, head, " for {}", why, node.health_since, loop.id, node.id)


def _files(snapshot: EngineSnapshot) -> Iterator[Alert]:
    for kind, severity in ((Kind.FILE, Severity.ERROR), (Kind.WARNING, Severity.WARNING)):
        problems = [problem for problem in snapshot.problems if problem.severity is severity]
        if problems:
            first, noun = problems[0], "problem" if kind is Kind.FILE else "warning"
            number = f"{plural(len(problems), noun)} in files, first " if len(problems) > 1 else ""
            yield Alert(kind, f"{number}{first.place} {first.message}", ", seen {} ago")


def _letters(snapshot: EngineSnapshot) -> Iterator[Alert]:
    groups: tuple[DeadLetterGroup, ...] = snapshot.dead_letters
    if not snapshot.dead_total:
        return
    new = sum(group.new for group in groups)
    head = plural(snapshot.dead_total, "dead letter") + (f", {count(new)} in the last minute" if new else "")
    if not groups:
        yield Alert(Kind.LETTERS, head)
        return
    most = max(groups, key=lambda group: group.count)
    number = f", {count(most.count)} of them" if len(groups) > 1 else ":"
    last = max(group.last_at for group in groups)
    tail = f"{number} {most.error} at {most.node} of {most.loop}"
    yield Alert(Kind.LETTERS, head, "" if new else ", the last {} ago", tail, last)


def _limit(queue: QueueView, depth: int | None) -> float | None:
    """Return from how many items on a queue is an alert, None if it never is."""
    limits = [depth] if depth is not None else []
    return min([*limits, *([queue.bound * _FULL] if queue.bound else [])], default=None)


def _held(queue: QueueView) -> str:
    if queue.bound:
        return "is full" if queue.depth >= queue.bound else f"holds {count(queue.depth)} of {count(queue.bound)}"
    return f"holds {count(queue.depth)}"


def _trend(queue: QueueView) -> str:
    """Return whether a queue gets fuller, how fast, and when it is full."""
    growth = queue.in_rate - queue.out_rate
    if abs(growth) < _LEAST_GROWTH:
        return ""
    full = f", full in {age(queue.full_in_s)}" if queue.full_in_s else ""
    return f", growing {rate(growth)}/s{full}" if growth > 0 else f", shrinking {rate(-growth)}/s"
