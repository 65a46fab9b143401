"""Deadlines of calls: those that await are cancelled, those on a thread are given up and counted until they end."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter, perf_counter_ns
from typing import Any

from flowtui.engine.logs import Place
from flowtui.engine.telemetry import NodeCounters

#: Who has swallowed its cancellation is cancelled again after so many seconds; long enough to close what is open.
_AGAIN_S = 5.0
#: Shorter limits, in seconds, are no matter for a `Watch`, which must know a call that may be late by how long it took.
LEAST_WATCHED_S = 0.001
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
        self.again = Limit(self, _AGAIN_S)  # for those who did not heed their first cancellation
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
        for limit in (*self._limits.values(), self.again):
            for deadline in limit.due(now):
                deadline.expire(self.again)
        nearest = min(limit.nearest() for limit in (*self._limits.values(), self.again))
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

    def passed(self, task: asyncio.Task[Any]) -> Deadline:
        """Cancel a task of which is known that its call has taken that long."""
        deadline = Deadline(task, self)
        self.running[deadline] = None
        deadline.expire(self._deadlines.again)
        return deadline

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


class Watch:
    """Sees to the deadlines of straight runs, in which nothing is noted per call: their places tell since when.

    Call `look` when a run has begun and it `sleeps`; it looks again as often as the shortest limit asks for, until it
    finds that nothing runs. No call is noticed late, since none that begins meanwhile can be due before that.
    """

    def __init__(
        self,
        clock: asyncio.AbstractEventLoop,
        limits: Mapping[str, Limit],
        running: Callable[[], Iterable[tuple[Place, asyncio.Task[Any]]]],
    ) -> None:
        """`limits` by node; `running` tells where the tasks of the track are."""
        self.sleeps = True
        self._clock = clock
        self._limits = limits
        self._shortest = min(limit.seconds for limit in limits.values())
        self._running = running
        self._began: dict[Place, tuple[int, float]] = {}  # `since_ns`, and the same by the loop's clock
        self._passed: dict[Place, Deadline] = {}

    def end(self, place: Place, error: BaseException | None = None) -> bool:
        """Tell whether the call at `place`, which has ended, has failed because it took too long, see `Deadline.end`.

        May be left out for a call that took less than its limit and raised nothing.
        """
        deadline = self._passed.pop(place, None)
        return deadline is not None and deadline.end(error)

    def look(self) -> None:
        """Cancel what has taken too long, and look again later unless nothing runs."""
        now, now_ns = self._clock.time(), perf_counter_ns()
        wait, began = self._shortest, {}
        for place, task in self._running():
            since = place.since_ns
            if not since:
                continue
            # Two clocks, since a loop's own may be another; so the difference is taken only once.
            known = self._began.get(place)
            if known is None or known[0] != since:
                known = since, now - (now_ns - since) / 1e9
            began[place] = known
            limit = self._limits.get(place.owner.node)
            if limit is None or place in self._passed:
                continue
            left = known[1] + limit.seconds - now
            if left <= 0:
                self._passed[place] = limit.passed(task)
            else:
                wait = min(wait, left)
        self._began = began
        self.sleeps = not began
        if began:
            self._clock.call_later(wait, self.look)


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
