"""T asks for the inputs of a trigger and shows the run that comes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from fake_client import NOW, FakeClient, a_loop, a_node, a_snapshot
from running import Running, running
from textual.widgets import Select

from flowtui.model.errors import BadInput, StoreUnavailable
from flowtui.model.forms import Choice, FieldKind, Form, FormField
from flowtui.model.runs import Asked, NodeRun, NodeRunState, Run, RunState
from flowtui.model.states import LoopState, NodeKind

CITY = FormField(
    path=("city",),
    kind=FieldKind.CHOICE,
    type="choice",
    label="City",
    help="Where to look",
    required=True,
    choices=(Choice("Berlin", "Berlin"), Choice("Rome", "Rome")),
)
FORM = Form(
    (
        CITY,
        FormField(path=("days",), kind=FieldKind.INTEGER, type="integer", label="Days", default=3),
        FormField(path=("urgent",), kind=FieldKind.BOOLEAN, type="true or false", label="Urgent"),
        FormField(path=("extra",), kind=FieldKind.JSON, type="any value", label="Extra", multi_line=True),
    )
)
RUN = Run(
    "run-1",
    "orders.ask",
    "orders",
    {"city": "Rome"},
    layers=(("fetch",), ("left", "right")),
    leaves=("left", "right"),
    state=RunState.RUNNING,
    nodes={
        "fetch": NodeRun("fetch", NodeRunState.DONE, NOW, 501.0, 1),
        "left": NodeRun("left", NodeRunState.RUNNING, NOW, None, 2, 3, "ValueError: no"),
        "right": NodeRun("right"),
    },
    asked_at=NOW,
    started_at=NOW,
)


@asynccontextmanager
async def asked(form: Form | None = FORM, columns: int = 120, lines: int = 40) -> AsyncIterator[Running]:
    """Run the app and press T on a trigger's loop."""
    ask = a_loop(
        "orders.ask", is_triggered=True, nodes=(a_node("ask", "trigger", kind=NodeKind.PRODUCER), a_node("fetch"))
    )
    client = FakeClient(a_snapshot(ask, a_loop("orders.incoming")))
    client.form = form
    client.runs["run-1"] = RUN
    async with running(client, columns, lines) as it:
        await it.press("T")
        yield it


async def look(it: Running) -> None:
    """Let the screen look at the run."""
    await it.app.screen._look()  # type: ignore[attr-defined]
    await it.settle()


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_form_names_every_field_and_what_it_is_for(size):
    async with asked(columns=size[0], lines=size[1]) as it:
        assert "Run orders.ask once" in it.text
        assert "choose" in it.line_with("City *")
        assert "Where to look" in it.text
        assert "3" in it.line_with("Days")
        assert "f5 ctrl+enter run" in it.text


async def test_what_was_filled_in_is_asked_for():
    async with asked() as it:
        it.app.screen.query_one(Select).value = 1
        await it.press("tab", "backspace", "5", "tab", "tab", "[", "1", "]", "f5")
        assert it.client.triggered == [("orders.ask", {"city": "Rome", "days": 5, "extra": [1]})]


async def test_faults_stand_beside_their_fields_and_nothing_is_lost():
    async with asked() as it:
        it.client.refusal = BadInput("no", {"city": "it is required", "": "unknown input 'x'"})
        await it.press("tab", "7", "f5")
        assert "it is required" in it.text
        assert "unknown input 'x'" in it.text
        assert "37" in it.line_with("Days")
        it.client.refusal = None
        await it.press("f5")
        assert it.client.triggered[-1][1] == {"days": 37}


async def test_what_is_no_json_is_not_even_sent():
    async with asked() as it:
        await it.press("tab", "tab", "tab", "{", "f5")
        assert "it is no JSON" in it.text
        assert it.client.triggered == []


async def test_without_declared_inputs_it_takes_an_object():
    async with asked(None) as it:
        await it.press(*"[1]", "f5")
        assert "it must be a JSON object" in it.text
        await it.press("backspace", "backspace", "backspace", *'{"n":1}', "f5")
        assert it.client.triggered == [("orders.ask", {"n": 1})]


async def test_a_store_that_is_away_is_told_in_the_form():
    async with asked() as it:
        it.client.refusal = StoreUnavailable("the store at x does not answer")
        await it.press("f5")
        assert "the store at x does not answer" in it.text


async def test_the_run_is_shown_layer_by_layer_until_its_result():
    async with asked() as it:
        await it.press("f5")
        await look(it)
        assert "● done  501 ms" in it.line_with("1  fetch")
        assert "try 2 of 3" in it.line_with("2  left")
        assert "○ waiting" in it.line_with("2  right")
        assert "ValueError: no" in it.text
        ended = {id: replace(node, state=NodeRunState.DONE, ms=9.0, error="") for id, node in RUN.nodes.items()}
        outputs = {"left": {"a": 1}, "right": {"b": 2}}
        it.client.runs["run-1"] = replace(RUN, state=RunState.DONE, nodes=ended, outputs=outputs, ended_at=NOW + 1.5)
        await look(it)
        assert "done in 1.5 s" in it.line_with("state")
        assert '"left": {' in it.text
        await it.press("c")
        assert it.toasts == ["The result is copied."]
        assert '"b": 2' in it.app.clipboard
        await it.press("a")
        assert "Run orders.ask once" in it.text
        await it.press("escape")
        assert it.app.screen is it.app.overview


async def test_a_failed_run_says_which_node_why_and_where_its_letter_is():
    async with asked() as it:
        failed = replace(RUN.nodes["left"], state=NodeRunState.FAILED)
        it.client.runs["run-1"] = replace(
            RUN,
            state=RunState.FAILED,
            nodes={**RUN.nodes, "left": failed},
            error="left: ValueError: no",
            letters=(4,),
            ended_at=NOW + 1,
        )
        await it.press("f5")
        await look(it)
        assert "✖ failed" in it.line_with("2  left")
        assert "left: ValueError: no" in it.text
        assert "1 dead letter kept: number 4" in it.text


async def test_a_run_that_waits_for_its_loop_says_so():
    async with asked() as it:
        it.client.asked = Asked("run-1", "orders.ask", LoopState.PAUSED)
        it.client.runs["run-1"] = replace(RUN, state=RunState.QUEUED, nodes={})
        await it.press("f5")
        await look(it)
        assert "orders.ask is paused: the run waits until you resume it" in it.text


async def test_only_a_triggers_loop_runs_by_hand():
    async with asked() as it:
        await it.press("escape", "j", "T")
        assert it.app.screen is it.app.overview
        assert it.toasts == ["orders.incoming makes its items itself: only a trigger's loop runs by hand."]
