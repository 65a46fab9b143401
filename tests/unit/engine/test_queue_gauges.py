"""What a screen shows of a queue that needs several moments: where its depth is going, who holds what for how long."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from flowtui.engine.measures import Drift, Peaks
from flowtui.engine.queue_gauges import Ends, QueueGauges
from flowtui.model.snapshot import QueueView
from flowtui.storage.queue_stats import GroupStats, HolderStats, QueueStats
from flowtui.storage.records import Bound

HERE = "ana:4711:1:abc"


def drift(levels: Iterable[float]) -> float:
    """Return the drift after one of these levels a second."""
    found = Drift()
    for second, level in enumerate(levels):
        found.sample(float(second), round(level))
    return found.per_second


@pytest.mark.parametrize("per_second", [3, 0.5, -3, -200])
def test_a_steady_drift_is_found_soon_and_right(per_second):
    for seconds in (10, 60):
        assert drift(10_000 + per_second * n for n in range(seconds)) == pytest.approx(per_second, rel=0.5)


@pytest.mark.parametrize("seed", range(20))
def test_what_goes_to_and_fro_drifts_nowhere(seed):
    chance = random.Random(seed)
    assert drift(chance.choice((0, 64, 17, 33)) for _ in range(40)) == 0
    assert drift(500 * (n % 7) for n in range(40)) == 0


def test_nothing_is_said_of_a_drift_that_has_only_begun_or_is_over():
    assert drift([0, 10, 20]) == 0
    assert drift([*range(0, 3000, 100), *[3000] * 31]) == 0


def test_a_turn_is_noticed():
    assert drift([*range(0, 2000, 100), *range(2000, -500, -100)]) < 0


def test_peaks_remember_the_highest_of_each_quarter_of_a_minute_for_three_minutes():
    peaks = Peaks()
    for second in range(300):
        peaks.sample(float(second), second % 15)
    assert peaks.highest == (14,) * 12
    peaks.sample(300.0, 99)
    assert peaks.highest == (*(14,) * 11, 99)


def watched(gauges: QueueGauges, depths: Iterable[int], bound: int = 0, **fields: int) -> QueueView:
    """Return a queue as it is seen after one of these depths a second."""
    for second, depth in enumerate(depths):
        stats = QueueStats(pushed=10 * second, groups={"w.read": GroupStats(waiting=depth, tracks=1, **fields)})
        view = gauges.view("w.q", stats, Ends(["w.read"], ["w.write"], Bound(bound)), HERE, float(second))
    return view


@pytest.mark.parametrize(
    ("depths", "bound", "full", "empty"),
    [
        (range(0, 3000, 100), 10_000, 71, None),
        (range(0, 3000, 100), 0, None, None),
        (range(3000, 0, -100), 10_000, None, 1),
        (range(3000, 0, -100), 0, None, 1),
        ([10_000] * 30, 10_000, 0, None),
        ([5000] * 30, 10_000, None, None),
        (range(30), 10**9, None, None),  # in thirty years
    ],
)
def test_a_queue_that_grows_or_shrinks_says_when_it_will_be_full_or_empty(depths, bound, full, empty):
    view = watched(QueueGauges(), depths, bound)
    assert (view.full_in_s, view.empty_in_s) == (full and pytest.approx(full), empty and pytest.approx(empty))
    assert view.bound == bound


@pytest.mark.parametrize(("depths", "drift"), [(range(0, 3000, 100), 100), (range(3000, 0, -100), -100), ([9] * 30, 0)])
def test_a_queue_says_how_fast_it_grows_or_shrinks(depths, drift):
    assert watched(QueueGauges(), depths).drift == pytest.approx(drift)


def test_rates_are_those_of_the_fullest_reader():
    gauges = QueueGauges()
    for second in range(6):
        slow = GroupStats(waiting=40 * second, acknowledged=10 * second, tracks=1)
        quick = GroupStats(waiting=2, acknowledged=50 * second, tracks=1)
        stats = QueueStats(pushed=50 * second, groups={"w.quick": quick, "w.slow": slow})
        view = gauges.view("w.q", stats, Ends(["w.quick", "w.slow"]), HERE, float(second))
    assert (view.depth, view.in_rate, view.out_rate) == (200, 50, 10)
    assert [(group.loop, group.out_rate) for group in view.groups] == [("w.quick", 50), ("w.slow", 10)]


def test_a_track_holds_its_items_since_the_first_of_them_is_the_same():
    gauges = QueueGauges()
    ours, theirs = f"ana:4711:1:abc:w.read:{2}", "bob:99:1:def:w.read:1"

    def held(second: float, first: bytes) -> list[tuple[int, str, bool, float]]:
        holders = (HolderStats(theirs, "bob:7:1:xyz", 1, b"x"), HolderStats(ours, HERE, 3, first))
        stats = QueueStats(groups={"w.read": GroupStats(in_flight=4, tracks=2, holders=holders)})
        (group,) = gauges.view("w.q", stats, Ends(["w.read"]), HERE, second).groups
        return [(each.owner.track, each.instance, each.is_here, each.held_s) for each in group.holders]

    held(0.0, b"a")
    assert held(5.0, b"a") == [(2, "ana:4711", True, 5.0), (1, "bob:7", False, 5.0)]
    assert held(6.0, b"b") == [(2, "ana:4711", True, 0.0), (1, "bob:7", False, 6.0)]


def test_a_reader_that_is_in_no_file_and_has_no_tracks_is_an_orphan():
    groups = {"w.gone": GroupStats(waiting=7), "w.elsewhere": GroupStats(tracks=1), "w.stopped": GroupStats()}
    view = QueueGauges().view("w.q", QueueStats(groups=groups), Ends(["w.stopped"]), HERE, 0.0)
    assert view.orphans == (("w.gone", 7),)
