"""What the overview shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_client import NOW, FakeClient, a_busy_afternoon, a_loop, a_node, a_queue, a_snapshot, chatter
from running import running

from flowtui.model.errors import Problem
from flowtui.model.snapshot import GroupView, Instance, StoreView
from flowtui.model.states import LoopState, NodeHealth, NodeKind


async def test_the_worst_loop_stands_first_and_says_since_when() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        rows = it.text.splitlines()
        order = [
            next(i for i, row in enumerate(rows) if f" {id}" in row[:40])
            for id in ("sync.poll", "host.cpu", "mail.outbox")
        ]
        assert order == sorted(order)
        assert "✖ sync.poll" in it.line_with("failed 3 min: ")
        assert "‖ host.cpu" in it.line_with("paused 12 min")


async def test_the_header_counts_loops_by_state() -> None:
    async with running(FakeClient(a_busy_afternoon()), columns=160) as it:
        header = it.text.splitlines()[0]
        assert header.startswith(" flowtui  /home/ana/flows   PRODUCTION   ● local store, durable")
        assert "7 loops: 4 running, 1 paused, 1 completed, 1 failed" in header
        assert header.rstrip().endswith("2 h 14 min")


async def test_a_store_that_forgets_and_failed_loops_are_in_the_header_at_every_width() -> None:
    client = FakeClient(a_busy_afternoon())
    client.change(store=StoreView("memory", "", False, ""))
    async with running(client, 160, 24) as it:
        for columns in (160, 120, 80, 48):
            await it.resize(columns, 24)
            header = it.text.splitlines()[0]
            assert "! EPHEMERAL" in header
            assert "1 failed" in header


def instances(count: int) -> tuple[Instance, ...]:
    return tuple(Instance(f"id{n}", "ana-laptop", 4711 + n, "/home/ana/flows", NOW - n) for n in range(count))


async def test_the_header_counts_the_instances_on_the_store_if_there_are_several() -> None:
    client = FakeClient(a_busy_afternoon())
    client.change(instances=instances(1))
    async with running(client, columns=160) as it:
        assert "instance" not in it.text.splitlines()[0]
        client.change(instances=instances(3))
        await it.settle()
        assert "● local store, durable  3 instances   7 loops" in it.text.splitlines()[0]
        await it.resize(120, 24)
        assert "3 instances" in it.text.splitlines()[0]


async def test_a_loop_that_stands_by_says_who_runs_it() -> None:
    loop = a_loop("sync.poll", waiting="standby: ana-laptop:4711 runs it", waiting_since=NOW - 60)
    async with running(FakeClient(a_snapshot(loop)), columns=160) as it:
        assert "▷ sync.poll" in it.line_with("standby: ana-laptop:4711 runs it")
        assert "waiting" not in it.line_with("standby:")


async def test_a_pane_that_comes_into_view_is_filled_though_nothing_has_changed() -> None:
    async with running(FakeClient(a_busy_afternoon()), 80, 24) as it:
        assert "orders.accepted" not in it.text
        await it.resize(120, 40)
        await it.until("orders.accepted")  # the new sizes may come later than the first look


async def test_a_queue_names_the_loops_that_are_gone_and_what_waits_for_them() -> None:
    queue = replace(a_queue("orders.accepted"), groups=(GroupView("orders.audit", 1234, is_orphan=True),))
    async with running(FakeClient(a_snapshot(a_loop("orders.fulfil"), queues=(queue,))), 160, 40) as it:
        await it.press("tab", "tab", "v")
        assert "orders.audit: 1,234 wait for it" in it.text


async def test_there_is_no_alert_while_all_is_well_but_the_last_reload() -> None:
    async with running(FakeClient(a_snapshot(a_loop("a.b"), last_reload="orders r3: 1 swapped"))) as it:
        assert it.text.splitlines()[1].strip() == "orders r3: 1 swapped"


async def test_the_alert_names_the_worst_first() -> None:
    client = FakeClient(a_busy_afternoon())
    async with running(client) as it:
        assert it.text.splitlines()[1].startswith(" ✖ sync.poll failed 3 min ago: ConnectError")
        client.change(store=StoreView("local", "x", True, "the local store exited, restarting in 2 s"))
        await it.settle()
        assert it.text.splitlines()[1].startswith(
            " ✖ store in trouble for 0 s: the local store exited, restarting in 2 s"
        )
        client.why_not = "the state directory is held by another flowtui"
        await it.settle()
        assert it.text.splitlines()[1].startswith(" ✖ the state directory is held by another flowtui")
        assert "+6 more" in it.text.splitlines()[1]


async def test_a_file_problem_is_alerted_with_its_place() -> None:
    problem = Problem(Path("flows/a.yaml"), 3, 9, "unknown field 'confg'", "unknown-field")
    async with running(FakeClient(a_snapshot(a_loop("a.b"), problems=(problem,)))) as it:
        assert it.text.splitlines()[1].startswith(" ✖ a.yaml:3:9 unknown field 'confg'")


async def test_the_nodes_of_the_chosen_loop_are_shown() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        assert "Nodes of sync.poll" in it.text
        await it.press("j", "j")
        assert "Nodes of orders.incoming" in it.text
        assert "yes 7%" in it.line_with("◆ big")
        assert "stalled" in it.line_with("! notify")


async def test_a_failing_node_shows_its_error_below_itself() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        rows = it.text.splitlines()
        index = next(i for i, row in enumerate(rows) if "✖ fetch" in row)
        assert "failing" in rows[index]
        assert "ConnectError: [Errno 111]" in rows[index + 1]


async def test_queues_show_depth_rates_and_what_is_unaccounted_for() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        row = it.line_with("orders.accepted ")
        assert "██░░░░░░  3.1k     41     38   1 min" in row
        assert it.line_with("! mail.outgoing").split("││")[0].split()[-1] == "1"


async def test_dead_letters_are_grouped_with_their_number() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        assert "Problems: 14 dead, 1 in files" in it.text
        assert "†    12 sync.poll" in it.text


async def test_empty_panes_say_what_to_do() -> None:
    async with running(FakeClient(a_snapshot())) as it:
        for words in (
            "No loops. Save a workflow",
            "Choose a loop",
            "No queues.",
            "No problems, no dead",
            "Nothing logged yet",
        ):
            assert words in it.text


async def test_while_loading_nothing_is_claimed() -> None:
    client = FakeClient(a_snapshot(loading=True))
    async with running(client) as it:
        assert "loading …" in it.text.splitlines()[0]
        assert "No loops" not in it.text
        client.change(loading=False)
        await it.settle()
        assert "No loops" in it.text


async def test_the_cursor_stays_on_its_loop_when_the_order_changes() -> None:
    client = FakeClient(a_snapshot(a_loop("a.one"), a_loop("a.two"), a_loop("a.three")))
    async with running(client) as it:
        await it.press("j")
        assert it.app.overview.loops.chosen.id == "a.two"
        client.change_loop("a.three", state=LoopState.FAILED)
        await it.settle()
        assert it.app.overview.loops.chosen.id == "a.two"


async def test_an_untouched_cursor_goes_to_what_fails() -> None:
    client = FakeClient(a_snapshot(a_loop("a.one"), a_loop("a.two")))
    async with running(client) as it:
        client.change_loop("a.two", state=LoopState.FAILED)
        await it.settle()
        assert it.app.overview.loops.chosen.id == "a.two"
        assert "Nodes of a.two" in it.text


async def test_names_and_errors_are_never_markup_or_control_sequences() -> None:
    evil = "[red]x[/red] \x1b[2J\x07 日本\u202egnp"
    node = a_node("n", health=NodeHealth.FAILING, last_error=evil)
    loop = a_loop("a.b", state=LoopState.FAILED, reason=evil, nodes=(a_node("p", kind=NodeKind.PRODUCER), node))
    client = FakeClient(a_snapshot(loop, queues=(a_queue(evil),)))
    client.log(evil, evil, evil)
    async with running(client) as it:
        assert "[red]x[/red] ␛[2J␇ 日本�gnp" in it.text
        assert "\x1b" not in it.text
        assert "\x07" not in it.text
        rows = it.app.screen._compositor.render_strips()
        assert {strip.cell_length for strip in rows} == {120}


async def test_every_size_is_filled_exactly_and_the_least_says_so_below_it() -> None:
    client = FakeClient(a_busy_afternoon())
    chatter(client, 60)
    async with running(client) as it:
        for columns, lines in ((40, 10), (41, 17), (60, 18), (80, 24), (111, 60), (112, 28), (250, 70)):
            await it.resize(columns, lines)
            for _ in range(2):
                rows = it.text.splitlines()
                assert len(rows) == lines
                assert "s start" in rows[-1]
                assert sum(row.count("╭") for row in rows) == sum(row.count("╯") for row in rows) >= 1
                await it.press("tab")
        await it.resize(39, 10)
        assert "terminal too small: 39×10, needs 40×10" in it.text
        await it.resize(20, 5)
        assert [line.strip() for line in it.text.splitlines()] == [
            "",
            "terminal too small:",
            "20×5, needs 40×10",
            "",
            "",
        ]


async def test_hidden_panes_do_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeClient(a_busy_afternoon())
    async with running(client, 80, 24) as it:
        drawn: list[str] = []
        for pane in it.app.overview.panes:
            usual = pane.draw
            monkeypatch.setattr(
                pane,
                "draw",
                lambda width, height, pane=pane, usual=usual: drawn.append(pane.id) or usual(width, height),
            )
        client.change(taken_at=NOW + 60)
        await it.settle()
        assert set(drawn) == {"loops", "log"}


async def test_a_wide_terminal_shows_more_columns() -> None:
    client = FakeClient(a_busy_afternoon())
    async with running(client, 120, 40) as it:
        assert "READ BY" not in it.text
        await it.resize(200, 50)
        for title in ("READ BY", "IN FLIGHT", "RUNS", "LAST"):
            assert title in it.text


async def test_a_long_name_is_cut_and_never_pushes_the_figures_out() -> None:
    client = FakeClient(a_snapshot(a_loop("w." + "x" * 300, errors=7)))
    async with running(client, 80, 24) as it:
        row = it.line_with("xxxx")
        assert "…" in row
        assert row.rstrip(" │").endswith(" 7")


async def test_many_loops_scroll_and_say_where() -> None:
    client = FakeClient(a_snapshot(*(a_loop(f"w.loop{n:03}") for n in range(200))))
    async with running(client) as it:
        assert "of 200" in it.text
        await it.press("G")
        assert it.app.overview.loops.chosen.id == "w.loop199"
        assert "w.loop199" in it.text
        await it.press("g")
        assert "w.loop000" in it.text


async def test_a_loop_is_waiting_only_when_it_waits_longer_than_between_two_items() -> None:
    client = FakeClient(a_snapshot(a_loop("a.b", waiting="no input", waiting_since=NOW - 0.4)))
    async with running(client) as it:
        assert "running" in it.line_with("▶ a.b")
        client.change(taken_at=NOW + 2)
        await it.settle()
        assert "waiting: no input" in it.line_with("▷ a.b")


async def test_figures_that_go_missing_are_a_dash() -> None:
    async with running(FakeClient(a_snapshot(replace(a_loop("a.b"), p95_ms=None, history=())))) as it:
        assert "—" in it.line_with("▶ a.b")
