"""A key is for the loop that a person sees under the cursor, not for the one that has just taken its place."""

from __future__ import annotations

from fake_client import NOW, FakeClient, a_loop, a_snapshot
from running import running

from flowtui.model.states import Command, LoopState
from flowtui.tui.screens import overview


async def test_a_command_in_the_moment_in_which_another_loop_comes_to_the_top_is_not_carried_out(monkeypatch) -> None:
    clock = [1000.0]
    for module in ("flowtui.tui.widgets.live_table", "flowtui.tui.screens.overview"):
        monkeypatch.setattr(f"{module}.monotonic", lambda: clock[0])
    async with running(FakeClient(a_snapshot(a_loop("a.one"), a_loop("a.two")))) as it:
        clock[0] += 10
        it.client.change_loop("a.two", state=LoopState.FAILED, reason="boom", since=NOW)
        await it.settle()
        await it.press("x", "enter")
        assert it.client.commands == []
        assert it.toasts == ["Another loop has just come under the cursor: look again, then press."]
        assert it.app.screen is it.app.overview
        clock[0] += overview._SETTLED_S
        await it.press("x")
        assert it.client.commands == [(Command.STOP, "a.two")]


async def test_a_cursor_that_was_moved_stays_on_its_loop_and_obeys_at_once() -> None:
    async with running(FakeClient(a_snapshot(a_loop("a.one"), a_loop("a.two"), a_loop("a.three")))) as it:
        await it.press("j", "k")
        it.client.change_loop("a.two", state=LoopState.FAILED, reason="boom", since=NOW)
        await it.settle()
        await it.press("x")
        assert it.client.commands == [(Command.STOP, "a.one")]


async def test_who_filters_the_list_is_obeyed_at_once() -> None:
    async with running(FakeClient(a_snapshot(a_loop("a.one"), a_loop("a.two")))) as it:
        await it.press("slash")
        await it.type("two")
        await it.press("enter", "x")
        assert it.client.commands == [(Command.STOP, "a.two")]
