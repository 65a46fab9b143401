"""Deadlines of calls: those that await are cancelled, those on a thread are given up and counted until they end."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

from flowtui.engine.telemetry import NodeCounters

#: Who has swallowed its cancellation is cancelled again after so many seconds; long enough to close what is open.
_AGAIN_S = 5.0
#: Held for moments, to count what ends in one thread and is given up in another.
_overruns = threading.Lock()
_log = logging.getLogger("flowtui.deadlines")


class Deadlines:
    """Watches all deadlines of one track, with one timer for the nearest. To be used on one event loop only.

    A call that ends takes no timer along: when that fires it finds nothing due and waits for what has begun since.
    """

    def __init__(self) -> None:
        self.clock = asyncio.get_running_loop()
        self.wakes_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._again = Limit(self, _AGAIN_S)
        self._limits: dict[float, Limit] = {}

    def limit(self, seconds: float) -> Limit:
        """Return what begins calls that may take that long."""
        return self._limits.setdefault(seconds, Limit(self, seconds))

    def wake_at(self, when: float) -> None:
        """Look at `when` for what is due then, not later."""
        if self._timer is not None:
            self._timer.cancel()
        self.wakes_at = when
        self._timer = self.clock.call_at(when, self._sweep)

    def _sweep(self) -> None:
        # A timer may fire a little early.
        now = max(self.clock.time(), self.wakes_at)
        self.wakes_at, self._timer = math.inf, None
        for limit in (*self._limits.values(), self._again):
            for deadline in limit.due(now):
                deadline.expire(self._again)
        nearest = min(limit.nearest() for limit in (*self._limits.values(), self._again))
        if nearest < math.inf:
            self.wake_at(nearest)


class Limit:
    """Calls that may all take equally long, so that they are due in the order in which they began."""

    __slots__ = ("_deadlines", "_time", "running", "seconds")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self.seconds = seconds
        self.running: dict[Deadline, None] = {}  # in order
        self._deadlines = deadlines
        self._time = deadlines.clock.time

    def begin(self) -> Deadline:
        """Let the running task be cancelled when its time is over, unless the deadline is ended before."""
        task = asyncio.current_task()
        assert task is not None
        deadline = Deadline(task, self)
        self.enter(deadline)
        return deadline

    def enter(self, deadline: Deadline) -> None:
        """Make it due after the limit's time, counted from now."""
        deadline.limit = self
        deadline.at = at = self._time() + self.seconds
        self.running[deadline] = None
        if at < self._deadlines.wakes_at:
            self._deadlines.wake_at(at)

    def due(self, now: float) -> list[Deadline]:
        """Return those that have passed."""
        passed = []
        for deadline in self.running:
            if deadline.at > now:
                break
            passed.append(deadline)
        return passed

    def nearest(self) -> float:
        """Return when the next one passes."""
        return next((deadline.at for deadline in self.running), math.inf)


class Deadline:
    """The deadline of one call, made by `Limit.begin`; to be ended when the call has, whatever became of it."""

    __slots__ = ("_cancelled_before", "_cancels", "_task", "at", "limit")

    def __init__(self, task: asyncio.Task[Any], limit: Limit) -> None:
        self.limit = limit
        self.at = 0.0
        self._task = task
        self._cancelled_before = task.cancelling()
        self._cancels = 0

    def expire(self, again: Limit) -> None:
        """Cancel the task, and once more later if that does not end the call."""
        self._cancels += 1
        del self.limit.running[self]
        again.enter(self)
        self._task.cancel()

    def end(self, error: BaseException | None = None) -> bool:
        """Tell whether the call, which raised `error` or returned, has failed because it took too long.

        A call that was cancelled for it has, whatever it made of that; unless somebody else has cancelled it as well,
        who must then get the cancellation. One that ended before it could be cancelled has not.
        """
        del self.limit.running[self]
        if not self._cancels:
            return False
        for _ in range(self._cancels):
            self._task.uncancel()
        is_anothers = self._task.cancelling() > self._cancelled_before
        return not (is_anothers and isinstance(error, asyncio.CancelledError))


class ThreadCall:
    """One call on a worker thread that cannot be stopped if it takes too long.

    Attributes:
        has_begun: whether it has got a thread.
        is_overrun: whether it was given up while it ran.
    """

    __slots__ = ("_began", "_counters", "_has_ended", "_in_thread", "_is_given_up", "_name", "has_begun", "is_overrun")

    def __init__(self, in_thread: Callable[..., Any], name: str, counters: NodeCounters) -> None:
        """`in_thread(call, *args)` makes the call; `name` is the node's."""
        self.has_begun = False
        self.is_overrun = False
        self._in_thread = in_thread
        self._name = name
        self._counters = counters
        self._began = 0.0
        self._has_ended = False
        self._is_given_up = False

    def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Make the call; on the worker thread."""
        with _overruns:
            if self._is_given_up:
                return None
            self.has_begun = True
        self._began = perf_counter()
        try:
            return self._in_thread(call, *args)
        finally:
            with _overruns:
                self._has_ended = True
                if self.is_overrun:
                    self._counters.overruns -= 1
            if self.is_overrun:
                took = perf_counter() - self._began
                _log.warning("a call of %s that went beyond its timeout has ended after %.1f s", self._name, took)

    def give_up(self) -> None:
        """Wait for it no longer: if it has not begun it never will, if it runs it counts as an overrun until it ends.

        To be called once.
        """
        with _overruns:
            self._is_given_up = True
            self.is_overrun = self.has_begun and not self._has_ended
            if self.is_overrun:
                self._counters.overruns += 1
