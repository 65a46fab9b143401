"""`QueueAdmin`: what a person does to queues by hand; every item stays accounted for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flowtui.model.errors import StoreError
from flowtui.model.ids import new_id
from flowtui.storage.calls import StoreCalls
from flowtui.storage.commit import Source
from flowtui.storage.queue_store import ROOM, QueueStore
from flowtui.storage.records import Delivery, Item, encode, escape, unescape

#: Most items that one call moves or drops, so that it never holds up the loops for long.
STEP = 1000
#: With this begin the names of queues that belong to the engine itself.
INTERNAL = "~"
#: Who has made an item that was put into a queue by hand.
BY_HAND = "by-hand"


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

    async def purge(self, waiting: Waiting) -> int:
        """Drop what waits, and count it as purged; return how many items these were.

        Ends when it has dropped as many as waited at the beginning, so that a busy writer cannot keep it for ever.
        """
        left = await self._length(waiting)
        purged = 0
        while left > 0:
            step = await self._run("purge", escape(waiting.queue), escape(waiting.group), min(left, STEP))
            if not step:
                break
            purged += step
            left -= step
        self._queues.ring(waiting.queue, ROOM)
        return purged

    async def move(self, waiting: Waiting, target: Waiting) -> int:
        """Move what waits to the end of another queue, for all who read that or for one group; return how many.

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
