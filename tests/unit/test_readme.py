"""README shows nothing that does not work."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from flowtui import NodeData
from flowtui.graph.folder import load_folder
from flowtui.nodes.registry import discover
from flowtui.tui.actions import ACTIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_node_of_the_readme_works_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "anything.py").write_text(block("python"))
    registry = discover(tmp_path)
    assert registry.problems == ()
    cls = registry.types["add-total"].cls
    node = cls(cls.Config(min_total=2.0), id="total", loop="w.p")
    order = NodeData({"id": 4711, "lines": [{"price": 1.5}, {"price": 2.5}]})
    assert await node.execute(order) == {**order, "total": 4.0}
    assert await node.execute(NodeData({"id": 1, "lines": [{"price": 0.5}]})) is None


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


def test_every_picture_and_file_that_the_readme_links_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_every_key_in_the_readme_does_what_it_says() -> None:
    table = README.split("| key | does |")[1].split("\n\n")[0]
    shown = set(re.findall(r"`([^`]+)`", table))
    keys = {key for action in ACTIONS for key in action.shown.replace("shift+tab", "").split()}
    assert shown <= keys | {"enter", "esc", ":"}, shown - keys


@pytest.mark.parametrize("kind", ["run-command", "test-command"])
def test_the_two_commands_are_in_the_first_screen(kind: str) -> None:
    assert f"<!-- {kind} -->\n```sh\npython3 -m venv .venv && " in "\n".join(README.split("\n")[:20])
