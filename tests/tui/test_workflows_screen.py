"""The workflows screen: what runs of each file, what is wrong where, what reloads changed, and the way back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_client import NOW, FakeClient, a_loop, a_node, a_snapshot
from running import running

from flowtui.model.access import READ_ONLY, USUAL
from flowtui.model.development import SourcePlace
from flowtui.model.diff import Change, ChangeKind
from flowtui.model.errors import FileChanged, Problem, Severity
from flowtui.model.excerpts import excerpt
from flowtui.model.states import LoopState, NodeHealth
from flowtui.model.workflows import (
    FileKind,
    FileProblem,
    KeptText,
    LoopChange,
    Reload,
    RollBack,
    SourceText,
    WorkflowView,
)
from flowtui.tui.app import FlowtuiApp
from flowtui.tui.editing import EditSource
from flowtui.tui.screens.loop import LoopScreen
from flowtui.tui.screens.overview import OverviewScreen
from flowtui.tui.screens.source import SourceScreen
from flowtui.tui.screens.workflows import WorkflowsScreen

FOLDER = Path("/home/ana/flows")
LINES = ("nodes:", "  tick: {type: interval}", "  check:", "    type: \x1b[31mlgo", "    needs: [tick]  # 日本", "")
WRONG = Problem(FOLDER / "orders.yaml", 4, 16, "unknown node type 'lgo' (did you mean [b]'log'?)", "unknown-node")
ODD = Problem(FOLDER / "orders.yaml", 5, 5, "nobody reads it", "no-reader", Severity.WARNING)


def a_file(name: str, kind: FileKind = FileKind.WORKFLOW, **fields: object) -> WorkflowView:
    usual = {"changed_at": NOW - 180, "loaded_at": NOW - 7200, "kept": 2}
    return WorkflowView(FOLDER / name, name, kind, **(usual | fields))  # type: ignore[arg-type]


BROKEN = a_file(
    "orders.yaml",
    workflow="orders",
    revision=2,
    loops=("orders.incoming", "orders.fulfil"),
    nodes=4,
    problems=tuple(FileProblem(each, excerpt(LINES, each.line, each.column)) for each in (WRONG, ODD)),
    is_broken=True,
)
FILES = (
    a_file("mail.yaml", workflow="mail", revision=1, loops=("mail.outbox",), nodes=2),
    BROKEN,
    a_file("sync.yaml", is_gone=True, changed_at=0.0, loaded_at=0.0),
    a_file("nodes/own.py", FileKind.MODULE, loops=("mail.outbox",), nodes=1),
    a_file("old.yaml.bak", FileKind.IGNORED, ignored="its name ends with '.bak'", loaded_at=0.0),
)
RELOADS = (
    Reload(
        NOW - 60,
        "rolled back mail.yaml",
        "mail r3: 2 loops kept, 1 swapped, 0 lost, 214 queued",
        (
            LoopChange(
                "mail.outbox",
                ChangeKind.CHANGED,
                (
                    Change(ChangeKind.CHANGED, ("nodes", "send", "config", "retries"), 3, 5),
                    Change(ChangeKind.ADDED, ("nodes", "note"), new={"type": "log"}),
                    Change(ChangeKind.CHANGED, ("loop", "replicas"), 1, 2),
                ),
                "mail.outbox: the new revision did not start",
            ),
            LoopChange("mail.late", ChangeKind.REMOVED),
        ),
    ),
    Reload(NOW - 90, "", "mail r2: 1 swapped, 0 lost", (LoopChange("mail.first", ChangeKind.ADDED),)),
)
PLAN = RollBack(
    BROKEN.path,
    "orders.yaml",
    KeptText("d1", NOW - 3600, is_good=True, revision=2),
    "d2",
    (("@", "from line 3"), ("-", "    type: lgo"), ("+", "    type: log")),
    note="The file on disk is broken; orders r2 still runs.",
)


def a_client(**fields: object) -> FakeClient:
    loops = (
        a_loop("orders.incoming"),
        a_loop("orders.fulfil", state=LoopState.PAUSED),
        a_loop("mail.outbox"),
    )
    client = FakeClient(a_snapshot(*loops, **({"workflows": FILES, "reloads": RELOADS} | fields)))
    client.roll_back_plan = PLAN
    client.sources = {BROKEN.path: SourceText(BROKEN.path, LINES, "d2", (WRONG, ODD))}
    client.places = {("orders.fulfil", ""): SourcePlace(BROKEN.path, 5)}
    return client


async def test_a_file_whose_loop_failed_comes_before_one_with_a_warning_and_one_that_is_paused() -> None:
    states = {"a": LoopState.RUNNING, "b": LoopState.PAUSED, "c": LoopState.RUNNING, "d": LoopState.FAILED}
    stands = a_loop("f.x", rate=0.0, nodes=(a_node("think", health=NodeHealth.STALLED),))
    odd = FileProblem(ODD, excerpt(LINES, ODD.line, ODD.column))
    files = [
        a_file(f"{name}.yaml", loops=(f"{name}.x",), revision=1, problems=(odd,) if name == "c" else ())
        for name in (*states, "f")
    ]
    module = a_file("nodes/e.py", FileKind.MODULE, loops=("d.x",))  # it is not to blame
    loops = [a_loop(f"{name}.x", state=state) for name, state in states.items()]
    client = FakeClient(a_snapshot(*loops, stands, workflows=(*files, module)))
    async with running(client) as it:
        await it.press("6")
        places = [
            it.text.index(row) for row in ("✖ d.yaml", "! c.yaml", "‖ b.yaml", "! f.yaml", "● a.yaml", "● nodes/e.py")
        ]
        assert places == sorted(places)
        assert "1 running (1 stalled)" in it.line_with("! f.yaml")


async def test_files_stand_the_worst_first_with_what_runs_of_them_and_what_is_wrong_where() -> None:
    async with running(a_client()) as it:
        await it.press("6")
        rows = it.text.splitlines()
        first = next(index for index, row in enumerate(rows) if "orders.yaml" in row and "REV" in rows[index - 1])
        for row, words in zip(
            rows[first:],
            (
                "✖ orders.yaml    r2     2     4  broken, r2 still runs: 1 running, 1 paused",
                "● mail.yaml      r1     1     2  1 running",
                "● nodes/own.py    —     1     1  used by 1 loop",
                "– sync.yaml       —     —     —  deleted: b brings it back",
                "– old.yaml.bak    —     —     —  ignored: its name ends with '.bak'",
            ),
            strict=False,
        ):
            assert words in row
        assert "2: unknown-node        3 min     2 h" in rows[first]
        assert "Files: 1 file with errors" in it.text
        # What is wrong, where, and what to do.
        await it.press("greater_than_sign")
        assert it.text.index("● mail.yaml") < it.text.index("✖ orders.yaml")
        await it.press("less_than_sign")
        assert "The file on disk is broken, r2 still runs. b gives it" in it.text
        rows = it.text.splitlines()
        index = next(index for index, row in enumerate(rows) if "4 │     type: ␛[31mlgo" in row)
        assert rows[index + 1].index("^") == rows[index].index("lgo")
        assert [row.split("│")[1].strip() for row in (rows[index - 2], rows[index + 2])] == ["2", "5"]
        assert "unknown node type 'lgo' (did you mean [b]'log'?)" in it.text
        assert "! orders.yaml:5:5 [no-reader]" in it.text
        await it.press("j")
        assert "No problems in mail.yaml. y shows it, e edits it." in it.text


async def test_a_reload_tells_old_and_new_older_ones_open_and_r_reads_the_folder_now() -> None:
    async with running(a_client()) as it:
        await it.press("6")
        for words in (
            "rolled back mail.yaml: mail r3: 2 loops kept,",
            "~ mail.outbox changed",
            "✖ mail.outbox: the new revision did not start",
            "~ send: config.retries 3 → 5",
            "+ node note (log)",
            "~ loop: replicas 1 → 2",
            "- mail.late removed",
            "mail r2: 1 swapped, 0 lost",
        ):
            assert words in it.text
        assert "mail.first new" not in it.text
        await it.press("tab", "tab", "G", "enter")
        assert "+ mail.first new" in it.text
        await it.press("G", "enter", "g", "enter")
        assert "mail.first" not in it.text
        assert "config.retries" not in it.text
        await it.press("r")
        assert (it.client.reloads, it.toasts[-1]) == (1, "w r2: 1 swapped")


async def test_small_terminals_show_panes_in_turn() -> None:
    async with running(a_client(), 80, 24) as it:
        await it.press("6")
        assert "╭ Files" in it.text
        assert "Problems of orders.yaml · reloads" in it.text
        await it.press("tab", "tab")
        assert "Reloads: all files · problems" in it.text
        assert "orders.yaml" in it.text
        await it.resize(40, 10)
        assert "Reloads: all files" in it.text
        assert "╭ Files" not in it.text
        await it.press("tab")
        assert "╭ Files" in it.text
        await it.resize(120, 40)
        for words in ("╭ Files", "╭ Problems of", "╭ Reloads: all files"):
            assert words in it.text


async def test_rolling_back_to_what_runs_or_any_text_that_is_kept_shows_what_changes_and_asks() -> None:
    async with running(a_client()) as it:
        await it.press("6", "b")
        assert it.client.planned == [(BROKEN.path, "")]
        for words in ("orders r2 still runs. Write the text r2 of", "What runs goes on unchanged", "-     type: lgo"):
            assert words in it.text
        await it.press("n")
        assert it.client.rolled_back == []
        await it.press("b", "y")
        assert it.client.rolled_back == [PLAN]
        assert it.toasts[-1] == "orders.yaml rolled back: orders r3: 1 swapped, 0 lost"
        # Any other text can be chosen.
        client = it.client
        client.planned.clear()
        client.kept_of = {BROKEN.path: (KeptText("d3", NOW - 60, is_good=False), PLAN.to)}
        client.roll_back_plan = replace(PLAN, problems=(WRONG,), changes=RELOADS[1].changes)
        await it.press("B")
        assert "was broken, or never loaded" in it.text
        await it.press("enter")
        assert client.planned == [(BROKEN.path, "d3")]
        assert "This text has problems, too" in it.text
        assert "+ mail.first new" in it.text
        await it.press("escape", "j", "B")
        assert it.toasts[-1] == "No other text of mail.yaml is kept."


async def test_what_keeps_a_file_from_being_rolled_back_or_forgotten_is_said() -> None:
    async with running(a_client()) as it:
        await it.press("6", "b")
        it.client.refusal = FileChanged("orders.yaml has changed since it was looked at")
        await it.press("y")
        assert it.toasts[-1] == "orders.yaml has changed since it was looked at"
        it.client.refusal = None
        it.client.change(access=READ_ONLY)
        await it.settle()
        await it.press("b")
        assert "--read-only" in it.toasts[-1]
        await it.press("j", "j", "j", "delete")
        assert it.client.forgotten == []
        # A deleted file can be forgotten, and no other.
        it.client.change(access=USUAL)
        await it.settle()
        await it.press("g", "delete")
        assert "only a deleted file can be forgotten" in it.toasts[-1]
        await it.press("j", "j", "j", "delete")
        assert "Forget sync.yaml? It can't be brought back then." in it.text
        await it.press("y")
        assert it.client.forgotten == [FOLDER / "sync.yaml"]
        await it.press("y")
        assert it.toasts[-1] == "sync.yaml was deleted: b brings it back."


@pytest.mark.parametrize("where", [OverviewScreen, LoopScreen, WorkflowsScreen])
async def test_y_shows_the_file_with_its_problems_where_they_are(where) -> None:
    async with running(a_client()) as it:
        await it.press(*{OverviewScreen: [], LoopScreen: ["2"], WorkflowsScreen: ["6"]}[where], "y")
        assert isinstance(it.app.screen, SourceScreen)
        assert "orders.yaml: broken, r2 still runs" in it.text
        rows = it.text.splitlines()
        index = next(index for index, row in enumerate(rows) if "✖ 4 │     type: ␛[31mlgo" in row)
        assert rows[index + 1].index("^") == rows[index].index("lgo")
        assert "✖ unknown node type 'lgo'" in rows[index + 2]
        assert "! 5 │     needs: [tick]  # 日本" in it.text
        await it.press("y")
        assert isinstance(it.app.screen, where)


async def test_e_edits_at_the_problem_and_c_copies_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[EditSource] = []
    monkeypatch.setattr(FlowtuiApp, "on_edit_source", lambda _, message: asked.append(message))
    async with running(a_client()) as it:
        for keys, place in (
            (("6", "e"), SourcePlace(BROKEN.path, 4, 16)),
            (("tab", "G", "e"), SourcePlace(BROKEN.path, 5, 5)),
            (("shift+tab", "y", "n", "n", "N", "n", "e"), SourcePlace(BROKEN.path, 5, 5)),
            (("j", "e"), SourcePlace(FOLDER / "mail.yaml")),
        ):
            await it.press(*keys)
            assert asked[-1].place == place
        await it.press("c")
        assert it.app.clipboard == str(FOLDER / "mail.yaml")


async def test_filters_and_an_empty_folder_say_what_to_do() -> None:
    async with running(a_client()) as it:
        await it.press("6", "slash")
        await it.type("mail")
        assert "orders.yaml" not in it.text.split("╭ Problems")[0]
        assert "Problems of mail.yaml" in it.text
        await it.type("zzz")
        await it.press("enter")
        assert "No file has these words; esc clears the filter." in it.text
        await it.press("b", "e", "y", "c", "delete", "enter")
        assert "Choose a file first." in it.toasts
        it.client.change(workflows=(), reloads=())
        await it.press("escape")
        for words in ("flowtui new workflow hello", "Choose a file to see what is wrong", "No reload yet."):
            assert words in it.text
