import os
from pathlib import Path

import pytest

from flowtui.graph.folder import load_folder
from flowtui.model.errors import FolderError, Severity

SOUND = "nodes: {t: {type: tick}}\n"


def test_every_yaml_and_json_file_of_the_folder_is_loaded_in_order(folder, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "deep.yaml").write_text(SOUND)
    (tmp_path / "dir.yaml").mkdir()
    loaded = folder(
        {"c.yml": SOUND, "a.yaml": SOUND, "b.json": '{"nodes": {"t": {"type": "tick"}}}', "D.YAML": SOUND, "e.txt": "x"}
    )
    assert loaded.problems == ()
    assert [path.name for path in loaded.files] == ["D.YAML", "a.yaml", "b.json", "c.yml"]
    assert [workflow.name for workflow in loaded.workflows] == ["D", "a", "b", "c"]
    assert [workflow.path for workflow in loaded.workflows] == list(loaded.files)
    assert loaded.workflows[1].plans[0].loop == "a.t"


@pytest.mark.parametrize("name", [".a.yaml", ".a.yaml.swp", "a.yaml~", "#a.yaml#", "#a.yaml", "4913", ".#a.yaml"])
def test_hidden_files_and_those_of_editors_are_no_workflows(folder, name):
    loaded = folder({"a.yaml": SOUND, name: "nodes: ["})
    assert loaded.problems == ()
    assert len(loaded.files) == 1


def test_a_pipe_is_not_opened(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    assert [path.name for path in folder({"a.yaml": SOUND}).files] == ["a.yaml"]


def test_a_file_with_an_error_does_not_run_and_the_others_do(folder):
    loaded = folder({"a.yaml": "nodes: [", "b.yaml": SOUND, "c.yaml": "nodes: {t: {type: tik}}"})
    assert [workflow.name for workflow in loaded.workflows] == ["b"]
    assert [problem.path.name for problem in loaded.problems] == ["a.yaml", "c.yaml"]
    assert len(loaded.files) == 3


@pytest.mark.parametrize("extra", ["colour: red\n", "nodes: {}\n", "name: a b\n"])
def test_an_error_that_leaves_a_sound_graph_still_stops_the_file(folder, extra):
    loaded = folder({"a.yaml": SOUND + extra})
    assert loaded.workflows == ()
    assert len(loaded.problems) == 1


def test_a_file_that_cannot_be_read_is_a_problem(folder, tmp_path):
    (tmp_path / "b.yaml").symlink_to("nowhere.yaml")
    loaded = folder({"a.yaml": SOUND})
    assert [(p.path.name, p.line, p.code) for p in loaded.problems] == [("b.yaml", 0, "unreadable")]
    assert [workflow.name for workflow in loaded.workflows] == ["a"]


def test_two_workflows_of_one_name_are_an_error_at_the_later_file(folder):
    loaded = folder({"a.yaml": SOUND, "b.yaml": "# b\nname: a\n" + SOUND, "a.yml": SOUND})
    assert [(p.path.name, p.line, p.column, p.code) for p in loaded.problems] == [
        ("a.yml", 1, 1, "duplicate-workflow"),
        ("b.yaml", 2, 7, "duplicate-workflow"),
    ]
    assert "a.yaml" in loaded.problems[1].message
    assert [workflow.path.name for workflow in loaded.workflows] == ["a.yaml"]


def test_problems_name_the_folder_as_the_user_did(folder, tmp_path, monkeypatch, registry):
    folder({"a.yaml": "nodes: 5\n"})
    monkeypatch.chdir(tmp_path.parent)
    relative = Path(tmp_path.name)
    loaded = load_folder(relative, {}, registry)
    assert str(loaded.problems[0]).startswith(f"{tmp_path.name}/a.yaml:1:8: ")
    assert loaded.files == (relative / "a.yaml",)


def test_an_empty_folder_is_a_problem_that_says_what_to_do(folder, tmp_path):
    loaded = folder({"notes.txt": "x"})
    assert loaded.workflows == loaded.files == ()
    (problem,) = loaded.problems
    assert (problem.path, problem.line, problem.code) == (tmp_path, 0, "empty-folder")
    assert problem.severity is Severity.ERROR
    assert ".yaml" in problem.message


def test_a_folder_that_cannot_be_used_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderError, match="does not exist"):
        load_folder(tmp_path / "missing", {})
    with pytest.raises(FolderError, match="is a file"):
        load_folder(tmp_path / "file", {})


def test_node_classes_of_the_folder_are_used_and_their_problems_told(tmp_path):
    nodes = tmp_path / "nodes"
    nodes.mkdir()
    (nodes / "good.py").write_text(
        "from flowtui import ProducerNode\n"
        "class MyClock(ProducerNode):\n    async def execute(self):\n        return {}\n"
    )
    (nodes / "bad.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "a.yaml").write_text("nodes: {t: {type: my-clock}}\n")
    loaded = load_folder(tmp_path, {})
    assert [workflow.name for workflow in loaded.workflows] == ["a"]
    assert [problem.path.name for problem in loaded.problems] == ["bad.py"]
    assert loaded.registry.find("my-clock") is not None


def test_a_workflows_revision_changes_with_any_of_its_loops_only(folder):
    two = "nodes:\n  t: {type: tick}\n  u: {type: tick, config: {every: 1}}\n"
    before = folder({"a.yaml": two}).workflows[0]
    same = folder({"a.yaml": "# a\ndescription: x\n" + two}).workflows[0]
    after = folder({"a.yaml": two.replace("every: 1", "every: 2")}).workflows[0]
    fewer = folder({"a.yaml": two.replace("  t: {type: tick}\n", "")}).workflows[0]
    assert before.revision == same.revision
    assert len({before.revision, after.revision, fewer.revision}) == 3
    assert before.plans[0].revision == after.plans[0].revision


def test_loading_twice_gives_the_same(folder):
    files = {"a.yaml": SOUND, "b.yaml": "nodes:\n  t: {type: tick}\n  w: {type: work, needs: t}\n"}
    assert folder(files) == folder(files)
