"""Ends iterations: commits what has settled, strictly as a prefix in start order, as many at once as there are."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import islice
from time import perf_counter_ns

from flowtui.engine.iteration import Iteration
from flowtui.engine.measures import SAMPLE_EVERY
from flowtui.engine.session import Settled, StoreSession
from flowtui.engine.telemetry import TrackCounters
from flowtui.model.errors import StoreUnavailable

_LARGEST_COMMIT = 256
_QUICK_NS = 100_000  # an iteration quicker than this is noted as one of a sample
_log = logging.getLogger("flowtui.commits")


class Commits:
    """The iterations of one track from their beginning to their commit.

    A commit goes out at once if none is under way and carries all that settled meanwhile. An iteration with nothing
    to store costs no contact with the store.

    Attributes:
        open: what has begun and is not committed; other threads may look at its length.
        gave_up: why commits are no longer tried; empty while they are.
    """

    def __init__(
        self,
        session: StoreSession,
        counters: TrackCounters,
        on_progress: Callable[[], None],
        on_refused: Callable[[BaseException], None],
    ) -> None:
        """`on_refused` is called when the store will never take a commit, so that the loop cannot go on."""
        self._session = session
        self._counters = counters
        self._on_progress = on_progress
        self._on_refused = on_refused
        self.open: deque[Iteration] = deque()
        self.begin = self.open.append  # enters an iteration; iterations are committed in this order
        self._task: asyncio.Task[None] | None = None
        self.gave_up = ""

    def queued(self) -> int:
        """Return how many items taken from a queue are not yet committed."""
        return sum(it.queued for it in self.open)

    def unsettled(self) -> list[Iteration]:
        """Return the iterations of which some part still runs."""
        return [it for it in self.open if it.walkers]

    def settled(self, it: Iteration) -> None:
        """Take note that nothing of `it` runs any more."""
        counters = self._counters
        now = perf_counter_ns()
        took = now - it.started_ns
        # Of quick iterations some stand for all: noting each would cost as much as running a node.
        if took > _QUICK_NS:
            counters.histogram.observe(took)
        elif counters.iterations % SAMPLE_EVERY == 0:
            counters.histogram.observe(took, SAMPLE_EVERY)
        if self._task is not None or it.abandoned:
            return
        unended = self.open
        while unended:
            first = unended[0]
            if first.walkers:
                return
            if first.has_effects:
                break
            unended.popleft()
            counters.iterations += 1
            counters.last_ns = now
        if unended and not self.gave_up:
            self._task = asyncio.create_task(self._commit())

    async def flush(self) -> None:
        """Wait until the commit under way, and those that follow from it, are done."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def keep_settled_prefix(self) -> int:
        """Drop everything behind the first unsettled iteration; return how many were dropped."""
        kept = 0
        while kept < len(self.open) and self.open[kept].walkers == 0:
            kept += 1
        dropped = 0
        while len(self.open) > kept:
            self.open.pop().abandoned = True
            dropped += 1
        return dropped

    def abandon(self) -> None:
        """Drop what belongs to others now that the lease has ended."""
        _log.warning("the lease has ended: %d items in flight go back to their queue", len(self.open))
        for it in self.open:
            it.abandoned = True
        self.open.clear()
        self._on_progress()

    async def _commit(self) -> None:
        try:
            while self.open and self.open[0].walkers == 0:
                group = self._settled_prefix()
                if not await self._session.commit(_together(group)):
                    continue
                for it in group:
                    self._count(it)
                    self.open.popleft()
                self._on_progress()
        except StoreUnavailable as error:
            self.gave_up = str(error)
            _log.error("%d iterations could not be committed: %s", len(self.open), error)
        except Exception as error:
            self.gave_up = str(error)
            self._on_refused(error)
        finally:
            self._task = None
            self._on_progress()

    def _settled_prefix(self) -> list[Iteration]:
        group: list[Iteration] = []
        for it in islice(self.open, _LARGEST_COMMIT):
            if it.walkers:
                break
            group.append(it)
        return group

    def _count(self, it: Iteration) -> None:
        self._counters.iterations += 1
        self._counters.last_ns = perf_counter_ns()
        if it.dead:
            self._counters.errors += 1


def _together(group: list[Iteration]) -> Settled:
    return Settled(
        acknowledged=sum(it.queued for it in group),
        pushes=tuple(push for it in group for push in it.outbox),
        dead=tuple(letter for it in group for letter in it.dead),
        cursor=next((it.cursor for it in reversed(group) if it.cursor is not None), None),
    )
