"""The tracks of one loop: those that live, those that leave, those that start again soon."""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from flowtui.engine.handle import Report, Tap, TrackHandle
from flowtui.engine.lifecycle import Event
from flowtui.engine.telemetry import TrackReading, common_waiting, together
from flowtui.graph.plan import ExecutionPlan

Launch = Callable[[ExecutionPlan, int, Callable[[Report], None]], TrackHandle]


@dataclass(slots=True)
class Member:
    """One track.

    Attributes:
        number: from 1; two of one loop never have the same.
        crashes: how often in a row its process has died before this one began.
        pauses: how often it was asked to pause.
        leaving: whether the loop goes on without it.
        since: when it began, of `time.monotonic`.
    """

    number: int
    crashes: int
    handle: TrackHandle | None = None
    pauses: int = 0
    started: bool = False
    settled: bool = False
    leaving: bool = False
    since: float = 0.0


class Crew:
    """The tracks of one loop. Belongs to the engine's control thread but for `reading` and `size`."""

    def __init__(self, launch: Launch, on_report: Callable[[Member, Report], None]) -> None:
        """`on_report` may be called on any thread."""
        self._launch = launch
        self._on_report = on_report
        self._members: tuple[Member, ...] = ()  # replaced, not changed, since other threads read it
        self._waiting: dict[int, asyncio.TimerHandle] = {}  # by number: those that start again soon
        self._tap: Tap | None = None
        self._done = TrackReading()  # what the tracks did that are gone
        self._sum: tuple[list[TrackReading], TrackReading] = ([], self._done)  # the last one, and of what

    # ---- who there is ----

    @property
    def is_empty(self) -> bool:
        """Whether no track lives, nor will live again by itself."""
        return not self._members and not self._waiting

    @property
    def is_waiting(self) -> bool:
        """Whether some track starts again soon."""
        return bool(self._waiting)

    @property
    def size(self) -> int:
        """How many tracks live that are not about to leave; from any thread."""
        return len(self._staying())

    @property
    def all_started(self) -> bool:
        return not self._waiting and all(member.started for member in self._staying())

    @property
    def all_settled(self) -> bool:
        return all(member.settled for member in self._members)

    def has(self, member: Member) -> bool:
        """Tell whether this one has not ended yet."""
        return any(member is each for each in self._members)

    def reading(self) -> TrackReading:
        """Return what all of them did, also those that are gone; from any thread.

        As long as nothing happens it is the same object.
        """
        members = [member for member in self._members if member.handle is not None]
        parts = [member.handle.reading() for member in members if member.handle is not None]
        if len(parts) == 1 and not self._done.nodes:
            return parts[0]
        parts.append(self._done)
        of, summed = self._sum
        if len(of) == len(parts) and all(map(operator.is_, of, parts)):
            return summed
        staying = [part.waiting for member, part in zip(members, parts, strict=False) if not member.leaving]
        summed = replace(together(parts), waiting=common_waiting(staying))
        self._sum = parts, summed
        return summed

    # ---- coming and going ----

    def begin(self, plan: ExecutionPlan, count: int) -> None:
        """Start the first tracks of a life."""
        self._done = self._done.forgiven()
        self.scale(plan, count, paused=False)

    def scale(self, plan: ExecutionPlan, count: int, *, paused: bool) -> None:
        """See that `count` tracks run: new ones begin, surplus ones settle what they have and leave."""
        while len(self._staying()) + len(self._waiting) < count:
            used = {member.number for member in self._members} | self._waiting.keys()
            number = next(n for n in range(1, len(used) + 2) if n not in used)
            self.start(plan, number, crashes=0, paused=paused)
        while len(self._staying()) + len(self._waiting) > count:
            if self._waiting:
                self._waiting.pop(max(self._waiting)).cancel()
                continue
            last = max(self._staying(), key=lambda member: member.number)
            last.leaving = True
            if last.handle is not None:
                last.handle.finish()

    def start(self, plan: ExecutionPlan, number: int, *, crashes: int, paused: bool) -> None:
        """Start one track."""
        self._waiting.pop(number, None)
        member = Member(number, crashes, since=time.monotonic())
        self._members = (*self._members, member)
        member.handle = self._launch(plan, number, lambda report: self._on_report(member, report))
        self._tap_all()
        if paused:
            self._pause(member)

    def start_later(self, number: int, delay: float, start: Callable[[], None]) -> None:
        """Call `start` in `delay` seconds, unless all are stopped before."""
        self._waiting[number] = asyncio.get_running_loop().call_later(delay, start)

    def note(self, member: Member, report: Report) -> None:
        """Take in that a track has started, or settled all that it had."""
        if report.event is Event.STARTED:
            member.started = True
        # It may have been resumed and paused again since it said so.
        elif report.pauses == member.pauses:
            member.settled = True

    def remove(self, member: Member) -> None:
        """Take in that a track is gone; what it did still counts."""
        self._members = tuple(each for each in self._members if each is not member)
        self._tap_all()
        if member.handle is not None:
            self._done = together([self._done, member.handle.reading().ended()])

    def keep_only(self, nodes: Iterable[str]) -> None:
        """Forget what nodes did that are no longer there."""
        wanted = set(nodes)
        self._done = replace(self._done, nodes={id: n for id, n in self._done.nodes.items() if id in wanted})

    # ---- asking all of them ----

    def pause(self) -> None:
        for member in self._members:
            self._pause(member)

    def resume(self) -> None:
        for member in self._members:
            member.settled = False
            if member.handle is not None and not member.leaving:
                member.handle.resume()

    def finish(self) -> None:
        for member in self._members:
            if member.handle is not None:
                member.handle.finish()

    def stop(self, grace: float) -> None:
        self._start_no_more()
        for member in self._members:
            if member.handle is not None:
                member.handle.stop(grace)

    def kill(self) -> None:
        self._start_no_more()
        for member in self._members:
            if member.handle is not None:
                member.handle.kill()

    def tap(self, tap: Tap | None) -> None:
        """Sample a node more often, in all tracks together as often as asked, also in those that start later."""
        if tap != self._tap:
            self._tap = tap
            self._tap_all(ended=tap is None)

    def _tap_all(self, *, ended: bool = False) -> None:
        if self._tap is None and not ended:
            return
        share = None if self._tap is None else self._tap._replace(every_s=self._tap.every_s * len(self._members))
        for member in self._members:
            if member.handle is not None:
                member.handle.tap(share)

    def _pause(self, member: Member) -> None:
        member.settled = False
        if member.handle is not None:
            member.pauses += 1
            member.handle.pause()

    def _start_no_more(self) -> None:
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _staying(self) -> list[Member]:
        return [member for member in self._members if not member.leaving]
