"""Notices keep clear of what is chosen."""

from __future__ import annotations

import pytest
from fake_client import FakeClient, a_loop, a_snapshot
from fake_inspector import FakeInspectorClient
from running import Running, running

from flowtui.tui.screens.inspector import InspectorScreen


def rows_of(it: Running, words: str) -> list[int]:
    return [row for row, line in enumerate(it.text.splitlines()) if words in line]


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (80, 24)])
async def test_a_notice_stands_in_the_half_of_the_screen_in_which_the_cursor_is_not(columns, lines) -> None:
    client = FakeClient(a_snapshot(*(a_loop(f"a.loop-{number:02}") for number in range(40))))
    async with running(client, columns, lines) as it:
        await it.press("z", "S")
        assert min(rows_of(it, "start: 40 loops")) > lines / 2
        await it.press("G")
        assert max(rows_of(it, "start: 40 loops")) < lines / 2
        assert "a.loop-39" in it.text


async def test_in_the_inspector_a_notice_stands_above_what_tells_why_a_run_failed() -> None:
    client = FakeInspectorClient()
    async with running(client) as it:
        await it.app.push_screen(InspectorScreen(client, "orders.incoming", "check"))  # type: ignore[arg-type]
        await it.settle()
        await it.press("f10")
        assert max(rows_of(it, "There is no run to save")) < 20
