"""The keys of the log: whose lines, how grave, hits, marks, wrapping, times, copying and saving."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from fake_client import FakeClient, a_busy_afternoon, a_loop, a_snapshot
from running import Running, running
from textual.widgets import Input

from flowtui.tui.screens.logs import LogsScreen
from flowtui.tui.screens.overview import OverviewScreen
from flowtui.tui.widgets.log_view import LogView


def client_with(lines: int = 30) -> FakeClient:
    """Orders of two loops; every tenth is rejected."""
    client = FakeClient(a_snapshot(a_loop("orders.incoming"), a_loop("mail.outbox")))
    for n in range(lines):
        if n % 10 == 0:
            client.log(f"order {n} rejected", level=logging.WARNING)
        else:
            client.log(f"order {n} checked")
    client.log("sent one", loop="mail.outbox", node="send")
    return client


def log_of(it: Running) -> LogView:
    assert isinstance(it.app.screen, LogsScreen)
    return it.app.screen.log_view


def messages(it: Running) -> list[str]:
    return [line.message for line in log_of(it).rows]


async def shows(it: Running, *wanted: str) -> None:
    await it.until_true(lambda: messages(it) == list(wanted))
    await it.settle()


async def test_l_goes_from_level_to_level_and_the_title_says_which() -> None:
    client = client_with()
    client.log("too fine", level=logging.DEBUG)
    client.log("broken", level=logging.ERROR)
    async with running(client) as it:
        await it.press("4")
        for title in ("warning and up", "errors", "everything", "info and up"):
            await it.press("l")
            await it.until(f"Log: all loops, {title}, following")
        await it.press("l", "l")
        await shows(it, "broken")


async def test_o_narrows_to_the_loop_then_the_node_then_shows_all_and_the_line_stays_chosen() -> None:
    client = client_with()
    client.log("elsewhere", node="store")
    async with running(client) as it:
        await it.press("4", "up")
        chosen = log_of(it).chosen
        assert chosen is not None
        for whose, count in (("mail.outbox", 1), ("mail.outbox send", 1), ("all loops", 32)):
            await it.press("o")
            await it.until(f"Log: {whose}, info and up")
            await it.until_true(lambda count=count: len(messages(it)) == count)
            if count > 1:
                assert log_of(it).chosen is chosen


async def test_capital_l_shows_the_log_of_the_chosen_row_alone_and_digit_4_leaves_it_so() -> None:
    async with running(client_with()) as it:
        await it.press("/", "c", "h", "enter", "4", "slash")
        await it.type("rejected")
        await it.press("enter", "1", "escape", "down", "L")
        await it.until("Log: mail.outbox, info and up, following")
        await shows(it, "sent one")
        await it.press("1", "4")
        assert "Log: mail.outbox" in it.text
        await it.press("1", "g", "tab", "down", "L")
        await it.until("Log: orders.incoming check, info")
        assert len(messages(it)) == 30


async def test_what_the_keys_of_other_screens_mean_is_the_loop_of_the_chosen_line() -> None:
    async with running(client_with()) as it:
        await it.press("4", "up", "up", "2")
        await it.until("check")
        assert it.app.screen.chosen_loop.id == "orders.incoming"  # type: ignore[attr-defined]


async def test_on_a_loops_screen_its_log_is_narrowed_no_less() -> None:
    async with running(client_with()) as it:
        await it.press("enter")
        await it.press("tab", "up", "o")
        await it.until("Log: orders.incoming check, info")
        await it.press("o")
        await it.until("Log: orders.incoming, info")


async def test_a_regular_expression_filters_while_it_is_typed_and_a_wrong_one_keeps_the_last() -> None:
    async with running(client_with()) as it:
        await it.press("4", "slash")
        await it.type(r"order \d0 rej")
        await shows(it, "order 10 rejected", "order 20 rejected")
        await it.type("[")
        assert "✖ “order \\d0 rej[” is no regular expression: unterminated" in it.text.splitlines()[-1]
        assert len(messages(it)) == 2
        await it.press("enter")
        assert "/order \\d0 rej, info and up, following, ✖ “order \\d0 rej[” is no regular" in it.text
        await it.press("slash")
        assert isinstance(it.app.focused, Input)
        assert it.app.focused.value == r"order \d0 rej["  # what was typed is not lost
        await it.press("enter", "escape")
        await it.until("Log: all loops, info and up, following")
        assert isinstance(it.app.screen, LogsScreen)


async def test_a_filter_that_takes_too_long_is_said_and_undone() -> None:
    client = client_with()
    client.log("a" * 60 + "b")
    async with running(client) as it:
        await it.press("4", "slash")
        await it.type("(a|aa)+c")
        await it.until("✖ “(a|aa)+c” takes too long to look for")
        assert len(messages(it)) == 32


async def test_a_shows_lines_around_the_hits_and_n_goes_from_hit_to_hit() -> None:
    async with running(client_with()) as it:
        await it.press("4", "slash")
        await it.type("rejected")
        await it.press("enter", "a")
        await it.until("/rejected ±2")
        await it.until_true(lambda: len(messages(it)) == 13)
        assert "-  orders.incoming" in it.line_with("order 8 checked")
        assert " ! orders.incoming" in it.line_with("order 10 rejected")
        await it.press("g", "n")
        assert log_of(it).chosen.message == "order 10 rejected"  # type: ignore[union-attr]
        await it.press("N", "N")  # from the first round to the last
        assert log_of(it).chosen.message == "order 20 rejected"  # type: ignore[union-attr]


async def test_h_lights_up_and_goes_to_the_nearest_hit_above_and_escape_ends_it() -> None:
    async with running(client_with(200), lines=20) as it:
        await it.press("4", "h")
        await it.type("order 5")
        assert "finds “order 5”" in it.text
        await it.press("enter")
        await it.until_true(lambda: not log_of(it).following)
        assert log_of(it).chosen.message == "order 195 checked"  # type: ignore[union-attr]
        await it.press("n")
        await it.until_true(lambda: log_of(it).chosen.message == "order 5 checked")  # type: ignore[union-attr]
        assert "order 5 checked" in it.text
        await it.press("h")
        await it.type("(")
        assert "is no regular expression" in it.text
        await it.press("escape")
        assert "finds" not in it.text
        await it.press("n")
        assert it.toasts[-1] == "h sets what to look for, / what to show."


async def test_marks_are_set_shown_and_gone_to() -> None:
    async with running(client_with(200), lines=20) as it:
        await it.press("4", "b")
        assert it.toasts[-1] == "No line is marked: space marks one."
        await it.press("space")
        assert log_of(it).following
        assert "◆" in it.line_with("sent one")
        await it.press("g", "j", "j", "space", "j", "b")
        assert log_of(it).chosen.message == "sent one"  # type: ignore[union-attr]
        await it.press("b")
        assert log_of(it).chosen.message == "order 2 checked"  # type: ignore[union-attr]
        await it.press("space", "B")
        assert log_of(it).chosen.message == "sent one"  # type: ignore[union-attr]


async def test_w_shows_lines_whole_and_moves_keep_the_chosen_one_in_view() -> None:
    client = client_with(0)
    for n in range(60):
        client.log(f"start {n}\n" + f"middle {n} " * 12 + f"end{n}.")
    async with running(client, columns=80, lines=24) as it:
        await it.press("4", "w")
        assert "end59." in it.text  # it follows
        for keys in ("pageup", "k", "g", "pagedown", "j"):
            await it.press(keys)
            chosen = log_of(it).chosen
            assert chosen is not None
            first, last = chosen.message.split("\n")[0], chosen.message.split()[-1]
            assert first in it.text
            assert last in it.text
        await it.press("g")
        row = next(y for y, text in enumerate(it.text.splitlines()) if "start 0" in text)
        await it.pilot.click("#log", offset=(30, row + 1 - log_of(it).region.y))
        assert log_of(it).chosen.message.startswith("start 0\n")  # type: ignore[union-attr]
        await it.resize(40, 10)
        await it.press("G")
        assert "start 59" in it.text  # too long for the pane
        await it.press("w")
        assert "…" in it.text


async def test_the_time_is_told_as_one_likes() -> None:
    async with running(client_with()) as it:
        await it.press("4", "at")
        assert "   0 s" in it.line_with("sent one")
        await it.press("at")
        assert "2025-06-15 " in it.line_with("sent one")


async def test_c_copies_the_line() -> None:
    async with running(client_with()) as it:
        await it.press("4", "up", "up", "c")
        assert it.app.clipboard == "2025-06-15 15:07:08 info    orders.incoming check        order 28 checked"


def saved(name: str) -> list[str]:
    return Path(name).read_text().splitlines()


async def test_what_is_filtered_is_saved_under_a_new_name_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(client_with()) as it:
        await it.press("4", "slash")
        await it.type("rejected")
        await it.press("enter", "W")
        assert "3 lines, as they are filtered here" in it.text
        assert isinstance(it.app.focused, Input)
        it.app.focused.value = "kept.log"
        await it.press("enter")
        await it.app.workers.wait_for_complete()
        assert it.toasts[-1] == f"3 lines written to {tmp_path / 'kept.log'}"
        assert [text.split()[-2] for text in saved("kept.log")] == ["0", "10", "20"]
        await it.press("W")
        it.app.focused.value = "kept.log"
        await it.press("enter")
        assert "kept.log is there already: choose another name" in it.text
        it.app.focused.value = "kept.jsonl"
        await it.press("enter")
        await it.app.workers.wait_for_complete()
        assert json.loads(saved("kept.jsonl")[1])["message"] == "order 10 rejected"


async def test_enter_shows_a_line_whole_with_its_traceback() -> None:
    client = client_with()
    client.log("it failed\nTraceback (most recent call last):\n  File x\nKeyError: 'total'", level=logging.ERROR)
    async with running(client) as it:
        await it.press("4", "up", "down", "enter")
        assert "KeyError: 'total'" in it.line_with("KeyError: 't")
        assert "orders.incoming" in it.text


async def test_in_the_overview_the_log_has_the_same_keys_when_it_has_the_focus() -> None:
    async with running(client_with()) as it:
        await it.press("w", "l")
        assert "Log: all loops, info and up" in it.text
        await it.press("shift+tab", "l")
        await it.until("Log: all loops, warning and up")
        assert isinstance(it.app.screen, OverviewScreen)


async def test_a_narrow_log_still_says_how_much_is_new() -> None:
    client = client_with()
    async with running(client, columns=40, lines=10) as it:
        await it.press("4", "up", "up")
        for n in range(1204):
            client.log(f"later {n}")
        await it.until("Log: all loops, info+, 1,204 new")


async def test_help_and_palette_know_the_keys_of_the_log() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("4", "question_mark")
        assert "The log" in it.text
        assert "Show only the loop of the chosen line" in it.text
