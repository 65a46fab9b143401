"""Only workflow files and node modules make a reload: data may lie in the same folder, any amount of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowtui.engine.reload import fingerprint


@pytest.mark.parametrize("name", ["flow.yaml", "flow.yml", "flow.json", "nodes/mine.py", "nodes/pack/deep/mine.py"])
def test_a_workflow_file_or_a_node_module_is_heeded(tmp_path: Path, name: str) -> None:
    before = fingerprint(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a")
    made = fingerprint(tmp_path)
    path.write_text("ab")
    assert len({before, made, fingerprint(tmp_path)}) == 3


def test_a_link_that_leads_nowhere_is_heeded_since_it_is_reported(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").symlink_to("nowhere")
    assert fingerprint(tmp_path)


@pytest.mark.parametrize(
    "name", ["inbox/a.json", "inbox/done/b.yaml", "tests/test_it.py", "nodes/data.json", "out.jsonl"]
)
def test_data_and_tests_are_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a")
    assert fingerprint(tmp_path) == frozenset()
