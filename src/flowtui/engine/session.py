"""One track's standing with the store: its ownership, its items in flight, its commits, through every outage."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from flowtui.engine.logs import Attribution, attributed_to
from flowtui.engine.telemetry import WaitingFor
from flowtui.model.errors import Fenced, StoreUnavailable
from flowtui.model.letters import DeadLetter
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_name
from flowtui.storage.loop_lease import Runs
from flowtui.storage.queue_store import Beyond, Bound, Commit, Committed, Delivery, DeliveryLimit, Item, Source
from flowtui.storage.records import Key

_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 2.0
#: How long room in a full queue is waited for when it is time to give up, in seconds.
_ROOM_S = 1.0
#: How long the store is asked for what begins when it is time to give up, in seconds.
_LAST_CALL_S = 2.0
_log = logging.getLogger("flowtui.store")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settled:
    """What a run of settled iterations, a prefix in start order, has to commit at once; fields as of `Commit`."""

    acknowledged: int
    died: int
    pushes: tuple[tuple[str, Item], ...]
    dead: tuple[DeadLetter, ...]
    replayed: tuple[tuple[str, int], ...]
    cursor: bytes | None
    beyond: Beyond = Beyond.NO
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a track reads, how often it may be given an item, and the bounds of the queues that it writes.

    `alone` tells that only one track of all instances may run the loop; `number` is the track's in its loop.
    """

    source: Source | None
    deliveries: DeliveryLimit
    bounds: Mapping[str, Bound]
    alone: bool
    number: int = 1


