"""Rows that are marked: a sign, a number, and commands for all of them."""

from __future__ import annotations

from fake_client import FakeClient, a_loop, a_queue, a_snapshot
from running import Running, running

from flowtui.model.access import Access
from flowtui.model.errors import IllegalTransition
from flowtui.model.states import Command, LoopState
from flowtui.tui.screens.confirm import ConfirmScreen


def four_loops(**fields: object) -> FakeClient:
    return FakeClient(
        a_snapshot(*[a_loop(f"w.{id}", **fields) for id in ("ask", "big", "cut", "dig")], queues=(a_queue("in"),))
    )


def marked(it: Running) -> list[str]:
    """The loops on the screen with a mark before their sign."""
    lines = [line.split()[1] for line in it.text.splitlines() if line.startswith("│*")]
    assert lines == [loop.id for loop in it.app.overview.loops.marked if loop.id in lines]
    return lines


async def test_space_marks_and_goes_on_and_escape_clears_the_marks_before_anything_else() -> None:
    async with running(four_loops()) as it:
        await it.press("space", "j", "space")
        assert marked(it) == ["w.ask", "w.cut"]
        assert "2 marked" in it.text
        assert it.app.overview.loops.chosen.id == "w.dig"
        await it.press("slash")
        await it.type("cut")
        await it.press("enter")
        assert marked(it) == ["w.cut"]
        assert "2 marked, 1 of them hidden · 1 of 4" in it.text
        await it.press("space")
        assert (marked(it), "1 marked, 1 of them hidden" in it.text) == ([], True)
        await it.press("escape")
        assert "marked" not in it.text
        assert "Loops /cut" in it.text
        await it.press("escape")
        assert "Loops /" not in it.text


async def test_a_star_marks_all_that_the_filter_shows_and_then_none_of_them() -> None:
    async with running(four_loops()) as it:
        await it.press("G", "space", "slash")
        await it.type("w.b")
        await it.press("enter", "asterisk", "escape", "escape", "slash")
        await it.press("escape", "asterisk")
        assert len(marked(it)) == 4
        await it.press("asterisk")
        assert marked(it) == []


async def test_marks_survive_a_reload_and_go_with_their_loop() -> None:
    async with running(four_loops()) as it:
        await it.press("space", "space")
        left = [a_loop("w.new", state=LoopState.FAILED), a_loop("w.big", revision=4), a_loop("w.dig")]
        it.client.change(loops=tuple(left))
        await it.settle()
        assert marked(it) == ["w.big"]
        it.client.change(loops=(*left, a_loop("w.ask")))
        await it.settle()
        assert marked(it) == ["w.big"]


async def test_only_tables_whose_rows_are_acted_upon_together_take_marks() -> None:
    async with running(four_loops()) as it:
        await it.press("tab", "tab", "space", "asterisk")
        assert it.app.overview.current.id == "queues"
        assert "*" not in it.text
        assert "marked" not in it.text


async def test_start_and_pause_act_on_all_that_are_marked_and_ask_nothing() -> None:
    async with running(four_loops()) as it:
        await it.press("space", "space", "s", "p")
        for id in ("w.ask", "w.big"):
            it.client.change_loop(id, state=LoopState.PAUSED)
        await it.settle()
        await it.press("p")
        both = ("w.ask", "w.big")
        assert it.client.bulk_commands == [
            (Command.START, *both), (Command.PAUSE, *both), (Command.RESUME, *both),
        ]  # fmt: skip
        assert it.toasts == ["start: 2 loops", "pause: 2 loops", "resume: 2 loops"]
        assert it.client.commands == []


async def test_what_ends_marked_loops_asks_first_and_names_them() -> None:
    async with running(four_loops(in_flight=3), 120, 40) as it:
        await it.press("space", "space", "slash")
        await it.type("ask")
        await it.press("enter")
        for key, command, says in (
            ("x", Command.STOP, "returns to its queue"),
            ("d", Command.DRAIN, "as soon as its queue is empty"),
            ("r", Command.RESTART, "started too"),
            ("K", Command.KILL, "as after a crash"),
        ):
            it.client.bulk_commands.clear()
            await it.press(key)
            asked = " ".join(it.text.replace("│", " ").split())
            assert f"{command.value.capitalize()} 2 marked loops: w.ask, w.big (1 of them out of view)?" in asked
            assert says in asked
            assert "6 items are in flight." in asked
            await it.press("n")
            assert it.client.bulk_commands == []
            await it.press(key, "y")
            assert it.client.bulk_commands == [(command, "w.ask", "w.big")]
        assert it.client.commands == []


async def test_one_marked_loop_gets_the_command_and_not_the_one_under_the_cursor() -> None:
    async with running(four_loops()) as it:
        await it.press("space", "j", "s")
        assert it.client.bulk_commands == [(Command.START, "w.ask")]
        await it.press("escape", "s")
        assert it.client.commands == [(Command.START, "w.cut")]


async def test_marked_loops_that_do_not_obey_are_counted_and_the_first_says_why() -> None:
    async with running(four_loops()) as it:
        it.client.bulk_refusals = ("w.big is stopped: cannot pause; it can start or restart", "w.cut is stopped: …")
        await it.press("space", "space", "space", "p")
        assert it.toasts == [
            "pause: 1 loop",
            "2 loops stay as they are: w.big is stopped: cannot pause; it can start or restart",
        ]
        it.client.refusal = IllegalTransition("the engine is closing")
        await it.press("p")
        assert it.toasts[-1] == "the engine is closing"


async def test_who_may_only_look_is_not_asked_about_marked_loops() -> None:
    client = four_loops()
    client.change(access=Access(read_only=True))
    async with running(client) as it:
        await it.press("space", "space", "x")
        assert not isinstance(it.app.screen, ConfirmScreen)
        assert (len(it.toasts), it.client.bulk_commands) == (1, [])


async def test_p_lets_a_loop_go_on_that_is_being_drained() -> None:
    async with running(four_loops(state=LoopState.DRAINING)) as it:
        await it.press("p")
        assert it.client.commands == [(Command.RESUME, "w.ask")]
