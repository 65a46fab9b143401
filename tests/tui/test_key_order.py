"""Keys that arrive all at once, as over a slow line, do what they do when they are typed one by one."""

from __future__ import annotations

import pytest
from fake_client import FakeClient, a_busy_afternoon, a_loop, a_node, a_snapshot
from running import Running, running
from textual.events import Key, Paste
from textual.widgets import Input

from flowtui.model.forms import FieldKind, Form, FormField
from flowtui.model.states import NodeKind
from flowtui.tui.screens.run import RunScreen

FORM = Form(
    (
        FormField(path=("city",), kind=FieldKind.TEXT, type="text", label="City"),
        FormField(path=("days",), kind=FieldKind.INTEGER, type="integer", label="Days", default=3),
    )
)


def all_at_once(it: Running, *keys: str) -> None:
    """Have the terminal send these keys in one go; `paste:…` is a paste."""
    for key in keys:
        if key.startswith("paste:"):
            it.app.post_message(Paste(key.removeprefix("paste:")))
        else:
            it.app.post_message(Key(key, key if len(key) == 1 else None))


async def form(it: Running) -> list[Input]:
    it.client.form = FORM
    await it.press("T")
    return list(it.app.screen.query(Input))


def a_trigger() -> FakeClient:
    nodes = (a_node("ask", "trigger", kind=NodeKind.PRODUCER), a_node("fetch"))
    return FakeClient(a_snapshot(a_loop("orders.ask", is_triggered=True, nodes=nodes)))


@pytest.mark.parametrize(
    ("keys", "city", "days"),
    [
        (("O", "s", "l", "o", "tab", "backspace", "4"), "Oslo", "4"),
        (("O", "s", "x", "backspace", "l", "o", "tab", "4", "backspace", "backspace", "7"), "Oslo", "7"),
        (("a", "b", "left", "c", "home", "d", "tab", "5"), "dacb", "35"),
        (("1", "paste:2 3", "4", "tab", "paste:5"), "12 34", "35"),
    ],
)
async def test_what_is_typed_goes_to_the_field_that_has_the_focus_by_then(keys, city, days) -> None:
    async with running(a_trigger()) as it:
        inputs = await form(it)
        all_at_once(it, *keys)
        await it.until_true(lambda: inputs[1].value == days)
        assert inputs[0].value == city


async def test_a_key_behind_one_that_opens_a_screen_goes_to_that_screen() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        all_at_once(it, "slash", *"poll", "enter", "j", "v", "escape", "X")
        await it.until("Stop all")
        assert it.app.screen_stack[-2] is it.app.overview
        assert it.app.overview.loops.filter_text == "poll"


async def test_a_key_whose_widget_goes_away_holds_up_no_other() -> None:
    async with running(a_trigger()) as it:
        await form(it)
        all_at_once(it, "x", "escape", "question_mark")
        await it.until("Help")
        assert not any(isinstance(screen, RunScreen) for screen in it.app.screen_stack)
