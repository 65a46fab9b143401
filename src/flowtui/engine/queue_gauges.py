"""What a screen shows of a queue: figures of this moment, and those that need several moments."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from flowtui.engine.measures import Drift, Peaks, Rate
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.snapshot import GroupView, HolderView, QueueView
from flowtui.storage.lease import owner_of
from flowtui.storage.queue_stats import GroupStats, HolderStats, QueueStats
from flowtui.storage.records import UNBOUNDED, Bound

#: What fills or empties more slowly than this does neither, in seconds.
_NEVER_S = 7 * 86400.0


@dataclass(slots=True)
class Ends:
    """The loops at both ends of a queue, and how many items it may hold for each of its readers."""

    readers: list[str] = field(default_factory=list)
    writers: list[str] = field(default_factory=list)
    bound: Bound = UNBOUNDED


def ends_of(plans: Collection[ExecutionPlan]) -> dict[str, Ends]:
    """Return the queues that loops read or write, by name; without those that belong to the engine itself."""
    found: dict[str, Ends] = {}
    for plan in plans:
        if plan.reads is not None and not plan.is_triggered:
            found.setdefault(plan.reads, Ends()).readers.append(plan.loop)
        for queue in plan.writes:
            ends = found.setdefault(queue, Ends())
            ends.writers.append(plan.loop)
            ends.bound = plan.bounds.get(queue, ends.bound)
    return found


class QueueGauges:
    """What is known of one queue from several moments."""

    def __init__(self) -> None:
        self._came = Rate()
        self._drift, self._peaks = Drift(), Peaks()
        self._groups: dict[str, Rate] = {}
        self._held: dict[str, tuple[bytes, float]] = {}  # by owner: its first item, and since when it has that

    def view(self, name: str, stats: QueueStats, ends: Ends, here: str, now: float) -> QueueView:
        """Take the figures at `now` (of `time.monotonic`), and return the queue; `here` is this engine's instance."""
        self._came.sample(now, stats.came)
        self._drift.sample(now, stats.depth)
        self._peaks.sample(now, stats.depth)
        self._groups = {group: self._groups.get(group) or Rate() for group in stats.groups}
        held = {holder.owner: holder.first for each in stats.groups.values() for holder in each.holders}
        self._held = {owner: self._since(owner, first, now) for owner, first in held.items()}
        groups = [self._group(group, each, ends, here, now) for group, each in sorted(stats.groups.items())]
        fullest = max(groups, key=lambda group: (group.waiting, -group.out_rate), default=None)
        drift = self._drift.per_second
        full, empty = _times(stats.depth, ends.bound.max_items, drift)
        return QueueView(
            name=name,
            depth=stats.depth,
            in_flight=stats.in_flight,
            in_rate=self._came.per_second,
            out_rate=fullest.out_rate if fullest is not None else 0.0,
            oldest_s=_age(stats.oldest_ms),
            readers=tuple(ends.readers),
            writers=tuple(ends.writers),
            unaccounted=stats.unaccounted,
            bound=ends.bound.max_items,
            on_full=ends.bound.on_full if ends.bound.max_items else None,
            history=self._peaks.highest,
            drift=drift,
            full_in_s=full,
            empty_in_s=empty,
            groups=tuple(groups),
        )

    def _since(self, owner: str, first: bytes, now: float) -> tuple[bytes, float]:
        known = self._held.get(owner)
        return known if known is not None and known[0] == first else (first, now)

    def _group(self, group: str, stats: GroupStats, ends: Ends, here: str, now: float) -> GroupView:
        rate = self._groups[group]
        rate.sample(now, stats.acknowledged)
        return GroupView(
            loop=group,
            waiting=stats.waiting,
            in_flight=stats.in_flight,
            out_rate=rate.per_second,
            oldest_s=_age(stats.oldest_ms),
            tracks=stats.tracks,
            dead=stats.dead,
            dropped=stats.dropped,
            unaccounted=stats.unaccounted,
            is_orphan=not stats.tracks and group not in ends.readers,
            holders=tuple(sorted((self._holder(each, here, now) for each in stats.holders), key=_in_order)),
        )

    def _holder(self, stats: HolderStats, here: str, now: float) -> HolderView:
        return HolderView(
            owner=owner_of(stats.owner),
            instance=":".join(stats.instance.split(":")[:2]),
            is_here=stats.instance == here,
            in_flight=stats.in_flight,
            held_s=now - self._held[stats.owner][1],
        )


def _in_order(holder: HolderView) -> tuple[str, str, int, int]:
    return holder.owner.host, holder.instance, holder.owner.track, holder.owner.pid


def _age(pushed_ms: int | None) -> float | None:
    return None if pushed_ms is None else max(0.0, time.time() - pushed_ms / 1000)


def _times(depth: int, bound: int, drift: float) -> tuple[float | None, float | None]:
    """Return in how many seconds a queue is full and in how many it is empty, None for never."""
    if bound and depth >= bound:
        return 0.0, None
    if drift > 0:
        full = (bound - depth) / drift if bound else _NEVER_S
        return (full if full < _NEVER_S else None), None
    empty = depth / -drift if drift < 0 else _NEVER_S
    return None, (empty if 0 < empty < _NEVER_S else None)
