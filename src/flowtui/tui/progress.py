"""How far a command for several loops has got, as long as it is under way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from flowtui.model.snapshot import EngineSnapshot, LoopView
from flowtui.model.states import Command, LoopState
from flowtui.tui import format as fmt

#: What came of a command that took longer than so many seconds is said; before that, everybody has seen it.
_WORTH_SAYING_S = 2.0


@dataclass(frozen=True, slots=True)
class _Way:
    """The way of a loop that obeys a command: what it does, what is said of it then, the states on the way."""

    doing: str
    done: str
    states: frozenset[LoopState]
    arrived: frozenset[LoopState]


_ENDED = frozenset({LoopState.STOPPED, LoopState.COMPLETED})
_WAYS = {
    Command.START: _Way(
        "starting",
        "started",
        frozenset({LoopState.STARTING}),
        frozenset({LoopState.RUNNING, LoopState.COMPLETED}),
    ),
    Command.PAUSE: _Way("pausing", "paused", frozenset({LoopState.PAUSING}), frozenset({LoopState.PAUSED})),
    Command.DRAIN: _Way("draining", "drained", frozenset({LoopState.DRAINING}), _ENDED),
    Command.STOP: _Way("stopping", "stopped", frozenset({LoopState.STOPPING}), _ENDED),
    Command.KILL: _Way("killing", "ended", frozenset({LoopState.STOPPING}), _ENDED),
    Command.RESTART: _Way(
        "restarting",
        "restarted",
        frozenset({LoopState.STOPPING, LoopState.STARTING}),
        frozenset({LoopState.RUNNING, LoopState.COMPLETED}),
    ),
}
#: What can still be called off while it is under way.
_RETURNS = (Command.PAUSE, Command.DRAIN)


@dataclass(frozen=True, slots=True)
class Step:
    """How far it has got: `done` of `total` loops.

    Attributes:
        said: that in words.
        waits_for: what the rest waits for, to be said behind that; may be empty.
        remaining: the loops that are still on their way.
    """

    doing: str
    done: int
    total: int
    said: str
    waits_for: str
    remaining: tuple[str, ...]
    may_be_called_off: bool


class Progress:
    """One command for several loops, from when it was given until the last of them has got there."""

    def __init__(self, command: Command, concerns: Callable[[LoopView], bool]) -> None:
        """`concerns` tells which loops were asked; who does not obey is not waited for."""
        self._command = command
        self._concerns = concerns
        self._watched: frozenset[str] | None = None
        self._began = 0.0

    def step(self, snapshot: EngineSnapshot) -> Step | None:
        """Return how far it is; None if nobody is on the way any more."""
        way = _WAYS.get(self._command)
        if way is None:
            return None
        if self._watched is None:
            # The snapshot is younger than the answer to the command: who obeys is on the way, or there already.
            self._began = snapshot.taken_at
            asked = (loop for loop in snapshot.loops if loop.state in way.states)
            self._watched = frozenset(loop.id for loop in asked if self._concerns(loop))
        remaining = [loop for loop in self._of(snapshot) if loop.state in way.states]
        if not remaining:
            return None
        total = len(self._watched)
        there = sum(loop.state in way.arrived for loop in self._of(snapshot))
        return Step(
            way.doing,
            total - len(remaining),
            total,
            f"{there:,} of {fmt.plural(total, 'loop')} {way.done}",
            self._waits_for(remaining, snapshot),
            tuple(loop.id for loop in remaining),
            self._command in _RETURNS,
        )

    def result(self, snapshot: EngineSnapshot) -> tuple[str, bool] | None:
        """Return in the end what came of it, and whether that is what was asked for; None if it was too quick."""
        took = snapshot.taken_at - self._began
        way = _WAYS.get(self._command)
        if way is None or not self._watched or took < _WORTH_SAYING_S:
            return None
        elsewhere = [loop for loop in self._of(snapshot) if loop.state not in way.arrived]
        well = len(self._watched) - len(elsewhere)
        said = f"{way.done}: {fmt.plural(well, 'loop')} in {fmt.age(took)}"
        others = ", ".join(f"{loop.id} is {loop.state}" for loop in elsewhere[:3])
        more = f" and {len(elsewhere) - 3:,} more" if len(elsewhere) > 3 else ""
        return f"{said}; {others}{more}" if elsewhere else said, not elsewhere

    def _of(self, snapshot: EngineSnapshot) -> list[LoopView]:
        return [loop for loop in snapshot.loops if loop.id in (self._watched or ())]

    def _waits_for(self, remaining: Collection[LoopView], snapshot: EngineSnapshot) -> str:
        words = []
        if self._command is Command.DRAIN:
            reads = {loop.reads for loop in remaining}
            if queued := sum(queue.depth for queue in snapshot.queues if queue.name in reads):
                words.append(f"{fmt.count(queued)} queued")
        if in_flight := sum(loop.in_flight for loop in remaining):
            words.append(f"{fmt.count(in_flight)} in flight")
        if until := max((loop.grace_until for loop in remaining), default=0.0):
            words.append(f"{max(0, round(until - snapshot.taken_at))} s of grace left")
        return "".join(f", {word}" for word in words)
