"""`run_workflow` runs whole files with the engine of production, and tells what came to which queue."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from flowtui import NodeData
from flowtui.model.errors import FolderError, NotIdle, WorkflowError
from flowtui.model.states import LoopState
from flowtui.testing import run_folder, run_folder_async, run_workflow, run_workflow_async

NODES = """
import os
from flowtui import BlockingNode, Pool

class Check(BlockingNode):
    def execute(self, data):
        if data["n"] % 2:
            raise ValueError(f"odd: {data['n']}")
        print("checked", data["n"])
        return data | {"checked": True}

class Heavy(BlockingNode):
    pool = Pool.PROCESS
    def execute(self, data):
        return data | {"pid": os.getpid()}

class Stuck(BlockingNode):
    def setup(self):
        raise OSError("no such port")
    def execute(self, data):
        return data
"""
ORDERS = """
    nodes:
      source: {type: sequence, config: {count: 4}}
      check: {type: check, needs: source}
      store: {type: queue-writer, needs: check, config: {queue: "${QUEUE:good}", max_items: 1}}
      other: {type: interval, config: {every: 1h}}
      loud: {type: log, needs: other, config: {message: "ticked"}}
      read: {type: queue-reader, config: {queue: "${QUEUE:good}"}}
      heavy: {type: heavy, needs: read}
      done: {type: queue-writer, needs: heavy, config: {queue: /done}}
"""
ENDLESS = """
    nodes:
      other: {type: interval, config: {every: 1h}}
      loud: {type: log, needs: other, config: {message: "ticked"}}
      read: {type: queue-reader, config: {queue: good}}
      done: {type: queue-writer, needs: read, config: {queue: /done}}
"""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a workflow file beside the nodes of this module."""
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "any.py").write_text(NODES)

    def save(text: str, name: str = "orders.yaml") -> Path:
        path = tmp_path / name
        path.write_text(dedent(text))
        return path

    return save


def test_items_given_to_a_producer_go_through_the_whole_workflow(write: Write) -> None:
    run = run_workflow(write(ORDERS), {"source": [{"n": 2}, {"n": 3}, NodeData({"n": 4}, "four")]})
    assert run.queue("good") == ({"n": 2, "checked": True}, {"n": 4, "checked": True})
    assert [item["n"] for item in run.queue("/done")] == [2, 4]
    (letter,) = run.dead_letters
    assert (letter.loop, letter.node, letter.payload, letter.message) == ("orders.source", "check", {"n": 3}, "odd: 3")
    assert "checked 2" in run.messages
    assert "ticked" not in run.messages  # a producer that is not named gives nothing
    assert {id: view.state for id, view in run.loops.items()} == {
        "orders.source": LoopState.COMPLETED,
        "orders.other": LoopState.COMPLETED,
        "orders.read": LoopState.RUNNING,
    }
    assert (run.loop("source").iterations, run.loop("orders.source").errors) == (3, 1)


def test_items_for_a_reader_come_through_its_queue(write: Write) -> None:
    run = run_workflow(write(ORDERS), {"orders.read": [NodeData({"n": 1}, "one"), {"n": 2}]})
    assert [item["n"] for item in run.queue("good")] == [1, 2]
    assert run.queue("good")[0].id == "one"
    assert [item["n"] for item in run.queue("/done")] == [1, 2]


def test_a_loop_that_wants_a_process_runs_in_this_one(write: Write) -> None:
    run = run_workflow(write(ORDERS), {"read": [{"n": 1}]})
    assert run.queue("/done") == ({"n": 1, "pid": os.getpid()},)


def test_without_inputs_the_producers_do_their_own_work(write: Write) -> None:
    path = write("nodes:\n  s: {type: sequence, config: {count: 3}}\n  q: {type: queue-writer, needs: s}\n" + READER)
    run = run_workflow(path)
    assert [item["n"] for item in run.queue("q")] == [0, 1, 2]


READER = "  r: {type: queue-reader, needs: q}\n  l: {type: log, needs: r}\n"


