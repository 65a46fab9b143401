"""Looks at the store about once a second: queues and dead letters as the screen shows them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from flowtui.engine.measures import Rate
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import StoreError
from flowtui.model.snapshot import DeadLetterGroup, QueueView
from flowtui.storage.data_store import DataStore
from flowtui.storage.queue_admin import INTERNAL
from flowtui.storage.queue_store import QueueStats


@dataclass(slots=True)
class _QueueRates:
    pushed: Rate = field(default_factory=Rate)
    acknowledged: Rate = field(default_factory=Rate)


class StoreMonitor:
    """The last look at the store; its results may be read from any thread."""

    def __init__(self) -> None:
        self._rates: dict[str, _QueueRates] = {}
        self.queues: tuple[QueueView, ...] = ()
        self.dead_letters: tuple[DeadLetterGroup, ...] = ()
        self.dead_total = 0
        self.trouble = ""

    def letters_by_loop(self) -> Counter[str]:
        """Return how many dead letters each loop has."""
        counts: Counter[str] = Counter()
        for group in self.dead_letters:
            counts[group.loop] += 0 if group.of_production else group.count
        return counts

    async def look(self, store: DataStore, plans: Iterable[ExecutionPlan]) -> None:
        """Look once; if the store is away or refuses, keep what was seen last and say so in `trouble`."""
        readers: dict[str, list[str]] = {}
        writers: dict[str, list[str]] = {}
        for plan in plans:
            if plan.reads is not None and not plan.is_triggered:
                readers.setdefault(plan.reads, []).append(plan.loop)
            for queue in plan.writes:
                writers.setdefault(queue, []).append(plan.loop)
        known = readers.keys() | writers.keys()
        try:
            others = {name for name in await store.queue_admin().names() if not name.startswith(INTERNAL)}
            stats = await store.queues().queue_stats(sorted(known | others))
            groups = await store.dead_letters().groups()
            if (production := store.production_letters()) is not None:
                groups += await production.groups()
        except StoreError as error:
            self.trouble = store.trouble or str(error)
            return
        self.trouble = ""
        now, wall = time.monotonic(), time.time()
        # Of queues that no workflow names any more those matter that still hold something, and that nobody reads.
        names = [name for name in stats if name in known or (stats[name].depth and not stats[name].tracks)]
        self.queues = tuple(
            self._view(name, stats[name], readers.get(name, []), writers.get(name, []), now, wall) for name in names
        )
        self.dead_letters = tuple(groups)
        self.dead_total = sum(group.count for group in groups)

    def _view(
        self, name: str, stats: QueueStats, readers: list[str], writers: list[str], now: float, wall: float
    ) -> QueueView:
        rates = self._rates.setdefault(name, _QueueRates())
        rates.pushed.sample(now, stats.pushed)
        rates.acknowledged.sample(now, stats.acknowledged)
        return QueueView(
            name=name,
            depth=stats.depth,
            in_flight=stats.in_flight,
            in_rate=rates.pushed.per_second,
            out_rate=rates.acknowledged.per_second,
            oldest_s=None if stats.oldest_ms is None else max(0.0, wall - stats.oldest_ms / 1000),
            readers=tuple(readers),
            writers=tuple(writers),
            unaccounted=stats.unaccounted,
            orphans=tuple(
                (group, each.waiting)
                for group, each in stats.groups.items()
                if not each.tracks and group not in readers
            ),
        )
