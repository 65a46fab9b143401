"""The inspector: what it shows of a node, and running it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fake_client import NOW
from fake_inspector import (
    ORDER,
    FakeInspectorClient,
    a_failed_run,
    a_join,
    a_run,
    a_sample,
    an_input,
    missing,
)
from rich.cells import cell_len
from running import Running, running

from flowtui.model.development import DevLine, NodeInput, Origin, PlannedRun, Stored
from flowtui.model.errors import MissingInputs, UnknownNode
from flowtui.model.states import NodeKind
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.overview import OverviewScreen


@asynccontextmanager
async def inspecting(
    client: FakeInspectorClient | None = None, columns: int = 120, lines: int = 40, **opened: Any
) -> AsyncIterator[Running]:
    """Run the app with the inspector of `check` open."""
    client = client or FakeInspectorClient()
    async with running(client, columns, lines) as it:
        screen = InspectorScreen(client, "orders.incoming", "check", **opened)  # type: ignore[arg-type]
        await it.app.push_screen(screen)
        await it.settle()
        await it.app.workers.wait_for_complete()
        await it.settle()
        yield it


def inspector(it: Running) -> InspectorScreen:
    assert isinstance(it.app.screen, InspectorScreen)
    return it.app.screen


async def done(it: Running) -> None:
    """Let all that was asked be answered and painted."""
    await it.app.workers.wait_for_complete()
    await it.settle()


async def write(it: Running, text: str) -> None:
    """Have the editor of the input hold this text."""
    inspector(it).input.editor.text = text
    await done(it)


async def test_i_on_a_node_shows_config_input_output_and_its_last_runs() -> None:
    client = FakeInspectorClient()
    client.kept_runs = [a_run(), a_failed_run()]
    async with running(client) as it:
        await it.press("tab", "j", "i")
        await done(it)
        assert "check  validate-order · orders.incoming · orders.yaml:31" in it.text
        for words in (
            "Config: validate-order",
            "Input: sample, 12 s ago",
            "sample from production, rev 3f2a91c",
            '"id": 4711',
            "Output: 0.2 ms, changed 1 of 4",
            "~   total: 0 → 2.5",
            "✔ ran well",
        ):
            assert words in it.text
        assert '= "hi 4711"' in it.text, "a template shows what it becomes"
        assert "10.0 (default)" in it.line_with("min_total")
        assert "ValueErr" in it.line_with("0.3 ms sample")
        await it.press("escape")
        assert isinstance(it.app.screen, OverviewScreen)


async def test_f3_lists_every_source_with_age_revision_staleness_and_takes_the_chosen_one() -> None:
    stale = an_input({"id": 1}, origin=Origin.PIN, stale="incoming's config has changed since")
    client = FakeInspectorClient(choices=(stale, an_input()))
    client.kept_runs = [a_run()]
    async with inspecting(client) as it:
        await it.press("f3")
        await done(it)
        assert '12 s ago, rev 3f2a91c · {"id": 1}' in it.line_with("pinned output of incoming")
        assert "! STALE: incoming's config has changed since" in it.text
        for words in ("sample from production", "dead letter 7", "what the run of", "an empty object for incoming"):
            assert words in it.text
        await it.press("enter")
        await done(it)
        assert "Input: pin, 12 s ago" in it.text
        assert "! STALE: incoming's config has" in it.text
        await it.press("f3")
        await done(it)
        await it.press("j", "j", "enter")
        await done(it)
        assert "Input: dead letter, 5 min ago" in it.text
        assert "† 12 letters like this" in it.text, "now f9 can replay it"


async def test_a_join_has_an_input_of_each_upstream_and_a_selector() -> None:
    client = FakeInspectorClient(**a_join())
    async with inspecting(client, columns=180) as it:
        assert "Input: 1 of 2, last run of left, 12 s ago" in it.text
        assert "[left: cache, STALE] right: pin" in it.text
        await it.press("shift+tab", "right")
        await done(it)
        assert "Input: 2 of 2, pin" in it.text
        assert "pinned output of right" in it.text
        await write(it, '{"b": 3}')
        await it.press("f5")
        await done(it)
        said = [(each.upstream, each.origin, each.data.payload) for each in client.requests[0].inputs]
        assert said == [("left", Origin.CACHE, {"id": 1, "a": 1}), ("right", Origin.MOCK, {"b": 3})]


async def test_f7_compares_with_the_last_run_the_pinned_output_and_production_in_turn() -> None:
    client = FakeInspectorClient(production=a_sample({**ORDER, "total": 9}))
    client.pins = [Stored({"id": 4711, "lines": [{"sku": "A-1", "price": 2.5}], "tax": 1})]
    client.kept_runs = [a_run(), a_run("older", output=Stored({**ORDER, "total": 1}), at=NOW - 90)]
    async with inspecting(client) as it:
        for title, rows in (
            ("Output: diff to run ", ["~ total 1 → 2.5"]),
            ("Output: diff to pinned", ["- tax 1", "+ total 2.5"]),
            ("Output: diff to production", ["~ total 9 → 2.5"]),
            ("Output: 0.2 ms, changed 1 of 4", ["~   total: 0 → 2.5"]),
        ):
            await it.press("f7")
            assert title in it.text
            for row in rows:
                assert row in it.text
        await it.press("f7", "escape")
        assert "diff to" not in it.text
        await it.press("v")
        assert '"total": 2.5' in it.text
        await it.press("v", "j", "enter")
        assert "▸ lines [1]" in it.text
        assert "sku:" not in it.text.split("Output")[1].split("Runs")[0].replace('"sku"', "")
        await it.press("G", "enter")
        assert "total" in it.text.splitlines()[17:22].__str__()


async def test_help_and_palette_tell_the_commands_of_the_inspector() -> None:
    client = FakeInspectorClient()
    async with inspecting(client) as it:
        await it.press("f1")
        assert "In the inspector of a node" in it.text
        assert "f5 ctrl+r" in it.text
        await it.press("escape", "ctrl+p")
        await it.type("test case")
        await it.app.workers.wait_for_complete()
        await it.press("down", "enter")
        await it.pilot.pause()
        assert it.toasts == ["There is no run to save: f5 runs the node."]


async def test_i_on_a_group_of_dead_letters_begins_with_the_newest_of_them() -> None:
    client = FakeInspectorClient()
    async with running(client) as it:
        await it.press("tab", "tab", "i")
        assert it.toasts == ["Choose a node or a group of dead letters first."]
        it.app.clear_notifications()  # it would stand before what is looked for
        await it.press("tab", "i")
        await done(it)
        await it.until("dead letter 7, rev 3f2a91c")
        assert "Input: dead letter, 5 min ago" in it.text
        assert "† 12 letters like this" in it.text
        await it.press("escape")
        letters, client.letters = client.letters, []
        await it.press("i")
        await done(it)
        assert it.toasts[-1] == "orders.incoming: no dead letter like this is left."
        client.letters = letters
        await it.press("i")
        client.gone = UnknownNode("orders.incoming has no node 'check'")
        await done(it)
        await it.press("escape", "i")
        await done(it)
        assert it.toasts[-1] == "orders.incoming has no node 'check'"
        assert isinstance(it.app.screen, OverviewScreen)


async def test_f5_runs_with_what_is_seen_shows_the_elapsed_time_and_esc_cancels() -> None:
    client = FakeInspectorClient()
    client.on_run = lambda _: None
    async with inspecting(client) as it:
        await it.press("f5")
        assert client.requests[0].config is None
        assert [each.origin for each in client.requests[0].inputs] == [Origin.SAMPLE]
        assert client.on_line is not None
        client.on_line(DevLine(NOW, logging.INFO, "checking [b]4711[/b] \x1b[31m"))
        await it.until("checking [b]4711[/b] ␛[31m")
        assert re.search(r"running \d", it.text)
        assert "esc cancels" in it.text
        await it.press("f5")
        assert len(client.requests) == 1, "one run at a time"
        await it.press("escape")
        await done(it)
        assert client.running[0].cancelled()
        assert it.toasts[-1].startswith("check is cancelled after ")
        assert "✖ cancelled after " in it.text
        assert "checking [b]4711[/b]" in it.text, "what it logged tells where it hung"
        client.on_run = lambda _: MissingInputs("check has no input from [b]incoming[/b]")
        await it.press("f5")
        await done(it)
        assert it.toasts[-1] == "check has no input from [b]incoming[/b]"
        assert "○ not run" in it.text


async def test_a_failed_run_shows_the_error_the_authors_frame_and_what_was_logged() -> None:
    client = FakeInspectorClient()
    client.on_run = lambda _: a_failed_run("new")
    client.kept_runs = [a_run("2", output=None, note="dropped the item"), a_run("3", output=None, cut=("output",))]
    client.kept_runs += [a_run("older", port="yes")]
    async with inspecting(client) as it:
        await it.press("f5")
        await done(it)
        assert "✖ failed: ValueError" in it.text
        assert "✖ ValueError: order 4711 has no lines (orders.py:31 in execute)" in it.text
        assert "nodes/orders.py:31 in execute" in it.text
        assert "no lines [b]at all[/b] ␛[31m" in it.text
        assert "No output: it failed with ValueError" in it.text
        await it.press("ctrl+n", "ctrl+n")
        for said in ("No output: dropped the item.", "The output was too big to be kept.", "Output: port yes, changed"):
            await it.press("j")
            assert said in it.text
        await it.press("enter")
        assert it.app.focused is inspector(it).output
        await it.press("q")
        assert isinstance(it.app.screen, OverviewScreen)


async def test_typing_makes_the_input_a_mock_and_says_where_it_is_no_json() -> None:
    client = FakeInspectorClient()
    client.on_run = lambda request: a_run("new", inputs=request.inputs)
    async with inspecting(client) as it:
        await it.press("end", "x")
        assert "Input: mock, not valid yet" in it.text
        assert "✖ line 1, column 2: expecting property" in it.text
        await it.press("f5")
        assert "line 1, column 2" in it.toasts[-1]
        assert client.requests == []
        await it.press("backspace")
        assert "Input: sample, 12 s ago" in it.text, "the text is again what the sample holds"
        for text, why in (("[1]", "it must be a JSON object"), ('{"a": NaN}', "NaN is no JSON")):
            await write(it, text)
            assert why in it.text
        await write(it, '{"id": 7}')
        assert "Input: mock, typed here" in it.text
        assert '= "hi 7"' in it.text, "templates are rendered with what was typed"
        client.config = {"currency": "USD", "greeting": "hi {{ data.id }}"}
        client.change_loop("orders.incoming", revision=4)
        await it.settle()
        await done(it)
        assert "USD" in it.line_with("currency"), "a reload is noticed"
        assert '{"id": 7}' in it.text, "and takes nothing away"
        await it.press("escape")
        assert "The input was typed here, has not run yet, and will be lost" in it.text
        await it.press("n", "f5")
        await done(it)
        (given,) = client.requests[0].inputs
        assert (given.origin, given.upstream, given.data.payload) == (Origin.MOCK, "incoming", {"id": 7})
        await it.press("escape")
        assert isinstance(it.app.screen, OverviewScreen), "the history keeps what has run"


async def test_a_missing_input_is_named_and_f6_runs_what_is_upstream_step_by_step() -> None:
    client = FakeInspectorClient(**missing())
    client.plan = (PlannedRun("incoming", "timer", "nothing is known of it"), PlannedRun("mid", "map", "it is stale"))
    async with inspecting(client, columns=160) as it:
        for said in ("check has no input from incoming", "f6 runs what is upstream", "f3 takes a", "or type a JSON"):
            assert said in it.text
        await it.press("f5")
        assert client.requests == []
        assert "check has no input from incoming" in it.toasts[-1]
        await it.press("f6")
        await done(it)
        for said in ("1  incoming  ○ timer: nothing is known of it", "2  mid       ○ map: it is stale"):
            assert said in it.text
        client.on_run = lambda request: None if request.node == "mid" else a_run(request.node, node=request.node)
        await it.press("enter")
        await it.until("▶ running")
        assert "1  incoming  ✔ well, 0.2 ms" in it.text
        client.running[0].set_result(a_failed_run("m", node="mid"))
        await it.until("i inspects the node that failed")
        assert "✖ ValueError: order 4711 has no lines" in it.text
        await it.press("i")
        await done(it)
        assert inspector(it).desk.node == "mid"
        await it.press("escape")
        client.on_run = lambda request: (
            MissingInputs("mid follows 'yes'") if request.node == "mid" else a_run(request.node, node=request.node)
        )
        await it.press("f6")
        await done(it)
        await it.press("y")
        await it.until("– mid follows 'yes'")
        assert "Done, but for what got no input." in it.text
        client.fields = {}
        await it.press("enter")
        await done(it)
        assert '"id": 4711' in it.text
        client.plan = ()
        await it.press("f6")
        await done(it)
        assert it.toasts[-1] == "Nothing is missing: check has all its input."


async def test_a_producer_has_no_input_and_says_so() -> None:
    client = FakeInspectorClient(kind=NodeKind.PRODUCER, upstream=(), inputs=(), choices=(), type="timer")
    async with inspecting(client) as it:
        assert "A producer makes its items itself" in it.text
        assert not inspector(it).input.editor.display
        await it.press("f5")
        await done(it)
        assert client.requests[0].inputs == ()
        await it.press("f3")
        assert it.toasts[-1] == "A producer takes no input."


async def test_every_part_is_reached_by_keys_alone_at_every_size() -> None:
    client = FakeInspectorClient()
    client.kept_runs = [a_run()]
    async with inspecting(client) as it:
        screen = inspector(it)
        for columns, lines in ((80, 24), (60, 14)):
            await it.resize(columns, lines)
            seen = []
            for _ in range(5):
                assert screen.current.display
                assert screen.current.region.height >= 3
                seen.append(screen.current.heading)
                await it.press("ctrl+n")
            assert seen == ["Input", "Output", "Runs", "Log and errors", "Config"]
            assert "esc back  f1 help" in it.text.splitlines()[-1]
        await it.press("f11")
        assert [part.heading for part in screen.uppers if part.display] == ["Input"]
        await it.resize(39, 9)
        assert "terminal too small" in it.text
        await it.resize(120, 40)
        await it.press("escape", "ctrl+n", "ctrl+n", "ctrl+n", "ctrl+n")
        visited = []
        for _ in range(9):
            visited.append(screen.current.heading)
            await it.press("tab")
        frames = {part.heading: part.render_line(0)._segments[0].style for part in (screen.output, *screen.lowers)}
        assert frames["Runs"] == frames["Output"] == frames["Log and errors"], "only what has the keys is bright"
        assert visited == ["Config"] * 5 + ["Input", "Output", "Runs", "Log and errors"]


async def test_an_input_that_was_given_is_used_and_a_wide_or_odd_payload_keeps_the_frame() -> None:
    odd = {"日本": "語" * 60, "\x1b[31m": "\u202e\x07\u200d", "long": "x" * 3000}
    given = NodeInput(Origin.SAMPLE, Stored(odd), at=NOW - 5)
    client = FakeInspectorClient()
    client.on_run = lambda request: a_run("new", inputs=request.inputs, output=Stored(odd))
    async with inspecting(client, given=given) as it:
        await it.press("f5")
        await done(it)
        assert client.requests[0].inputs == (given,), "to escape what a terminal would obey changes nothing"
        assert not {"\x1b", "\u202e", "\x07"} & {*it.text}
        assert {cell_len(line) for line in it.text.splitlines()} == {120}


async def test_who_leaves_before_all_is_shown_is_back_where_they_were() -> None:
    async with running(FakeInspectorClient()) as it:
        for turns in (0, 3):
            screen = InspectorScreen(it.client, "orders.incoming", "check")  # type: ignore[arg-type]
            await it.app.push_screen(screen)
            for _ in range(turns):
                await asyncio.sleep(0)
            screen.action_leave()
            await done(it)
        assert isinstance(it.app.screen, OverviewScreen)
