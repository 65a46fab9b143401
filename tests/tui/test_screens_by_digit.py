"""Going from screen to screen by digit."""

from __future__ import annotations

import pytest
from fake_client import FakeClient, a_busy_afternoon
from running import Running, running

from flowtui.model.preferences import Preferences
from flowtui.tui.screens.letters import LettersScreen
from flowtui.tui.screens.logs import LogsScreen
from flowtui.tui.screens.loop import LoopScreen
from flowtui.tui.screens.overview import OverviewScreen
from flowtui.tui.screens.queues import QueuesScreen
from flowtui.tui.screens.workflows import WorkflowsScreen

SCREENS = {"3": QueuesScreen, "4": LogsScreen, "5": LettersScreen, "6": WorkflowsScreen}


def stack(it: Running) -> list[type]:
    return [type(screen) for screen in it.app.screen_stack]


@pytest.mark.parametrize("digit", SCREENS)
async def test_a_digit_shows_a_screen_and_escape_goes_back(digit) -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press(digit)
        assert stack(it) == [OverviewScreen, SCREENS[digit]]
        await it.press("escape")
        assert stack(it) == [OverviewScreen]


async def test_1_shows_the_overview_wherever_one_is_and_escape_there_goes_nowhere() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("2", "3", "4")
        assert stack(it) == [OverviewScreen, LoopScreen, QueuesScreen, LogsScreen]
        await it.press("1", "escape")
        assert stack(it) == [OverviewScreen]


async def test_a_screen_below_is_uncovered_rather_than_shown_twice() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("3", "4", "5", "3")
        assert stack(it) == [OverviewScreen, QueuesScreen]


async def test_a_screen_keeps_its_filter_while_another_one_is_shown() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("3", "slash")
        await it.type("accepted")
        await it.press("enter", "1", "3")
        assert "/accepted" in it.text


async def test_the_footer_tells_the_digits_unless_they_have_other_keys() -> None:
    async with running(FakeClient(a_busy_afternoon()), 80, 24) as it:
        assert it.text.splitlines()[-1].rstrip().endswith("? help  1–6 screens")
    own = Preferences(keymap={"show_workflows": ("alt+w",)})
    async with running(FakeClient(a_busy_afternoon()), preferences=own) as it:
        assert "screens" not in it.text.splitlines()[-1]


async def test_enter_on_the_screen_of_the_log_opens_a_line_and_help_names_what_has_no_key() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        it.client.log("one line")
        await it.press("4", "enter")
        assert "╭ Log line" in it.text
        await it.press("escape", "1", "question_mark")
        assert "start workflow: Start every loop" in it.text
