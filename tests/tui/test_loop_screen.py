"""One loop: its graph from top to bottom, its figures, its bottleneck, its log, and what can be done from there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_client import NOW, FakeClient, a_loop, a_node, a_snapshot, chatter
from fake_inspector import FakeInspectorClient
from hypothesis import given
from hypothesis import strategies as st
from running import running

from flowtui.model.preferences import USUAL
from flowtui.model.snapshot import LoopView
from flowtui.model.states import Command, LoopState, NodeHealth, NodeKind
from flowtui.tui.graph_lines import graph_rows
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.loop import LoopScreen

NEEDS = {
    "incoming": [],
    "check": ["incoming"],
    "big": ["check"],
    "notify": ["big"],
    "note": ["big"],
    "store": ["notify", "note"],
}


def a_graph(**fields: object) -> LoopView:
    """A loop with a branch and a join, whose slowest node is `notify`."""
    ports = {"notify": "yes", "note": "no"}
    nodes = tuple(
        a_node(
            id,
            kind={"incoming": NodeKind.PRODUCER, "big": NodeKind.CONDITIONAL}.get(id, NodeKind.BLOCKING),
            needs=tuple((need, ports.get(id, "")) for need in needs),
            busy={"incoming": None, "notify": 0.92}.get(id, 0.03),
            ports=(("yes", 7), ("no", 93)) if id == "big" else (),
            queue="orders.accepted" if id == "store" else None,
        )
        for id, needs in NEEDS.items()
    )
    return a_loop("orders.incoming", nodes=nodes, **fields)


def drawn(needs: dict[str, list[str]]) -> list[str]:
    """Return the rows of a graph, `*` for a node, with their ids."""
    lines = []
    for row in graph_rows(list(needs), needs):
        lanes = row.lanes.ljust(row.column + 1)
        if row.node:
            lanes = f"{lanes[: row.column]}*{lanes[row.column + 1 :]}"
        lines.append(f"{lanes} {row.node}".rstrip())
    return lines


def test_branches_part_and_joins_come_together() -> None:
    assert drawn(NEEDS) == ["* incoming", "* check", "* big", "├─╮", "* │ notify", "│ * note", "├─╯", "* store"]


def test_an_edge_that_passes_others_keeps_its_lane() -> None:
    needs = {"a": [], "b": ["a"], "c": ["a"], "d": ["a"], "e": ["b", "d"], "f": ["c", "e"]}
    assert drawn(needs) == ["* a", "├─┬─╮", "* │ │ b", "│ * │ c", "│ │ * d", "├─┼─╯", "* │ e", "├─╯", "* f"]


@given(st.lists(st.sets(st.integers(0, 8), min_size=1, max_size=3), max_size=9))
def test_every_edge_leads_from_its_node_to_its_node(found: list[set[int]]) -> None:
    needs: dict[str, list[str]] = {"n0": []}
    for index, wanted in enumerate(found, start=1):
        needs[f"n{index}"] = sorted({f"n{each % index}" for each in wanted})
    rows = graph_rows(list(needs), needs)
    assert [row.node for row in rows if row.node] == list(needs)
    # Followed stroke by stroke, without what the drawing knows: each lane leads down to one node.
    at: dict[int, set[str]] = {}
    arrived: dict[str, set[str]] = {}
    for row in rows:
        if row.node:
            arrived[row.node] = at.pop(row.column, set())
            at[row.column] = {row.node}
            continue
        joined = "╯" in row.lanes or "┴" in row.lanes
        first = row.lanes.index("├") if "├" in row.lanes else row.lanes.index("╭")
        for column, stroke in enumerate(row.lanes):
            if joined and stroke in "╯┴":
                at[first] = at[first] | at.pop(column)
            elif not joined and stroke in "╮┬":
                at[column] = set(at[first])
    assert arrived == {id: set(wanted) for id, wanted in needs.items()}


async def test_2_shows_the_graph_with_figures_the_bottleneck_and_the_log_of_this_loop_alone() -> None:
    client = FakeClient(a_snapshot(a_graph(), a_loop("host.cpu")))
    client.log("mine", loop="orders.incoming")
    client.log("of another", loop="host.cpu")
    async with running(client) as it:
        await it.press("2")
        assert isinstance(it.app.screen, LoopScreen)
        await it.until("mine")
        assert "of another" not in it.text
        lines = it.text.splitlines()
        graph = [line for line in lines if "3%" in line or "92%" in line or "├─" in line]
        assert [line[1:10].strip().split()[0] for line in graph] == ["●", "◆", "├─╮", "●", "│", "├─╯", "●"]
        assert "▲ bottleneck" in it.line_with("notify")
        assert "big.yes" in it.line_with("notify")
        assert "yes 7%  no 93%" in it.line_with(" big ")
        assert "⇒ orders.accepted" in it.line_with("notify, note")
        for words in ("running", "p95 3.1 ms", "items 123k", "errors 0"):
            assert words in it.text, words


async def test_commands_are_for_the_loop_that_is_shown_and_esc_goes_back() -> None:
    client = FakeClient(a_snapshot(a_loop("host.cpu"), a_graph()))
    async with running(client) as it:
        await it.press("j", "2", "p", "escape")
        assert client.commands == [(Command.PAUSE, "orders.incoming")]
        assert it.app.screen is it.app.overview


async def test_i_inspects_the_chosen_node() -> None:
    async with running(FakeInspectorClient()) as it:
        await it.press("2", "j", "i")
        assert isinstance(it.app.screen, InspectorScreen)
        await it.until("Config:")
        await it.press("escape")
        assert isinstance(it.app.screen, LoopScreen)


async def test_the_cursor_moves_from_node_to_node_and_stays_on_its_node_when_the_graph_changes() -> None:
    client = FakeClient(a_snapshot(a_graph()))
    async with running(client) as it:
        await it.press("2")
        seen = []
        for _ in NEEDS:
            seen.append(it.app.screen.graph.node.id)
            await it.press("j")
        assert seen == list(NEEDS)
        await it.press("k")
        assert it.app.screen.graph.node.id == "note"
        nodes = tuple(node for node in a_graph().nodes if node.id not in ("notify", "store"))
        client.shown = a_snapshot(a_loop("orders.incoming", nodes=nodes))
        await it.settle()
        assert it.app.screen.graph.node.id == "note"
        assert "├─" not in it.text


async def test_a_node_that_is_not_well_is_chosen_and_says_why() -> None:
    nodes = (*a_graph().nodes[:1], a_node("check", health=NodeHealth.FAILING, last_error="KeyError: 'lines'"))
    async with running(FakeClient(a_snapshot(a_loop("orders.incoming", nodes=nodes)))) as it:
        await it.press("enter")
        assert it.app.screen.graph.node.id == "check"
        assert "failing: KeyError: 'lines'" in it.text


async def test_a_loop_that_is_gone_says_so() -> None:
    client = FakeClient(a_snapshot(a_graph()))
    async with running(client) as it:
        await it.press("2")
        client.shown = a_snapshot(a_loop("host.cpu"))
        await it.until("This loop is gone")
        await it.press("s")
        assert it.toasts == ["There is no loop to choose."]


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (80, 24), (60, 16), (40, 10)])
async def test_it_fits_every_size(columns: int, lines: int) -> None:
    failed = a_graph(state=LoopState.FAILED, reason="ConnectError: " + "no " * 50, since=NOW - 60)
    async with running(FakeClient(a_snapshot(failed)), columns, lines) as it:
        await it.press("2")
        assert "✖ orders.incoming" in it.text
        assert "incoming" in it.text
        await it.press("tab")
        assert "Log" in it.text
        await it.press("z", "z", "v", "escape", "escape")
        assert it.app.screen is it.app.overview


async def test_without_a_loop_2_says_so() -> None:
    async with running(FakeClient(a_snapshot())) as it:
        await it.press("2")
        assert it.toasts == ["There is no loop to choose."]


async def test_what_is_seen_can_be_acted_upon_before_the_next_snapshot_comes() -> None:
    client = FakeClient(a_snapshot(a_graph()))
    async with running(client) as it:
        screen = LoopScreen(it.app._commands, "orders.incoming", client.shown)
        await it.app.push_screen(screen)
        assert screen.chosen_loop == client.shown.loops[0]


async def test_the_log_of_a_loop_is_there_as_soon_as_the_loop_is() -> None:
    client = FakeClient(a_snapshot(a_graph()))
    chatter(client, 40)
    async with running(client, preferences=replace(USUAL, refresh=0.1)) as it:  # no look of itself for ten seconds
        await it.pilot.press("enter")
        while not isinstance(it.app.screen, LoopScreen):
            await it.pilot.pause()
        await it.pilot.pause()
        assert "Log: orders.incoming" in it.text
        assert "3 lines, 12.50 EUR" in it.text