def test_every_reader_of_a_queue_gets_every_item(write: Write) -> None:
    path = write(
        """
        nodes:
          a: {type: queue-reader, config: {queue: in}}
          to-a: {type: queue-writer, needs: a, config: {queue: /a}}
          b: {type: queue-reader, config: {queue: in}}
          to-b: {type: queue-writer, needs: b, config: {queue: /b}}
        """
    )
    run = run_workflow(path, {"a": [{"n": n} for n in range(20)]})
    assert [item["n"] for item in run.queue("/a")] == [item["n"] for item in run.queue("/b")] == [*range(20)]


def test_environment_variables_fill_in_the_file(write: Write) -> None:
    run = run_workflow(write(ORDERS), {"source": [{"n": 2}]}, env={"QUEUE": "other-name"})
    assert [item["n"] for item in run.queues["orders.other-name"]] == [2]


def test_a_workflow_that_does_not_come_to_rest_says_what_moves(write: Write) -> None:
    with pytest.raises(NotIdle) as caught:
        run_workflow(write(ENDLESS), within=2)
    assert "orders.yaml is not at rest after 2 s: orders.other is running; give it longer" in str(caught.value)


def test_a_workflow_that_never_ends_may_run_for_a_time(write: Write) -> None:
    run = run_workflow(write(ENDLESS), within=2, until_idle=False)
    assert "ticked" in run.messages
    assert run.loop("other").state is LoopState.STOPPED


def test_a_loop_that_fails_is_told_with_its_reason(write: Write) -> None:
    path = write("nodes:\n  s: {type: sequence, config: {count: 1}}\n  x: {type: stuck, needs: s}\n")
    run = run_workflow(path)
    assert run.loop("s").state is LoopState.FAILED
    assert "no such port" in run.loop("s").reason


def test_one_file_is_run_though_another_is_broken_and_a_folder_is_not(write: Write, tmp_path: Path) -> None:
    path = write(ORDERS)
    broken = write("nodes:\n  a: {type: intervall}\n", "broken.yaml")
    assert run_workflow(path, {}).queue("good") == ()
    with pytest.raises(WorkflowError) as caught:
        run_folder(tmp_path, {})
    assert str(caught.value).splitlines() == [
        f"{tmp_path} can't run:",
        f"{broken}:2:13: unknown node type 'intervall' (did you mean 'interval'?) [unknown-node]",
    ]
    broken.unlink()
    with pytest.raises(WorkflowError, match=r"there is no workflow file .*; .* has orders.yaml"):
        run_workflow(broken)
    with pytest.raises(FolderError):
        run_folder(tmp_path / "nowhere")


async def test_workflows_of_a_folder_run_together_while_the_test_goes_on(write: Write, tmp_path: Path) -> None:
    write(ORDERS)
    write("nodes:\n  end: {type: queue-reader, config: {queue: /done}}\n  l: {type: log, needs: end}\n", "end.yaml")
    going_on = threading.Event()
    asyncio.get_running_loop().call_soon(going_on.set)
    run = await run_folder_async(tmp_path, {"source": [{"n": 2}]})
    assert going_on.is_set()
    assert run.loop("end").iterations == 1
    assert (await run_workflow_async(tmp_path / "end.yaml", {"end": [{}]})).loop("end").iterations == 1
    with pytest.raises(RuntimeError, match="await run_folder_async"):
        run_folder(tmp_path)


def test_names_that_are_not_there_or_not_clear_are_refused(write: Write, tmp_path: Path) -> None:
    path = write(ORDERS)
    with pytest.raises(KeyError, match=r"no producer 'sauce'; there are: orders.source, orders.other, orders.read"):
        run_workflow(path, {"sauce": []})
    write(ORDERS, "more.yaml")
    with pytest.raises(KeyError, match=r"several workflows have a producer 'source'; name one of: more.source, orders"):
        run_folder(tmp_path, {"source": []})
    run = run_folder(tmp_path, {"more.source": [{"n": 2}]})
    assert len(run.queues["more.good"]) == 1
    with pytest.raises(KeyError, match="no queue 'god'"):
        run.queue("god")
    with pytest.raises(KeyError, match="several workflows have a loop 'read'"):
        run.loop("read")


def test_a_test_that_fails_shows_the_log_and_hides_how_it_was_run(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    run_workflow(write(ORDERS), {"source": [{"n": 3}]})
    shown = capsys.readouterr().out
    assert "error   orders.source check          ValueError: odd: 3 (any.py:8 in execute)\n" in shown
    assert "flowtui-testing" not in shown
