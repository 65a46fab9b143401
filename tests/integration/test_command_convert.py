"""`flowtui convert` on real files."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from command_line import CommandLine
from flowtui.cli.convert import convert
from flowtui.cli.usage import Misuse
from flowtui.graph.folder import load_folder
from flowtui.model.errors import FlowtuiError

EXPORT = {
    "nodes": [
        {"id": "2", "type": "log", "position": {"x": 0, "y": 90}, "data": {"form": {"message": "{{ data.n }}"}}},
        {"id": "1", "type": "sequence", "position": {"x": 0, "y": 0}, "data": {"config": {"count": 2}}},
        {"id": "note", "type": "annotation", "data": {"label": "Counts to two."}},
    ],
    "edges": [{"id": "e", "source": "1", "target": "2", "sourceHandle": "a"}],
    "viewport": {"x": 0, "y": 0, "zoom": 1},
}
YAML = """\
# Counts to two.
name: count
nodes:
  sequence:
    type: sequence
    config:
      count: 2
  log:
    type: log
    needs: sequence
    config:
      message: "{{ data.n }}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "count.json").write_text(json.dumps(EXPORT, indent=2))
    return tmp_path


def converted(*args: object) -> str:
    """Run the command in this process; return its standard output."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowtui.cli.convert.results", lambda: contextlib.nullcontext(out))
        convert.main([str(arg) for arg in args], standalone_mode=False)
    return out.getvalue()


def test_an_export_becomes_a_file_beside_it_that_loads(folder, capsys):
    assert converted(folder / "count.json") == f"{folder}/count.yaml: 2 nodes in 1 loop\n"
    assert (folder / "count.yaml").read_text() == YAML
    told = capsys.readouterr().err
    assert "node '1' is called 'sequence' now" in told
    assert "count.json defines 'count' as well: remove it" in told
    assert [problem.code for problem in load_folder(folder, {}).problems] == ["duplicate-workflow"]
    (folder / "count.json").unlink()
    assert load_folder(folder, {}).problems == ()


def test_a_file_that_is_there_stays_unless_it_is_said_otherwise(folder):
    (folder / "count.yaml").write_text("mine")
    with pytest.raises(FlowtuiError, match=r"there already: .* --force"):
        converted(folder / "count.json")
    assert (folder / "count.yaml").read_text() == "mine"
    converted(folder / "count.json", "--force")
    assert (folder / "count.yaml").read_text() == YAML
    assert sorted(path.name for path in folder.iterdir()) == ["count.json", "count.yaml"]


def test_standard_output_a_file_or_a_folder_may_be_named(folder, tmp_path_factory, capsys):
    other = tmp_path_factory.mktemp("other")
    assert converted(folder / "count.json", "-o", "-") == YAML
    converted(folder / "count.json", "-o", other)
    converted(folder / "count.json", "-o", other / "named.yml")
    assert {path.name: path.read_text() for path in other.iterdir()} == {"count.yaml": YAML, "named.yml": YAML}
    assert "as well" not in capsys.readouterr().err


def test_a_file_with_errors_is_refused_with_the_problems_that_check_prints(folder, capsys):
    (folder / "count.json").write_text(json.dumps(EXPORT).replace('"log"', '"lgo"').replace('"count": 2', '"cuont": 2'))
    with pytest.raises(FlowtuiError, match=r"nothing was written, as .*count\.json has 2 errors"):
        converted(folder / "count.json")
    problems = load_folder(folder, {}).problems
    assert capsys.readouterr().err.splitlines() == [str(problem) for problem in problems]
    assert not (folder / "count.yaml").exists()


def test_node_types_are_looked_for_beside_the_output(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "nodes").mkdir()
    (other / "nodes" / "own.py").write_text(
        "from flowtui import BlockingNode\nclass Own(BlockingNode):\n    async def execute(self, data):\n        ...\n"
    )
    nodes = [EXPORT["nodes"][1], {"id": "own", "type": "own"}]
    (folder / "count.json").write_text(json.dumps({"nodes": nodes, "edges": [{"source": "1", "target": "own"}]}))
    with pytest.raises(FlowtuiError, match="has an error"):
        converted(folder / "count.json", "-o", "-")
    converted(folder / "count.json", "-o", other / "count.yaml")
    assert "type: own" in (other / "count.yaml").read_text()


def test_a_queue_is_called_after_the_same_writer_as_before(folder):
    """The order of the file decides that, so there the loops are not sorted."""
    nodes = [
        {"id": "late", "type": "queue-writer"},
        {"id": "one", "type": "sequence", "data": {"config": {"count": 1}}},
        {"id": "early", "type": "queue-writer"},
        {"id": "two", "type": "sequence", "data": {"config": {"count": 1}}},
        {"id": "read", "type": "queue-reader"},
    ]
    edges = [("one", "early"), ("two", "late"), ("early", "read"), ("late", "read")]
    drawn = [{"source": source, "target": target} for source, target in edges]
    (folder / "count.json").write_text(json.dumps({"nodes": nodes, "edges": drawn}))
    converted(folder / "count.json", "-o", folder / "other.yaml")
    first, second = load_folder(folder, {}).workflows, load_folder(folder, {}).problems
    assert [problem.code for problem in second] == ["duplicate-workflow"]
    (folder / "count.json").unlink()
    (again,) = load_folder(folder, {}).workflows
    assert again.plans[2].reads == first[0].plans[2].reads == "count.late"
    assert again.revision == first[0].revision


def test_what_is_no_json_file_is_an_error_that_says_what_to_name(folder):
    with pytest.raises(Misuse, match="YAML already"):
        converted(folder / "count.yaml")
    with pytest.raises(Misuse, match="let it end in"):
        converted(folder / "count.json", "-o", folder / "count.json")
    with pytest.raises(Misuse, match=r"ends in \.json"):
        converted(folder / "count.txt")
    with pytest.raises(FlowtuiError, match="nothing was written"):
        converted(folder / "gone.json")
    with pytest.raises(FlowtuiError, match=r"gone/count\.yaml can't be written: no such file or directory"):
        converted(folder / "count.json", "-o", folder / "gone" / "count.yaml")


def test_the_command_itself_prints_yaml_and_the_folder_runs(flowtui: CommandLine):
    file = flowtui.write("count.json", json.dumps(EXPORT))
    assert flowtui.run("convert", str(file), "-o", "-").output == YAML
    child = flowtui.headless("--until-idle").end()
    assert child.summary["loops"]["count.sequence"]["iterations"] == 2
