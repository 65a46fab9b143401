"""How a line of the log is drawn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from flowtui.model.log_lines import LogLine
from flowtui.tui.cells import Line, Tone, wrap
from flowtui.tui.log_drawing import Look, Times, all_rows, no_spans, one_row
from flowtui.tui.log_filter import Pattern

NOW = 1_750_000_000.0


def line(message: str) -> LogLine:
    return LogLine(1, NOW, 40, "orders.incoming", "check", "", message)


def text_of(row: Line) -> str:
    return "".join(part.text for part in row)


@settings(max_examples=60)
@given(
    st.text(alphabet="ab 日\t\n\x1b\u0301,", max_size=150), st.integers(30, 90), st.sampled_from(["a|日| ", "b", ""])
)
def test_a_line_never_takes_more_cells_than_there_are_however_it_is_lit_up(message: str, width: int, hits: str) -> None:
    spans = Pattern(hits).spans if hits else no_spans
    rows = all_rows(line(message), Look(), width, 4, spans=spans)
    assert 1 <= len(rows) <= 4
    for row in (one_row(line(message), Look(), width, spans=spans), *rows):
        assert cell_len(text_of(row)) == sum(part.width for part in row) <= width
        assert "……" not in text_of(row)
        assert text_of(row).isprintable()


@given(st.text(alphabet="ab 日\n,", min_size=1, max_size=80))
def test_wrapped_text_is_that_of_wrap_below_the_message(message: str) -> None:
    look = Look(loop_width=15, node_width=5)
    width, head = 80, 8 + 3 + 15 + 1 + 5 + 1
    rows = [text_of(row)[head:].rstrip() for row in all_rows(line(message), look, width, 99)]
    assert rows == [part.rstrip() for part in wrap(message, width - head)]


def test_a_line_of_a_megabyte_is_wrapped_no_further_than_it_is_seen() -> None:
    rows = all_rows(line("x" * 1_000_000), Look(), 80, 5)
    assert len(rows) == 5
    assert text_of(rows[-1]).endswith("x…")


def test_hits_are_lit_up_in_names_too_and_across_the_end_of_a_row() -> None:
    spans = Pattern("incoming|x{60}").spans
    rows = all_rows(line("x" * 60), Look(loop_width=15, node_width=5), 80, 5, spans=spans)
    lit = [[part.text for part in row if part.tone is Tone.HIT] for row in rows]
    assert lit == [["incoming", "x" * 47], ["x" * 13]]


@pytest.mark.parametrize(("times", "shown"), [(Times.AGO, "   2 h "), (Times.CLOCK, r":"), (Times.DATE, "2025-06-15 ")])
def test_the_time_is_told_in_three_ways(times: Times, shown: str) -> None:
    row = text_of(one_row(line("m"), Look(times=times, now=NOW + 7300), 80))
    assert shown in row[: times.width + 1]
