"""`flowtui pause`, `stop` and so on reach engines that run in other processes."""

from __future__ import annotations

import json
import signal
from uuid import uuid4

import psutil
import pytest

from command_line import PATIENCE_S

FLOWS = """
nodes:
  incoming: {type: interval, config: {every: 10ms}}
  out: {type: queue-writer, needs: incoming, config: {queue: q}}
  fulfil: {type: queue-reader, config: {queue: q}}
  tell: {type: log, needs: fulfil}
"""
IN = "orders.incoming"


@pytest.fixture
def cli(flowtui):
    flowtui.write("orders.yaml", FLOWS)
    return flowtui


@pytest.fixture
def engine(cli):
    """A running engine that works."""
    child = cli.headless()
    child.until(lambda: child.output, "the first item")
    return child


def refused(cli, *args: str, code: int = 1) -> str:
    """Run a command that must not do anything, and return its one sentence."""
    child = cli.run(*args, code=code)
    assert child.output == ""
    assert child.errors.count("\n") == 1
    return child.errors.removeprefix("flowtui: ").rstrip()


def told(cli, *args: str) -> str:
    child = cli.run(*args)
    assert child.errors == ""
    return child.output


def test_a_loop_is_commanded_and_what_happens_is_said(cli, engine):
    assert told(cli, "pause", IN, "flows") == f"{IN}: pausing\n"
    assert refused(cli, "pause", IN, "flows").startswith(f"{IN} is paus")
    assert told(cli, "resume", IN, "--folder", "flows") == f"{IN}: running\n"
    answer = json.loads(told(cli, "kill", IN, "flows", "--json"))
    (loop,) = answer["loops"]
    assert answer["command"] == "kill"
    assert (loop["loop"], loop["state"]) == (IN, "stopping")
    assert loop["instance"].endswith(f":{engine.process.pid}")
    engine.process.terminate()
    engine.end()
    assert engine.summary["loops"][IN]["reason"] == "killed by hand"


def test_all_loops_are_commanded_at_once(cli, engine):
    assert told(cli, "drain", "--all", "flows") == f"{IN}: draining\norders.fulfil: draining\n"
    assert refused(cli, "resume", "--all", "flows") == "no loop is in a state in which it can resume"
    engine.process.terminate()
    engine.end()


def test_a_command_that_cannot_be_meant_is_refused_in_one_sentence(cli, engine):
    assert refused(cli, "stop", "orders.incomng", "flows") == (
        f"there is no loop 'orders.incomng' (did you mean '{IN}'?)"
    )
    assert refused(cli, "start", IN, "flows") == (
        f"{IN} is running: cannot start; it can pause or drain or stop or kill or restart"
    )
    assert "which loop shall stop?" in refused(cli, "stop", code=2)
    assert "'b' is one word too many" in refused(cli, "stop", IN, "flows", "b", code=2)
    assert "belongs to one process" in refused(cli, "stop", IN, "flows", "--store", "memory", code=2)
    assert "there is no folder 'other'" in refused(cli, "stop", IN, "other", code=2)


def test_without_an_engine_it_says_how_to_start_one_and_starts_nothing(cli, redis_url):
    sentence = "no engine runs on this folder; start it with `flowtui flows`"
    assert refused(cli, "pause", IN, "flows") == sentence
    assert not cli.state_dir.exists()
    assert refused(cli, "pause", IN, "flows", "--store", redis_url, "--namespace", uuid4().hex) == sentence


def test_flags_that_name_the_store_are_enough(cli, engine):
    assert told(cli, "pause", IN, "--state-dir", str(cli.state_dir)) == f"{IN}: pausing\n"


def test_after_the_end_of_the_engine_there_is_none(cli, engine):
    server = psutil.Process(cli.server_pid())
    engine.process.kill()
    engine.process.wait()
    psutil.wait_procs([server], PATIENCE_S)
    assert refused(cli, "pause", IN, "flows") == "no engine runs on this folder; start it with `flowtui flows`"


def test_an_engine_that_stands_still_is_not_waited_for(cli, redis_url):
    there = ("--store", redis_url, "--namespace", uuid4().hex)
    engine = cli.headless(*there)
    engine.until(lambda: engine.output, "the first item")
    engine.process.send_signal(signal.SIGSTOP)
    try:
        sentence = refused(cli, "pause", IN, "flows", *there)
    finally:
        engine.process.send_signal(signal.SIGCONT)
    assert sentence.endswith(f":{engine.process.pid} has not answered within 5 s: nothing is done there")
    engine.process.terminate()
    engine.end()
    assert engine.summary["loops"][IN]["reason"] == "flowtui ends"


def test_a_command_reaches_the_loop_in_every_instance(cli, redis_url):
    there = ("--store", redis_url, "--namespace", uuid4().hex)
    engines = [cli.headless(*there, "--state-dir", str(cli.home / name)) for name in "ab"]
    for engine in engines:
        engine.until(lambda engine=engine: "orders.fulfil" in engine.output, "an item")
    loops = json.loads(told(cli, "pause", IN, "flows", "--json", *there))["loops"]
    assert sorted(loop["instance"].rpartition(":")[2] for loop in loops) == sorted(
        str(engine.process.pid) for engine in engines
    )
    lines = told(cli, "stop", "--all", "flows", *there).splitlines()
    assert sorted(line.partition(" on ")[0] for line in lines) == [
        "orders.fulfil: stopping",
        "orders.fulfil: stopping",
        f"{IN}: stopping",
        f"{IN}: stopping",
    ]
    for engine in engines:
        engine.process.terminate()
        engine.end()
