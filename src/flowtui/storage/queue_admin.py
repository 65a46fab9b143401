"""`QueueAdmin`: what a person does to queues by hand; every item stays accounted for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowtui.model.errors import StoreError
from flowtui.model.finding import Wanted
from flowtui.model.ids import new_id
from flowtui.model.queued import HEAD, QueuedItem, QueuePage, QueuePlace
from flowtui.storage.calls import StoreCalls
from flowtui.storage.commit import Source
from flowtui.storage.lease import owner_of
from flowtui.storage.queue_stats import QueueStats
from flowtui.storage.queue_store import ROOM, QueueStore
from flowtui.storage.records import Delivery, Item, decode, encode, escape, unescape

#: Most items that one call moves or drops, so that it never holds up the loops for long.
STEP = 1000
#: How much of a payload is shown in a list, in bytes.
SHOWN_BYTES = 400
#: With this begin the names of queues that belong to the engine itself.
INTERNAL = "~"
#: Who has made an item that was put into a queue by hand.
BY_HAND = "by-hand"

#: Told how many items are done so far.
OnStep = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Items that wait in a queue: for a group, or, if that is empty, for the first one to read it."""

    queue: str
    group: str = ""


class QueueAdmin:
    """Looks into queues and changes them, for the tasks of one event loop.

    Every coroutine raises `StoreUnavailable` if the store does not answer now, `StoreError` if it refuses a command.
    """

    def __init__(self, calls: StoreCalls, queues: QueueStore) -> None:
        self._client = calls.client
        self._namespace = calls.namespace
        self._run = calls.run
        self._answer = calls.answer
        self._queues = queues

    async def names(self) -> list[str]:
        """Return every queue that was ever written or read, in the order of the alphabet."""
        found = await self._answer(self._client.smembers(f"{self._namespace}:queues"))
        return sorted(unescape(name.decode()) for name in found)

    async def stats(self) -> dict[str, QueueStats]:
        """Return the figures of all queues of people, in the order of the alphabet."""
        return await self._queues.queue_stats([name for name in await self.names() if not name.startswith(INTERNAL)])

    async def known(self, queue: str) -> QueueStats:
        """Return the figures of a queue.

        Raises:
            StoreError: if there is none of that name.
        """
        stats = await self.stats()
        if queue not in stats:
            raise StoreError(f"there is no queue {queue!r} in this store; known are: {', '.join(stats) or 'none'}")
        return stats[queue]

    async def look(
        self, waiting: Waiting, place: QueuePlace = HEAD, *, text: str = "", limit: int, is_first: bool = True
    ) -> QueuePage:
        """Return up to `limit` waiting items from a place on, with the beginnings of their payloads.

        With `is_first` those in flight come before them, at most 200. With a text there are only items that hold it in
        id or payload, in any case, and only a thousand are looked at; of big ones fewer. An item that leaves the queue
        meanwhile does not make that one is left out.
        """
        how = ["text", *Wanted(text).needles] if text else ["all"]
        return await self._scan(waiting, place, is_first, limit, SHOWN_BYTES, how)

    async def whole(self, waiting: Waiting, item: QueuedItem) -> QueuedItem | None:
        """Return an item that was looked at with all of its payload; None if it is not there any more."""
        sought = ["id", item.id.encode("utf-8", "surrogatepass")]
        page = await self._scan(waiting, item.place, True, STEP, -1, sought)
        return next((each for each in page.items if each.key == item.key), None)

    async def _scan(
        self, waiting: Waiting, place: QueuePlace, is_first: bool, limit: int, cut: int, how: list[Any]
    ) -> QueuePage:
        names = escape(waiting.queue), escape(waiting.group)
        known = "" if place.left is None else place.left
        reply = await self._run("scan", *names, place.index, known, int(is_first), limit, STEP, cut, *how)
        index, left, length, looked, found = reply
        items = tuple(_queued(left, *found[at : at + 4]) for at in range(0, len(found), 4))
        return QueuePage(items, QueuePlace(index, left) if index < length else None, looked, length)

    async def peek(self, waiting: Waiting, limit: int, after: int = 0) -> list[Delivery]:
        """Return up to `limit` waiting items from the head on, behind the first `after`; they go on waiting."""
        key = f"{self._namespace}:q:{escape(waiting.queue)}:"
        key += f"{escape(waiting.group)}:ready" if waiting.group else "backlog"
        found = await self._answer(self._client.lrange(key, after, after + limit - 1))
        return await self._queues.opened(found)

    async def inject(self, queue: str, payload: dict[str, Any], id: str = "") -> str:
        """Put an item at the end of a queue, whatever its bound, and return its id.

        Raises:
            StoreError: if the payload is no JSON.
        """
        id = id or new_id()
        try:
            text = json.dumps(payload, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise StoreError(f"the item for {queue} is no JSON: {error}") from error
        item = Item(id=id, payload=text, trace=id, origin=BY_HAND)
        name = escape(queue)
        await self._run("inject", name, encode(item), ring=(name,))
        return id

    async def purge(self, waiting: Waiting, on_step: OnStep | None = None) -> int:
        """Drop what waits, and count it as purged; return how many items these were.

        Ends when it has dropped as many as waited at the beginning, so that a busy writer cannot keep it for ever.
        `on_step` is told after each thousand; to cancel it leaves the rest.
        """
        left = await self._length(waiting)
        purged = 0
        while left > 0:
            step = await self._run("purge", escape(waiting.queue), escape(waiting.group), min(left, STEP))
            if not step:
                break
            purged += step
            await _stepped(on_step, purged)
            left -= step
        self._queues.ring(waiting.queue, ROOM)
        return purged

    async def move(self, waiting: Waiting, target: Waiting, on_step: OnStep | None = None) -> int:
        """Move what waits to the end of another queue, for all who read that or for one group; return how many.

        `on_step` is told after each thousand; to cancel it leaves the rest.

        Raises:
            StoreError: if the target has no such group, or is where the items are.
        """
        if waiting == target or (waiting.queue == target.queue and not target.group):
            raise StoreError(f"the items of {waiting.queue} are there already: name another queue or group")
        left = await self._length(waiting)
        moved = 0
        while left > 0:
            names = map(escape, (waiting.queue, waiting.group, target.queue, target.group))
            step = await self._run("move", *names, min(left, STEP))
            if step == b"NOGROUP":
                raise StoreError(f"{target.group} has never read {target.queue}: no item was moved")
            if not step:
                break
            moved += step
            await _stepped(on_step, moved)
            left -= step
        self._queues.ring(waiting.queue, ROOM)
        self._queues.ring(target.queue)
        return moved

    async def forget(self, source: Source) -> None:
        """Remove a group that has gone for good, so that no more items are kept for it.

        Raises:
            StoreError: if a loop reads for it, or items still wait for it.
        """
        reply = await self._run("forget", escape(source.queue), escape(source.group))
        if reply == b"READ":
            raise StoreError(f"{source.group} reads {source.queue} now: stop it first")
        if reply == b"HOLDS":
            raise StoreError(f"items of {source.queue} still wait for {source.group}: purge or move them first")

    async def _length(self, waiting: Waiting) -> int:
        stats = (await self._queues.queue_stats([waiting.queue]))[waiting.queue]
        if not waiting.group:
            return stats.backlog
        if waiting.group not in stats.groups:
            raise StoreError(f"{waiting.group} has never read {waiting.queue}")
        return stats.groups[waiting.group].waiting


async def _stepped(on_step: OnStep | None, done: int) -> None:
    if on_step is not None:
        on_step(done)
    await asyncio.sleep(0)  # not every store lets the others have their turn before it has answered


def _queued(left: int, owner: bytes, index: int, size: int, envelope: bytes) -> QueuedItem:
    (id, payload, trace, origin), tries, pushed_ms = decode(envelope)
    return QueuedItem(
        id=id,
        payload=payload.decode("utf-8", "replace"),
        size=size,
        is_cut=len(payload) < size,
        trace=trace,
        origin=origin,
        tries=tries,
        at=pushed_ms / 1000,
        owner=owner_of(owner.decode()) if owner else None,
        place=QueuePlace(index, left),
    )
