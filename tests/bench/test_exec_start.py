"""How fast `flowtui exec` starts, as a ratio within one run."""

from __future__ import annotations

import pytest

import bench_exec


@pytest.mark.bench
def test_the_start_takes_at_most_twice_what_importing_the_libraries_takes() -> None:
    took = bench_exec.measure(rounds=1)
    assert bench_exec.ratio(took, bench_exec.START) <= 2.0
    assert bench_exec.ratio(took, bench_exec.WHOLE) <= 3.0
