"""The log: following, scrolling back, filtering, floods."""

from __future__ import annotations

import logging

from fake_client import FakeClient, a_loop, a_snapshot
from running import running

from flowtui.model.log_lines import LogBatch, LogLine


def client_with(lines: int) -> FakeClient:
    client = FakeClient(a_snapshot(a_loop("a.b")))
    for n in range(lines):
        client.log(f"line {n}")
    return client


async def test_it_follows_until_a_person_scrolls_up_and_counts_what_is_new() -> None:
    client = client_with(200)
    async with running(client) as it:
        assert "Log: all loops, info and up, following" in it.text
        assert "line 199" in it.text
        await it.press("shift+tab", "k", "k", "k")
        for n in range(1204):
            client.log(f"later {n}")
        await it.settle()
        assert "Log: all loops, info and up, 1,204 new, f follows" in it.text
        assert "line 199" in it.text
        assert "later" not in it.text
        await it.press("f")
        assert "following" in it.text
        assert "later 1203" in it.text


async def test_end_and_capital_g_follow_again() -> None:
    client = client_with(200)
    async with running(client) as it:
        for key in ("end", "G"):
            await it.press("shift+tab", "g")
            assert "line 0 " in it.text
            assert not it.app.overview.log_view.following
            await it.press(key)
            assert it.app.overview.log_view.following
            await it.press("tab")


async def test_a_page_up_shows_the_page_before() -> None:
    client = client_with(200)
    async with running(client) as it:
        page = it.app.overview.log_view.page
        await it.press("shift+tab", "pageup")
        assert f"line {199 - page} " in it.text
        assert "line 199" not in it.text
        await it.press("pagedown", "pagedown")
        assert it.app.overview.log_view.following


async def test_the_wheel_scrolls_and_stops_following() -> None:
    client = client_with(200)
    async with running(client) as it:
        log = it.app.overview.log_view
        log.scroll_rows(-3)
        await it.settle()
        assert not log.following
        assert "line 199" not in it.text
        log.scroll_rows(3)
        assert log.following


async def test_details_below_info_are_left_out() -> None:
    client = client_with(1)
    client.log("too fine", level=logging.DEBUG)
    client.log("too bad", level=logging.ERROR)
    async with running(client) as it:
        assert "too fine" not in it.text
        assert "✖ orders.incoming check too bad" in it.text


async def test_the_filter_looks_through_all_that_is_kept_and_new_lines_pass_it_too() -> None:
    client = client_with(3000)
    async with running(client) as it:
        await it.press("shift+tab", "slash")
        await it.type("LINE 1799")
        await it.press("enter")
        assert "Log /LINE 1799, info and up, following" in it.text
        assert "line 1799" in it.text
        assert "line 2999" not in it.text
        client.log("line 1799 again")
        client.log("something else")
        await it.until("line 1799 again")
        assert "something else" not in it.text


async def test_a_flood_keeps_the_newest_lines_and_the_reader_his_place() -> None:
    client = client_with(9000)
    async with running(client) as it:
        await it.press("shift+tab", "pageup", "pageup")
        log = it.app.overview.log_view
        chosen = log.chosen
        assert chosen is not None
        for n in range(40_000):
            client.log(f"flood {n}")
        await it.until_true(lambda: log.told == 49_000)
        assert log.chosen is chosen
        assert chosen.message in it.text
        await it.press("f")
        await it.until("flood 39999")
        assert log.row_count() == 20_000
        assert "29,000 not kept" in it.text


async def test_lines_that_the_buffer_lost_are_counted() -> None:
    client = client_with(1)
    lost = LogBatch((LogLine(500, 0.0, logging.INFO, "a.b", "n", "", "after the gap"),), 500, 498)
    client.logs = lambda after, limit=2000: lost if after < 500 else LogBatch((), after, 0)  # type: ignore[method-assign]
    async with running(client) as it:
        assert "498 not kept" in it.text
        assert "after the gap" in it.text


async def test_a_line_of_a_megabyte_is_cut_to_the_screen() -> None:
    client = client_with(0)
    client.log("x" * 1_000_000)
    async with running(client) as it:
        assert "…" in it.line_with("xxxx")


async def test_names_that_are_too_long_are_cut_and_stay_apart_from_what_follows() -> None:
    client = FakeClient(a_snapshot(a_loop("a.b")))
    client.log("a message", loop="warehouse.incoming-orders", node="check-the-address")
    async with running(client, columns=80, lines=24) as it:
        assert "warehouse.inco… check-th… a message" in it.line_with("a message")
