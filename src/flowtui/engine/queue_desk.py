"""What may be done with queues by hand, with what is known of the loops that read and write them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import StoreError, UnknownItem
from flowtui.model.queued import QueuedItem, QueuePage, QueuePlace
from flowtui.storage.commit import Source
from flowtui.storage.queue_admin import OnStep, QueueAdmin, Waiting

#: For how long one answer looks for a text, in seconds: who asked sees how far it has come.
_SEARCH_S = 0.25


class QueueDesk:
    """Shows and changes what waits in queues.

    Items are chosen by queue and `group`, the loop for which they wait, empty for those that wait while nobody reads.
    Every coroutine raises `StoreError` if the store cannot do it.
    """

    def __init__(self, admin: QueueAdmin, plans: Collection[ExecutionPlan]) -> None:
        """`plans` are the loops that there are."""
        self._admin = admin
        self._plans = plans

    async def page(self, queue: str, group: str, place: QueuePlace | None, text: str, limit: int) -> QueuePage:
        """Return up to `limit` items from a place on; without one from the head on, those in flight first.

        With a text only those that hold it, as many as are found in a short time; the page says where to go on.
        """
        waiting, is_first = Waiting(queue, group), place is None
        place = place or QueuePlace()
        found: list[QueuedItem] = []
        looked = 0
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            asked = clock()
            page = await self._admin.look(
                waiting, place, text=text, limit=max(1, limit - len(found)), is_first=is_first
            )
            found += page.items
            looked += page.looked
            if not text or page.next is None or len(found) >= limit or clock() - began > _SEARCH_S:
                return QueuePage(tuple(found), page.next, looked, page.waiting)
            place, is_first = page.next, False
            # The loops need the store too: they have at least half of its time.
            await asyncio.sleep(clock() - asked)

    async def whole(self, queue: str, group: str, item: QueuedItem) -> QueuedItem:
        """Return an item that was on a page with all of its payload.

        Raises:
            UnknownItem: if it is not there any more.
        """
        found = await self._admin.whole(Waiting(queue, group), item)
        if found is None:
            raise UnknownItem(
                f"item {item.id} has left {queue} meanwhile: it was handed out and ended, moved or dropped"
            )
        return found

    async def inject(self, queue: str, payload: dict[str, Any]) -> str:
        """Put an item at the end of a queue, whatever its bound, and return its id."""
        await self._check(queue)
        return await self._admin.inject(queue, payload)

    async def purge(self, queue: str, group: str, on_step: OnStep | None) -> int:
        """Drop what waits; return how many items these were."""
        return await self._admin.purge(Waiting(queue, group), on_step)

    async def move(self, queue: str, group: str, target: str, target_group: str, on_step: OnStep | None) -> int:
        """Move what waits to the end of another queue, for one group of it if that is named; return how many."""
        await self._check(target)
        return await self._admin.move(Waiting(queue, group), Waiting(target, target_group), on_step)

    async def forget(self, queue: str, group: str) -> None:
        """Keep no more items for a loop that has gone for good.

        Raises:
            StoreError: if the loop is still there, or items wait for it.
        """
        if any(plan.loop == group and plan.reads == queue for plan in self._plans):
            raise StoreError(f"{group} reads {queue}: only a loop that is in no file any more can be forgotten")
        await self._admin.forget(Source(queue, group))

    async def _check(self, queue: str) -> None:
        # One that no item has come to yet is not in the store.
        if not any(queue == plan.reads or queue in plan.writes for plan in self._plans):
            await self._admin.known(queue)