class StoreSession:
    """Joins, fetches and commits for one track; waits through outages until `give_up`.

    Use it from one event loop only. Fetching and committing may overlap; looking at or shortening the in-flight
    list, and becoming a new owner, exclude commits, since these move the list's head.
    """

    def __init__(
        self,
        store: DataStore,
        loop: str,
        terms: Terms,
        waiting: WaitingFor,
        on_lost: Callable[[], None],
        on_filed: Callable[[int], None],
    ) -> None:
        """Begin without a name.

        `on_lost` is called when the lease has ended: all that was fetched and not committed is others' now. Without a
        source it is called when another track may run the loop now, if only one may. `on_filed` is called with how many
        dead letters the loop has when a commit has filed some.
        """
        self._queues = store.queues()
        self._loop = loop
        self._waiting = waiting
        self._on_lost = on_lost
        self._alone = terms.alone
        self._candidate = ""  # the name with which it asks for its lease
        self._seen: Runs | None = None  # who ran the loop when it first asked
        self._has_cursor = False
        self._lost_loop = False
        self._on_filed = on_filed
        self._lock = asyncio.Lock()
        self._seq = 0
        self._owner = ""
        self._disowned = False
        self._give_up_at: float | None = None  # None: never
        self._patience: asyncio.Timeout | None = None  # of the wait for room
        self._limits: set[asyncio.Timeout] = set()  # of the calls under way
        self._terms = terms
        self.source = terms.source

    @property
    def owner(self) -> str:
        """Its name in the store, empty while it has none."""
        return self._owner

    @property
    def drops_all(self) -> bool:
        """Whether whoever runs the loop now makes again what this track has made and not committed."""
        return self._lost_loop and self._has_cursor

    def disown(self) -> None:
        """Never become an owner again once the lease has ended; from any thread."""
        self._disowned = True

    def give_up(self, at: float) -> None:
        """Insist no longer than until `at`, by the event loop's clock; this holds for calls under way too."""
        self._give_up_at = at
        if self._patience is not None:
            # Who would make room often stops as well, so the whole grace would pass for nothing.
            self._patience.reschedule(min(at, asyncio.get_running_loop().time() + _ROOM_S))
        for limit in self._limits:
            limit.reschedule(at)

    async def join(self) -> Runs | None:
        """Become an owner; return None, or who else runs the loop if only one may: then ask again after `free_bell`."""
        try:
            # With the same name until it is an owner: an earlier call may have been done though nobody heard of it.
            self._candidate = owner = self._candidate or owner_name(self._loop, self._terms.number)
            other = await self._insist(lambda: self._take_loop(owner) if self._alone else self._join(owner))
        except Fenced:  # it has been, for as long as a lease lasts without being renewed
            self._candidate = ""
            return await self.join()
        if other is None:
            self._owner, self._seq, self._candidate = owner, 0, ""
        elif self._seen is None:
            self._seen = other
        return other

    async def _join(self, owner: str) -> None:
        await self._queues.join(owner, self.source, self._terms.deliveries)

    async def _take_loop(self, owner: str) -> Runs | None:
        loop = asyncio.get_running_loop()
        return await self._queues.loops.take(
            owner, self._loop, self._seen, lambda: _post(loop, lambda: self._was_ended(owner))
        )

    def free_bell(self) -> asyncio.Event:
        """Return the event that is set when it may be this track's turn to run the loop."""
        return self._queues.loops.bell(self._loop)

    async def cursor(self) -> bytes | None:
        """Return the producer's saved cursor as JSON."""
        cursor = await self._insist(lambda: self._queues.cursor(self._loop))
        self._has_cursor = cursor is not None
        return cursor

    def doorbell(self) -> asyncio.Event:
        """Return the event that is set when the source may have new items."""
        assert self.source is not None
        return self._queues.doorbell(self.source)

    async def fetch(self, limit: int, uncommitted: Callable[[], int]) -> list[Delivery]:
        """Take up to `limit` items; `uncommitted()` tells how many of those taken before are not committed yet.

        Returns an empty list only if the queue is empty. May be called only when all that was fetched is taken.

        Raises:
            StoreUnavailable: only after `give_up`.
        """
        source = self.source
        assert source is not None
        while True:
            owner = self._owner
            try:
                found = await self._queues.fetch(owner, source, limit)
            except Fenced:
                async with self._lock:
                    await self._renew(owner)
                continue
            except StoreUnavailable as error:
                self._report(error)
                async with self._lock:
                    found = await self._left_behind(owner, uncommitted())
                if not found:
                    await asyncio.sleep(_FIRST_DELAY_S)
                    continue
            if owner == self._owner:  # else the lease has ended meanwhile, and others have these items
                return found

    async def commit(self, settled: Settled, fetch: int, uncommitted: Callable[[], int]) -> list[Delivery] | None:
        """Store what has settled, all or nothing, and take up to `fetch` items with it.

        Returns what was taken, or None if the lease has ended, so that nothing was stored. `uncommitted` as of `fetch`.

        Raises:
            QueueFull: a queue has no room for all of it; nothing was stored.
            StoreUnavailable: only after `give_up`.
            StoreError: the store refuses it, and always will.
        """
        owner = self._owner
        self._has_cursor = self._has_cursor or settled.cursor is not None
        async with self._lock:
            if self.drops_all:
                self._on_lost()  # it has begun more since
                return None
            while owner == self._owner:
                try:
                    taken = await self._commit(owner, settled, fetch, uncommitted)
                except Fenced:
                    await self._renew(owner)
                    if self.source is None and not self.drops_all:
                        # Items made by the producer itself belong to nobody else: commit them under the new lease.
                        owner = self._owner
                else:
                    self._seq += 1
                    return taken
        return None

    async def _commit(self, owner: str, settled: Settled, fetch: int, uncommitted: Callable[[], int]) -> list[Delivery]:
        commit = Commit(
            seq=self._seq + 1,
            source=self.source,
            acknowledged=settled.acknowledged,
            died=settled.died,
            pushes=settled.pushes,
            dead=settled.dead,
            replayed=settled.replayed,
            cursor=None if settled.cursor is None else (self._loop, settled.cursor),
            bounds=self._terms.bounds,
            beyond=settled.beyond,
            keys=settled.keys,
        )
        if not fetch:
            return self._noted(await self._insist(lambda: self._queues.commit(owner, commit)))
        try:
            return self._noted(await self._in_time(lambda: self._queues.commit(owner, commit, fetch), self._give_up_at))
        except StoreUnavailable as error:
            self._report(error)
        # The outcome is unknown. Once this is done nothing is taken by the call before, however late it arrives.
        self._noted(await self._insist(lambda: self._queues.commit(owner, commit)))
        return await self._left_behind(owner, uncommitted() - settled.acknowledged)

    def _noted(self, committed: Committed) -> list[Delivery]:
        if committed.letters:
            self._on_filed(committed.letters)
        return committed.taken

    async def claim(self, name: str, item: str) -> bool:
        """Claim a key for an item that is in flight; return False if another item has it.

        Raises:
            StoreUnavailable: only after `give_up`, or when the item is not this track's any more.
        """
        if not self._owner:
            async with self._lock:  # in which it becomes another owner
                pass
        if not (owner := self._owner):
            raise StoreUnavailable("the lease has ended, and the item is made again elsewhere")
        return await self._insist(lambda: self._queues.claim(owner, name, item))

    async def _left_behind(self, owner: str, known: int) -> list[Delivery]:
        """Return what a call of unknown outcome has taken: it stands in flight behind what is known."""
        source = self.source
        assert source is not None
        return (await self._insist(lambda: self._queues.in_flight(owner, source)))[known:]

    def room(self, queue: str) -> asyncio.Event:
        """Return the event that is set when a queue that was full may have room."""
        return self._queues.room(queue, self._owner)

    async def wait_for(self, event: asyncio.Event) -> bool:
        """Wait until the event is set; return False if it is time to give up."""
        clock = asyncio.get_running_loop().time
        self._patience = asyncio.timeout_at(None if self._give_up_at is None else clock() + _ROOM_S)
        try:
            async with self._patience:
                await event.wait()
        except TimeoutError:
            return False
        finally:
            self._patience = None
        return True

    @property
    def bounds(self) -> Mapping[str, Bound]:
        """Of the queues that it writes."""
        return self._terms.bounds

    async def give_back(self, uncommitted: Callable[[], int]) -> None:
        """Return the items that were fetched and not begun to the head of their queue.

        Raises:
            StoreUnavailable: only after `give_up`.
        """
        source = self.source
        if source is None:
            return
        async with self._lock:
            await self._insist(lambda: self._queues.give_back(self._owner, source, uncommitted()))

    async def leave(self, *, completed: bool = False) -> None:
        """Return everything that is not committed and stop being an owner, or standing by.

        Args:
            completed: the loop has nothing more to do, wherever it would run.

        Raises:
            StoreUnavailable: only after `give_up`.
        """
        async with self._lock:
            for owner in filter(None, (self._owner, self._candidate)):
                await self._insist(lambda owner=owner: self._queues.leave(owner, self.source, completed=completed))  # type: ignore[misc]

    async def _renew(self, lost: str) -> None:
        # A fetch and a commit may both learn of the lost lease: only the first has something to drop.
        if self._owner != lost:
            return
        if self._disowned:
            raise StoreUnavailable("the track was left behind, and its items went back to their queue")
        self._owner = ""  # what is still under way for the old owner must not be taken for the new one's
        if self._alone:
            # What it has made and nobody can make again is committed under a lease that is not the loop's.
            self._alone, self._lost_loop = False, True
        if self.source is not None or self._lost_loop:
            self._on_lost()
        if not self.drops_all:
            await self.join()

    def _was_ended(self, owner: str) -> None:
        """The process has heard that this owner's lease is over."""
        if owner == self._owner and self._alone and not self._lost_loop:
            self._lost_loop = True
            self._on_lost()

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that may be made twice, again and again until the store answers.

        Raises:
            StoreUnavailable: only after `give_up`.
        """
        return await self._insist(call)

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        delay = _FIRST_DELAY_S
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            # What the grace has cut off is filed and returned only after it.
            ends_at = None if self._give_up_at is None else max(self._give_up_at, began + _LAST_CALL_S)
            try:
                result = await self._in_time(call, ends_at)
            except StoreUnavailable as error:
                if ends_at is not None and clock() >= ends_at:
                    raise
                self._report(error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY_S)
            else:
                self._waiting.clear(WaitingFor.STORE)
                return result

    async def _in_time(self, call: Callable[[], Awaitable[T]], ends_at: float | None) -> T:
        limit = asyncio.timeout_at(ends_at)
        try:
            async with limit:
                self._limits.add(limit)
                return await call()
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise StoreUnavailable("it did not answer in the time that was left") from error
        finally:
            self._limits.discard(limit)

    def _report(self, error: StoreUnavailable) -> None:
        if not self._waiting.now.reason.startswith("store:"):
            # The whole loop waits, not the node or item that happened to be the last one here.
            with attributed_to(Attribution(self._loop, "")):
                _log.warning("%s waits for the store: %s", self._loop, error)
        self._waiting.set(WaitingFor.STORE, f"store: {error}")


def _post(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # closed: the track has ended
        loop.call_soon_threadsafe(call)
