"""README shows nothing that does not work."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest

from flowtui.cli.main import cli
from flowtui.graph.folder import load_folder
from flowtui.nodes.registry import discover
from flowtui.testing import load_node, run_node, run_workflow
from flowtui.tui.actions.registry import ACTIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(language: str, heading: str = "# flowtui") -> str:
    """Return the first block of code in a language behind a heading."""
    found = re.search(rf"```{language}\n(.*?)```", README.split(f"{heading}\n", 1)[1], re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with the node, the workflow and the tests of the part about writing nodes, as they stand there."""
    for path, text in {
        "nodes/anything.py": block("python", "## Write a node"),
        "totals.yaml": block("yaml", "## Write a node"),
        "tests/test_readme_totals.py": block("python", "### Test a node"),
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_the_node_of_the_readme_runs_in_its_workflow_as_it_stands(written: Path) -> None:
    assert load_folder(written, {}).problems == ()
    run = run_workflow(written / "totals.yaml")
    assert "7 costs 6.5" in run.messages
    assert run.loop("totals").iterations == 1
    assert run.dead_letters == ()


def test_the_tests_of_the_readme_pass_as_they_stand(written: Path) -> None:
    space = runpy.run_path(str(written / "tests" / "test_readme_totals.py"))
    tests = [each for name, each in space.items() if name.startswith("test_")]
    assert len(tests) == 2
    for each in tests:
        each()


def test_the_cases_of_the_readme_hold_as_they_stand(written: Path) -> None:
    (written / "tests" / "totals.yaml").write_text(block("yaml", "### Test a node"))
    assert cli(["test", str(written)], standalone_mode=False) == 0


def test_the_commands_that_make_a_node_and_a_workflow_work_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in block("sh", "## Write a node").splitlines():
        cli(shlex.split(line, comments=True)[1:], standalone_mode=False)
    run = run_workflow("workflows/totals.yaml", {"numbers": [{"n": 1}]})
    assert run.queue("kept") == ({"n": 1, "label": "seen"},)


def test_a_package_registers_its_nodes_as_the_readme_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tomllib.loads(block("toml", "## Write a node"))["project"]["entry-points"]
    ((group, names),) = said.items()
    ((name, module),) = names.items()
    site = tmp_path / "site"
    source = site / f"{module.replace('.', '/')}.py"
    source.parent.mkdir(parents=True)
    source.write_text(block("python", "## Write a node"))
    info = site / "acme_nodes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-nodes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
    monkeypatch.syspath_prepend(str(site))
    assert run_node(load_node(tmp_path, "add-total"), {"id": 1, "lines": []}).output == {
        "id": 1,
        "lines": [],
        "total": 0,
    }


def test_the_workflow_of_the_readme_loads_and_its_mistake_is_reported_as_shown(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "workflows" / "nodes", tmp_path / "nodes")
    path = tmp_path / "orders.yaml"
    path.write_text(block("yaml"))
    loaded = load_folder(tmp_path, {})
    assert [str(problem) for problem in loaded.problems] == []
    path.write_text(block("yaml").replace("type: queue-writer", "type: queue-wirter"))
    message = "unknown node type 'queue-wirter' (did you mean 'queue-writer'?) [unknown-node]"
    assert any(str(problem).endswith(message) for problem in load_folder(tmp_path, {}).problems)
    assert message in README


def test_every_built_in_type_is_in_the_tables(tmp_path: Path) -> None:
    tables = README.split("### What is built in")[1].split("\n### ")[0]
    shown = re.findall(r"`([^`]+)`", "".join(line.split(" | ")[0] for line in tables.splitlines() if line[:3] == "| `"))
    assert sorted(shown) == sorted(discover(tmp_path).types)


def test_every_picture_and_file_that_the_readme_links_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_every_key_in_the_readme_does_what_it_says() -> None:
    tables = [part.split("\n\n")[0] for part in README.split("\n| key | does ")[1:]]
    shown = {key for table in tables for key in re.findall(r"`([^`]+)`", table)}
    keys = {key for action in ACTIONS for key in action.shown.replace("shift+tab", "").split()}
    assert shown <= keys | {"enter", "esc", ":"}, shown - keys


@pytest.mark.parametrize("kind", ["run-command", "test-command"])
def test_the_two_commands_are_in_the_first_screen(kind: str) -> None:
    assert f"<!-- {kind} -->\n```sh\npython3 -m venv .venv && " in "\n".join(README.split("\n")[:20])
