"""`FlowRunner`: runs one track of a loop, iteration after iteration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from flowtui.engine.breaker import Breaker
from flowtui.engine.cancelling import take_back_cancel
from flowtui.engine.execute import author_traceback, describe, in_one_line
from flowtui.engine.iteration import Iteration
from flowtui.engine.lifecycle import Event
from flowtui.engine.logs import Attribution, attribute_tasks, attributed_to
from flowtui.engine.loop_secrets import LoopSecrets
from flowtui.engine.sampling import Sampler
from flowtui.engine.standby import take_turn
from flowtui.engine.telemetry import TrackCounters, TrackReading, WaitingFor
from flowtui.engine.track import Track
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import SecretError, StoreUnavailable
from flowtui.nodes.base import Exhausted
from flowtui.nodes.secrets import FindSecrets
from flowtui.storage.data_store import DataStore

#: How long items in flight may take to settle after `stop`, in seconds.
GRACE_S = 10.0
#: A chain that never really waits gives its event loop a turn this often.
_TURN_NS = 2_000_000

#: Takes what has happened, and why.
Heard = Callable[[Event, str], None]
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
        report: Heard,
        find_secrets: FindSecrets,
        sampler: Sampler | None = None,
    ) -> None:
        self.plan = plan
        self._sampler = sampler
        self.killed = False  # whether `kill` has been called; may be read from any thread
        self.pauses = 0  # how often `pause` was called; may be read from any thread
        self._store = store
        self._counters = counters
        self._waiting = counters.waiting
        self._report = report
        self._secrets = LoopSecrets(plan, find_secrets)
        self._progress = asyncio.Event()  # something settled, was committed, or the wishes have changed
        self._paused = False
        self._finishing = False
        self._asked_to_finish = False
        self._has_lost_loop = False
        self._stopping = False
        self._ends_at = 0.0  # by the event loop's clock, once stopping: when the grace is over
        self._opening = False
        self._at_source = False
        self._held = False
        self._unsettled = 0
        self._most_unsettled = plan.max_in_flight
        self._breaker = Breaker(plan, self._pause_itself, self._stop_itself)
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
        places = self._track.walker.where() if self._track is not None else ()
        return self._counters.reading(self.in_flight, places)

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
        self._asked_to_finish = True
        self._wind_up()
        self._wake()

    def _wind_up(self) -> None:
        if not self._finishing:
            self._finishing = True
            self._cancel_waiting()

    def _lost_loop(self) -> None:
        """Another track may run the loop now: end this life, to stand by in the next one."""
        self._has_lost_loop = True
        self._wind_up()
        self._on_progress()

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
        if self._track is not None:
            self._track.halt(self._paused or self._finishing or self._stopping, at_source=self._at_source)
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
        _log.error("%s failed: %s", self.plan.loop, author_traceback(error))
        self._stop_itself(f"a commit failed: {describe(error)}")

    # ---- one life ----

    async def run(self) -> None:
        """Run until stopped, exhausted or failed, and report which as the last thing. Never raises."""
        self._main = asyncio.current_task()
        attribute_tasks(asyncio.get_running_loop())
        if self._stopping:  # before it began
            self._report(Event.ENDED, "")
            return
        while True:
            event, reason = await self._end_well(*await self._live())
            if event is not Event.ENDED or not self._has_lost_loop or self._stopping or self._asked_to_finish:
                break
            _log.warning("%s stands by: its lease has ended, and another instance may run it now", self.plan.loop)
            self._begin_again()
        self._report(event, reason)

    async def _live(self) -> tuple[Event, str]:
        try:
            track, other = await self._open()
            if other:
                return Event.COMPLETE, f"{other} has completed it"
            self._report(Event.STARTED, "")
            # What a track has dropped with its lease must be made again, even if its producer had nothing more.
            if await self._iterate(track) and not self._has_lost_loop:
                return Event.COMPLETE, "its producer has nothing more"
        except asyncio.CancelledError:
            take_back_cancel(self._main)
            if not (self._stopping or self._finishing):
                return Event.FAIL, "it was cancelled from inside"
        except SecretError as error:
            return Event.FAIL, str(error)
        except BaseException as error:  # an author's code may raise anything
            if not (self._stopping and isinstance(error, StoreUnavailable)):
                with attributed_to(Attribution(self.plan.loop, "")):
                    _log.error("%s failed: %s\n%s", self.plan.loop, in_one_line(error), author_traceback(error))
                return Event.FAIL, in_one_line(error)
        return Event.ENDED, ""

    async def _open(self) -> tuple[Track, str]:
        """Make a track and open it when it is its turn; return it and who has completed the loop, if anybody has."""
        self._opening = True
        try:
            await self._secrets.look_up()
            self._track = track = Track(
                self.plan,
                self._store,
                self._counters,
                self._secrets,
                self._sampler,
                on_settled=self._on_settled,
                on_progress=self._on_progress,
                on_refused=self._refused,
                on_lost_loop=self._lost_loop,
                on_filed=self._breaker.filed,
            )
            session, waiting, wishes = track.session, self._waiting, self._progress
            other = await take_turn(self.plan.loop, session, waiting, wishes, lambda: self._paused, self._rest)
            if not other:
                await track.open()
            return track, other
        finally:
            self._opening = False

    def _rest(self, rests: bool) -> None:
        """A loop that stands by runs as far as a person is concerned, and can be paused at once."""
        self._held = rests
        if rests:
            self._report(Event.STARTED, "")
            self._tell_if_settled()

    def _begin_again(self) -> None:
        assert self._track is not None
        self._track.walker.disconnect()
        self._track = None
        self._has_lost_loop = self._finishing = False
        self._unsettled = 0

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
                    take_back_cancel(self._main)
                finally:
                    self._at_source = False
                    track.walker.walked = None
        return False

    async def _go_on(self, track: Track) -> None:
        """Run one iteration after the other as long as nobody wishes anything else and there is room."""
        source, take, accept = track.source, track.source.take, track.accept
        commits = track.commits
        begin, uncommitted = commits.begin, commits.open
        while not (self._stopping or self._paused or self._finishing):
            if self._unsettled >= self._most_unsettled or len(uncommitted) >= commits.most_open:
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
            if source.waited:  # others have had their turn
                source.waited = False
                self._turn_began = started
            begin(it)
            self._unsettled += 1
            if (it.queued and not accept(it)) or it.dead:
                track.walker.leave(it)
            else:
                await track.walk(it)  # looked up each time, since the sampler may have put another there
            if started - self._turn_began > _TURN_NS:
                await asyncio.sleep(0)
                self._turn_began = perf_counter_ns()

    def _on_settled(self, it: Iteration) -> None:
        self._unsettled -= 1
        if it.abandoned:
            self._on_progress()
            return
        track = self._track
        assert track is not None
        if it.dead:
            track.routing.complete(it)
            self._breaker.heed(it.dead[0])
        elif self._breaker.in_a_row:
            self._breaker.in_a_row = 0
        track.commits.settled(it)
        if track.walker.walked is None:  # else nobody waits: the main task is on its way
            self._on_progress()

    def _pause_itself(self, reason: str) -> None:
        self._paused = True
        self._report(Event.PAUSE, reason)

    def _stop_itself(self, reason: str) -> None:
        self._failure = reason
        self.stop()

    # ---- waiting ----

    async def _hold(self, track: Track) -> None:
        await track.give_back()
        self._held = True
        try:
            while self._paused and not self._stopping:  # `finish` ends the pause
                self._progress.clear()
                self._tell_if_settled()
                if self.in_flight:
                    self._waiting.set(WaitingFor.ROOM, track.commits.in_words())
                await self._progress.wait()
        finally:
            self._held = False
            self._waiting.clear(WaitingFor.ROOM)

    def _has_room(self, track: Track) -> bool:
        return self._unsettled < self._most_unsettled and len(track.commits.open) < track.commits.most_open

    async def _wait_for_room(self, track: Track) -> None:
        try:
            while not (self._has_room(track) or self._stopping or self._paused or self._finishing):
                self._progress.clear()
                self._waiting.set(WaitingFor.ROOM, track.commits.in_words())
                await self._progress.wait()
        finally:
            self._waiting.clear(WaitingFor.ROOM)

    async def _all_committed(self) -> bool:
        while self.in_flight and not self._stopping:
            self._progress.clear()
            await self._progress.wait()
        return not self.in_flight

    # ---- the end ----

    async def _end_well(self, event: Event, reason: str) -> tuple[Event, str]:
        """Close what was opened, however that goes; return what a person should know of the end."""
        left = ""
        if self._track is not None:
            try:
                grace = max(0.0, self._ends_at - asyncio.get_running_loop().time()) if self._stopping else GRACE_S
                left = await self._track.end(grace, completed=event is Event.COMPLETE)
            except BaseException as error:  # the engine must learn that this is over
                event, reason = Event.FAIL, describe(error)
                _log.error("%s failed while it ended: %s", self.plan.loop, author_traceback(error))
        if self._failure:
            event, reason = Event.FAIL, self._failure
        return event, "; ".join(filter(None, (reason, left)))
