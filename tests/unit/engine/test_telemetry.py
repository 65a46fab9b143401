from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.engine.telemetry import Latency, Rate, WaitingFor


def test_the_rate_is_the_mean_over_the_last_five_seconds() -> None:
    rate = Rate()
    for second in range(20):
        rate.sample(float(second), 100 * second if second < 10 else 1000 + 7 * (second - 10))
    assert rate.per_second == pytest.approx(7.0)


def test_a_counter_that_stands_still_has_a_rate_of_zero() -> None:
    rate = Rate()
    assert rate.per_second == 0.0
    for second in range(10):
        rate.sample(float(second), 42)
    assert rate.per_second == 0.0


def test_the_history_changes_only_every_five_seconds_and_holds_a_minute() -> None:
    rate = Rate()
    histories = []
    for second in range(100):
        rate.sample(float(second), second * 2)
        histories.append(rate.history())
    assert len(histories[-1]) == 12
    assert all(step == pytest.approx(2.0) for step in histories[-1])
    assert len(set(histories[20:25])) <= 2


@given(st.integers(min_value=1, max_value=10**10))
def test_a_percentile_is_right_to_an_eighth(ns: int) -> None:
    latency = Latency()
    for _ in range(100):
        latency.observe(ns)
    latency.sample(0.0, 100)
    assert latency.p95_ms is not None
    assert ns / 1e6 * 0.99 <= latency.p95_ms <= max(ns * 1.26, 8) / 1e6


def test_the_percentile_ignores_the_slowest_few() -> None:
    latency = Latency()
    for _ in range(96):
        latency.observe(1_000_000)
    for _ in range(4):
        latency.observe(10**9)
    latency.sample(0.0, 100)
    assert latency.p95_ms == pytest.approx(1.0, rel=0.3)


def test_durations_are_forgotten_after_a_minute_without_news() -> None:
    latency = Latency()
    latency.observe(5_000)
    start = latency._rotated_at
    latency.sample(start + 1, 1)
    assert latency.p95_ms is not None
    latency.sample(start + 31, 1)
    assert latency.p95_ms is not None
    latency.sample(start + 62, 1)
    assert latency.p95_ms is None


def test_the_gravest_reason_to_wait_is_shown_and_keeps_its_since_when() -> None:
    waiting = WaitingFor()
    waiting.set(WaitingFor.INPUT, "no input")
    waiting.set(WaitingFor.STORE, "store: gone")
    since = waiting.now[1]
    waiting.set(WaitingFor.STORE, "store: still gone")
    assert waiting.now == ("store: still gone", since)
    waiting.clear(WaitingFor.STORE)
    assert waiting.now[0] == "no input"
    waiting.clear(WaitingFor.INPUT)
    assert waiting.now == ("", 0.0)
