"""A trigger's loop runs once each time it is asked to, and every run can be followed node by node."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.errors import BadInput, NotTriggered, UnknownLoop, UnknownRun
from flowtui.model.runs import NodeRunState, Run, RunState
from flowtui.model.states import Command, LoopState

PATIENCE_S = 20.0
POOLS = ("asyncio", "thread", "process")
MORE_NODES = '''
import asyncio
import os
from pathlib import Path

from pydantic import SecretStr

from flowtui import BlockingNode


class Meet(BlockingNode):
    """Goes on only when as many of its kind are at work as are wanted, so that they must run side by side."""
    class Config(BlockingNode.Config):
        count: int = 2
    async def execute(self, data):
        (self.folder / f"here-{self.id}").touch()
        while len(list(self.folder.glob("here-*"))) < self.config.count:
            await asyncio.sleep(0.005)
        return {self.id: data["n"]}


class FailAtFirst(BlockingNode):
    """Raises until a file `mended` is there."""
    async def execute(self, data):
        if not (self.folder / "mended").exists():
            raise ValueError("not mended")
        return data | {"mended": True}


class Die(BlockingNode):
    """Ends its process at the first time."""
    class Config(BlockingNode.Config):
        always: bool = False
    async def execute(self, data):
        while (self.folder / "gate").exists():
            await asyncio.sleep(0.005)
        if self.config.always or not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os.kill(os.getpid(), 9)
        return data


class Drop(BlockingNode):
    async def execute(self, data):
        return None


class Huge(BlockingNode):
    async def execute(self, data):
        return {"text": "x" * 300_000}


class Tell(BlockingNode):
    """Hands its secret on."""
    class Config(BlockingNode.Config):
        key: SecretStr
    async def execute(self, data):
        return {"told": ["key " + self.config.key.get_secret_value()]}


class Odd(BlockingNode):
    async def execute(self, data):
        return {"path": Path("a")}
'''
DIAMOND = """
nodes:
  ask:
    type: trigger
    config: {{inputs: {{n: {{type: integer, required: true}}}}}}
    loop: {{pool: {pool}}}
  left: {{type: meet, needs: ask}}
  right: {{type: meet, needs: ask}}
  join: {{type: log, needs: [left, right]}}
