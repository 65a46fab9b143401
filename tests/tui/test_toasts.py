"""Notices keep clear of what is chosen."""

from __future__ import annotations

import pytest
from fake_client import FakeClient, a_loop, a_snapshot
from fake_inspector import FakeInspectorClient
from running import Running, running

from flowtui.model.states import LoopState
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


async def test_a_notice_never_stands_over_a_question_that_came_after_it() -> None:
    client = FakeClient(a_snapshot(*(a_loop(f"a.loop-{number:02}") for number in range(40))))
    async with running(client, 40, 10) as it:
        await it.press("S", "K")
        assert "at once" in it.text
        assert rows_of(it, "start: 40 loops") == []
        await it.press("escape")
        assert len(rows_of(it, "start: 40 loops")) == 1
        await it.resize(80, 24)
        await it.press("K")
        question = [row for row, line in enumerate(it.text.splitlines()) if line[6:7] in "╭│╰" and line[73:74] in "╮│╯"]
        assert rows_of(it, "Kill a.loop-00")[0] in question
        assert min(rows_of(it, "start: 40 loops")) > max(question)


async def test_in_a_low_terminal_the_last_notice_has_one_line_and_leaves_the_progress_in_view() -> None:
    client = FakeClient(a_snapshot(*(a_loop(f"a.loop-{number:02}") for number in range(40))))
    async with running(client, 40, 10) as it:
        await it.press("S", "P")
        client.change(loops=tuple(a_loop(f"a.loop-{n:02}", state=LoopState.PAUSING) for n in range(40)))
        await it.settle()
        assert rows_of(it, "start: 40 loops") == []
        assert len(rows_of(it, "▌")) == 1
        assert "0 of 40 loops paused" in it.text
