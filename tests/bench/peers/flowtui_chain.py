"""flowtui itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import chain_seconds


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    yield chain_seconds
