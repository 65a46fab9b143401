"""What a node more costs in flowtui: the difference between a long and a short chain, for four nodes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import chain_seconds
from peers import CHAIN

_MORE = 20
#: Two chains run whole for the sake of a small difference: with fewer items a round takes as long as a peer's.
_SHARE = 12


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    def seconds(items: int) -> float:
        count = max(1, items // _SHARE)
        longer = chain_seconds(count, nodes=CHAIN + _MORE) - chain_seconds(count)
        return max(longer, 1e-9) / _MORE * CHAIN / count * items

    yield seconds
