from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.engine.logs import Attribution, Place
from flowtui.engine.measures import Histogram, Percentiles, Rate, Recent, Trend
from flowtui.engine.telemetry import (
    NOT_WAITING,
    TrackCounters,
    TrackReading,
    Waiting,
    WaitingFor,
    common_waiting,
    together,
)


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
    rate = Trend()
    histories = []
    for second in range(100):
        rate.sample(float(second), second * 2)
        histories.append(rate.history())
    assert len(histories[-1]) == 12
    assert all(step == pytest.approx(2.0) for step in histories[-1])
    assert len(set(histories[20:25])) <= 2


def test_the_last_second_and_the_last_minute_have_rates_of_their_own() -> None:
    rate = Trend()
    assert (rate.last_second, rate.last_minute) == (0.0, 0.0)
    for second in range(120):
        rate.sample(float(second), second)
    rate.sample(120.0, 219)
    assert rate.last_second == pytest.approx(100.0)
    assert rate.last_minute == pytest.approx(1 + 99 / 60, rel=0.1)


def _percentiles_of(*durations: int) -> Percentiles:
    histogram, recent = Histogram(), Recent()
    for ns in durations:
        histogram.observe(ns)
    recent.sample(0.0, histogram.counts)
    return recent.percentiles


@given(st.integers(min_value=1, max_value=10**10))
def test_a_percentile_is_right_to_an_eighth(ns: int) -> None:
    for percentile in _percentiles_of(*[ns] * 100):
        assert percentile is not None
        assert ns / 1e6 * 0.99 <= percentile <= max(ns * 1.26, 8) / 1e6


def test_each_percentile_ignores_its_share_of_the_slowest() -> None:
    p50, p95, p99 = _percentiles_of(*[1_000_000] * 60, *[10**7] * 36, *[10**8] * 3, 10**9)
    assert p50 == pytest.approx(1.0, rel=0.3)
    assert p95 == pytest.approx(10.0, rel=0.3)
    assert p99 == pytest.approx(100.0, rel=0.3)


def test_without_durations_there_is_no_percentile() -> None:
    assert _percentiles_of() == (None, None, None)


def test_durations_are_forgotten_after_a_minute_without_news() -> None:
    histogram, recent = Histogram(), Recent()
    histogram.observe(5_000)
    start = recent._rotated_at
    for seconds, known in ((1, True), (31, True), (62, False)):
        recent.sample(start + seconds, histogram.counts.copy())
        assert (recent.percentiles.p95 is not None) is known, seconds


def _track(runs: int, **changes: object) -> TrackReading:
    counters = TrackCounters({"check": ("yes", "no")})
    counters.iterations = counters.nodes["check"].runs = runs
    for name, value in changes.items():
        setattr(counters.nodes["check"], name, value)
    return counters.reading(in_flight=1)


def test_tracks_are_summed_and_the_latest_error_is_kept() -> None:
    both = together([_track(3, last_error="old", last_error_at=1.0), _track(4, last_error="new", last_error_at=2.0)])
    assert (both.iterations, both.in_flight, both.nodes["check"].runs) == (7, 2, 7)
    assert both.nodes["check"].last_error == "new"
    assert both.nodes["check"].ports == {"yes": 0, "no": 0}


def test_a_track_at_rest_reads_the_same_and_every_change_is_seen_even_one_counted_late() -> None:
    counters = TrackCounters({"check": ()})
    first = counters.reading(0)
    assert counters.reading(0) is first
    counters.iterations += 1
    between = counters.reading(0)
    counters.errors += 1
    assert (between.errors, counters.reading(0).errors) == (0, 1)
    counters.nodes["check"].retries += 1
    assert counters.reading(0).nodes["check"].retries == 1


def test_a_track_that_is_gone_counts_for_what_it_did_and_not_for_what_it_does() -> None:
    gone = _track(3, running=1, retrying=1, retries=2).ended()
    assert (gone.iterations, gone.in_flight) == (3, 0)
    node = gone.nodes["check"]
    assert (node.runs, node.retries, node.running, node.retrying) == (3, 2, 0, 0)


def test_a_loop_waits_only_if_all_its_tracks_do_but_for_the_store_if_any_does() -> None:
    idle, store = Waiting(WaitingFor.INPUT, "no input", 5.0), Waiting(WaitingFor.STORE, "store: gone", 6.0)
    assert common_waiting([idle, NOT_WAITING]) == NOT_WAITING
    assert common_waiting([idle, idle._replace(since=4.0)]) == idle._replace(since=4.0)
    assert common_waiting([NOT_WAITING, store]) == store
    assert common_waiting([]) == NOT_WAITING


def test_the_gravest_reason_to_wait_is_shown_and_keeps_its_since_when() -> None:
    waiting = WaitingFor()
    waiting.set(WaitingFor.INPUT, "no input")
    waiting.set(WaitingFor.STORE, "store: gone")
    since = waiting.now.since
    waiting.set(WaitingFor.STORE, "store: still gone")
    assert waiting.now == (WaitingFor.STORE, "store: still gone", since)
    waiting.clear(WaitingFor.STORE)
    assert waiting.now.reason == "no input"
    waiting.clear(WaitingFor.INPUT)
    assert waiting.now == NOT_WAITING


def test_two_readings_of_a_track_that_rests_are_equal() -> None:
    counters = TrackCounters({"a": ()})
    counters.iterations, counters.last_ns = 1, time.perf_counter_ns()
    first = counters.reading(0)
    assert first.last_at == pytest.approx(time.time(), abs=5.0)
    assert counters.reading(0) == first
    counters.last_ns += 2_000_000_000
    assert counters.reading(0).last_at == pytest.approx(first.last_at + 2.0, abs=0.5)


def test_a_place_tells_of_a_run_that_no_counter_counts() -> None:
    counters = TrackCounters({"a": (), "b": ()})
    place = Place(Attribution("w.p", "b"), "item")
    assert counters.reading(1, [place]).nodes["b"].running == 0
    place.since_ns = 17
    nodes = counters.reading(1, [place]).nodes
    assert (nodes["b"].running, nodes["b"].started_ns, nodes["a"].running) == (1, 17, 0)
