"""One track's standing with the store: its ownership, its items in flight, its commits, through every outage."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from flowtui.engine.telemetry import WaitingFor
from flowtui.model.errors import Fenced, StoreUnavailable
from flowtui.model.letters import DeadLetter
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_name
from flowtui.storage.queue_store import Commit, Delivery, Item, Source

_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 2.0
_log = logging.getLogger("flowtui.store")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settled:
    """What a run of settled iterations, a prefix in start order, has to commit at once."""

    acknowledged: int
    pushes: tuple[tuple[str, Item], ...]
    dead: tuple[DeadLetter, ...]
    cursor: bytes | None


class StoreSession:
    """Joins, fetches and commits for one track; waits through outages until `give_up_at`.

    Use it from one event loop only. Fetching and committing may overlap; looking at or shortening the in-flight
    list excludes commits, since these move its head.
    """

    def __init__(self, store: DataStore, loop: str, source: Source | None, waiting: WaitingFor) -> None:
        self._queues = store.queues()
        self._loop = loop
        self._waiting = waiting
        self._lock = asyncio.Lock()
        self._seq = 0
        self._owner = ""
        self.source = source
        self.give_up_at: float | None = None  # of time.monotonic; None: never

    async def join(self) -> None:
        """Become an owner, a new one after `Fenced`."""
        self._owner = owner_name(self._loop, 0)
        self._seq = 0
        await self._insist(lambda: self._queues.join(self._owner, self.source))

    async def cursor(self) -> bytes | None:
        """Return the producer's saved cursor as JSON."""
        return await self._insist(lambda: self._queues.cursor(self._loop))

    def doorbell(self) -> asyncio.Event:
        """Return the event that is set when the source may have new items."""
        assert self.source is not None
        return self._queues.doorbell(self.source)

    async def fetch(self, limit: int, known: Callable[[], Collection[str]]) -> list[Delivery]:
        """Take up to `limit` items; `known()` gives the ids already taken and not yet committed.

        After an error the outcome of a fetch is unknown: what is in flight and not known is adopted then.

        Raises:
            Fenced: the lease has ended.
        """
        source = self.source
        assert source is not None
        try:
            return await self._queues.fetch(self._owner, source, limit)
        except StoreUnavailable as error:
            self._report(error)
        async with self._lock:
            held = await self._insist(lambda: self._queues.in_flight(self._owner, source))
            mine = set(known())
        return [delivery for delivery in held if delivery.item.id not in mine]

    async def commit(self, settled: Settled) -> None:
        """Store what has settled, all or nothing.

        Raises:
            Fenced: the lease has ended and the items have gone back to the queue; nothing was stored.
            StoreUnavailable: only after `give_up_at`.
        """
        async with self._lock:
            while True:
                commit = Commit(
                    seq=self._seq + 1,
                    source=self.source,
                    acknowledged=settled.acknowledged,
                    pushes=settled.pushes,
                    dead=settled.dead,
                    cursor=None if settled.cursor is None else (self._loop, settled.cursor),
                )
                try:
                    await self._insist(lambda commit=commit: self._queues.commit(self._owner, commit))  # type: ignore[misc]
                except Fenced:
                    if self.source is not None:
                        raise
                    # Items made by the producer itself belong to nobody else: commit them under a new lease.
                    await self.join()
                else:
                    self._seq += 1
                    return

    async def give_back(self, uncommitted: Callable[[], int]) -> None:
        """Return the items that were fetched and not begun to the head of their queue."""
        source = self.source
        if source is None:
            return
        async with self._lock:
            await self._insist(lambda: self._queues.give_back(self._owner, source, uncommitted()))

    async def leave(self) -> None:
        """Return everything that is not committed and stop being an owner."""
        async with self._lock:
            try:
                await self._insist(lambda: self._queues.leave(self._owner, self.source))
            except Fenced:
                return

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        delay = _FIRST_DELAY_S
        while True:
            try:
                result = await call()
            except StoreUnavailable as error:
                if self.give_up_at is not None and time.monotonic() >= self.give_up_at:
                    raise
                self._report(error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY_S)
            else:
                self._waiting.clear(WaitingFor.STORE)
                return result

    def _report(self, error: StoreUnavailable) -> None:
        if not self._waiting.now[0].startswith("store:"):
            _log.warning("%s waits for the store: %s", self._loop, error)
        self._waiting.set(WaitingFor.STORE, f"store: {error}")
