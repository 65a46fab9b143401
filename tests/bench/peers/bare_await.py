"""The same work without any system: coroutine functions, awaited one after the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any


async def _produce(n: int) -> dict[str, Any]:
    return {"n": n}


async def _same(item: dict[str, Any]) -> dict[str, Any]:
    return item


async def _send(items: int) -> float:
    began = perf_counter()
    for n in range(items):
        item = await _produce(n)
        item = await _same(item)
        item = await _same(item)
        item = await _same(item)
        item = await _same(item)
    return perf_counter() - began


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    yield lambda items: asyncio.run(_send(items))
