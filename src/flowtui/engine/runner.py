"""`FlowRunner`: runs one track of a loop, iteration after iteration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from flowtui.engine.execute import author_traceback, describe
from flowtui.engine.iteration import Iteration
from flowtui.engine.lifecycle import Event
from flowtui.engine.logs import Attribution, Place, attribute_tasks, attributed_to
from flowtui.engine.telemetry import TrackCounters, TrackReading, WaitingFor
from flowtui.engine.track import Track
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import NodeError, StoreUnavailable
from flowtui.model.letters import DeadLetter
from flowtui.model.states import OnError
from flowtui.nodes.base import Exhausted, Pool
from flowtui.storage.data_store import DataStore

#: How long items in flight may take to settle after `stop`, in seconds.
GRACE_S = 10.0
#: Seconds after which a busy node's thread lets others run. With Python's own 5 ms keys lag, and when several threads
#: wait the engine's own may get no turn for a second.
SWITCH_INTERVAL_S = 0.0005
#: Settled iterations that may wait for their commit; beyond it the producer waits for the store.
_MOST_UNCOMMITTED = 1024
#: A chain that never really waits gives its event loop a turn this often.
_TURN_NS = 2_000_000

_log = logging.getLogger("flowtui.runner")


class FlowRunner:
    """One track of one loop.

    Make it on any thread; `run` it, and call the other methods, on one event loop. `report` is called there too,
    with what happened and the reason.
    """

    def __init__(
        self,
        plan: ExecutionPlan,
        store: DataStore,
        counters: TrackCounters,
        report: Callable[[Event, str], None],
    ) -> None:
        self.plan = plan
        self.killed = False  # whether `kill` has been called; may be read from any thread
        self.pauses = 0  # how often `pause` was called; may be read from any thread
        self._store = store
        self._counters = counters
        self._waiting = counters.waiting
        self._report = report
        self._progress = asyncio.Event()  # something settled, was committed, or the wishes have changed
        self._paused = False
        self._finishing = False
        self._stopping = False
        self._ends_at = 0.0  # by the event loop's clock, once stopping: when the grace is over
        self._opening = False
        self._at_source = False
        self._held = False
        self._unsettled = 0
        self._most_unsettled = plan.max_in_flight
        self._failures_in_row = 0
        self._failure = ""
        self._turn_began = 0
        self._main: asyncio.Task[Any] | None = None
        self._track: Track | None = None

    @property
    def in_flight(self) -> int:
        """Iterations begun and not yet committed; from any thread."""
        track = self._track
        return len(track.commits.open) if track is not None else 0

    @property
    def owner(self) -> str:
        """Its name in the store, empty if it has none now; from any thread."""
        return self._track.session.owner if self._track is not None else ""

    def reading(self) -> TrackReading:
        """Return what it did so far; from any thread."""
        return self._counters.reading(self.in_flight, self._places())

    def _places(self) -> list[Place]:
        if self._track is None:
            return []
        walker = self._track.walker
        walked, branches = walker.walked, walker.places.copy()
        return [*branches] if walked is None else [walked, *branches]

    # ---- wishes ----

    def pause(self) -> None:
        """Begin no more iterations; `SETTLED` is reported as soon as nothing is in flight."""
        self.pauses += 1
        self._paused = True
        self._wake()

    def resume(self) -> None:
        """Begin iterations again."""
        self._paused = False
        self._wake()

    def finish(self) -> None:
        """Begin nothing more, let everything settle however long it takes, commit it, and end."""
        self._paused = False
        if not self._finishing:
            self._finishing = True
            self._cancel_waiting()
        self._wake()

    def kill(self) -> None:
        """End now: what is in flight is cancelled, and goes back."""
        self.killed = True
        self.stop(0.0)

    def disown(self) -> None:
        """It has been left behind: whatever it does from now on it may not store; from any thread."""
        if self._track is not None:
            self._track.session.disown()

    def stop(self, grace: float = GRACE_S) -> None:
        """Begin nothing more, let what is in flight settle for `grace` seconds, then cancel it and end.

        Asked again, the earlier end counts.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + grace
        if self._stopping and ends_at >= self._ends_at:
            return
        self._ends_at = ends_at
        loop.call_at(ends_at, self._abort)
        if self._track is not None:
            self._track.session.give_up(ends_at)
        if not self._stopping:
            self._stopping = True
            self._cancel_waiting()
        self._wake()

    def _wake(self) -> None:
        if self._track is not None and self._at_source:
            self._track.source.interrupt()
        self._on_progress()

    def _on_progress(self) -> None:
        self._progress.set()
        if self._paused:
            self._tell_if_settled()

    def _tell_if_settled(self) -> None:
        # A producer that waits for its next item is at rest: what it yields is held until the loop goes on.
        at_rest = self._at_source or self._held
        # Of iterations that the track has lost nothing is committed, but they may still run.
        if self._paused and not self._stopping and at_rest and not self.in_flight and not self._unsettled:
            self._report(Event.SETTLED, "")

    def _abort(self) -> None:
        if self._track is not None:
            self._track.walker.abort()
            if self._track.walker.walked is not None and self._main is not None:
                self._main.cancel()
        self._cancel_waiting()  # once more: an author's code may have swallowed the first

    def _cancel_waiting(self) -> None:
        if self._main is not None and (self._opening or self._at_source):
            self._main.cancel()

    def _refused(self, error: BaseException) -> None:
        self._failure = f"a commit failed: {describe(error)}"
        _log.error("%s failed: %s", self.plan.loop, author_traceback(error))
        self.stop()

    # ---- one life ----

    async def run(self) -> None:
        """Run until stopped, exhausted or failed, and report which as the last thing. Never raises."""
        self._main = asyncio.current_task()
        attribute_tasks(asyncio.get_running_loop())
        if self._stopping:  # before it began
            self._report(Event.ENDED, "")
            return
        event, reason = await self._live()
        left = ""
        if self._track is not None:
            try:
                left = await self._end(self._track)
            except BaseException as error:  # the engine must learn that this is over
                event, reason = Event.FAIL, describe(error)
                _log.error("%s failed while it ended: %s", self.plan.loop, author_traceback(error))
        if self._failure:
            event, reason = Event.FAIL, self._failure
        self._report(event, "; ".join(filter(None, (reason, left))))

    async def _live(self) -> tuple[Event, str]:
        try:
            self._track = track = Track(
                self.plan,
                self._store,
                self._counters,
                on_settled=self._on_settled,
                on_progress=self._on_progress,
                on_refused=self._refused,
            )
            await self._open(track)
            self._report(Event.STARTED, "")
            if await self._iterate(track):
                return Event.COMPLETE, "its producer has nothing more"
        except asyncio.CancelledError:
            self._take_back_cancel()
            if not (self._stopping or self._finishing):
                return Event.FAIL, "it was cancelled from inside"
        except BaseException as error:  # an author's code may raise anything
            if not (self._stopping and isinstance(error, StoreUnavailable)):
                with attributed_to(Attribution(self.plan.loop, "")):
                    _log.error("%s failed: %s", self.plan.loop, author_traceback(error))
                return Event.FAIL, describe(error)
        return Event.ENDED, ""

    async def _open(self, track: Track) -> None:
        self._opening = True
        try:
            await track.open()
        finally:
            self._opening = False

    async def _iterate(self, track: Track) -> bool:
        """Begin iterations until asked to stop; return True if the producer is exhausted and all is committed."""
        while not self._stopping:
            if self._finishing:
                await track.give_back()
                await self._all_committed()
                return False
            if self._paused:
                await self._hold(track)
            elif not self._has_room(track):
                await self._wait_for_room(track)
            else:
                try:
                    await self._go_on(track)
                except Exhausted:
                    self._at_source = False
                    return await self._all_committed()
                except asyncio.CancelledError:
                    if self._stopping or not (self._finishing and self._at_source):
                        raise
                    self._take_back_cancel()
                finally:
                    self._at_source = False
                    track.walker.walked = None
        return False

    async def _go_on(self, track: Track) -> None:
        """Run one iteration after the other as long as nobody wishes anything else and there is room."""
        take, walk = track.source.take, track.walker.walk
        begin, uncommitted = track.commits.begin, track.commits.open
        while not (self._stopping or self._paused or self._finishing):
            if self._unsettled >= self._most_unsettled or len(uncommitted) >= _MOST_UNCOMMITTED:
                return
            self._at_source = True
            it = await take()
            self._at_source = False
            if it is None:
                continue
            if self._paused:
                await self._hold(track)
                if it.queued:  # then it has gone back with the others; what a producer made is kept
                    continue
            it.started_ns = started = perf_counter_ns()
            begin(it)
            self._unsettled += 1
            if it.queued and not self._accept(it, track):
                track.walker.leave(it)
            else:
                await walk(it)
            if started - self._turn_began > _TURN_NS:
                await asyncio.sleep(0)
                self._turn_began = perf_counter_ns()

    def _accept(self, it: Iteration, track: Track) -> bool:
        """Count an item from a queue; return False if it cannot be read."""
        track.producer.counters.runs += 1  # a producer's own runs are counted as they end
        if it.unreadable:
            track.routing.fail(track.producer, it.data, it, NodeError(it.unreadable))
        return not it.unreadable

    def _on_settled(self, it: Iteration) -> None:
        self._unsettled -= 1
        if it.abandoned:
            self._on_progress()
            return
        if it.dead:
            self._failures_in_row += 1
            self._heed(it.dead[0])
        elif self._failures_in_row:
            self._failures_in_row = 0
        assert self._track is not None
        self._track.commits.settled(it)
        if self._track.walker.walked is None:  # else nobody waits: the main task is on its way
            self._on_progress()

    def _heed(self, letter: DeadLetter) -> None:
        reason = f"{letter.error} at {letter.node}: {letter.message}"
        if self.plan.on_error is OnError.STOP:
            self._failure = reason
            self.stop()
        elif self.plan.on_error is OnError.PAUSE:
            self._pause_itself(reason)
        elif self._failures_in_row == self.plan.breaker:
            # What every item fails at is no fault of the items: keep the rest of them out of the dead letters.
            self._pause_itself(f"{self._failures_in_row} failures in a row, the last {reason}")

    def _pause_itself(self, reason: str) -> None:
        self._failures_in_row = 0
        self._paused = True
        self._report(Event.PAUSE, reason)

    # ---- waiting ----

    async def _hold(self, track: Track) -> None:
        await track.give_back()
        self._held = True
        try:
            while self._paused and not self._stopping:  # `finish` ends the pause
                self._progress.clear()
                self._tell_if_settled()
                if self.in_flight:
                    self._say_what_is_in_flight(track)
                await self._progress.wait()
        finally:
            self._held = False
            self._waiting.clear(WaitingFor.ROOM)

    def _has_room(self, track: Track) -> bool:
        return self._unsettled < self._most_unsettled and len(track.commits.open) < _MOST_UNCOMMITTED

    async def _wait_for_room(self, track: Track) -> None:
        try:
            while not (self._has_room(track) or self._stopping or self._paused or self._finishing):
                self._progress.clear()
                self._say_what_is_in_flight(track)
                await self._progress.wait()
        finally:
            self._waiting.clear(WaitingFor.ROOM)

    def _say_what_is_in_flight(self, track: Track) -> None:
        oldest = track.commits.unsettled()
        text = f"{len(oldest)} in flight, oldest at {oldest[0].at}" if oldest else f"{len(track.commits.open)} commits"
        self._waiting.set(WaitingFor.ROOM, text)

    async def _all_committed(self) -> bool:
        while self.in_flight and not self._stopping:
            self._progress.clear()
            await self._progress.wait()
        return not self.in_flight

    # ---- the end ----

    def _take_back_cancel(self) -> None:
        if self._main is not None:
            while self._main.cancelling():
                self._main.uncancel()

    async def _end(self, track: Track) -> str:
        """Let what is in flight settle, commit it, close; return what a person should know of it."""
        grace = max(0.0, self._ends_at - asyncio.get_running_loop().time()) if self._stopping else GRACE_S
        try:
            await track.settle(grace)
        finally:
            await track.close()
        stuck = ", ".join(track.still_running())
        if stuck and self.plan.pool is Pool.PROCESS:
            return f"{stuck} still ran and ended with the process"
        return f"{stuck} still running in a thread" if stuck else ""


def end_event_loop(loop: asyncio.AbstractEventLoop, store: DataStore) -> None:
    """Close an event loop on which tracks ran; what still runs there is cancelled."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(store.release())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
