"""Draining: sources end first, then readers one after the other as their queues run dry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.loop import Loop
from flowtui.model.errors import StoreError
from flowtui.model.states import LoopState
from flowtui.storage.data_store import DataStore
from flowtui.storage.queue_store import GroupStats, QueueStats

_LOOK_EVERY_S = 0.1
_NOTHING = GroupStats()
_log = logging.getLogger("flowtui.engine")


class Drains:
    """Ends each draining reader as soon as nothing can come to it any more from the loops that drain with it."""

    def __init__(self, loops: Callable[[], Iterable[Loop]]) -> None:
        self._loops = loops
        self._begun = asyncio.Event()

    def begun(self) -> None:
        """Look after loops that have just been asked to drain."""
        self._begun.set()

    async def follow(self, store: DataStore) -> None:
        """Look after drains until cancelled."""
        while True:
            await self._begun.wait()
            self._begun.clear()
            while draining := [loop for loop in self._loops() if loop.lifecycle.state is LoopState.DRAINING]:
                try:
                    await self._look(store, draining)
                except StoreError as error:
                    for loop in draining:
                        loop.wait_in_drain(f"store: {error}")
                if is_cancelled():  # the Redis client has swallowed it
                    return
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self, store: DataStore, draining: Sequence[Loop]) -> None:
        names = sorted({loop.plan.reads for loop in draining if loop.plan.reads is not None})
        stats = await store.queues().queue_stats(names)
        # While we asked, some may have ended or changed their mind.
        draining = [loop for loop in draining if loop.lifecycle.state is LoopState.DRAINING]
        rings = _rings(draining)
        for loop in draining:
            if loop.plan.reads is None:
                loop.wait_in_drain(f"{loop.in_flight} in flight")
                continue
            why = _still_fed(loop, draining, rings[loop.plan.loop]) or _still_full(rings[loop.plan.loop], stats)
            if why:
                loop.wait_in_drain(why)
            else:
                loop.finish()


def _rings(draining: Sequence[Loop]) -> Mapping[str, list[Loop]]:
    """Return, by loop, those that feed each other in a ring with it, itself among them."""
    reached: dict[str, set[str]] = {}
    for loop in draining:
        found: set[str] = set()
        waiting = [loop]
        while waiting:
            for other in _fed_by(waiting.pop(), draining):
                if other.plan.loop not in found:
                    found.add(other.plan.loop)
                    waiting.append(other)
        reached[loop.plan.loop] = found
    return {
        loop.plan.loop: [
            other
            for other in draining
            if other is loop
            or (other.plan.loop in reached[loop.plan.loop] and loop.plan.loop in reached[other.plan.loop])
        ]
        for loop in draining
    }


def _fed_by(loop: Loop, others: Iterable[Loop]) -> list[Loop]:
    return [other for other in others if other.plan.reads in loop.plan.writes]


def _still_fed(loop: Loop, draining: Sequence[Loop], ring: Sequence[Loop]) -> str:
    """Return which draining loop outside of its ring has to end first; loops that just go on do not count."""
    queues = {each.plan.reads for each in ring}
    writers = [other.plan.loop for other in draining if other not in ring and queues & set(other.plan.writes)]
    return f"{', '.join(writers)} to end first" if writers else ""


def _still_full(ring: Sequence[Loop], stats: Mapping[str, QueueStats]) -> str:
    """Return what waits in the queues of a ring, all looked at in the same moment."""
    groups = [
        stats[each.plan.reads].groups.get(each.plan.loop, _NOTHING) for each in ring if each.plan.reads is not None
    ]
    waiting, in_flight = sum(each.waiting for each in groups), sum(each.in_flight for each in groups)
    return f"{waiting} queued, {in_flight} in flight" if waiting or in_flight else ""
