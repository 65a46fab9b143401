"""What all benchmarks share, those of peers too: rounds, medians, verdicts. It imports nothing of flowtui."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

#: A first, small run tells how many items fill a round; shorter ones say too little.
_TELLING_S = 0.05


class BenchFailed(Exception):
    """A bench cannot tell anything: what it measures did not run as it should."""


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Yield a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="flowtui-bench-") as name:
        yield Path(name)


def items_for(seconds: float, run: Callable[[int], float], first: int = 4) -> int:
    """Return how many items make `run`, which takes their number and returns seconds, last about `seconds`."""
    count, telling = first, min(_TELLING_S, seconds / 2)
    while (took := run(count)) < telling:
        count *= round(min(max(4.0, telling / took), 64.0))
    return max(2, round(count * seconds / took))


def interleaved(rounds: int, runs: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Measure each of `runs` once a round, `rounds` times, so that what slows the machine slows all of them."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    return found


def median_of(each: Callable[..., float], *columns: Sequence[float]) -> float:
    """Return the median over the rounds of what `each` makes of one round's figures."""
    return statistics.median(each(*row) for row in zip(*columns, strict=True))


def verdict(holds: bool, text: str) -> bool:
    """Print a comparison with PASS or FAIL before it; return `holds`."""
    print(f"{'PASS' if holds else 'FAIL'}  {text}")
    return holds
