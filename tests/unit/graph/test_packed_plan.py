from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from flowtui.graph.folder import load_folder
from flowtui.graph.packed_plan import PackedPlan, pack, unpack
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import NodeError

UNPACK = """
import pickle, sys
from flowtui.graph.packed_plan import unpack
plan = unpack(pickle.load(sys.stdin.buffer))
cls = plan.nodes[1].type.cls
print(plan.revision, cls.__name__, cls.GREETING, plan.nodes[1].config["word"])
print([name for name in sys.modules if name.endswith(".unused")])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "words.py").write_text("GREETING = 'hello'\n")
    (tmp_path / "nodes" / "unused.py").write_text("import sys\n")
    (tmp_path / "nodes" / "greet.py").write_text(
        dedent("""
            from flowtui import BlockingNode
            from . import words
            class Greet(BlockingNode):
                GREETING = words.GREETING
                class Config(BlockingNode.Config):
                    word: str
                async def execute(self, data):
                    return data
        """)
    )
    (tmp_path / "w.yaml").write_text(
        dedent("""
            nodes:
              start: {type: interval, config: {every: 1s}, loop: {pool: process, max_in_flight: 3}}
              greet: {type: greet, needs: start, config: {word: "${WORD}"}, retry: {attempts: 2}}
        """)
    )
    return tmp_path


def plan_of(folder: Path) -> ExecutionPlan:
    loaded = load_folder(folder, {"WORD": "world"})
    assert not loaded.problems
    return loaded.workflows[0].plans[0]


def elsewhere(plan: ExecutionPlan, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in another process, with the packed plan as its input."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, input=pickle.dumps(pack(plan)), capture_output=True, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_plan_is_the_same_after_the_journey(folder: Path) -> None:
    plan = plan_of(folder)
    assert unpack(pickle.loads(pickle.dumps(pack(plan)))) == plan


def test_another_process_gets_the_code_and_the_config_that_were_loaded_though_the_disk_has_changed(
    folder: Path,
) -> None:
    plan = plan_of(folder)
    (folder / "nodes" / "greet.py").write_text("1 / 0\n")
    (folder / "nodes" / "words.py").unlink()
    (folder / "w.yaml").unlink()
    assert elsewhere(plan, UNPACK).stdout.splitlines() == [f"{plan.revision} Greet hello world", "[]"]


def test_a_plan_goes_with_the_sources_that_it_was_made_from_even_if_newer_ones_were_loaded_since(folder: Path) -> None:
    old = plan_of(folder)
    (folder / "nodes" / "words.py").write_text("GREETING = 'good evening'\n")
    new = plan_of(folder)
    assert old.revision != new.revision
    for plan, greeting in ((old, "hello"), (new, "good evening")):
        assert f" Greet {greeting}" in elsewhere(plan, UNPACK).stdout


def test_code_of_a_package_that_has_changed_since_is_refused(folder: Path) -> None:
    packed = pack(plan_of(folder))
    other = PackedPlan(
        packed.content.replace(plan_of(folder).nodes[0].type.digest.encode(), b"0" * 24), packed.revisions
    )
    with pytest.raises(NodeError, match=r"'interval' \(flowtui\.nodes\.builtin\.schedule\) has changed"):
        unpack(other)


def test_a_class_that_another_process_could_not_find_is_named(folder: Path) -> None:
    path = folder / "nodes" / "greet.py"
    path.write_text(
        path.read_text() + "import os\nif os.environ.get('PACKED'):\n    del Greet\n",
    )
    script = f"import os; os.environ['PACKED'] = 'yes'\n{UNPACK}"
    assert "NodeError: node type 'greet' is not in " in elsewhere(plan_of(folder), script).stderr
