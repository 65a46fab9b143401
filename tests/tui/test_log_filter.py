"""What a filter of the log lets pass, and where its hits are."""

from __future__ import annotations

import logging
import re
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.model.log_lines import LogLine
from flowtui.tui.log_filter import NoPattern, Pattern, Wanted
from flowtui.tui.log_rows import LogRows

_numbers = count(1)


def line(message: str, loop: str = "shop.incoming", node: str = "check", level: int = logging.INFO) -> LogLine:
    return LogLine(next(_numbers), 0.0, level, loop, node, "item-7", message)


@pytest.mark.parametrize(
    ("text", "message", "passes"),
    [
        ("", "anything", True),
        ("!", "anything", True),
        ("rejected order", "Order 12 REJECTED", True),  # any order, any case
        ("rejected order", "order 12", False),
        ("12.5", "1235", False),  # a full stop is no sign of a regular expression
        ("incoming check", "anything", True),  # names count as well
        ("item-7", "anything", True),
        ("!rejected", "order 12 rejected", False),
        ("!rejected", "order 12", True),
        ("!order rejected", "order 12", True),  # both must be there to be excluded
        ("!order rejected", "order rejected", False),
        ("order !timed out !refused", "order 12", True),
        ("order !timed out !refused", "order 12 timed out", False),
        ("order !timed out !refused", "order 12 refused", False),
        ("order !timed out", "nothing", False),
        ("wow!", "oh wow! it", True),  # only at the beginning of a word
        (r"order \d+ rej", "order 12 rejected", True),
        (r"order \d+ rej", "rejected order 12", False),  # blanks count in a regular expression
        ("^order", "my order", False),
        ("^check$", "anything", True),  # the ends of each of the four
        ("!^checked", "checked it", False),
        ("!^checked", "was checked", True),
        (r"a \!b", "a !b", True),
        ("ordre|oder", "ORDER", False),
        ("(?-i:ORDER)", "order", False),
        ("second", "first\nsecond", True),
        ("^second", "first\nsecond", True),
        ("STRASSE", "straße", True),
    ],
)
def test_words_count_in_any_order_and_signs_make_a_regular_expression(text: str, message: str, passes: bool) -> None:
    assert Pattern(text).passes(line(message)) is passes


def test_a_line_of_no_loop_is_found_as_it_is_shown() -> None:
    assert Pattern("flowtui").passes(line("saved", loop="", node=""))


@pytest.mark.parametrize("text", ["order [", "(", "*", "a{2,1}", "\\", "good !(bad"])
def test_what_is_no_regular_expression_is_said_with_the_reason(text: str) -> None:
    with pytest.raises(NoPattern, match=r"“.*” is no regular expression: \w+"):
        Pattern(text)


def test_an_expression_that_would_take_years_is_given_up_for_good() -> None:
    pattern = Pattern("(a|aa)+c")
    for _ in range(2):
        with pytest.raises(NoPattern, match="takes too long"):
            pattern.passes(line("a" * 60 + "b"))
    assert pattern.spans("aaa") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("order 12", ["order", "12", "order"]),
        (r"\d+", ["12", "3"]),
        ("!order", []),
        ("x*", []),
        ("order !x", ["order"] * 2),
    ],
)
def test_hits_are_lit_up_where_they_stand(text: str, found: list[str]) -> None:
    shown = "order 12: no order 3"
    assert [shown[first:end] for first, end in Pattern(text).spans(shown)] == found


@given(st.text(alphabet="ab!\\([*^ .", max_size=8), st.text(alphabet="abA!( ", max_size=12))
def test_any_text_is_a_pattern_or_refused_and_its_inverse_hides_what_it_shows(text: str, message: str) -> None:
    try:
        pattern = Pattern(text)
        inverse = Pattern(f"!{text}")
    except NoPattern:
        return
    assert all(0 <= first < end <= len(message) for first, end in pattern.spans(message))
    if "!" not in text and not pattern.is_empty:
        assert pattern.passes(line(message)) is not inverse.passes(line(message))


@given(st.text(alphabet="abc .-", max_size=8), st.text(alphabet="abcABC .-", max_size=12))
def test_plain_words_are_what_a_person_expects(text: str, message: str) -> None:
    whole = f"{message}\nshop.incoming\ncheck\nitem-7".casefold()
    assert Pattern(text).passes(line(message)) is all(word in whole for word in text.split())