"""


class Runs:
    """A running engine, and runs in it."""

    def __init__(self, running: Any) -> None:
        self.running = running
        self.client = EngineClient(running.engine)

    def ask(self, loop: str = "w.ask", **values: Any) -> str:
        return self.client.trigger(loop, values).result(PATIENCE_S).run

    def find(self, id: str) -> Run:
        return self.client.run(id).result(PATIENCE_S)

    def until(self, id: str, *states: RunState) -> Run:
        self.running.until(lambda: self.find(id).state in states, f"for run {id}")
        return self.find(id)

    def end(self, **values: Any) -> Run:
        """Run once, to the end."""
        return self.until(self.ask(**values), RunState.DONE, RunState.FAILED)

    def refused(self, future: Future[Any]) -> Exception:
        error = future.exception(PATIENCE_S)
        assert isinstance(error, Exception)
        return error


@pytest.fixture
def runs(start: Any, write: Any, folder: Any) -> Callable[..., Runs]:
    (folder / "nodes" / "run_nodes.py").write_text(MORE_NODES)

    def begin(text: str, **options: Any) -> Runs:
        write("w.yaml", text)
        return Runs(start(**options))

    return begin


def chain(*nodes: str, loop: str = "") -> str:
    """Return a workflow of a trigger without inputs and these nodes in a row: `id: rest`."""
    lines = ["nodes:", f"  ask: {{type: trigger{f', loop: {loop}' if loop else ''}}}"]
    before = "ask"
    for node in nodes:
        id, _, rest = node.partition(": ")
        lines.append(f"  {id}: {{needs: {before}, {rest}}}")
        before = id
    return "\n".join(lines)


def states(run: Run) -> dict[str, NodeRunState]:
    return {id: node.state for id, node in run.nodes.items()}


@pytest.mark.parametrize("pool", POOLS)
def test_a_diamond_runs_layer_by_layer_and_the_branches_of_one_side_by_side(runs, pool):
    each = runs(DIAMOND.format(pool=pool))
    run = each.end(n=7)
    assert run.layers == (("left", "right"), ("join",))
    assert (run.state, run.result, run.error) == (RunState.DONE, {"left": 7, "right": 7}, "")
    assert (run.input, run.attempt, run.workflow) == ({"n": 7}, 1, "w")
    assert set(states(run).values()) == {NodeRunState.DONE}


def test_the_result_is_what_the_leaf_hands_on(runs):
    run = runs(chain("a: type: plain", "b: type: log")).end(n=1)
    assert (run.state, run.result, run.error) == (RunState.DONE, {"n": 1}, "")
    assert run.ms is not None
    assert run.asked_at <= run.started_at <= run.ended_at


def test_of_several_leaves_the_result_names_them_and_a_branch_not_taken_is_skipped(runs):
    text = """
    nodes:
      ask: {type: trigger}
      parity: {type: parity, needs: ask}
      even: {type: plain, needs: parity.even}
      odd: {type: plain, needs: parity.odd}
      last: {type: plain, needs: odd}
    """
    run = runs(text).end(n=2)
    assert run.state is RunState.DONE
    assert run.result == {"even": {"n": 2, "parity": 0}}
    assert run.nodes["parity"].note == "even"
    assert states(run)["odd"] is states(run)["last"] is NodeRunState.SKIPPED


def test_a_dropped_item_ends_the_run_without_a_result(runs):
    run = runs(chain("a: type: drop", "b: type: plain")).end(n=1)
    assert (run.state, run.result) == (RunState.DONE, None)
    assert (run.nodes["a"].note, states(run)["b"]) == ("dropped the item", NodeRunState.SKIPPED)


def test_a_failing_node_is_named_with_its_tries_and_its_letter(runs):
    node = "b: type: fail-at-first, retry: {attempts: 3, delay: 1ms}"
    each = runs(chain("a: type: plain", node, "c: type: plain"))
    run = each.end(n=1)
    assert (run.state, run.error) == (RunState.FAILED, "b: ValueError: not mended")
    assert (run.nodes["b"].tries, run.nodes["b"].of) == (3, 3)
    assert list(states(run).values()) == [NodeRunState.DONE, NodeRunState.FAILED, NodeRunState.SKIPPED]
    (letter,) = each.client.dead_letters().result(PATIENCE_S)
    assert (run.letters, letter.id) == ((letter.number,), run.id)


@pytest.mark.parametrize("from_start", [False, True])
def test_a_replay_makes_of_the_run_what_becomes_of_it_now(runs, folder, from_start):
    each = runs(chain("a: type: note", "b: type: fail-at-first", "c: type: plain"))
    run = each.end(n=1)
    (folder / "mended").touch()
    (letter,) = each.client.dead_letters().result(PATIENCE_S)
    each.client.replay(letter, from_start=from_start).result(PATIENCE_S)
    after = each.until(run.id, RunState.DONE)
    assert (after.attempt, after.error, after.letters) == (2, "", ())
    assert (after.result, after.input) == ({"n": 1, "mended": True}, {"n": 1})
    assert set(states(after).values()) == {NodeRunState.DONE}
    assert each.running.done() == ([1, 1] if from_start else [1])
    assert after.asked_at == run.asked_at


def test_a_loop_that_is_stopped_keeps_the_run_and_says_so(runs, folder):
    (folder / "gate").touch()
    each = runs(chain("a: type: wait", "b: type: plain"))
    each.running.tell(Command.STOP, "w.ask")
    each.running.until_state("w.ask", LoopState.STOPPED)
    asked = each.client.trigger("w.ask", {"n": 1}).result(PATIENCE_S)
    assert asked.waits == "w.ask is stopped: the run waits until you start it"
    assert each.find(asked.run).state is RunState.QUEUED
    each.running.tell(Command.START, "w.ask")
    each.running.until(lambda: each.find(asked.run).nodes["a"].state is NodeRunState.RUNNING)
    each.running.tell(Command.KILL, "w.ask")
    waiting = each.until(asked.run, RunState.QUEUED)
    assert waiting.error == "its loop ended before it had; it begins again when that starts"
    (folder / "gate").unlink()
    each.running.until_state("w.ask", LoopState.STOPPED)
    each.running.tell(Command.START, "w.ask")
    assert each.until(asked.run, RunState.DONE).attempt == 2


@pytest.mark.parametrize("pool", ["process"])  # for a store that children can reach
def test_a_run_whose_process_dies_begins_again(runs, pool):
    run = runs(chain("a: type: plain", "b: type: die", loop=f"{{pool: {pool}}}")).end(n=1)
    assert (run.state, run.attempt, run.result) == (RunState.DONE, 2, {"n": 1})


@pytest.mark.parametrize("pool", ["process"])  # for a store that children can reach
def test_a_run_that_kills_every_process_ends_as_a_letter(runs, folder, pool):
    (folder / "gate").touch()
    loop = f"{{pool: {pool}, max_deliveries: 1}}"
    each = runs(chain("a: type: die, config: {always: true}", "b: type: plain", loop=loop))
    id = each.ask(n=1)
    each.running.until(lambda: each.find(id).nodes["a"].state is NodeRunState.RUNNING)
    (folder / "gate").unlink()
    run = each.until(id, RunState.FAILED)
    assert (run.state, run.nodes["a"].error) == (RunState.FAILED, "its process died")
    assert states(run)["b"] is NodeRunState.SKIPPED
    (letter,) = each.client.dead_letters().result(PATIENCE_S)
    assert run.letters == (letter.number,)


def test_of_a_huge_result_the_beginning_is_kept(runs):
    run = runs(chain("a: type: huge")).end(n=1)
    assert run.is_cut
    assert run.result.startswith('{"text": "xxx')
    assert len(run.result) < 300_000


def test_no_secret_is_kept_with_a_run(runs):
    node = "a: type: tell, config: {key: '${secret:TOKEN}'}"
    run = runs(chain(node), env={"FLOWTUI_SECRET_TOKEN": "s3cr3t-of-ana"}).end(n=1)
    assert (run.state, run.result) == (RunState.DONE, {"told": ["key ***TOKEN***"]})


def test_what_json_cannot_hold_is_shown_as_it_prints(runs):
    assert runs(chain("a: type: odd")).end().result["path"].endswith("Path('a')")


def test_input_that_does_not_fit_is_refused_field_by_field_and_nothing_runs(runs):
    each = runs(DIAMOND.format(pool="asyncio"))
    error = each.refused(each.client.trigger("w.ask", {"n": "many", "m": 1}))
    assert isinstance(error, BadInput)
    assert error.faults["n"].endswith('not "many"')
    assert error.faults[""] == "unknown input 'm' (there are: n)"
    assert str(error).startswith("the input of w.ask does not fit: n: it should be a valid integer")
    assert EngineClient(each.running.engine).is_idle().result(PATIENCE_S)


def test_only_a_trigger_can_be_asked(runs):
    text = "nodes:\n  count: {type: count, config: {count: 1}}\n  out: {type: log, needs: count}\n"
    each = runs(text)
    assert isinstance(each.refused(each.client.trigger("w.count", {})), NotTriggered)
    assert isinstance(each.refused(each.client.trigger("w", {})), NotTriggered)
    assert isinstance(each.refused(each.client.trigger("x", {})), UnknownLoop)
    assert isinstance(each.refused(each.client.run("x")), UnknownRun)


def test_its_queue_is_nobody_elses_business(runs):
    each = runs(chain("a: type: plain"))
    each.end(n=1)
    assert each.running.snapshot().queues == ()
