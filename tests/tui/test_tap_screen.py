"""t taps a node: items flow by as they pass, can be held, looked at and taken along."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from fake_client import NOW, FakeClient, a_loop, a_node, a_snapshot
from rich.cells import cell_len
from running import Running, running

from flowtui.model.development import NodeInput, Origin, Sample, Stored
from flowtui.model.errors import UnknownNode
from flowtui.model.states import LoopState, NodeKind
from flowtui.tui.screens.tap import TapScreen

LOOP = a_loop(
    "orders.incoming",
    nodes=(a_node("incoming", "directory-watch", kind=NodeKind.PRODUCER), a_node("check", "validate-order")),
)


def sample(number: int, made: dict[str, Any] | None = None, **more: Any) -> Sample:
    """An item to which the node has added `made`."""
    given = {"id": number, "lines": []}
    output = Stored(given | (made or {"total": 12.5}))
    return replace(Sample("orders.incoming", "check", NOW + number, f"i-{number}", Stored(given), output), **more)


@asynccontextmanager
async def tapped(*kept: Sample, node: int = 1, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Running]:
    """Run the app and tap a node of the only loop; the store has these samples, newest first."""
    client = FakeClient(a_snapshot(LOOP))
    client.kept = kept
    async with running(client, *size) as it:
        await it.press("tab", *"j" * node, "t")
        await look(it)
        yield it


async def look(it: Running, *came: Sample) -> None:
    """Let these pass, and the screen look."""
    it.client.flow += came
    it.app.screen._look()  # type: ignore[attr-defined]
    await it.settle()


async def test_items_flow_by_with_what_came_in_and_what_the_node_has_changed():
    async with tapped(sample(2), sample(1)) as it:
        assert it.client.tapping == [("orders.incoming", "check")]
        assert "Tap: check of orders.incoming, following" in it.text
        first, second = it.line_with("i-1"), it.line_with("i-2")
        assert it.text.index(first) < it.text.index(second), "the newest is the last"
        await look(
            it,
            sample(3, {"id": 4, "lines": [1]}),
            sample(4, output=None),
            sample(5, output=None, error="ValueError: order 5 has no lines"),
            sample(6, output=Stored({"id": 6, "lines": []}), port="yes"),
            sample(7, output=Stored({"id": 7})),
        )
        assert "id: 1  lines: []" in first
        assert "+ total: 12.5" in first
        assert "~ id: 4  ~ lines: [1]" in it.line_with("i-3")
        assert "○" in it.line_with("i-4")
        assert "dropped the item" in it.line_with("i-4")
        assert "✖" in it.line_with("i-5")
        assert "ValueError: order 5 has no lines" in it.line_with("i-5")
        assert "→ yes  unchanged" in it.line_with("i-6")
        assert "- lines" in it.line_with("i-7")
        assert "5 of 5 seen" in it.text


async def test_of_a_producer_there_is_only_what_it_made():
    made = sample(1, input=None, node="incoming")
    async with tapped(made, node=0) as it:
        assert "INPUT" not in it.text
        assert "id: 1  lines: []  total: 12.5" in it.line_with("i-1")
        assert "Input" not in it.text


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10)])
async def test_it_fits_every_terminal(size):
    wide = [sample(number, {"text": "日本 \x1b[31m" * 200}) for number in range(60, 0, -1)]
    async with tapped(*wide, size=size) as it:
        lines = it.text.splitlines()
        assert (len(lines), {cell_len(line) for line in lines}) == (size[1], {size[0]})
        assert "Tap: check" in it.text
        assert "\x1b" not in it.text
        assert ("╭ Output" in it.text) is (size == (120, 40))


async def test_space_holds_the_view_and_lets_it_go_on():
    async with tapped() as it:
        await look(it, sample(1))
        await it.press("space")
        await look(it, sample(2), sample(3))
        assert "held, 2 new" in it.text
        assert "space goes on" in it.text
        assert "i-2" not in it.text
        await it.press("space")
        assert "following" in it.text
        assert it.text.index("i-2") < it.text.index("i-3")
        await look(it, sample(4))
        assert "i-4" in it.text


async def test_a_move_upwards_holds_it_and_the_chosen_item_is_shown_whole():
    async with tapped() as it:
        await look(it, *(sample(number) for number in range(1, 40)))
        assert '"id": 39' in it.text
        await it.press("k", "k")
        await look(it, sample(40))
        assert "held, 1 new" in it.text
        assert '"id": 37' in it.text
        await it.press("enter")
        assert "check of orders.incoming" in it.text
        assert it.line_with("outcome").count("● handed on") == 1
        assert '"total": 12.5' in it.text
        await it.press("escape")
        assert "held, 1 new" in it.text


async def test_the_newest_item_is_shown_whole_below_and_can_be_copied():
    async with tapped(sample(1)) as it:
        await it.press("c")
        assert it.toasts == ["Input and output are copied."]
        assert '"total": 12.5' in it.app.clipboard
        await look(it, sample(2, input=Stored({}), output=Stored({}), cut=("input", "output")))
        assert it.line_with("i-2").count("too big to be kept") == 2
        assert "The input was too big to be kept." in it.text
        assert "The output was too big to be kept." in it.text
        await look(it, sample(3, input=Stored({"a": 1}, {"left": Stored({"a": 1}), "right": Stored({})})))
        assert it.text.index("From left") < it.text.index("From right")
        await look(it, sample(4, output=None, error="ValueError: no lines"))
        assert "╭ Error" in it.text
        await it.press("enter")
        assert "✖ failed" in it.line_with("outcome")


async def test_why_nothing_passes_is_told_and_leaving_ends_the_tap():
    async with tapped() as it:
        assert "Nothing has passed yet." in it.text
        it.client.change_loop("orders.incoming", state=LoopState.PAUSED, since=NOW - 720)
        await look(it)
        assert "Nothing passes now: orders.incoming is paused 12 min." in it.text
        await look(it, sample(1))
        assert "following, paused 12 min" in it.text
        it.client.change(loops=())
        await look(it)
        assert "following, gone from its file" in it.text
        await it.press("escape")
        assert it.app.screen is it.app.overview
        assert it.client.tapping == [("orders.incoming", "check"), ("", "")]


async def test_what_cannot_be_tapped_says_why():
    client = FakeClient(a_snapshot(LOOP))
    async with running(client) as it:
        await it.press("tab", "tab", "t")
        client.refusal = UnknownNode("orders.incoming has no node 'check' to tap")
        await it.press("shift+tab", "j", "t")
        assert it.toasts == ["Choose a node first.", str(client.refusal)]
        assert it.app.screen is it.app.overview


async def test_the_chosen_items_input_can_be_taken_to_an_inspector():
    taken: list[NodeInput | None] = []
    client = FakeClient(a_snapshot(LOOP))
    client.kept = (sample(3, input=Stored({}), cut=("input",)), sample(2, revision="r"), sample(1, input=None))
    async with running(client) as it:
        it.app.push_screen(TapScreen(client, "orders.incoming", "check", NodeKind.BLOCKING, taken.append))  # type: ignore[arg-type]
        await it.settle()
        assert "i inspects" in it.text
        await it.press("i")
        assert it.toasts == ["Its input was too big to be kept: choose a smaller item."]
        await it.press("k", "i", "k", "i")
        given = NodeInput(Origin.SAMPLE, Stored({"id": 2, "lines": []}), at=NOW + 2, revision="r")
        assert taken == [given, None]
