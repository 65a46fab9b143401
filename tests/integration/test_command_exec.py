"""`flowtui exec` runs one node of a workflow with any input, and keeps its hands off production."""

from __future__ import annotations

import json
import signal

import pytest
from click.testing import CliRunner

from flowtui.cli.exec import exec_
from flowtui.cli.usage import Misuse
from flowtui.storage.connection import unix_connector
from flowtui.storage.local_server import LocalServer
from flowtui.storage.server_binary import find_server

NODES = """
import asyncio, time
from pydantic import BaseModel, Field
from flowtui import BlockingNode, NodeConfig

class Limits(BaseModel):
    most: float = 10.0
    least: float = Field(default=0.0, ge=0)

class Weigh(BlockingNode):
    class Config(NodeConfig):
        unit: str = "kg"
        limits: Limits = Limits()
        labels: dict[str, str] = {}

    async def execute(self, data):
        print("printed")
        self.log.debug("weighing")
        if data["weight"] > self.config.limits.most:
            raise ValueError(f"more than {self.config.limits.most:g} {self.config.unit}")
        return data | {"unit": self.config.unit, **self.config.labels}

class Hang(BlockingNode):
    def execute(self, data):
        (self.folder / "hangs").touch()
        while True:
            pass
"""
FLOWS = """
nodes:
  once: {type: sequence, config: {count: 3}}
  weigh: {type: weigh, needs: size, config: {labels: {colour: red}}}
  size: {type: transform, needs: once, config: {expression: "{weight: n}"}}
  light: {type: if, needs: weigh, config: {when: "{{ data.weight < 5 }}"}}
  other: {type: log, needs: once}
  both: {type: template, needs: [weigh, other], config: {text: "{{ data.by.weigh.weight }} {{ data.x }}", into: told}}
  hang: {type: hang, needs: once}
"""
HEAVY = '{"weight": 11}'


@pytest.fixture
def cli(flowtui):
    flowtui.write("scale.yaml", FLOWS)
    flowtui.write("nodes/scales.py", NODES)
    return flowtui


def ran(cli, *args: str, code: int = 0, **options):
    """Run a node; return the result that is printed, and what stands on standard error."""
    child = cli.run("exec", *args, "--json", code=code, **options)
    assert child.output.count("\n") == 1
    return json.loads(child.output), child.errors


def refused(cli, *args: str) -> str:
    """Run the command with what it must not take, and return its one sentence."""
    child = cli.run("exec", *args, code=2)
    assert child.output == ""
    return child.errors.removeprefix("flowtui: ").rstrip()


def test_the_result_is_on_stdout_and_what_the_node_says_on_stderr(cli):
    told, errors = ran(cli, "flows/scale.yaml:weigh", "--input", '{"weight": 3}', "--log-level", "debug")
    assert told.pop("duration_ms") > 0
    (given,) = told.pop("inputs")
    assert (given["origin"], given["payload"]) == ("mock", {"weight": 3})
    assert told == {
        "ok": True,
        "node": "weigh",
        "output": {"weight": 3, "unit": "kg", "colour": "red"},
        "port": None,
        "error": None,
    }
    lines = [line.split()[1:] for line in errors.splitlines()]
    assert ["info", "scale.once", "weigh", "printed"] in lines
    assert ["debug", "scale.once", "weigh", "weighing"] in lines


def test_a_node_that_fails_tells_why_and_where_and_nothing_is_pinned(cli):
    told, errors = ran(cli, "flows/scale.yaml:weigh", "--input", HEAVY, "--pin", code=1)
    assert (told["ok"], told["output"]) == (False, None)
    assert told["error"] == "ValueError: more than 10 kg (scales.py:20 in execute)"
    assert 'scales.py", line 20, in execute' in errors
    assert "nothing is pinned, as there is no output of weigh" in errors
    assert not (cli.folder / ".flowtui").exists()


def test_settings_are_tried_without_the_file_being_touched(cli):
    before = (cli.folder / "scale.yaml").read_bytes()
    settings = ("--set", "limits.most=12", "--set", "unit=1t", "--set", "labels.shape=round")
    told, _ = ran(cli, "flows/scale.yaml:weigh", "--input", HEAVY, *settings)
    assert told["output"] == {"weight": 11, "unit": "1t", "colour": "red", "shape": "round"}
    assert (cli.folder / "scale.yaml").read_bytes() == before


def test_a_pinned_output_is_the_input_of_the_node_behind(cli):
    ran(cli, "flows/scale.yaml:weigh", "--input", '{"weight": 4}', "--pin")
    told, errors = ran(cli, "flows/scale.yaml:light")
    assert told["port"] == "yes"
    assert [(each["upstream"], each["origin"]) for each in told["inputs"]] == [("weigh", "pin")]
    assert "flowtui: light ran with weigh (pin)\n" in errors


def test_what_is_missing_upstream_runs_first_and_is_told_before(cli):
    told, errors = ran(cli, "flows/scale.yaml:both", "--upstream", "--input", 'other={"x": 1}')
    assert told["output"]["told"] == "0 1"
    assert [(each["upstream"], each["origin"]) for each in told["inputs"]] == [("weigh", "cache"), ("other", "mock")]
    plan = [line for line in errors.splitlines() if "first runs" in line]
    assert [line.split()[3] for line in plan] == ["once", "size", "weigh"]
    assert errors.index(plan[-1]) < errors.index("printed")
    assert not cli.state_dir.exists()


