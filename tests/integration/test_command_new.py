"""`flowtui new`: what it makes runs, and it never harms what is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from flowtui.cli.main import cli
from flowtui.graph.folder import load_folder
from flowtui.testing import run_workflow

KINDS = ("producer", "blocking", "conditional", "non-blocking")


def new(*args: str) -> None:
    """Run `flowtui new` in this process, which is quicker."""
    cli(["new", *args], standalone_mode=False)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_kind_and_workflow_that_is_made_passes_check_its_tests_and_a_run(flowtui) -> None:
    folder = str(flowtui.folder)
    for kind in KINDS:
        new("node", f"My{kind.title().replace('-', '')}", "--kind", kind, "--folder", folder)
    new("workflow", "plain", "--folder", folder)
    new("workflow", "own", *(f"--node=my-{kind}" for kind in KINDS), "--folder", folder)
    new("workflow", "only_nodes", "--node=my-blocking", "--node=my-blocking", "--folder", folder)
    assert load_folder(flowtui.folder, {}).problems == ()
    run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, folder]
    tested = subprocess.run(run, env=flowtui.env, capture_output=True, text=True, timeout=50, check=False)
    assert "7 passed" in tested.stdout, tested.stdout + tested.stderr
    summary = flowtui.headless("--until-idle", "--store", "memory").end().summary
    assert {id: loop["iterations"] for id, loop in summary["loops"].items()} == {
        "plain.numbers": 10,
        "plain.kept": 5,
        "own.my-producer": 10,
        "own.kept": 6,
        "only-nodes.numbers": 10,
        "only-nodes.kept": 10,
    }
    assert summary["dead_letters"] == 0


def test_it_says_what_it_made_and_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    new("node", "add-total")
    assert capsys.readouterr().out == (
        "made workflows/nodes/add_total.py: the blocking node type 'add-total'\n"
        "made workflows/tests/test_add_total.py\n\n"
        "next:\n"
        "  python -m pytest workflows/tests/test_add_total.py\n"
        "  flowtui new workflow NAME --node add-total\n"
    )
    new("workflow", "totals", "--folder", "my flows")
    assert capsys.readouterr().out == (
        "made my flows/totals.yaml\n"
        "made my flows/tests/test_totals_workflow.py\n\n"
        "next:\n"
        "  python -m pytest 'my flows/tests/test_totals_workflow.py'\n"
        "  flowtui run 'my flows' --headless --until-idle\n"
        "  flowtui 'my flows'\n"
    )


@pytest.mark.parametrize(
    ("name", "module", "type_"),
    [
        ("ftp-poll", "ftp_poll", "ftp-poll"),
        ("ftp_poll", "ftp_poll", "ftp-poll"),
        ("FTPPoll", "ftp_poll", "ftp-poll"),
        ("ftpPoll", "ftp_poll", "ftp-poll"),
        ("top-10", "top_10", "top-10"),  # of which the class name alone would make top10
        ("match", "match", "match"),
    ],
)
def test_a_name_may_be_written_in_several_ways(name: str, module: str, type_: str) -> None:
    new("node", name)
    new("workflow", "flow", "--node", type_)
    assert Path("workflows", "nodes", f"{module}.py").exists()
    assert load_folder(Path("workflows"), {}).problems == ()
    assert run_workflow("workflows/flow.yaml", {"numbers": [{"n": 1}]}).queue("kept") == ({"n": 1, "label": "seen"},)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["node", "2fa"], "'2fa' is no name: use letters, digits and '-', a letter first, such as 'fa'"),
        (["node", "add total"], "'add total' is no name: use letters, digits and '-', a letter first, such as 'add-to"),
        (["node", "../evil"], "'../evil' is no name: use letters, digits and '-', a letter first, such as 'evil'"),
        (["workflow", ""], "'' is no name: use letters, digits and '-', a letter first, such as 'my-own'"),
        (["node", "class"], "'class' is a keyword of Python: take another name, such as 'class-node'"),
        (["node", "none"], "'none' is a keyword of Python: take another name, such as 'none-node'"),
        (["node", "node-data"], "NodeData is what a node module imports: take another name, such as 'my-node-data'"),
        (["node", "log"], "already (from flowtui.nodes.builtin.output); take another name, such as 'my-log'"),
        (["node", "There"], "already (in workflows/nodes/there.py); take another name, such as 'there-2'"),
        (["node", "half"], "workflows/tests/test_half.py is there already and stays as it is"),
        (["node", "bad"], "'bad' already (class Bad in nodes/bad.py:2 has no execute())"),
        (["workflow", "flow"], "workflows/flow.yml is there already and stays as it is; take another name, or remove"),
        (["workflow", "called"], "workflows/flow.yml is called 'called' already; take another name"),
        (["workflow", "w", "--node", "ther"], "workflows has no node type 'ther' (did you mean 'there'?)"),
        (["workflow", "w", "--node", "if"], "if can't be used as it is: workflows/w.yaml:8:3: the setting 'when' is"),
        (["workflow", "w", "--node", "interval", "--node", "sequence"], "interval and sequence are producers"),
        (["node", "x", "--folder", "workflows/flow.yml"], "'workflows/flow.yml' is a file; name a folder"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_sentence_and_leaves_all_as_it_was(
    args: list[str], said: str, home: Path
) -> None:
    new("node", "there")
    Path("workflows/tests/test_half.py").write_text("mine")
    Path("workflows/nodes/bad.py").write_text("from flowtui import BlockingNode\nclass Bad(BlockingNode): ...\n")
    Path("workflows/flow.yml").write_text("name: called\nnodes:\n  s: {type: sequence, config: {count: 1}}\n")
    before = {path: path.read_text() for path in home.rglob("*.*") if path.is_file()}
    with pytest.raises(click.UsageError) as caught:
        new(*args)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert {path: path.read_text() for path in home.rglob("*.*") if path.is_file()} == before


def test_tests_beside_a_workflow_are_neither_nodes_nor_workflows() -> None:
    new("node", "there")
    new("workflow", "flow")
    Path("workflows/tests/flow.yaml").write_text("rubbish")
    Path("workflows/tests/conftest.py").write_text("raise RuntimeError\n")
    loaded = load_folder(Path("workflows"), {})
    assert loaded.problems == ()
    assert [path.name for path in loaded.files] == ["flow.yaml"]


def test_a_group_without_a_command_shows_its_help(flowtui) -> None:
    errors = flowtui.run("new", code=2).errors
    assert errors.startswith("Usage: ")
    assert "node      Make a node class and its test." in errors
