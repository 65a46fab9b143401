"""The life of a loop: every state, every move, in one table."""

from __future__ import annotations

import time
from enum import StrEnum

from flowtui.model.errors import IllegalTransition
from flowtui.model.states import Command, LoopState


class Event(StrEnum):
    """What can happen to a loop: the four commands of a person and what its runner reports."""

    START = "start"
    STARTED = "started"
    PAUSE = "pause"
    SETTLED = "settled"  # nothing is in flight any more
    RESUME = "resume"
    STOP = "stop"
    ENDED = "ended"  # the runner is gone, as asked
    COMPLETE = "complete"  # the producer is exhausted and everything is committed
    FAIL = "fail"


_S = LoopState
_E = Event

TRANSITIONS: dict[LoopState, dict[Event, LoopState]] = {
    _S.STOPPED: {_E.START: _S.STARTING},
    _S.STARTING: {_E.STARTED: _S.RUNNING, _E.PAUSE: _S.PAUSING, _E.STOP: _S.STOPPING, _E.FAIL: _S.FAILED},
    _S.RUNNING: {
        _E.PAUSE: _S.PAUSING,
        _E.STOP: _S.STOPPING,
        _E.COMPLETE: _S.COMPLETED,
        _E.FAIL: _S.FAILED,
    },
    _S.PAUSING: {
        _E.STARTED: _S.PAUSING,
        _E.SETTLED: _S.PAUSED,
        _E.RESUME: _S.RUNNING,
        _E.STOP: _S.STOPPING,
        _E.COMPLETE: _S.COMPLETED,
        _E.FAIL: _S.FAILED,
    },
    _S.PAUSED: {
        _E.RESUME: _S.RUNNING,
        _E.STOP: _S.STOPPING,
        _E.COMPLETE: _S.COMPLETED,
        _E.FAIL: _S.FAILED,
    },
    # What a runner reports after it was asked to stop cannot change its fate any more, only a failure can.
    _S.STOPPING: {
        _E.STARTED: _S.STOPPING,
        _E.SETTLED: _S.STOPPING,
        _E.ENDED: _S.STOPPED,
        _E.COMPLETE: _S.COMPLETED,
        _E.FAIL: _S.FAILED,
    },
    _S.COMPLETED: {_E.START: _S.STARTING},
    _S.FAILED: {_E.START: _S.STARTING},
}


class Lifecycle:
    """The state of one loop, with the reason for it and since when (seconds since the epoch).

    Only the engine's control thread moves it; any thread may read it.
    """

    __slots__ = ("loop", "reason", "since", "state")

    def __init__(self, loop: str) -> None:
        self.loop = loop
        self.state = LoopState.STOPPED
        self.reason = "not started yet"
        self.since = time.time()

    def allows(self, event: Event) -> bool:
        """Tell whether `event` is legal now."""
        return event in TRANSITIONS[self.state]

    def apply(self, event: Event, reason: str) -> LoopState:
        """Move to the next state and return it.

        Raises:
            IllegalTransition: if the state has no such move; the state stays as it is.
        """
        target = TRANSITIONS[self.state].get(event)
        if target is None:
            raise IllegalTransition(f"{self.loop} is {self.state}: cannot {event}; {self._legal()}")
        if target is not self.state:
            self.state = target
            self.since = time.time()
            self.reason = reason or self.reason  # what merely follows from a move has no reason of its own
        return target

    def _legal(self) -> str:
        commands = [command.value for command in Command if Event(command.value) in TRANSITIONS[self.state]]
        return f"it can {' or '.join(commands)}" if commands else "wait until it has ended"
