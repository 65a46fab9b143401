"""One loop as the engine holds it: its plan, its life, and while it lives its tracks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from flowtui.engine.breaker import too_many
from flowtui.engine.crew import Crew, Launch, Member
from flowtui.engine.handle import LAST_EVENTS, Report, Tap
from flowtui.engine.lifecycle import Event, Lifecycle
from flowtui.engine.replays import Replays
from flowtui.engine.runner import GRACE_S
from flowtui.engine.telemetry import NOT_WAITING, Waiting
from flowtui.engine.views import LoopGauges
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import NotReplicable
from flowtui.model.snapshot import LoopView
from flowtui.model.states import ACTIVE_STATES, Command, LoopState

_FIRST_RESTART_S = 0.5
_LONGEST_RESTART_S = 30.0
#: A process that lived this long, in seconds, has not crashed "in a row".
_STABLE_AFTER_S = 60.0
_SCALABLE = frozenset({LoopState.STARTING, LoopState.RUNNING, LoopState.PAUSING, LoopState.PAUSED})
_log = logging.getLogger("flowtui.engine")


class Loop:
    """One loop. All methods but `view` belong to the engine's control thread."""

    def __init__(self, plan: ExecutionPlan, launch: Launch, post: Callable[[Callable[[], None]], None]) -> None:
        """`launch` starts a track; `post` runs a call on the control thread, and may be called from any."""
        self.plan = plan  # what it runs, or will run at the next start
        self.revision = 1
        self.replicas = plan.replicas
        self.lifecycle = Lifecycle(plan.loop)
        self.moved = asyncio.Event()  # set whenever the state may have changed
        self._crew = Crew(launch, lambda member, report: post(lambda: self._reported(member, report)))
        self.replays = Replays(launch, post)
        self._gauges = LoopGauges(plan)
        self._drain = NOT_WAITING  # what a draining loop waits for
        self._letters: int | None = 0  # how many it had at the last look, None if that shall not matter
        self._restarting = False
        self._finishing = False  # whether its tracks were told to begin nothing more
        self._grace_until = 0.0  # in seconds since the epoch, once it stops
        self._paused_itself = False
        self._ends: set[Event] = set()  # what its tracks have ended with
        self._last_words = ""
        self._crash = ""  # what the last one was, if it is the reason for a new start

    @property
    def is_active(self) -> bool:
        """Whether a track lives, or soon will."""
        return self.lifecycle.state in ACTIVE_STATES

    @property
    def in_flight(self) -> int:
        """Iterations begun and not yet committed, in all tracks."""
        return self._crew.reading().in_flight

    @property
    def is_restarting(self) -> bool:
        """Whether it starts again as soon as it has ended."""
        return self._restarting

    # ---- commands ----

    def command(self, command: Command, reason: str) -> None:
        """Carry out a command. A reader that is drained goes on until somebody calls `finish`.

        What drains goes on when it is resumed: at once, or as a new start if its tracks were told to end already.

        Raises:
            IllegalTransition: if the loop's state does not allow it.
        """
        if command is Command.RESUME and self.lifecycle.state is LoopState.DRAINING and self._finishing:
            self._restarting = True
            return
        was_active = self.is_active
        self.lifecycle.apply(Event(command.value), reason)
        self._restarting = command is Command.RESTART and was_active
        self._paused_itself = False
        if not was_active:
            self._begin()
        elif command is Command.PAUSE:
            self._crew.pause()
        elif command is Command.RESUME:
            self._letters = None  # whoever wants it to go on has seen how many there are
            self._crew.resume()
        elif command is Command.KILL:
            self._end_all(None)
            self.replays.kill()
        elif command is not Command.DRAIN:
            self._end_all(GRACE_S)
        elif self.plan.reads is None:
            self.finish()
        else:
            self._crew.resume()
        self._advance()

    def stop_within(self, grace: float, reason: str) -> None:
        """Stop for good, replays too, with another grace than the usual one."""
        self.replays.close(grace)
        self._restarting = False
        if self.lifecycle.allows(Event.STOP):
            self.lifecycle.apply(Event.STOP, reason)
        self._end_all(grace)
        self._advance()

    def scale(self, replicas: int) -> None:
        """Run that many tracks, 1 or more, from now on until the file changes.

        Raises:
            NotReplicable: if its producer may run only once.
        """
        if replicas > 1 and (why := self.plan.not_replicable):
            raise NotReplicable(f"{self.plan.loop} can't have {replicas} replicas: {why}")
        self.replicas = replicas
        if self.lifecycle.state in _SCALABLE:
            self._crew.scale(self.plan, replicas, paused=self._is_paused)
            self._advance()

    def tap(self, tap: Tap | None) -> None:
        """Sample a node more often in all tracks, replays too; None ends that."""
        self._crew.tap(tap)
        self.replays.tap(tap)

    def runs_of(self, node: str) -> int:
        """Return how often a node has run; from any thread."""
        reading = self._crew.reading().nodes.get(node)
        return 0 if reading is None else reading.runs

    def finish(self) -> None:
        """End a drain: begin nothing more, settle and commit what is in flight."""
        self._finishing = True
        self._crew.finish()

    def wait_in_drain(self, reason: str) -> None:
        """Say what a draining loop still waits for."""
        what_then = ", then it goes on" if self._restarting else ""
        self._drain = Waiting(0, reason + what_then, self.lifecycle.since)

    def replace_plan(self, plan: ExecutionPlan) -> None:
        """Take a new plan, for the next start; figures of nodes that stay are kept."""
        self.replays.end(GRACE_S)
        self.plan = plan
        self.replicas = plan.replicas
        self._gauges.keep_only(plan)
        self._crew.keep_only(node.id for node in plan.nodes)

    def _begin(self) -> None:
        self._ends, self._last_words, self._crash = set(), "", ""
        self._finishing, self._grace_until = False, 0.0
        self._crew.begin(self.plan, self.replicas)

    @property
    def _is_paused(self) -> bool:
        return self.lifecycle.state in (LoopState.PAUSING, LoopState.PAUSED)

    # ---- what the tracks say ----

    async def until(self, states: frozenset[LoopState], timeout: float) -> bool:
        """Wait until the loop is in one of `states`; return False if `timeout` seconds pass before."""
        try:
            async with asyncio.timeout(timeout):
                while self.lifecycle.state not in states:
                    self.moved.clear()
                    await self.moved.wait()
        except TimeoutError:
            return False
        return True

    def heed_letters(self, count: int) -> None:
        """Take note of how many dead letters it has: a track knows of none that others file for it, as when it dies."""
        more, self._letters = self._letters is not None and count > self._letters, count
        if more and not self._is_paused and (reason := too_many(self.plan, count)):
            self._take_pause(reason)
            self._advance()

    def _reported(self, member: Member, report: Report) -> None:
        if not self._crew.has(member):
            return
        if report.event in LAST_EVENTS:
            self._crew.remove(member)
            if not member.leaving:
                self._take_end(member, report)
        elif report.event is Event.PAUSE:
            self._take_pause(report.reason)
        else:
            self._crew.note(member, report)
        self._advance()

    def _take_pause(self, reason: str) -> None:
        """A track has paused itself: the others have the same service before them that fails."""
        if self.lifecycle.state is LoopState.DRAINING:
            self.lifecycle.apply(Event.STOP, f"drained no further: {reason}")
            self._end_all(GRACE_S)
        elif self.lifecycle.allows(Event.PAUSE):
            self.lifecycle.apply(Event.PAUSE, reason)
            self._paused_itself = True
            self._crew.pause()
        elif self._is_paused:
            self._crew.pause()

    def _take_end(self, member: Member, report: Report) -> None:
        event, reason = report.event, report.reason
        if event is Event.CRASH:
            again = self._start_again(member, reason)
            if again is None:
                return
            event, reason = again
        if event is Event.FAIL or Event.FAIL not in self._ends:
            self._last_words = reason or self._last_words
        self._ends.add(event)
        if event is Event.FAIL:
            if not self._crew.is_empty and self.lifecycle.allows(Event.STOP):
                self.lifecycle.apply(Event.STOP, f"track {member.number} failed: {reason}")
            self._end_all(GRACE_S)

    def _start_again(self, member: Member, reason: str) -> tuple[Event, str] | None:
        """After a crash; return None if the track will start again, else as what its end counts, and why."""
        state, restarts = self.lifecycle.state, self.plan.restarts
        _log.error("%s: %s", self.plan.loop, reason)
        if state is LoopState.STOPPING or (state is LoopState.DRAINING and self.plan.reads is None):
            return Event.ENDED, reason
        crashes = 1 if time.monotonic() - member.since > _STABLE_AFTER_S else member.crashes + 1
        if crashes > restarts:
            return Event.FAIL, f"{reason}, {crashes} times in a row" if crashes > 1 else reason
        self._crash = reason
        delay = min(_FIRST_RESTART_S * 2 ** (crashes - 1), _LONGEST_RESTART_S)
        self.lifecycle.apply(Event.CRASH, f"{reason}; starts again in {delay:g} s ({crashes} of {restarts})")

        def start() -> None:
            self._crew.start(self.plan, member.number, crashes=crashes, paused=self._is_paused)

        self._crew.start_later(member.number, delay, start)
        return None

    def _advance(self) -> None:
        """Move on where all tracks have."""
        life = self.lifecycle
        if self.is_active and self._crew.is_empty:
            life.apply(self._outcome(), self._last_words)
            if self._restarting:
                self._restarting = False
                life.apply(Event.START, "restarted by hand")
                self._begin()
        elif life.state is LoopState.STARTING and self._crew.all_started:
            life.apply(Event.STARTED, f"started again: {self._crash}" if self._crash else "")
        elif life.state is LoopState.PAUSING and self._crew.all_settled:
            life.apply(Event.SETTLED, "")
        if life.state is not LoopState.DRAINING:
            self._drain = NOT_WAITING
        self.moved.set()

    def _outcome(self) -> Event:
        if Event.FAIL in self._ends:
            return Event.FAIL
        return Event.COMPLETE if self._ends == {Event.COMPLETE} else Event.ENDED

    def _end_all(self, grace: float | None) -> None:
        """Stop every track, or kill it if there is no grace."""
        if self._crew.is_waiting:
            self._ends.add(Event.ENDED)  # what is called off will not say it
        if grace is None:
            self._grace_until = 0.0
            self._crew.kill()
        else:
            until = time.time() + grace
            self._grace_until = min(self._grace_until or until, until)
            self._crew.stop(grace)

    # ---- what it shows ----

    def sample(self, now: float) -> None:
        """Take the figures at `now` (of `time.monotonic`)."""
        if self._gauges.is_due(now):
            self._gauges.sample(now, self._crew.reading())

    def view(self) -> LoopView:
        """Return what a screen shows of it; from any thread."""
        life, reading = self.lifecycle, self._crew.reading()
        waiting = self._drain if self._drain.reason else reading.waiting
        if life.state is LoopState.PAUSED:
            waiting = NOT_WAITING
        return self._gauges.view(
            self.plan,
            life,
            reading,
            waiting,
            revision=self.revision,
            replicas=self.replicas,
            tracks=self._crew.size,
            grace_until=self._grace_until if life.state is LoopState.STOPPING else 0.0,
            paused_itself=self._paused_itself and self._is_paused,
        )
