"""Producers by number and time; of the latter what an item costs once its time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

from cronsim import CronSim

from flowtui.nodes.builtin import cron, schedule
from flowtui.nodes.builtin.cron import Cron
from flowtui.nodes.builtin.schedule import Interval, Sequence
from node_costs import Row, Run, produced

_EXPRESSION = "*/5 6-18 * * MON-FRI"


class _Clock:
    """A clock that stands still unless it is set."""

    now = 1_767_225_600.0

    def time(self) -> float:
        return self.now

    monotonic = time


def _sequence(folder: Path, count: int) -> float:
    return produced(Sequence, {"count": count}, count, folder)


def _interval(_: Path, count: int) -> float:
    clock = _Clock()
    with mock.patch.object(schedule, "time", clock):
        node = Interval(Interval.Config(every=1.0))
        node.setup()

        async def tick() -> object:
            clock.now += 1.0
            return await node.execute()

        return _awaited(tick)(Path(), count)


def _cron(_: Path, count: int) -> float:
    clock = _Clock()
    with mock.patch.object(cron, "time", clock):
        node = Cron(Cron.Config(expression=_EXPRESSION), id="node", loop="bench.node")
        node.setup()

        async def tick() -> object:
            clock.now = node._next()  # kept for `execute`, which would look for it too
            return await node.execute()

        return _awaited(tick)(Path(), count)


def _awaited(make: Callable[[], Awaitable[Any]]) -> Run:
    async def all_items(count: int) -> float:
        began = perf_counter()
        for _ in range(count):
            await make()
        return perf_counter() - began

    return lambda _, count: asyncio.run(all_items(count))


async def _row() -> dict[str, Any]:
    return {"n": 1}


async def _now() -> dict[str, Any]:
    return {"tick": 1, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}


def _bare_cron(_: Path, count: int) -> float:
    ticks = CronSim(_EXPRESSION, datetime.fromtimestamp(_Clock.now, UTC))

    async def following() -> dict[str, Any]:
        nonlocal ticks
        tick = next(ticks)
        ticks = CronSim(_EXPRESSION, tick)
        return {"scheduled": tick.isoformat()}

    return _awaited(following)(Path(), count)


ROWS = (
    Row("sequence", _sequence, _awaited(_row), "an awaited function that returns {'n': 1}", 12.0),
    Row("interval", _interval, _awaited(_now), "an awaited function that returns the time", 4.0),
    Row("cron", _cron, _bare_cron, "cronsim for each item anew", 4.0),
)
