"""Whether a queue with a million items is as quick as one with a hundred."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Mapping
from typing import Self

from flowtui.storage.data_store import DataStore
from flowtui.storage.opening import open_store
from flowtui.storage.queue_store import Commit, Item, QueueStore, Source
from job_queues import PAYLOAD_TEXT
from job_queues.server import running_server
from rounds import BenchFailed, temporary, verdict

FEW, MANY = 100, 1_000_000
_PAYLOAD = json.dumps({"text": PAYLOAD_TEXT}).encode()
#: Medians of calls that take turns differ by less than this where nothing depends on the length.
TIMES = 1.25
OPERATIONS = ("fetch", "commit", "stats")
_PUSHED = 1000
_FETCHED = 64


def measure(many: int = MANY, turns: int = 300) -> dict[str, tuple[float, float]]:
    """Return by operation the median milliseconds with `FEW` items in the queue and with `many`."""
    with temporary() as folder, running_server(folder / "server", "everysec") as socket:
        store = open_store(f"unix://{socket}", state_dir=folder, namespace="bench", url=None)
        try:
            return asyncio.run(_measured(store, many, turns))
        finally:
            store.close()


async def _measured(store: DataStore, many: int, turns: int) -> dict[str, tuple[float, float]]:
    try:
        queues = store.queues()
        few, full = [await _Queue.filled(queues, name, length) for name, length in (("few", FEW), ("many", many))]
        for _ in range(turns):
            await few.turn()
            await full.turn()
        for queue, length in ((few, FEW), (full, many)):
            await queue.check(length)
        return {
            name: (1000 * statistics.median(few.took[name]), 1000 * statistics.median(full.took[name]))
            for name in OPERATIONS
        }
    finally:
        await store.release()


class _Queue:
    """One queue with one reader, which also writes: after each turn it is as long as before."""

    def __init__(self, queues: QueueStore, name: str) -> None:
        self._queues = queues
        self._owner = self._name = name
        self._source = Source(name, "bench")
        self._seq = 0
        self._made = 0
        self.took: dict[str, list[float]] = {name: [] for name in OPERATIONS}

    @classmethod
    async def filled(cls, queues: QueueStore, name: str, length: int) -> Self:
        queue = cls(queues, name)
        await queues.join(queue._owner, queue._source)
        began = time.perf_counter()
        for first in range(0, length, _PUSHED):
            await queue._commit(0, min(_PUSHED, length - first))
        print(f"{length:,} items pushed in {time.perf_counter() - began:.1f} s", file=sys.stderr)
        return queue

    async def turn(self) -> None:
        """Do each operation once, and note how long it took."""
        began = time.perf_counter()
        found = await self._queues.fetch(self._owner, self._source, _FETCHED)
        fetched = time.perf_counter()
        await self._commit(len(found), len(found))
        committed = time.perf_counter()
        await self._queues.queue_stats([self._name])
        ended = time.perf_counter()
        for name, seconds in zip(OPERATIONS, (fetched - began, committed - fetched, ended - committed), strict=True):
            self.took[name].append(seconds)

    async def check(self, length: int) -> None:
        """Raises `BenchFailed` if it is not as long as it should be."""
        stats = (await self._queues.queue_stats([self._name]))[self._name]
        if (stats.depth, stats.in_flight, stats.unaccounted) != (length, 0, 0):
            raise BenchFailed(f"a queue of {length:,} items does not add up: {stats}")

    async def _commit(self, acknowledged: int, pushed: int) -> None:
        self._seq += 1
        pushes = tuple((self._name, self._item()) for _ in range(pushed))
        commit = Commit(seq=self._seq, source=self._source, acknowledged=acknowledged, pushes=pushes)
        await self._queues.commit(self._owner, commit)

    def _item(self) -> Item:
        self._made += 1
        return Item(f"{self._name}-{self._made}", _PAYLOAD, "trace", "bench.make")


def judge(found: Mapping[str, tuple[float, float]], many: int = MANY) -> bool:
    """Print the figures and the comparisons; return whether these hold."""
    holds = True
    for name, (few, full) in found.items():
        text = f"{name} with {many:,} items {full:.3f} ms, with {FEW} {few:.3f} ms: {full / few:.2f} times, "
        holds = verdict(full <= TIMES * few, f"{text}{TIMES:g} at most") and holds
    return holds
