"""Draining, restarting, killing and scaling from the keyboard, and commands for a whole workflow."""

from __future__ import annotations

import pytest
from fake_client import FakeClient, a_loop, a_snapshot
from running import Running, running

from flowtui.model.errors import IllegalTransition, NotReplicable
from flowtui.model.states import Command, LoopState
from flowtui.tui.actions.registry import footer_actions
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.screens.overview import OverviewScreen
from flowtui.tui.widgets.panes import LoopsPane


def two_workflows() -> FakeClient:
    return FakeClient(
        a_snapshot(a_loop("orders.incoming"), a_loop("orders.fulfil", reads="orders.accepted"), a_loop("logs.tail"))
    )


async def choose_in_palette(it: Running, words: str) -> None:
    await it.press("colon")
    await it.type(words)
    await it.app.workers.wait_for_complete()
    await it.press("enter")
    await it.pilot.pause()


async def test_d_drains_and_r_restarts_the_chosen_loop_without_asking() -> None:
    async with running(two_workflows()) as it:
        await it.press("d", "j", "r")
        assert it.client.commands == [(Command.DRAIN, "orders.incoming"), (Command.RESTART, "orders.fulfil")]


@pytest.mark.parametrize("answer", ["n", "escape", "q"])
async def test_capital_k_kills_nothing_unless_told_so(answer: str) -> None:
    async with running(two_workflows()) as it:
        await it.press("K")
        assert isinstance(it.app.screen, ConfirmScreen)
        await it.press(answer)
        assert isinstance(it.app.screen, OverviewScreen)
        assert it.client.commands == []


async def test_capital_k_says_what_becomes_of_what_is_in_flight() -> None:
    async with running(two_workflows(), 80, 24) as it:
        await it.press("K")
        for words in ("Kill orders.incoming", "as after a crash", "neither queue nor cursor", "dead letters."):
            assert words in it.text
        await it.press("n", "j", "K")
        for words in ("Kill orders.fulfil", "returns to", "orders.accepted", "2 items are in flight."):
            assert words in " ".join(it.text.replace("│", " ").split())
        assert "dead letters" not in it.text


async def test_what_has_ended_is_not_asked_to_be_killed() -> None:
    async with running(two_workflows()) as it:
        it.client.change_loop("orders.incoming", state=LoopState.STOPPED)
        await it.settle()
        it.app.screen.query_one(LoopsPane).choose("orders.incoming")
        await it.press("K")
        assert isinstance(it.app.screen, OverviewScreen)
        assert (it.client.commands, it.toasts) == ([], ["orders.incoming is stopped: there is nothing to kill."])


async def test_capital_k_kills_the_loop_that_it_asked_about_though_the_cursor_has_left_it() -> None:
    async with running(two_workflows()) as it:
        await it.press("K")
        it.client.change_loop("logs.tail", state=LoopState.FAILED)
        await it.settle()
        assert it.client.commands == []
        await it.press("y")
        assert it.client.commands == [(Command.KILL, "orders.incoming")]


async def test_capital_d_asks_before_it_drains_all() -> None:
    async with running(two_workflows()) as it:
        for answer, commands in (("n", []), ("escape", []), ("y", [(Command.DRAIN, None)])):
            await it.press("D")
            assert "Drain all 3 loops?" in it.text
            assert it.client.commands == []
            await it.press(answer)
            assert it.client.commands == commands
        assert it.toasts == ["drain: 3 loops"]


async def test_plus_equals_and_minus_change_the_replicas_and_the_last_answer_is_shown_once() -> None:
    async with running(two_workflows()) as it:
        await it.press("plus", "equals_sign", "minus", "plus")
        assert it.client.scalings == [("orders.incoming", change) for change in (1, 1, -1, 1)]
        assert "×3" in it.line_with("▶ orders.incoming")
        await it.app.workers.wait_for_complete()
        assert it.toasts == ["orders.incoming: 3 replicas"]


async def test_a_loop_that_may_run_only_once_says_why_and_only_once_however_often_plus_is_pressed() -> None:
    async with running(two_workflows()) as it:
        it.client.refusal = NotReplicable("orders.incoming can't have 2 replicas: [b]one[/b] port, one producer")
        await it.press("plus", "plus", "plus")
        assert it.toasts == ["orders.incoming can't have 2 replicas: [b]one[/b] port, one producer"]
        assert "[b]one[/b] port" in it.text
        assert len(it.client.scalings) == 3


async def test_a_refusal_to_drain_shows_the_sentence_of_the_engine() -> None:
    async with running(two_workflows()) as it:
        it.client.refusal = IllegalTransition("orders.incoming is stopped: cannot drain; it can start or restart")
        await it.press("d")
        assert it.toasts == ["orders.incoming is stopped: cannot drain; it can start or restart"]


async def test_without_a_loop_no_key_does_anything() -> None:
    async with running(FakeClient(a_snapshot())) as it:
        await it.press("d", "r", "K", "plus", "minus")
        assert isinstance(it.app.screen, OverviewScreen)
        assert (it.client.commands, it.client.scalings) == ([], [])
        assert it.toasts == ["There is no loop to choose."]


async def test_the_palette_starts_and_pauses_the_workflow_of_the_chosen_loop() -> None:
    async with running(two_workflows()) as it:
        await choose_in_palette(it, "start workflow")
        assert it.toasts == ["start orders: 2 loops"]
        await choose_in_palette(it, "pause workflow")
        for loop in ("orders.incoming", "orders.fulfil"):
            it.client.change_loop(loop, state=LoopState.PAUSED)
        await it.settle()
        await choose_in_palette(it, "pause workflow")
        assert it.client.workflow_commands == [(command, "orders") for command in ("start", "pause", "resume")]
        assert it.client.commands == []


@pytest.mark.parametrize("verb", ["stop", "drain", "restart"])
async def test_the_palette_asks_before_it_ends_the_loops_of_a_workflow(verb: str) -> None:
    async with running(two_workflows()) as it:
        await choose_in_palette(it, f"{verb} workflow")
        assert f"{verb.capitalize()} all 2 loops of orders?" in it.text
        assert it.client.workflow_commands == []
        await it.press("y")
        assert it.client.workflow_commands == [(Command(verb), "orders")]


async def test_the_footer_names_drain_and_help_at_80_columns() -> None:
    async with running(two_workflows(), 80, 24) as it:
        footer = it.text.splitlines()[-1]
        assert "d drain" in footer
        assert "? help" in footer
        assert not footer.rstrip().endswith("…")
        await it.resize(140, 40)
        assert all(action.label in it.text.splitlines()[-1] for action in footer_actions())
