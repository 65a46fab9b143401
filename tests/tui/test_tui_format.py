"""Numbers and times as a person reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.tui import format as fmt


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (7, "7"), (999, "999"), (1000, "1.0k"), (3120, "3.1k"), (12_400, "12.4k"), (99_960, "100k"),
     (123_456, "123k"), (999_960, "1.0M"), (1_234_567, "1.2M"), (5e9, "5.0G"), (5e12, "5.0T"), (-1500, "-1.5k")],
)  # fmt: skip
def test_counts_are_rounded(number: float, text: str) -> None:
    assert fmt.count(number) == text


@given(st.floats(0, 1e14))
def test_a_count_and_a_rate_keep_within_their_columns(number: float) -> None:
    assert len(fmt.count(number)) <= 5
    assert len(fmt.rate(number)) <= 5


@given(st.floats(0, 1e10))
def test_a_time_keeps_within_its_column(number: float) -> None:
    assert len(fmt.milliseconds(number)) <= 8 if number > 1e9 else len(fmt.milliseconds(number)) <= 7
    assert len(fmt.age(number / 1000)) <= 7


@pytest.mark.parametrize(
    ("duration", "text"),
    [(None, "—"), (0.0, "<0.1 ms"), (0.24, "0.2 ms"), (3.14, "3.1 ms"), (9.96, "10 ms"), (18.2, "18 ms"),
     (999.6, "1.0 s"), (2310, "2.3 s"), (59_000, "59 s"), (190_000, "3 min")],
)  # fmt: skip
def test_durations_have_their_unit(duration: float | None, text: str) -> None:
    assert fmt.milliseconds(duration) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7300, "2 h"), (86400 * 3, "3 d")],
)
def test_ages_are_rounded_down_to_one_unit(seconds: float, text: str) -> None:
    assert fmt.age(seconds) == text


def test_running_times_have_two_units() -> None:
    assert [fmt.uptime(s) for s in (12, 840, 8040, 86400 * 5 + 3 * 3600)] == ["12 s", "14 min", "2 h 14 min", "5 d 3 h"]


def test_a_share_is_never_rounded_to_none_or_all() -> None:
    assert [fmt.share(*of) for of in ((0, 0), (0, 9), (1, 1000), (7, 100), (999, 1000), (5, 5))] == [
        "—", "0%", "<1%", "7%", ">99%", "100%",
    ]  # fmt: skip


def test_a_sparkline_is_as_long_as_its_figures_and_rests_at_the_bottom() -> None:
    assert fmt.sparkline((), 12) == ""
    assert fmt.sparkline((0, 0, 0), 12) == "▁▁▁"
    assert fmt.sparkline((0, 4, 8), 12) == "▁▄▇"
    assert fmt.sparkline((5, 5, 5), 12) == "▅▅▅"
    assert fmt.sparkline((0.3,), 12) == "▅"
    assert len(fmt.sparkline(range(100), 12)) == 12


def test_a_bar_shows_little_as_something_and_too_much_as_full() -> None:
    assert [fmt.bar(part, 100, 4) for part in (0, 1, 50, 100, 900)] == ["░░░░", "█░░░", "██░░", "████", "████"]


def test_one_is_singular() -> None:
    assert [fmt.plural(n, "loop") for n in (0, 1, 2, 1204)] == ["0 loops", "1 loop", "2 loops", "1,204 loops"]
