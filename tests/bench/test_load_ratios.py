"""How fast workflow files load, as ratios within one run."""

from __future__ import annotations

import statistics

import pytest

import bench_load


@pytest.mark.bench
def test_loading_takes_at_most_twice_what_reading_the_text_with_positions_takes() -> None:
    took = bench_load.measure(files=3, nodes=20, rounds=3)
    assert bench_load.ratio(took, bench_load.ROUND_TRIP) <= bench_load.LIMIT


@pytest.mark.bench
def test_finding_the_built_in_types_takes_less_than_importing_pydantic() -> None:
    found = bench_load.discovery(processes=2)
    assert all(each.types > 5 for each in found)
    assert statistics.median(each.discover_ms / each.pydantic_ms for each in found) < 1