def looked_through(rows: LogRows) -> LogRows:
    while not rows.look_through(0.0).done:
        pass
    return rows


@given(st.lists(st.sampled_from("hx."), max_size=40), st.integers(0, 3), st.integers(0, 40))
def test_lines_around_hits_are_those_of_grep_whenever_they_come(signs: list[str], around: int, at_first: int) -> None:
    lines = [line(sign) for sign in signs]
    hits = [index for index, sign in enumerate(signs) if sign == "h"]
    rows = LogRows(100)
    rows.take(lines[:at_first], 0)
    rows.want(Wanted(pattern=Pattern("^h"), around=around))
    rows.take(lines[at_first:], 0)
    near = [each for index, each in enumerate(lines) if any(abs(index - hit) <= around for hit in hits)]
    assert list(looked_through(rows).rows) == near


def test_only_lines_that_are_grave_enough_and_of_whom_one_wants_to_hear_are_around_a_hit() -> None:
    lines = [line("fine", level=logging.DEBUG), line("other", loop="b"), line("near"), line("hit")]
    rows = LogRows(100)
    rows.want(Wanted(loop="shop.incoming", pattern=Pattern("hit"), around=5))
    rows.take(lines, 0)
    assert [each.message for each in looked_through(rows).rows] == ["near", "hit"]


def test_until_all_is_looked_through_the_old_rows_are_there() -> None:
    rows = LogRows(100)
    rows.take([line(f"line {n}") for n in range(50)], 0)
    looked_through(rows)
    rows.want(Wanted(pattern=Pattern("line 49")))
    assert not rows.look_through(0.0).done
    assert len(rows) == 50
    assert 0 < rows.share_done < 1
    assert [each.message for each in looked_through(rows).rows] == ["line 49"]
    assert rows.share_done == 1


def test_a_pattern_that_takes_too_long_leaves_what_was_wanted_before() -> None:
    rows = LogRows(100)
    rows.take([line("good"), line("a" * 60 + "b")], 0)
    good = Wanted(pattern=Pattern("good"))
    rows.want(good)
    looked_through(rows)
    rows.want(Wanted(pattern=Pattern("(a|aa)+c")))
    progress = rows.look_through(10.0)
    assert "takes too long" in progress.fault
    assert rows.wanted is good
    assert [each.message for each in looked_through(rows).rows] == ["good"]


def test_a_pattern_that_takes_too_long_for_a_new_line_is_given_up_and_all_lines_are_shown() -> None:
    rows = LogRows(100)
    rows.want(Wanted(level=logging.WARNING, pattern=Pattern("(a|aa)+c")))
    looked_through(rows)
    rows.take([line("good"), line("a" * 60 + "b", level=logging.ERROR)], 0)
    assert "takes too long" in rows.look_through(10.0).fault
    assert rows.wanted == Wanted(level=logging.WARNING)
    assert len(looked_through(rows)) == 1


def test_what_is_not_kept_is_counted_and_hits_outlive_the_lines_around_them() -> None:
    rows = LogRows(10)
    rows.want(Wanted(pattern=Pattern("hit")))
    rows.take([line("hit")], 7)
    looked_through(rows)
    rows.take([line(f"line {n}") for n in range(25)], 5)
    looked_through(rows)
    assert (rows.kept, rows.not_kept) == (10, 7 + 5 + 16)
    assert [each.message for each in rows.rows] == ["hit"]
    assert re.fullmatch(r"line \d+", rows[0].message) is None


def test_rows_that_are_held_stay_while_a_flood_passes_and_the_newest_come_when_they_are_let_go() -> None:
    rows = LogRows(10)
    rows.take([line(f"line {n}") for n in range(8)], 0)
    looked_through(rows)
    rows.holds = True
    rows.take([line(f"line {n}") for n in range(8, 100)][-20:], 72)
    progress = rows.look_through(10.0)
    assert (progress.added, progress.gone) == (10, 0)  # the other ten had gone before they could be looked at
    assert [each.message for each in rows.rows][:8] == [f"line {n}" for n in range(8)]
    rows.let_go()
    assert [each.message for each in looked_through(rows).rows] == [f"line {n}" for n in range(90, 100)]
