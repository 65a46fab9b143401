"""`sequence`, which does next to nothing: what a call of a producer costs at all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import perf_counter

from flowtui.nodes.builtin.schedule import Sequence
from node_costs import Row, produced


def _sequence(folder: Path, count: int) -> float:
    return produced(Sequence, {"count": count}, count, folder)


def _bare_awaits(_: Path, count: int) -> float:
    async def row(n: int) -> dict[str, int]:
        return {"n": n}

    async def all_rows() -> float:
        began = perf_counter()
        for n in range(count):
            await row(n)
        return perf_counter() - began

    return asyncio.run(all_rows())


ROWS = (Row("sequence", _sequence, _bare_awaits, "an awaited function that returns {'n': n}", 12.0),)
