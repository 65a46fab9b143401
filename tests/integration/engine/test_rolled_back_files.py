"""What the engine tells of its files, and what becomes of one that is rolled back, on real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.access import READ_ONLY
from flowtui.model.diff import Change, ChangeKind
from flowtui.model.errors import AccessRefused, FileChanged, NothingKept
from flowtui.model.snapshot import EngineSnapshot
from flowtui.model.workflows import FileKind, LoopChange, RollBack, WorkflowView

PATIENCE_S = 20.0
FLOW = """\
nodes:
  start: {type: count, config: {every: 0.002}}
  note: {type: note, needs: start, config: {file: a.txt}}
"""
OTHER = FLOW.replace("a.txt", "b.txt")
BROKEN = FLOW.replace("type: note,", "type: nota,")
MODULE = "from flowtui import BlockingNode\nclass Own(BlockingNode):\n    async def execute(self, data): pass\n"


class Folder:
    """A running engine, its folder, and its door."""

    def __init__(self, app, folder: Path) -> None:
        self.app = app
        self.folder = folder
        self.client = EngineClient(app.engine)

    @property
    def snapshot(self) -> EngineSnapshot:
        return self.app.snapshot()

    def view(self, name: str) -> WorkflowView:
        return next(view for view in self.snapshot.workflows if view.name == name)

    def save(self, name: str, text: str) -> str:
        """Save a file and reload; return what came of it."""
        (self.folder / name).write_text(text)
        return self.client.reload().result(PATIENCE_S)

    def plan(self, name: str, to: str = "") -> RollBack:
        return self.client.plan_roll_back(self.folder / name, to).result(PATIENCE_S)

    def roll_back(self, planned: RollBack) -> str:
        return self.client.roll_back(planned).result(PATIENCE_S)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def opened(write, start, folder: Path) -> Callable[..., Folder]:
    """Start an engine on a folder with a workflow `w.yaml`."""

    def run(**options: object) -> Folder:
        write("w.yaml", FLOW)
        return Folder(start(**options), folder)

    return run


def test_a_file_tells_what_runs_of_it_and_who_uses_a_module(opened) -> None:
    it = opened()
    (it.folder / "old.yaml.bak").touch()
    (it.folder / ".hidden.yaml").touch()
    (it.folder / "sub.yaml").mkdir()
    it.save("nodes/own.py", "import nothing_of_this_name\n")
    flow, module = it.view("w.yaml"), it.view("nodes/testing_nodes.py")
    assert (flow.kind, flow.workflow, flow.revision, flow.loops, flow.nodes) == (
        FileKind.WORKFLOW,
        "w",
        1,
        ("w.start",),
        2,
    )
    assert flow.loaded_at >= flow.changed_at > 0
    assert (module.loops, module.nodes, module.is_broken) == (("w.start",), 2, False)
    broken = it.view("nodes/own.py")
    assert broken.is_broken
    assert "cannot be imported" in broken.problems[0].problem.message
    assert broken.problems[0].excerpt is not None
    assert broken.problems[0].excerpt.lines[0] == (1, "import nothing_of_this_name")
    assert {view.name: view.ignored for view in it.snapshot.workflows if view.kind is FileKind.IGNORED} == {
        ".hidden.yaml": "its name begins with '.'",
        "old.yaml.bak": "its name ends with '.bak': a workflow file ends with .yaml, .yml or .json",
        "sub.yaml": "it is a folder",
    }
    assert it.snapshot.reloads[0].text == "nodes/own.py is broken (1 problem): nothing of it runs"


def test_a_reload_tells_what_was_in_the_config_and_what_is_now(opened) -> None:
    it = opened()
    told = it.save("w.yaml", OTHER + "  log: {type: log, needs: note}\n")
    assert told == "w r2: 1 swapped, 0 lost"
    (change,) = it.snapshot.reloads[0].changes
    assert (change.loop, change.kind) == ("w.start", ChangeKind.CHANGED)
    edited, added = change.changes
    assert edited == Change(ChangeKind.CHANGED, ("nodes", "note", "config", "file"), "a.txt", "b.txt")
    assert (added.kind, added.path, added.new["type"]) == (ChangeKind.ADDED, ("nodes", "log"), "log")
    it.save("x.yaml", FLOW)
    assert it.snapshot.reloads[0].changes == (LoopChange("x.start", ChangeKind.ADDED),)
    (it.folder / "x.yaml").unlink()
    it.client.reload().result(PATIENCE_S)
    assert it.snapshot.reloads[0].changes == (LoopChange("x.start", ChangeKind.REMOVED),)
    assert [reload.text.partition(":")[0] for reload in it.snapshot.reloads] == ["x removed", "x r1", "w r2"]


def test_variables_are_told_as_the_file_says_them_and_secrets_not_at_all(opened) -> None:
    it = opened(env={"PLACE": "somewhere"})
    it.save(
        "nodes/own.py",
        "from pydantic import SecretStr\n"
        + MODULE.replace(
            "    async", "    class Config(BlockingNode.Config):\n        token: SecretStr = ''\n    async"
        ),
    )
    more = "  own: {{type: own, needs: note, config: {{token: {}}}}}\n"
    it.save("w.yaml", FLOW + more.format("hunter2"))
    it.save("w.yaml", FLOW.replace("a.txt", '"${PLACE}/a.txt"') + more.format("hunter3"))
    (change,) = it.snapshot.reloads[0].changes
    assert [(each.path[-1], each.old, each.new) for each in change.changes] == [
        ("file", "a.txt", "${PLACE}/a.txt"),
        ("token", "••••••", "••••••"),
    ]


def test_how_many_items_wait_for_a_loop_that_was_swapped_is_told(opened) -> None:
    it = opened()
    text = (
        "nodes:\n  start: {type: count, config: {count: 7}}\n"
        "  put: {type: queue-writer, needs: start, config: {queue: q}}\n"
        "  read: {type: queue-reader, config: {queue: q}, loop: {autostart: false}}\n  log: {type: log, needs: read}\n"
    )
    it.save("q.yaml", text)
    it.app.until(lambda: any(queue.depth == 7 for queue in it.snapshot.queues))
    assert it.save("q.yaml", text + "  more: {type: log, needs: log}\n") == (
        "q r2: 2 loops kept, 1 swapped, 0 lost, 7 queued"
    )


def test_a_broken_file_is_rolled_back_to_what_runs_and_that_can_be_taken_back(opened) -> None:
    it = opened()
    it.save("w.yaml", OTHER)
    assert it.save("w.yaml", BROKEN) == "w.yaml is broken (1 problem): w r2 still runs"
    view = it.view("w.yaml")
    assert (view.is_broken, view.revision, view.errors) == (True, 2, 1)
    place = view.problems[0].excerpt
    assert place is not None
    assert (place.line, place.lines[-2][1][place.column - 1 :][:4]) == (3, "nota")
    planned = it.plan("w.yaml")
    assert planned.note == "The file on disk is broken; w r2 still runs."
    assert (planned.changes, planned.problems) == ((), ())  # what runs stays
    assert [sign for sign, _ in planned.lines] == ["@", " ", " ", "-", "+", " "]
    it.roll_back(planned)
    assert it.text("w.yaml") == OTHER
    assert not it.view("w.yaml").is_broken
    assert it.snapshot.reloads[0].why == "rolled back w.yaml"
    broken = next(each for each in it.client.kept_texts(it.folder / "w.yaml").result(PATIENCE_S) if not each.is_good)
    back = it.plan("w.yaml", broken.digest)
    assert [problem.code for problem in back.problems] == ["unknown-node"]
    it.roll_back(back)
    assert it.text("w.yaml") == BROKEN


def test_rolling_back_twice_is_where_one_was(opened) -> None:
    it = opened()
    it.save("w.yaml", OTHER)
    planned = it.plan("w.yaml")
    assert [change.loop for change in planned.changes] == ["w.start"]
    assert planned.to.revision == 1
    assert it.roll_back(planned) == "w r3: 1 swapped, 0 lost"
    assert it.text("w.yaml") == FLOW
    it.roll_back(it.plan("w.yaml"))
    assert it.text("w.yaml") == OTHER
    assert it.app.loop("w.start").revision == 4


@pytest.mark.parametrize("watch", [False, True])
def test_a_deleted_file_is_brought_back(opened, watch) -> None:
    it = opened(watch=watch)
    (it.folder / "w.yaml").unlink()
    it.client.reload().result(PATIENCE_S)
    it.app.until(lambda: it.snapshot.loops == () and it.view("w.yaml").is_gone)
    planned = it.plan("w.yaml")
    assert (planned.digest, planned.note) == ("", "The file was deleted; it is made anew.")
    it.roll_back(planned)
    assert it.text("w.yaml") == FLOW
    it.app.until(lambda: it.app.loop("w.start").iterations)
    with pytest.raises(FileChanged, match="only what is kept of a deleted file can be forgotten"):
        it.client.forget_file(it.folder / "w.yaml").result(PATIENCE_S)


def test_nothing_of_a_deleted_file_is_kept_once_it_is_forgotten(opened) -> None:
    it = opened()
    (it.folder / "w.yaml").unlink()
    it.client.reload().result(PATIENCE_S)
    it.client.forget_file(it.folder / "w.yaml").result(PATIENCE_S)
    assert all(view.name != "w.yaml" for view in it.snapshot.workflows)
    with pytest.raises(NothingKept):
        it.plan("w.yaml")


def test_what_an_editor_writes_meanwhile_is_not_overwritten(opened) -> None:
    it = opened()
    it.save("w.yaml", OTHER)
    planned = it.plan("w.yaml")
    (it.folder / "w.yaml").write_text(FLOW + "# mine\n")
    with pytest.raises(FileChanged, match="has changed since it was looked at: it stays as it is"):
        it.roll_back(planned)
    assert it.text("w.yaml") == FLOW + "# mine\n"
    it.save("w.yaml", OTHER)
    (it.folder / "w.yaml").unlink()
    it.client.reload().result(PATIENCE_S)
    gone = it.plan("w.yaml")
    (it.folder / "w.yaml").write_text("# again\n")
    with pytest.raises(FileChanged, match="is there again"):
        it.roll_back(gone)
    assert it.text("w.yaml") == "# again\n"


def test_the_texts_survive_a_restart_and_a_broken_start(opened, start, tmp_path: Path) -> None:
    place = tmp_path / "texts"
    first = opened(text_folder=place)
    first.save("w.yaml", OTHER)
    first.save("nodes/own.py", MODULE)
    first.app.engine.close(grace=0.2)
    (first.folder / "w.yaml").write_text(BROKEN)
    (first.folder / "nodes" / "own.py").unlink()
    it = Folder(start(text_folder=place), first.folder)
    view = it.view("w.yaml")
    assert (view.is_broken, view.revision, view.kept) == (True, 0, 2)
    it.roll_back(it.plan("w.yaml"))
    assert it.text("w.yaml") == OTHER
    assert it.view("nodes/own.py").is_gone
    it.roll_back(it.plan("nodes/own.py"))
    assert it.text("nodes/own.py") == MODULE
    kept = [path for path in place.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_a_broken_module_is_rolled_back_to_the_code_that_runs(opened) -> None:
    it = opened()
    it.save("nodes/own.py", MODULE)
    it.save("w.yaml", FLOW + "  own: {type: own, needs: note}\n")
    told = it.save("nodes/own.py", MODULE + "raise ValueError('no')\n")
    assert "nodes/own.py is broken (1 problem): its old code still runs" in told
    it.roll_back(it.plan("nodes/own.py"))
    assert it.text("nodes/own.py") == MODULE
    assert not it.snapshot.problems


def test_who_may_only_look_sees_what_would_change_and_changes_nothing(opened) -> None:
    it = opened(access=READ_ONLY)
    it.save("w.yaml", OTHER)
    planned = it.plan("w.yaml")
    for ask in (lambda: it.client.roll_back(planned), lambda: it.client.forget_file(planned.path)):
        with pytest.raises(AccessRefused):
            ask().result(PATIENCE_S)
    assert it.text("w.yaml") == OTHER


def test_what_is_no_file_of_the_folder_is_neither_read_nor_written(opened, tmp_path: Path) -> None:
    it = opened()
    outside = tmp_path / "outside.yaml"
    outside.write_text("mine")
    for ask in (it.client.source_text, it.client.kept_texts, it.client.plan_roll_back):
        with pytest.raises(NothingKept, match="is no workflow file or node module of this folder"):
            ask(outside).result(PATIENCE_S)
    with pytest.raises(NothingKept, match="there is no earlier text of"):
        it.plan("w.yaml")


def test_a_folder_that_is_away_forgets_nothing(opened, tmp_path: Path) -> None:
    it = opened()
    it.save("w.yaml", OTHER)
    away = it.folder.rename(tmp_path / "away")
    it.client.reload().result(PATIENCE_S)
    assert it.snapshot.workflows[0].kind is FileKind.FOLDER
    assert (it.view("w.yaml").kept, it.view("w.yaml").is_gone) == (2, False)
    away.rename(it.folder)
    it.client.reload().result(PATIENCE_S)
    assert it.snapshot.workflows[0].kind is not FileKind.FOLDER


def test_a_file_that_only_misses_its_module_is_not_rolled_back(opened) -> None:
    it = opened()
    it.save("nodes/own.py", MODULE)
    it.save("w.yaml", FLOW + "  own: {type: own, needs: note}\n")
    it.save("nodes/own.py", "import nothing_of_this_name\n")
    assert (it.view("w.yaml").is_broken, it.view("w.yaml").is_innocent) == (True, True)
    with pytest.raises(NothingKept, match="roll back what its problems name"):
        it.plan("w.yaml")
    it.save("nodes/own.py", MODULE)
    assert (
        it.snapshot.reloads[0].text == "w.yaml is mended: what runs goes on; nodes/own.py is mended: what runs goes on"
    )
