"""bytewax with batches of ten, as it is meant to be fed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from peers import bytewax_chain


def chain(state: Path) -> contextlib.AbstractContextManager[Callable[[int], float]]:
    return bytewax_chain.chain(state, batch=10)
