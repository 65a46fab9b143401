"""The same work without any system: plain functions, called one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any


def _produce(n: int) -> dict[str, Any]:
    return {"n": n}


def _same(item: dict[str, Any]) -> dict[str, Any]:
    return item


def _send(items: int) -> float:
    began = perf_counter()
    for n in range(items):
        item = _produce(n)
        item = _same(item)
        item = _same(item)
        item = _same(item)
        item = _same(item)
    return perf_counter() - began


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    yield _send
