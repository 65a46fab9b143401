"""`ItemSearch`: looks for a text in the items of queues, a slice at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from flowtui.storage.calls import StoreCalls
from flowtui.storage.queue_store import QueueStore
from flowtui.storage.records import Delivery, escape, unescape

#: Most items and bytes that one call looks at, and most hits that it returns: it holds up all others meanwhile.
STEP = 1000
STEP_BYTES = 1_000_000
_STEP_HITS = 100


class HeldList(NamedTuple):
    """Items of one queue in their order: those that wait for a group, or that an owner has in flight.

    Attributes:
        group: the loop that reads them, empty while nobody does.
        owner: who has them in flight, empty if they wait.
    """

    queue: str
    group: str
    owner: str

    @property
    def holder(self) -> str:
        """`host:pid` of the process of the owner, as its name tells."""
        return ":".join(map(unescape, self.owner.split(":")[:2]))


class Slice(NamedTuple):
    """What one call has found.

    Attributes:
        length: of the list now.
        looked: how many items it has looked at; 0 once none is left.
        found: the items that hold the text, and how many stand before each.
    """

    length: int
    looked: int
    found: Sequence[tuple[int, Delivery]]


class ItemSearch:
    """Looks for texts, for the tasks of one event loop; the items stay where they are.

    Every coroutine raises `StoreUnavailable` if the store does not answer now, `StoreError` if it refuses a command.
    """

    def __init__(self, calls: StoreCalls, queues: QueueStore) -> None:
        self._run = calls.run
        self._opened = queues.opened

    async def lists(self, queues: Iterable[str]) -> list[tuple[HeldList, int]]:
        """Return the lists of these queues that hold items, and how many; those in flight first."""
        names = [escape(queue) for queue in queues]
        rows = await self._run("search_lists", *names) if names else []
        return [
            (HeldList(unescape(queue.decode()), unescape(group.decode()), owner.decode()), length)
            for queue, group, owner, length in rows
        ]

    async def look(self, held: HeldList, needles: Iterable[bytes], seen: int) -> Slice:
        """Look at the next items of a list before the last `seen` ones, from its end to its head.

        An item counts if its payload holds one of `needles`, or a part of its id or trace begins with one; their ASCII
        letters must be small.
        """
        names = (escape(held.queue), escape(held.group), held.owner)
        length, looked, *rows = await self._run("search_items", *names, seen, STEP, STEP_BYTES, _STEP_HITS, *needles)
        found = await self._opened(rows[1::2])
        return Slice(length, looked, tuple(zip(map(int, rows[::2]), found, strict=True)))
