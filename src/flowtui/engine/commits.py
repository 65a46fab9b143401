"""Ends iterations: commits what has settled, strictly as a prefix in start order, as many at once as there are."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import islice
from time import perf_counter_ns

from flowtui.engine.iteration import Iteration
from flowtui.engine.session import Settled, StoreSession
from flowtui.engine.telemetry import TrackCounters
from flowtui.model.errors import StoreUnavailable

_LARGEST_COMMIT = 256
_QUICK_NS = 100_000
_log = logging.getLogger("flowtui.commits")


class Commits:
    """The iterations of one track from their beginning to their commit.

    A commit goes out at once if none is under way and carries all that settled meanwhile. An iteration with nothing
    to store costs no contact with the store.
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
        self._open: deque[Iteration] = deque()
        self._task: asyncio.Task[None] | None = None
        self.gave_up = ""  # why commits are no longer tried

    def __len__(self) -> int:
        return len(self._open)

    def queued(self) -> int:
        """Return how many items taken from a queue are not yet committed."""
        return sum(it.queued for it in self._open)

    def unsettled(self) -> list[Iteration]:
        """Return the iterations of which some part still runs."""
        return [it for it in self._open if it.walkers]

    def begin(self, it: Iteration) -> None:
        """Enter an iteration; iterations are committed in this order."""
        self._open.append(it)

    def settled(self, it: Iteration) -> None:
        """Take note that nothing of `it` runs any more."""
        counters, waiting = self._counters, self._open
        counters.last_ns = now = perf_counter_ns()
        took = now - it.started_ns
        # Of quick iterations every eighth stands for eight: counting each would cost as much as running a node.
        if took > _QUICK_NS:
            counters.histogram.observe(took)
        elif counters.iterations & 7 == 0:
            counters.histogram.observe(took, 8)
        if self._task is not None or it.abandoned:
            return
        while waiting and not waiting[0].walkers and not waiting[0].has_effects:
            waiting.popleft()
            counters.iterations += 1
        if waiting and not waiting[0].walkers and not self.gave_up:
            self._task = asyncio.create_task(self._commit())

    async def flush(self) -> None:
        """Wait until the commit under way, and those that follow from it, are done."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def keep_settled_prefix(self) -> int:
        """Drop everything behind the first unsettled iteration; return how many were dropped."""
        kept = 0
        while kept < len(self._open) and self._open[kept].walkers == 0:
            kept += 1
        dropped = 0
        while len(self._open) > kept:
            self._open.pop().abandoned = True
            dropped += 1
        return dropped

    def abandon(self) -> None:
        """Drop what belongs to others now that the lease has ended."""
        _log.warning("the lease has ended: %d items in flight go back to their queue", len(self._open))
        for it in self._open:
            it.abandoned = True
        self._open.clear()
        self._on_progress()

    async def _commit(self) -> None:
        try:
            while self._open and self._open[0].walkers == 0:
                group = self._settled_prefix()
                if not await self._session.commit(_together(group)):
                    continue
                for it in group:
                    self._count(it)
                    self._open.popleft()
                self._on_progress()
        except StoreUnavailable as error:
            self.gave_up = str(error)
            _log.error("%d iterations could not be committed: %s", len(self._open), error)
        except Exception as error:
            self.gave_up = str(error)
            self._on_refused(error)
        finally:
            self._task = None
            self._on_progress()

    def _settled_prefix(self) -> list[Iteration]:
        group: list[Iteration] = []
        for it in islice(self._open, _LARGEST_COMMIT):
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
