"""Replaying a group of dead letters from the keyboard."""

from __future__ import annotations

import pytest
from fake_client import FakeClient, a_busy_afternoon, a_group, a_snapshot
from running import running

from flowtui.model.errors import StoreUnavailable
from flowtui.model.letters import ReplayAnswer
from flowtui.tui.screens.confirm import ConfirmScreen

GROUP = ("sync.poll", "f-fetch-ConnectError", False)


async def test_capital_r_asks_and_replays_the_chosen_group_from_the_node_that_failed() -> None:
    client = FakeClient(a_busy_afternoon())
    client.replay_answer = ReplayAnswer(queued=12)
    async with running(client) as it:
        await it.press("tab", "tab", "tab", "j", "R")
        assert isinstance(it.app.screen, ConfirmScreen)
        for words in ("Replay 12 dead letters", "sync.poll", "from fetch on"):
            assert words in it.text
        assert client.replays == []
        await it.press("n", "R", "y")
        await it.app.workers.wait_for_complete()
        assert client.replays == [GROUP]
        assert it.toasts == [
            "sync.poll: 12 dead letters to be replayed",
            "sync.poll: 12 dead letters replayed, none failed again",
        ]


@pytest.mark.parametrize("keys", [("R",), ("tab", "tab", "tab", "R")])
async def test_capital_r_says_what_to_choose_where_there_is_no_group(keys) -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press(*keys)
        assert it.toasts == ["Choose a group of dead letters among the problems first."]
        assert not isinstance(it.app.screen, ConfirmScreen)


async def test_what_cannot_be_replayed_is_counted_and_explained() -> None:
    client = FakeClient(a_busy_afternoon())
    client.replay_answer = ReplayAnswer(queued=1, refused=("letter 7: [b]gone[/b]", "letter 8: gone too"))
    async with running(client) as it:
        await it.press("tab", "tab", "tab", "j", "R", "y")
        await it.app.workers.wait_for_complete()
        assert it.toasts == [
            "sync.poll: 1 dead letter to be replayed",
            "2 dead letters stay as they are: letter 7: [b]gone[/b]",
            "sync.poll: 1 dead letter replayed, none failed again",
        ]
        client.refusal = StoreUnavailable("the store does not answer")
        await it.press("R", "y")
        await it.app.workers.wait_for_complete()
        assert it.toasts[-1] == "the store does not answer"


async def test_groups_of_one_error_from_two_places_are_two_rows() -> None:
    first = a_group("a.b", "c", "ValueError", "first", 3, 1.0)
    second = a_group("a.b", "c", "ValueError", "second", 2, 2.0)
    groups = (first, type(second)("a.b", "c", "ValueError", "second", 2, 2.0, 1.0, "elsewhere"))
    client = FakeClient(a_snapshot(dead_letters=groups, dead_total=5))
    async with running(client) as it:
        await it.press("tab", "tab", "tab", "j", "R", "y")
        await it.app.workers.wait_for_complete()
        assert client.replays == [("a.b", "elsewhere", False)]
        await it.press("v")
        assert "second" in it.text
        assert "flowtui dead list --group elsewhere" in it.text