def test_beside_a_store_of_production_it_writes_only_what_is_of_development(cli):
    assert keys_of(cli) == []
    ran(cli, "flows/scale.yaml:size", "--input", '{"n": 6}')
    told, _ = ran(cli, "flows/scale.yaml:weigh")
    assert told["output"]["weight"] == 6
    assert [(each["upstream"], each["origin"]) for each in told["inputs"]] == [("size", "cache")]
    written = keys_of(cli)
    assert any(b":output:" in name for name in written)
    assert [name for name in written if not name.startswith(b"{flowtui}:dev:")] == []


def keys_of(cli) -> list[bytes]:
    """Start the private server of the state directory alone, and return the names of all that it keeps."""
    server = LocalServer(cli.state_dir, find_server())
    server.start()
    try:
        with unix_connector(server.socket_path).client(3.0) as client:
            return [*client.scan_iter("*")]
    finally:
        server.close()


def test_ctrl_c_kills_whatever_the_node_does(cli):
    child = cli.start("exec", "flows/scale.yaml:hang", "--input", "{}")
    child.until((cli.folder / "hangs").exists, "the node")
    child.process.send_signal(signal.SIGINT)
    child.end(130)
    assert child.output == ""


def test_it_loads_neither_the_screen_nor_without_a_store_its_client(cli):
    cli.program = ["-X", "importtime", "-m", "flowtui"]
    child = cli.start("exec", "flows/scale.yaml:light", "--input", '{"weight": 1}', "--json")
    assert child.process.wait(30) == 0
    assert json.loads(child.output)["port"] == "yes"
    loaded = {line.rpartition("|")[2].strip() for line in child.errors.splitlines()}
    assert "flowtui.cli.node_args" in loaded
    assert loaded & {"textual", "rich", "redis", "fakeredis", "watchfiles", "psutil", "flowtui.engine.engine"} == set()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("weigh",), "weigh has no input from size "),
        (("wiegh",), "flows/scale.yaml has no node 'wiegh' (did you mean 'weigh'?)"),
        (("once", "--input", "{}"), "once is a producer, which makes items itself: give it no input"),
        (("weigh", "--input", "otter={}"), "weigh takes nothing from 'otter'"),
        (("weigh", "--set", "unti=g", "--input", "{}"), "unti: unknown setting 'unti' (did you mean 'unit'?)"),
        (("weigh", "--set", "limits.least=-1", "--input", "{}"), "limits.least: "),
        (("weigh", "--set", "unit", "--input", "{}"), "--set 'unit' sets nothing: write --set key=value"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(cli, args, said):
    node, *rest = args
    text = refused(cli, f"flows/scale.yaml:{node}", *rest)
    assert said in text
    assert "\n" not in text


def test_a_file_with_errors_shows_them(cli):
    cli.write("scale.yaml", "nodes:\n  once: {type: sequenze}\n")
    text = refused(cli, "flows/scale.yaml:once")
    assert "none of the nodes of flows/scale.yaml can run before its errors are mended:\n" in text
    assert "flows/scale.yaml:2:16: unknown node type 'sequenze'" in text


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("weigh",), "'weigh' names no node: write its file and its id, such as workflows/orders.yaml:check"),
        (("nowhere.yaml:weigh",), "there is no workflow file 'nowhere.yaml'; name a file"),
        (("flows:weigh",), "'flows' is a folder: name one of its files, and a node, such as flows/orders.yaml:check"),
        (("F:weigh", "--input", "{"), "the input is no JSON"),
        (("F:weigh", "--input", "size=[1]"), "the input from size must be a JSON object"),
        (("F:weigh", "--input", "@no.json"), "the input cannot be read: no.json: no such file or directory"),
        (("F:weigh", "--input", "{}", "--input", "{}"), "the input is given twice"),
        (("F:both", "--input", "{}", "--input", "weigh={}"), "is all that the node takes: leave out the others"),
        (("F:both", "--input", "other=-", "--input", "weigh=-"), "standard input can be read only once"),
        (("F:both", "--input", "{}", "--upstream"), "nothing to run --upstream: leave one out"),
    ],
)
def test_what_is_written_wrong_is_told_before_anything_runs(cli, monkeypatch, args, said):
    monkeypatch.chdir(cli.home)
    words = [each.replace("F:", "flows/scale.yaml:") for each in args]
    result = CliRunner().invoke(exec_, words, standalone_mode=False, input="{}")
    assert isinstance(result.exception, Misuse), result
    assert said in result.exception.message


def test_input_comes_from_a_file_or_standard_input_and_a_workflow_is_found_by_name(cli, monkeypatch):
    (cli.home / "workflows").symlink_to(cli.folder)
    (cli.home / "in.json").write_text(HEAVY)
    child = cli.start("exec", "scale:light", "--input", "@in.json", "--json")
    assert json.loads(child.end().output)["port"] == "no"
