"""How soon the screen answers with many loops, as a ratio to few within one run."""

from __future__ import annotations

import pytest

import bench_screen


@pytest.mark.bench
def test_a_key_takes_at_most_twice_as_long_with_five_hundred_loops_as_with_five(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    tries = (bench_screen.key_ratio(rounds=1, keys=12)[0] for _ in range(3))  # others may disturb one of them
    assert any(ratio <= bench_screen.MOST_RATIO for ratio in tries)
