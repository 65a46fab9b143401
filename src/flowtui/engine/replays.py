"""Keeps a replay track alive for each loop of which dead letters wait to be run again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.crew import Launch
from flowtui.engine.handle import LAST_EVENTS, Report, Tap, TrackHandle
from flowtui.engine.lifecycle import Event
from flowtui.engine.logs import Attribution, attributed_to
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import StoreError
from flowtui.storage.data_store import DataStore

#: How often to look, in seconds, should the doorbell not have been heard.
_LOOK_EVERY_S = 1.0
_FIRST_REST_S = 0.5
_LONGEST_REST_S = 30.0
_log = logging.getLogger("flowtui.replay")


class Replays:
    """The replay track of one loop, beside its others and whatever state these are in. It ends when nothing waits.

    Belongs to the engine's control thread.

    Attributes:
        trouble: why letters that wait will hardly be run soon; empty if they will.
    """

    def __init__(self, launch: Launch, post: Callable[[Callable[[], None]], None]) -> None:
        """`launch` starts a track; `post` runs a call on the control thread, and may be called from any."""
        self._launch = launch
        self._post = post
        self._handle: TrackHandle | None = None
        self._ended = asyncio.Event()
        self._ended.set()
        self._closed = False
        self._tap: Tap | None = None
        self._failures = 0  # in a row
        self._rests_until = 0.0  # of `time.monotonic`
        self.trouble = ""

    @property
    def is_active(self) -> bool:
        """Whether the track lives."""
        return self._handle is not None

    def begin(self, plan: ExecutionPlan) -> None:
        """See that what waits is run, unless that has just failed."""
        if self._closed or self._handle is not None or time.monotonic() < self._rests_until:
            return
        self._ended.clear()
        self._handle = self._launch(
            plan.for_replays(), 0, lambda report: self._post(lambda: self._reported(plan, report))
        )
        if self._tap is not None:
            self._handle.tap(self._tap)

    def tap(self, tap: Tap | None) -> None:
        """Sample a node more often, also in tracks that start later; None ends that."""
        if tap != self._tap and self._handle is not None:
            self._handle.tap(tap)
        self._tap = tap

    def end(self, grace: float) -> None:
        """Stop the track that lives, with `grace` seconds for what is in flight; what is left waits for the next."""
        if self._handle is not None:
            self._handle.stop(grace)

    def kill(self) -> None:
        """End it now; what was in flight waits for the next."""
        if self._handle is not None:
            self._handle.kill()

    def close(self, grace: float) -> None:
        """As `end`, and begin no other."""
        self._closed = True
        self.end(grace)

    async def ended(self, timeout: float) -> bool:
        """Wait until no track lives; return False if `timeout` seconds pass before."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), timeout)
        return self._ended.is_set()

    def _reported(self, plan: ExecutionPlan, report: Report) -> None:
        if self._handle is None or report.event not in LAST_EVENTS:
            return
        loop, reading = plan.loop, self._handle.reading()
        self._handle = None
        self._ended.set()
        if reading.iterations:
            again = f", {reading.errors} of them failed again" if reading.errors else ""
            with attributed_to(Attribution(loop, "")):  # not to the node that the track has run last
                _log.info("%s: %s run again%s", loop, _letters_were(reading.iterations), again)
        if report.event in (Event.FAIL, Event.CRASH):
            rest = min(_FIRST_REST_S * 2**self._failures, _LONGEST_REST_S)
            self._failures += 1
            self._rests_until = time.monotonic() + rest
            # One that dies with its process is tried again soon, and a letter that kills it several times is let go.
            is_hopeless = report.event is Event.FAIL or self._failures > plan.restarts
            self.trouble = report.reason if is_hopeless else ""
            _log.error("%s cannot replay its dead letters now: %s; tried again in %g s", loop, report.reason, rest)
        else:
            self._failures = 0
            self.trouble = ""


class HasReplays(Protocol):
    """A loop as far as replays are concerned."""

    plan: ExecutionPlan
    replays: Replays


async def follow_replays(store: DataStore, loops: Callable[[], Mapping[str, HasReplays]]) -> None:
    """Begin replay tracks wherever letters wait, until cancelled."""
    letters = store.dead_letters()
    bell = letters.doorbell()
    while not is_cancelled():  # the Redis client may have swallowed it
        bell.clear()
        with contextlib.suppress(StoreError):
            for id in await letters.pending():
                loop = loops().get(id)
                if loop is not None:
                    loop.replays.begin(loop.plan)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), _LOOK_EVERY_S)


def _letters_were(count: int) -> str:
    return "1 dead letter was" if count == 1 else f"{count} dead letters were"
