"""What the keys of the overview do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fake_client import NOW, FakeClient, a_busy_afternoon, a_loop, a_snapshot, chatter
from running import running
from textual.widgets import Input

from flowtui.model.errors import IllegalTransition, Problem
from flowtui.model.excerpts import excerpt
from flowtui.model.states import Command, LoopState
from flowtui.model.workflows import FileKind, FileProblem, WorkflowView
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import ACTIONS, actions_on
from flowtui.tui.app import FlowtuiApp
from flowtui.tui.screens.confirm import ClosingScreen, ConfirmScreen
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.letters import LettersScreen
from flowtui.tui.screens.logs import LogsScreen
from flowtui.tui.screens.loop import LoopScreen
from flowtui.tui.screens.overview import OverviewScreen
from flowtui.tui.screens.queues import QueuesScreen
from flowtui.tui.screens.reader import ReaderScreen
from flowtui.tui.screens.workflows import WorkflowsScreen
from flowtui.tui.themes import ABOUT
from flowtui.tui.widgets.live_table import LiveTable
from flowtui.tui.widgets.log_view import LogView
from flowtui.tui.widgets.pane import Pane


def two_loops() -> FakeClient:
    return FakeClient(a_snapshot(a_loop("a.one"), a_loop("a.two", state=LoopState.PAUSED, since=NOW - 60)))


async def test_letters_command_the_chosen_loop() -> None:
    async with running(two_loops()) as it:
        await it.press("s", "x", "p", "j", "p")
        assert it.client.commands == [
            (Command.START, "a.two"),
            (Command.STOP, "a.two"),
            (Command.RESUME, "a.two"),
            (Command.PAUSE, "a.one"),
        ]


async def test_capital_s_starts_all() -> None:
    async with running(two_loops()) as it:
        await it.press("S")
        assert it.client.commands == [(Command.START, None)]
        assert it.toasts == ["start: 2 loops"]


async def test_capital_p_pauses_all_and_lets_all_go_on_when_none_runs() -> None:
    async with running(two_loops()) as it:
        await it.press("P")
        it.client.change_loop("a.one", state=LoopState.PAUSED)
        await it.settle()
        await it.press("P")
        assert it.client.commands == [(Command.PAUSE, None), (Command.RESUME, None)]


async def test_capital_x_asks_before_it_stops_all() -> None:
    async with running(two_loops()) as it:
        for answer, commands in (("n", []), ("escape", []), ("y", [(Command.STOP, None)])):
            await it.press("X")
            assert isinstance(it.app.screen, ConfirmScreen)
            assert it.client.commands == []
            await it.press(answer)
            assert isinstance(it.app.screen, OverviewScreen)
            assert it.client.commands == commands


async def test_a_refused_command_shows_its_sentence_and_never_as_markup() -> None:
    async with running(two_loops()) as it:
        it.client.refusal = IllegalTransition("Loop [b]a.two[/b] is paused: it can resume or stop.")
        await it.press("s")
        assert it.toasts == ["Loop [b]a.two[/b] is paused: it can resume or stop."]
        assert "[b]a.two[/b]" in it.text


async def test_tab_goes_round_all_panes_and_back() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        seen = []
        for _ in range(5):
            seen.append(it.app.overview.current.id)
            assert it.app.focused is it.app.overview.current
            await it.press("tab")
        assert seen == ["loops", "nodes", "queues", "trouble", "log"]
        assert it.app.overview.current.id == "loops"
        await it.press("shift+tab")
        assert it.app.overview.current.id == "log"


async def test_z_gives_the_pane_the_whole_screen_and_takes_it_back() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("tab", "tab", "z")
        assert [pane.id for pane in it.app.overview.panes if pane.display] == ["queues"]
        assert it.app.overview.queues.size.height == 37
        assert "orders.accepted" in it.text
        await it.press("escape")
        assert all(pane.display for pane in it.app.overview.panes)


async def test_the_filter_works_while_it_is_typed_and_stands_in_the_title() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("slash")
        await it.type("ORD inc")
        assert "Loops /ORD inc" in it.text
        assert "host.cpu" not in it.line_with("│").split("││")[0]
        assert "1 of 7" in it.text
        assert "Nodes of orders.incoming" in it.text
        assert it.client.commands == []
        await it.press("enter")
        assert "Loops /ORD inc" in it.text
        assert it.app.focused is it.app.overview.loops
        await it.press("escape")
        assert "Loops /" not in it.text
        assert "host.cpu" in it.text


async def test_escape_while_typing_clears_the_filter() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("slash")
        await it.type("no")
        await it.press("escape")
        assert "Loops /" not in it.text
        assert "sync.poll" in it.text
        assert not it.app.query_one(Input).has_focus


async def test_a_filter_that_matches_nothing_says_how_to_clear_it() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("slash")
        await it.type("zzz")
        await it.press("enter")
        assert "Nothing matches “zzz”. esc clears the filter." in it.text
        await it.press("s")
        assert it.client.commands == []


async def test_enter_drills_from_a_loop_to_its_bad_node_to_its_error_and_esc_goes_back() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("enter")
        assert isinstance(it.app.screen, LoopScreen)
        assert it.app.screen.graph.node.id == "fetch"
        await it.press("enter")
        assert isinstance(it.app.screen, ReaderScreen)
        assert "Connection refused to https://api.example.org/v2/orders?since=2025-06-15" in it.text
        await it.press("escape")
        assert isinstance(it.app.screen, LoopScreen)
        await it.press("escape")
        assert it.app.screen is it.app.overview
        assert it.app.overview.current.id == "loops"


async def test_v_shows_all_of_a_loop_and_keeps_it_up_to_date() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("v")
        for words in (
            "Loop sync.poll",
            "ConnectError at fetch (http-request)",
            "/home/ana/flows/sync.yaml",
            "r3",
            "asyncio",
        ):
            assert words in it.text
        it.client.change_loop("sync.poll", errors=9876)
        await it.settle()
        assert "9,876" in it.text
        it.client.change(loops=())
        await it.settle()
        assert "This is gone" in it.text
        assert "9,876" in it.text


async def test_details_of_a_queue_a_group_of_dead_letters_and_a_log_line() -> None:
    client = FakeClient(a_busy_afternoon())
    client.log("first\nsecond \x1b[0m")
    async with running(client) as it:
        await it.press("tab", "tab", "j", "enter")
        assert "Queue logs.suspicious" in it.text
        assert "orders.fulfil" in it.text
        await it.press("escape", "tab", "j", "v")
        assert "Dead letters of sync.poll" in it.text
        assert "ConnectError: [Errno 111] Connection refused" in it.text
        await it.press("escape", "tab", "enter")
        rows = it.text.splitlines()
        index = next(i for i, row in enumerate(rows) if "│ first " in row)
        assert "│ second ␛[0m" in rows[index + 1]


async def test_details_of_a_problem_show_the_place_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    problem = Problem(file, 3, 11, "unknown node type 'queue-wirter'", "unknown-node")
    place = excerpt(["nodes:", "  a:", "    type: queue-wirter", "    needs: b"], 3, 11)
    view = WorkflowView(file, file.name, FileKind.WORKFLOW, problems=(FileProblem(problem, place),))
    async with running(FakeClient(a_snapshot(problems=(problem,), workflows=(view,)))) as it:
        await it.press("tab", "tab", "tab", "enter")
        rows = it.text.splitlines()
        index = next(i for i, row in enumerate(rows) if "3 │     type: queue-wirter" in row)
        assert rows[index + 1].index("^") == rows[index].index("queue-wirter")


async def test_exclamation_mark_lists_all_that_is_wrong() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("exclamation_mark")
        for words in (
            "sync.poll failed 3 min ago",
            "broken.yaml:14:7",
            "1 item unaccounted for",
            "14 dead letters, the last 3 min ago, 12 of them",
        ):
            assert words in it.text
        await it.press("q")
        assert isinstance(it.app.screen, OverviewScreen)


async def test_the_help_names_every_action_and_scrolls() -> None:
    async with running(columns=100, lines=24) as it:
        await it.press("question_mark")
        seen, page = "", it.text
        while page not in seen:
            seen += page
            await it.press("pagedown")
            page = it.text
        for action in actions_on(Scope.LOOPS):
            assert action.help[:30] in seen
        await it.press("escape")
        assert isinstance(it.app.screen, OverviewScreen)


async def test_the_palette_offers_the_actions_and_runs_them() -> None:
    async with running(two_loops()) as it:
        await it.press("ctrl+p", "escape", "colon")
        await it.type("pau a")
        await it.app.workers.wait_for_complete()
        await it.press("down", "enter")
        await it.pilot.pause()
        assert it.client.commands == [(Command.PAUSE, None)]


def test_every_action_has_its_handler_and_no_key_is_taken_twice() -> None:
    owners = {
        Scope.APP: FlowtuiApp,
        Scope.FRAME: OverviewScreen,
        Scope.LOOPS: OverviewScreen,
        Scope.QUEUES: QueuesScreen,
        Scope.LOGS: LogsScreen,
        Scope.LETTERS: LettersScreen,
        Scope.WORKFLOWS: WorkflowsScreen,
        Scope.INSPECTOR: InspectorScreen,
        Scope.PANE: Pane,
        Scope.TABLE: LiveTable,
        Scope.LOG: LogView,
    }
    for action in ACTIONS:
        assert callable(getattr(owners[action.scope], f"action_{action.id}"))
    for screen in owners:
        # A table and a log never have the keys at once.
        for other in (Scope.TABLE, Scope.LOG):
            keys = [key for action in actions_on(screen) if action.scope is not other for key in action.keys]
            # In the inspector q goes back, as in all that lies over the overview.
            assert len(keys) - len(set(keys)) == (screen is Scope.INSPECTOR)


async def test_the_footer_keeps_the_help_when_it_is_narrow() -> None:
    async with running(columns=44, lines=12) as it:
        footer = it.text.splitlines()[-1]
        assert "? help" in footer
        assert "s start" in footer


async def test_q_asks_while_loops_run_and_no_goes_back() -> None:
    async with running(two_loops()) as it:
        await it.press("q")
        assert "2 loops are not stopped. Stop and leave?" in it.text
        await it.press("n")
        assert isinstance(it.app.screen, OverviewScreen)
        assert not it.client.close_called.is_set()


async def test_q_asks_nothing_while_no_loop_runs() -> None:
    async with running(FakeClient(a_snapshot(a_loop("a.b", state=LoopState.STOPPED)))) as it:
        it.client.may_close.clear()
        await it.pilot.press("q")
        assert isinstance(it.app.screen, ClosingScreen)
        await asyncio.to_thread(it.client.close_called.wait, 10)
        it.client.may_close.set()
        await asyncio.to_thread(it.client.closed.wait, 10)


async def test_the_screen_stays_alive_while_the_engine_closes_and_says_what_it_waits_for() -> None:
    async with running(two_loops()) as it:
        it.client.may_close.clear()
        await it.press("q", "y")
        assert "stopping 2 loops …" in it.text
        it.client.change_loop("a.one", state=LoopState.STOPPED)
        await it.settle()
        assert "stopping 1 loop …" in it.text
        it.client.may_close.set()
        while it.app.return_code is None:
            await asyncio.sleep(0.01)
        assert it.client.closed.is_set()
    assert it.app.return_code == 0


async def test_ctrl_c_twice_stops_and_a_third_time_leaves_at_once() -> None:
    async with running(two_loops()) as it:
        it.client.may_close.clear()
        await it.press("ctrl+c", "ctrl+c")
        assert "stopping 2 loops …" in it.text
        await it.pilot.press("ctrl+c")
    assert it.app.return_code == 130
    assert not it.client.closed.is_set()
    it.client.may_close.set()


async def test_a_click_chooses_a_row_and_a_second_one_opens_it() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.pilot.click("#queues", offset=(10, 3))
        await it.settle()
        assert it.app.overview.current.id == "queues"
        assert it.app.overview.queues.chosen.name == "logs.suspicious"
        await it.pilot.click("#queues", offset=(10, 3), times=2)
        await it.settle()
        assert "Queue logs.suspicious" in it.text


async def test_the_engine_is_started_after_the_first_paint() -> None:
    client = FakeClient()
    app = FlowtuiApp(client)  # type: ignore[arg-type]
    painted: list[bool] = []
    usual = app._display

    def note(*frame: object) -> None:
        painted.append(client.started.is_set())
        usual(*frame)

    app._display = note  # type: ignore[method-assign]
    async with app.run_test() as pilot:
        await pilot.pause()
    assert painted[0] is False
    assert client.started.is_set()


async def test_prints_go_where_they_went_before_the_app_ran(capsys: pytest.CaptureFixture[str]) -> None:
    async with running() as it:
        print("from a node", flush=True)
        await it.settle()
    assert "from a node" in capsys.readouterr().out


async def test_every_kind_of_theme_can_be_worn() -> None:
    client = FakeClient(a_busy_afternoon())
    chatter(client, 20)
    async with running(client) as it:
        for theme in ABOUT:
            it.app.theme = theme
            await it.press("tab")
        await it.press("q")
        assert "Stop and leave?" in it.text
