"""The life of a loop: every state, every move, in one table."""

from __future__ import annotations

import time
from enum import StrEnum

from flowtui.model.errors import IllegalTransition
from flowtui.model.states import Command, LoopState


class Event(StrEnum):
    """What can happen to a loop: the commands of a person and what its tracks report."""

    START = "start"
    STARTED = "started"
    PAUSE = "pause"
    SETTLED = "settled"  # nothing is in flight any more
    RESUME = "resume"
    DRAIN = "drain"
    STOP = "stop"
    KILL = "kill"
    RESTART = "restart"
    ENDED = "ended"  # the tracks are gone, as asked
    COMPLETE = "complete"  # the producer is exhausted and everything is committed
    FAIL = "fail"
    CRASH = "crash"  # the process of a track has died


_S = LoopState
_E = Event

_FROM_REST = {_E.START: _S.STARTING, _E.RESTART: _S.STARTING}
_TO_END = {_E.STOP: _S.STOPPING, _E.KILL: _S.STOPPING, _E.RESTART: _S.STOPPING, _E.FAIL: _S.FAILED}

TRANSITIONS: dict[LoopState, dict[Event, LoopState]] = {
    _S.STOPPED: _FROM_REST,
    _S.STARTING: {
        **_TO_END,
        _E.STARTED: _S.RUNNING,
        _E.PAUSE: _S.PAUSING,
        _E.DRAIN: _S.DRAINING,
        _E.CRASH: _S.STARTING,
    },
    _S.RUNNING: {
        **_TO_END,
        _E.PAUSE: _S.PAUSING,
        _E.DRAIN: _S.DRAINING,
        _E.CRASH: _S.STARTING,
        _E.COMPLETE: _S.COMPLETED,
    },
    _S.PAUSING: {
        **_TO_END,
        _E.SETTLED: _S.PAUSED,
        _E.RESUME: _S.RUNNING,
        _E.DRAIN: _S.DRAINING,
        _E.CRASH: _S.PAUSING,
        _E.COMPLETE: _S.COMPLETED,
    },
    _S.PAUSED: {
        **_TO_END,
        _E.RESUME: _S.RUNNING,
        _E.DRAIN: _S.DRAINING,
        _E.CRASH: _S.PAUSED,
        _E.COMPLETE: _S.COMPLETED,
    },
    _S.DRAINING: {
        **_TO_END,
        _E.RESUME: _S.RUNNING,
        _E.CRASH: _S.DRAINING,
        _E.ENDED: _S.STOPPED,
        _E.COMPLETE: _S.COMPLETED,
    },
    # What a track reports after it was asked to stop cannot change its fate any more, only a failure can.
    _S.STOPPING: {
        _E.STOP: _S.STOPPING,
        _E.KILL: _S.STOPPING,
        _E.RESTART: _S.STOPPING,
        _E.ENDED: _S.STOPPED,
        _E.COMPLETE: _S.COMPLETED,
        _E.FAIL: _S.FAILED,
    },
    _S.COMPLETED: _FROM_REST,
    _S.FAILED: _FROM_REST,
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
        elif event is not Event.CRASH:
            return target
        self.reason = reason or self.reason  # what merely follows from a move has no reason of its own
        return target

    def _legal(self) -> str:
        commands = [command.value for command in Command if Event(command.value) in TRANSITIONS[self.state]]
        return f"it can {' or '.join(commands)}" if commands else "wait until it has ended"
