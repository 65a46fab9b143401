"""`flowtui trigger` runs a workflow of a running engine once, and follows it."""

from __future__ import annotations

import json
import signal

import pytest
from click.testing import CliRunner

from flowtui.cli.trigger import trigger
from flowtui.cli.usage import Misuse

NODES = """
import asyncio
from flowtui import BlockingNode

class Gate(BlockingNode):
    async def execute(self, data):
        while (self.folder / "gate").exists():
            await asyncio.sleep(0.005)
        return data

class Refuse(BlockingNode):
    async def execute(self, data):
        raise ValueError("no\\nnever")
"""
FLOWS = """
nodes:
  ask:
    type: trigger
    config: {inputs: {city: {type: choice, choices: [Rome, Oslo], required: true}, days: {type: integer, default: 3}}}
  wait: {type: gate, needs: ask}
  tell: {type: log, needs: wait}
  other: {type: trigger}
  refuse: {type: refuse, needs: other}
  once: {type: sequence, config: {count: 1}}
  hello: {type: log, needs: once, config: {message: hello}}
"""
ROME = ("--input", '{"city": "Rome"}')
RESULT = {"city": "Rome", "days": 3}


@pytest.fixture
def cli(flowtui):
    flowtui.write("trip.yaml", FLOWS)
    flowtui.write("nodes/gates.py", NODES)
    return flowtui


@pytest.fixture
def engine(cli):
    """A running engine that has loaded the workflow."""
    child = cli.headless()
    child.until(lambda: "hello" in child.output, "the first line")
    return child


def refused(cli, *args: str, code: int = 1) -> str:
    """Run a command that fails at once, and return its one sentence."""
    child = cli.run("trigger", *args, code=code)
    assert child.output == ""
    assert child.errors.count("\n") == 1, child.errors
    return child.errors.removeprefix("flowtui: ").rstrip()


def test_a_run_is_followed_to_its_result_and_found_again(cli, engine):
    child = cli.run("trigger", "trip", "flows", "--node", "ask", *ROME, "--wait")
    assert json.loads(child.output) == RESULT
    told = [line.split()[:3] for line in child.errors.splitlines()]
    assert told == [["1", "wait", "done"], ["2", "tell", "done"], ["done", "in", told[-1][2]]]
    begun = json.loads(cli.run("trigger", "trip.ask", "flows", *ROME, "--json").output)
    assert (begun["loop"], begun["state"]) == ("trip.ask", "running")
    lines = cli.run("trigger", "--show", begun["run"], "flows", "--wait", "--json").events
    assert (lines[-1]["state"], lines[-1]["result"], lines[-1]["attempt"]) == ("done", RESULT, 1)
    shown = cli.run("trigger", "--show", begun["run"], "flows").output
    assert shown.startswith(f"run {begun['run']} of trip.ask\n  1  wait  done")
    assert json.loads(shown[shown.index("{") :]) == RESULT


def test_a_run_that_fails_names_the_node_the_reason_and_the_letter(cli, engine):
    child = cli.run("trigger", "trip.other", "flows", "--wait", code=1)
    assert child.output == ""
    last = child.errors.splitlines()[-1]
    assert "failed: refuse: ValueError: no never; kept as dead letter 1, to see: flowtui dead show 1" in last
    cli.run("dead", "show", "1", "--folder", "flows")


def test_who_does_not_wait_any_longer_leaves_the_run_as_it_is(cli, engine):
    (cli.folder / "gate").touch()
    late = cli.run("trigger", "trip.ask", "flows", *ROME, "--wait", "--timeout", "200ms", code=1)
    assert "has not ended within 0.2 s and goes on; to look: flowtui trigger --show" in late.errors
    child = cli.start("trigger", "trip.ask", "flows", *ROME, "--wait", "--json")
    child.until(lambda: "run" in child.output, "the first line")
    child.process.send_signal(signal.SIGINT)
    child.end(130)
    id = child.events[0]["run"]
    assert child.errors == f"flowtui: run {id} goes on; to look: flowtui trigger --show {id} flows\n"
    (cli.folder / "gate").unlink()
    assert json.loads(cli.run("trigger", "--show", id, "flows", "--wait").output) == RESULT


def test_a_run_outlives_its_engine_and_whoever_waits_is_told(cli, engine):
    (cli.folder / "gate").touch()
    child = cli.start("trigger", "trip.ask", "flows", *ROME, "--wait", "--json")
    child.until(lambda: '"running"' in child.output, "its beginning")
    engine.process.kill()
    engine.process.wait()
    child.end(1)
    id = child.events[0]["run"]
    (cli.folder / "gate").unlink()
    again = cli.headless()
    again.until(lambda: "trip.ask" in again.output, "the second attempt")
    told = json.loads(cli.run("trigger", "--show", id, "flows", "--wait", "--json").output.splitlines()[-1])
    assert (told["state"], told["result"], told["attempt"]) == ("done", RESULT, 2)


def test_what_cannot_be_meant_is_refused_in_one_sentence(cli, engine):
    assert refused(cli, "trip", "flows") == "trip has several triggers: say which, with --node ask or --node other"
    assert refused(cli, "trip.ask", "flows", code=2) == "the input of trip.ask does not fit: city: it is required"
    assert refused(cli, "trap", "flows") == "there is no workflow or loop 'trap' (did you mean 'trip'?)"
    assert refused(cli, "--show", "x", "flows").startswith("there is no run 'x'")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "which workflow shall run?"),
        (("a", ".", "c"), "'c' is one word too many"),
        (("trip", "--timeout", "1s"), "--timeout goes with --wait"),
        (("--show", "x", "--node", "a"), "leave out --node and --input"),
        (("trip", ".", "--input", "{"), "the input is no JSON"),
        (("trip", ".", "--input", "[1]"), "the input must be a JSON object"),
    ],
)
def test_what_is_written_wrong_is_told_before_anything_is_asked(args, said):
    result = CliRunner().invoke(trigger, args, standalone_mode=False)
    assert isinstance(result.exception, Misuse)
    assert said in result.exception.message


def test_without_an_engine_it_says_how_to_start_one(cli):
    assert refused(cli, "trip.ask", "flows", *ROME) == "no engine runs on this folder; start it with `flowtui flows`"
