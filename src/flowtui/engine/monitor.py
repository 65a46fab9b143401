"""Looks at the store about once a second: queues and dead letters as the screen shows them."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection

from flowtui.engine.queue_gauges import Ends, QueueGauges, ends_of
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import StoreError
from flowtui.model.snapshot import DeadLetterGroup, QueueView
from flowtui.storage.data_store import DataStore
from flowtui.storage.letter_store import LetterStore
from flowtui.storage.queue_admin import INTERNAL

#: For how long a dead letter counts as new.
_NEW_S = 60.0


class Filed:
    """Up to which number letters had been filed a minute ago, from looks about once a second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def before(self, now: float, number: int) -> int:
        """Return the last number of a minute ago, or of the first look; `number` is that of `now`."""
        self._seen.append((now, number))
        while len(self._seen) > 1 and self._seen[1][0] <= now - _NEW_S:
            self._seen.popleft()
        return self._seen[0][1]


class StoreMonitor:
    """The last look at the store; its results may be read from any thread."""

    def __init__(self) -> None:
        self._gauges: dict[str, QueueGauges] = {}
        self._filed: dict[bool, Filed] = {False: Filed(), True: Filed()}  # True for those of production
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

    async def look(self, store: DataStore, plans: Collection[ExecutionPlan]) -> None:
        """Look once; if the store is away or refuses, keep what was seen last and say so in `trouble`."""
        known = ends_of(plans)
        try:
            others = {name for name in await store.queue_admin().names() if not name.startswith(INTERNAL)}
            stats = await store.queues().queue_stats(sorted(known.keys() | others))
            groups = await self._groups(store.dead_letters(), of_production=False)
            if (production := store.production_letters()) is not None:
                groups += await self._groups(production, of_production=True)
        except StoreError as error:
            self.trouble = store.trouble or str(error)
            return
        self.trouble = ""
        # Of queues that no workflow names any more those matter that still hold something, and that nobody reads.
        names = [name for name in stats if name in known or (stats[name].depth and not stats[name].tracks)]
        self._gauges = {name: self._gauges.get(name) or QueueGauges() for name in names}
        now = time.monotonic()
        self.queues = tuple(
            gauges.view(name, stats[name], known.get(name) or Ends(), store.instance, now)
            for name, gauges in self._gauges.items()
        )
        self.dead_letters = tuple(groups)
        self.dead_total = sum(group.count for group in groups)

    async def _groups(self, letters: LetterStore, *, of_production: bool) -> list[DeadLetterGroup]:
        number = await letters.last_number()
        return await letters.groups(self._filed[of_production].before(time.monotonic(), number))
