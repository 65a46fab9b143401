"""Ends iterations: commits what has settled, strictly as a prefix in start order, as many at once as there are."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from time import perf_counter_ns

from flowtui.engine.iteration import Iteration
from flowtui.engine.letters import in_a_row
from flowtui.engine.measures import SAMPLE_EVERY
from flowtui.engine.session import Settled, StoreSession
from flowtui.engine.telemetry import TrackCounters, WaitingFor
from flowtui.model.errors import QueueFull, StoreUnavailable
from flowtui.model.letters import DeadLetter
from flowtui.model.states import OnFull, Outcome
from flowtui.storage.queue_store import Beyond, Delivery, Item
from flowtui.storage.records import Key

_LARGEST_COMMIT = 256
#: Settled iterations that may wait for their commit; beyond it the producer waits for the store.
MOST_OPEN = 1024
#: The same while a queue has no room: a loop that is asked to pause then must not have a minute's work before it.
_MOST_OPEN_WHILE_FULL = 16
#: After so many seconds without a wait for room a loop no longer counts as waiting for it.
_CALM_S = 3.0
#: A bigger call would keep all other clients of the store waiting.
_COMMIT_BYTES = 1_000_000
_QUICK_NS = 100_000  # an iteration quicker than this is noted as one of a sample
_log = logging.getLogger("flowtui.commits")


@dataclass(frozen=True, slots=True)
class _Asked:
    """That the next commit shall bring up to `limit` items along; None is the answer if it could not."""

    limit: int
    answer: asyncio.Future[list[Delivery] | None]


class Commits:
    """The iterations of one track from their beginning to their commit.

    A commit goes out at once if none is under way and carries all that settled meanwhile. An iteration with nothing
    to store costs no contact with the store.

    Attributes:
        open: what has begun and is not committed; other threads may look at its length.
        most_open: how many may be open; the producer waits at that.
        on_end: is told of every iteration that has ended, in order; None if nobody wants to know.
        held: how many items have been taken from a queue for an iteration that has not begun.
        gave_up: why commits are no longer tried; empty while they are.
    """

    def __init__(
        self,
        session: StoreSession,
        counters: TrackCounters,
        on_progress: Callable[[], None],
        on_refused: Callable[[BaseException], None],
        on_no_room: Callable[[Iteration, QueueFull, Item], None],
    ) -> None:
        """Begin with nothing.

        `on_refused` is called when the store will never take a commit, so that the loop cannot go on; `on_no_room`
        for an output that shall become a dead letter because its queue is full.
        """
        self._session = session
        self._counters = counters
        self._on_progress = on_progress
        self._on_refused = on_refused
        self._on_no_room = on_no_room
        self.open: deque[Iteration] = deque()
        self.begin = self.open.append  # enters an iteration; iterations are committed in this order
        self._task: asyncio.Task[None] | None = None
        self._sent = 0  # how many of the first in `open` the commit under way holds
        self.most_open = MOST_OPEN
        self._calm: asyncio.TimerHandle | None = None  # ends the waiting that people see
        self._beyond = Beyond.NO  # until nobody waits for room any longer
        self._stuck = False  # whether it waits for room in a queue
        self._asked: _Asked | None = None
        self._empty = asyncio.Event()
        self.held = 0
        self.on_end: Callable[[Iteration, Outcome], None] | None = None
        self.gave_up = ""

    async def fetch(self, limit: int) -> list[Delivery]:
        """Take up to `limit` items from the queue, in one call with the commit that is about to go out.

        Returns an empty list only if the queue is empty. May be called only when all that was fetched has begun or is
        held.

        Raises:
            StoreUnavailable: only when the store is no longer asked.
        """
        if (
            self._task is not None
            and not self._stuck
            and len(self.open) > self._sent
            and not self.open[self._sent].walkers
        ):
            self._asked = asked = _Asked(limit, asyncio.get_running_loop().create_future())
            taken = await asked.answer
            if taken:
                return taken
        return await self._session.fetch(limit, self.queued)

    async def all_done(self) -> None:
        """Wait until everything that has begun is committed."""
        while self.open:
            self._empty.clear()
            await self._empty.wait()

    def queued(self) -> int:
        """Return how many items taken from a queue are not yet committed."""
        return sum(it.queued for it in self.open) + self.held

    def unsettled(self) -> list[Iteration]:
        """Return the iterations of which some part still runs."""
        return [it for it in self.open if it.walkers]

    def in_words(self) -> str:
        """Return what is in flight, for people."""
        oldest = self.unsettled()
        return f"{len(oldest)} in flight, oldest at {oldest[0].at}" if oldest else f"{len(self.open)} commits"

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
            if self.on_end is not None:
                self.on_end(first, Outcome.DONE)
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
        dropped = list(islice(self.open, kept, None))
        for it in dropped:
            self.open.pop()
            self._give_up(it)
        return len(dropped)

    def abandon(self, fate: str) -> None:
        """Drop what belongs to others now that the lease has ended; `fate` says what becomes of it."""
        if self.open:
            _log.warning("the lease has ended: %d items in flight %s", len(self.open), fate)
        for it in self.open:
            self._give_up(it)
        self.open.clear()
        self._empty.set()
        self._on_progress()

    def _give_up(self, it: Iteration) -> None:
        it.abandoned = True
        if self.on_end is not None:
            self.on_end(it, Outcome.GIVEN_UP)

    async def _commit(self) -> None:
        try:
            while self.open and self.open[0].walkers == 0:
                stored = await self._store(self._settled_prefix())
                if stored and not stored[0].abandoned:  # else the lease ended right after, and that was heard first
                    self._count(stored)
                self._on_progress()
        except StoreUnavailable as error:
            self.gave_up = str(error)
            _log.error("%d iterations could not be committed: %s", len(self.open), error)
        except Exception as error:
            self.gave_up = str(error)
            self._on_refused(error)
        finally:
            self._task = None
            self._sent = 0
            self.most_open = MOST_OPEN
            _answer(self._asked, None)
            self._asked = None
            if not self.open:
                self._empty.set()
            self._on_progress()

    async def _store(self, group: list[Iteration]) -> list[Iteration]:
        """Commit a group, or as much of it as finds room; return what was stored, nothing if the lease has ended."""
        beyond = self._beyond
        bell: asyncio.Event | None = None
        while not group[0].abandoned:  # as it may be after a wait
            self._sent = len(group)
            asked, self._asked = self._asked, None
            try:
                taken = await self._session.commit(_together(group, beyond), asked.limit if asked else 0, self.queued)
            except QueueFull as full:
                _answer(asked, None)
                bound = self._session.bounds[full.queue]
                if bound.on_full is OnFull.DEAD_LETTER:
                    self._refuse(group, full)
                elif fitting := _fitting(group, full):
                    group = fitting
                else:
                    group = group[:1]
                    if _pushes(group[0], full.queue) > bound.max_items:
                        beyond = Beyond.EMPTY
                    if bell is None:
                        # Whatever was freed before the bell was cleared counts for the next try.
                        bell = self._session.room(full.queue)
                    elif not await self._has_rung(bell, full):
                        beyond = self._beyond = self._at_the_end(full)
                    bell.clear()
            except BaseException:
                _answer(asked, None)
                raise
            else:
                if bell is None:
                    self.most_open = MOST_OPEN
                _answer(asked, taken)
                return group if taken is not None else []
        return []

    async def _has_rung(self, bell: asyncio.Event, full: QueueFull) -> bool:
        # Whoever wants items needs no room for that.
        asked, self._asked = self._asked, None
        _answer(asked, None)
        if self._calm is not None:
            self._calm.cancel()
        self._counters.waiting.set(WaitingFor.QUEUE, str(full))
        self.most_open = _MOST_OPEN_WHILE_FULL
        self._stuck = True
        try:
            return await self._session.wait_for(bell)
        finally:
            self._stuck = False
            # A slow reader makes room again and again, for a moment each time: that is one wait for whoever looks on.
            clear = self._counters.waiting.clear
            self._calm = asyncio.get_running_loop().call_later(_CALM_S, clear, WaitingFor.QUEUE)

    def _at_the_end(self, full: QueueFull) -> Beyond:
        """Say what becomes of outputs for a full queue when nobody waits any longer."""
        if any(it.queued or it.cursor is not None for it in self.open):
            raise StoreUnavailable(f"{full}; their items come again at the next start")
        return Beyond.YES  # there is nowhere to go back to, and a bound is no reason to lose them

    def _refuse(self, group: list[Iteration], full: QueueFull) -> None:
        room = full.room
        for it in group:
            kept = []
            for queue, item in it.outbox:
                if queue != full.queue or room > 0:
                    kept.append((queue, item))
                    room -= queue == full.queue
                else:
                    self._on_no_room(it, full, item)
            it.outbox = tuple(kept)

    def _settled_prefix(self) -> list[Iteration]:
        group: list[Iteration] = []
        size = 0
        for it in islice(self.open, _LARGEST_COMMIT):
            if it.walkers:
                break
            for _, item in it.outbox:
                size += len(item.payload)
            if group and size > _COMMIT_BYTES:
                break
            group.append(it)
        return group

    def _count(self, stored: list[Iteration]) -> None:
        counters = self._counters
        counters.iterations += len(stored)
        counters.last_ns = perf_counter_ns()
        for it in stored:
            self.open.popleft()
            if it.dead:
                counters.errors += 1
            if self.on_end is not None:
                self.on_end(it, Outcome.DEAD if it.dead else Outcome.DONE)


def _answer(asked: _Asked | None, taken: list[Delivery] | None) -> None:
    # Whoever asked may have been cancelled meanwhile.
    if asked is not None and not asked.answer.done():
        asked.answer.set_result(taken)


def _pushes(it: Iteration, queue: str) -> int:
    return sum(target == queue for target, _ in it.outbox)


def _fitting(group: list[Iteration], full: QueueFull) -> list[Iteration]:
    """Return the longest run from the start of the group that the full queue has room for."""
    room = full.room
    fitting = []
    for it in group:
        room -= _pushes(it, full.queue)
        if room < 0:
            break
        fitting.append(it)
    return fitting


def _together(group: list[Iteration], beyond: Beyond) -> Settled:
    acknowledged = died = 0
    pushes: list[tuple[str, Item]] = []
    dead: list[DeadLetter] = []
    replayed: list[tuple[str, int]] = []
    keys: list[Key] = []
    cursor: bytes | None = None
    for it in group:
        acknowledged += it.queued
        pushes += it.outbox
        if it.cursor is not None:
            cursor = it.cursor
        if it.dead:
            died += it.queued  # however many of its parts have failed
            dead += in_a_row(it.dead)
        if it.replayed:
            replayed += it.replayed
        if it.keys:
            keys += it.keys
    return Settled(acknowledged, died, tuple(pushes), tuple(dead), tuple(replayed), cursor, beyond, tuple(keys))
