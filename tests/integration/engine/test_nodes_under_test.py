"""Whatever a node under test does, in every pool, it harms nobody, it can be ended, and the next one runs at once."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dev_lab import developing, plans_of
from flowtui.client.door import EngineClient
from flowtui.engine.dev_process import DevProcesses
from flowtui.engine.development import Development
from flowtui.model.access import READ_ONLY
from flowtui.model.development import DevLine, DevRequest, DevRun, mock
from flowtui.model.errors import AccessRefused, MissingInputs
from processes import children_with, is_gone

PATIENCE_S = 30.0
#: What a node does, told by the item; each says first that it has begun.
NODES = '''
import asyncio
import ctypes
import os
import subprocess
import sys
import threading
import time

from flowtui import BlockingNode, Pool


def spin():
    print("begun", flush=True)
    while True:
        pass


class Any(BlockingNode):
    class Config(BlockingNode.Config):
        setup: str = ""
    pool = Pool.{pool}
    def setup(self):
        if self.config.setup:
            spin()


class Work(Any):
    """A plain function."""
    def execute(self, data):
        match data["do"]:
            case "spin":
                spin()
            case "exit":
                sys.exit("enough")
            case "crash":
                print("last words")
                os._exit(3)
            case "abort":
                ctypes.string_at(0)
            case "start":
                child = subprocess.Popen(["sleep", "1000"])
                self.log.info("begun %d", child.pid)
                child.wait()
            case "flood":
                for n in range(6000):
                    print(n)
                os.write(1, b"from below\\n")
        return {{"process": os.getpid()}}


class AsyncWork(Any):
    """A coroutine."""
    async def execute(self, data):
        match data["do"]:
            case "spin":
                spin()
            case "wait":
                print("begun")
                await asyncio.Event().wait()
        return {{"process": os.getpid(), "is_main": threading.current_thread() is threading.main_thread()}}
'''
#: Hangs while it is imported, if a file is there.
HANGING = """
from pathlib import Path

from flowtui import BlockingNode

if Path(__file__).with_name("hang").exists():
    print("begun", flush=True)
    while True:
        pass


class Hanging(BlockingNode):
    def execute(self, data):
        return data
"""


@pytest.fixture(autouse=True)
def usual_children() -> None:
    """Every child is a new Python here."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flows")
    (folder / "nodes").mkdir()
    flow = "nodes:\n  rows: {type: interval, config: {every: 1s}, loop: {autostart: false}}\n"
    for pool in ("asyncio", "thread", "process"):
        text = NODES.format(pool=pool.upper())
        for name in ("Work", "AsyncWork"):
            text = text.replace(f"class {name}(", f"class {pool.title()}{name}(")
        (folder / "nodes" / f"of_{pool}.py").write_text(text)
        (folder / f"{pool}.yaml").write_text(
            f"{flow}  plain: {{type: {pool}-work, needs: rows}}\n  async: {{type: {pool}-async-work, needs: rows}}\n"
        )
    (folder / "nodes" / "hanging.py").write_text(HANGING)
    (folder / "hanging.yaml").write_text(f"{flow}  hanging: {{type: hanging, needs: rows}}\n")
    plans_of(folder)
    (folder / "nodes" / "hang").touch()
    return folder


@pytest.fixture(scope="module")
def processes() -> Iterator[DevProcesses]:
    """The same for all tests, as each process takes its time to start."""
    made = DevProcesses()
    made.warm()
    yield made
    made.close()


@pytest.fixture
def bench(folder: Path, processes: DevProcesses) -> Development:
    return developing(folder, None, processes=processes)


async def run(
    bench: Development, loop: str, node: str, do: str, on_line: Callable[[DevLine], None] | None = None, **config: str
) -> DevRun:
    request = DevRequest(f"{loop}.rows", node, config or None, (mock({"do": do}),))
    return await asyncio.wait_for(bench.run_node(request, on_line), PATIENCE_S)


async def cancelled(bench: Development, loop: str, node: str, do: str = "", **config: str) -> str:
    """Run a node until it has said that it has begun, and cancel it then; return what it said."""
    begun, said = asyncio.Event(), list[str]()
    loop_here = asyncio.get_running_loop()

    def hear(line: DevLine) -> None:
        said.append(line.message)
        loop_here.call_soon_threadsafe(begun.set)

    task = asyncio.create_task(run(bench, loop, node, do, hear, **config))
    await asyncio.wait([task, asyncio.ensure_future(begun.wait())], return_when=asyncio.FIRST_COMPLETED)
    assert not task.done(), task.result()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return said[0]


def children() -> set[int]:
    """Return the processes for nodes under test."""
    return {each.pid for each in children_with("flowtui.engine.dev_child")}


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds that the system tells nobody of."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
async def test_in_every_pool_a_node_runs_in_a_warm_process_of_its_own(bench: Development, pool: str) -> None:
    first = await run(bench, pool, "plain", "")
    second = await run(bench, pool, "async", "")
    assert first.output is not None, first
    assert second.output is not None, second
    assert first.output.payload["process"] == second.output.payload["process"] != os.getpid()
    assert second.output.payload["is_main"] is (pool == "process")


async def test_whatever_a_node_hangs_in_it_can_be_cancelled_and_the_next_one_finds_a_warm_process(
    bench: Development, processes: DevProcesses
) -> None:
    before = children()
    said = await asyncio.gather(
        cancelled(bench, "asyncio", "async", "wait"),
        cancelled(bench, "asyncio", "async", "spin"),
        cancelled(bench, "process", "plain", "spin"),
        cancelled(bench, "thread", "plain", "", setup="hang"),
        cancelled(bench, "hanging", "hanging"),
        cancelled(bench, "thread", "plain", "start"),
    )
    *others, started = said
    assert others == ["begun"] * 5
    await until(lambda: is_gone(int(started.split()[1])))
    await until(lambda: len(children() - before) == 1)
    warm = children() - before
    after = await run(bench, "thread", "plain", "")
    assert after.output is not None, after
    assert {after.output.payload["process"]} == warm
    assert len(children()) == len(before)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("crash", "its process ended with exit code 3, as os._exit() does: a node raises an error instead"),
        ("abort", "its process was killed by SIGSEGV"),
    ],
)
async def test_a_node_that_takes_its_process_along_is_a_run_that_failed(
    bench: Development, do: str, message: str
) -> None:
    crashed = await run(bench, "asyncio", "plain", do)
    assert crashed.failure is not None
    assert (crashed.failure.error, crashed.failure.message) == ("Crashed", message)
    if do == "crash":
        assert crashed.lines[0].message == "last words"
    else:
        assert "of_asyncio.py" in crashed.failure.traceback
    after = await run(bench, "asyncio", "plain", "")
    assert after.ok, after


async def test_sys_exit_ends_only_the_run(bench: Development) -> None:
    before = await run(bench, "process", "plain", "")
    left = await run(bench, "process", "plain", "exit")
    assert left.failure is not None
    assert (left.failure.error, left.failure.message) == ("SystemExit", "enough")
    after = await run(bench, "process", "plain", "")
    assert before.output is not None, before
    assert after.output is not None, after
    assert after.output.payload == before.output.payload


async def test_a_flood_of_lines_is_cut_and_what_comes_from_below_is_told_too(bench: Development) -> None:
    flooded = await run(bench, "thread", "plain", "flood")
    said = [line.message for line in flooded.lines]
    assert [each for each in said if each.isdigit()] == [str(n) for n in range(5000)]
    assert "… 1000 more lines were written than are kept" in said
    assert "from below" in said


async def test_a_process_that_ended_while_nobody_used_it_is_replaced(
    bench: Development, processes: DevProcesses
) -> None:
    before = children()
    await run(bench, "asyncio", "async", "")
    processes.warm()
    for pid in children():
        psutil.Process(pid).kill()
    after = await run(bench, "asyncio", "async", "")
    assert after.output is not None, after
    assert after.output.payload["process"] not in before


def test_the_door_runs_nodes_and_to_cancel_its_future_ends_them(folder: Path, start: Callable[..., object]) -> None:
    before = children()
    engine = start().engine  # type: ignore[attr-defined]
    client = EngineClient(engine)
    with pytest.raises(MissingInputs, match="plain has no input from rows"):
        client.run_node(DevRequest("asyncio.rows", "plain")).result(PATIENCE_S)
    begun = threading.Event()
    future = client.run_node(
        DevRequest("asyncio.rows", "plain", inputs=(mock({"do": "spin"}),)), lambda line: begun.set()
    )
    assert begun.wait(PATIENCE_S)
    future.cancel()
    assert client.inspect("asyncio.rows", "plain").result(PATIENCE_S).runs == ()
    made = client.run_node(DevRequest("asyncio.rows", "plain", inputs=(mock({"do": ""}),))).result(PATIENCE_S)
    assert made.output is not None
    assert client.inspect("asyncio.rows", "plain").result(PATIENCE_S).runs == (made,)
    engine.close(grace=0.2)
    assert children() == before


def test_where_one_may_only_look_no_node_runs_and_nothing_is_pinned(folder: Path, start: Callable[..., object]) -> None:
    before = children()
    client = EngineClient(start(access=READ_ONLY).engine)  # type: ignore[attr-defined]
    assert "--read-only" in client.inspect("asyncio.rows", "plain").result(PATIENCE_S).may_edit
    for refused in (client.run_node(DevRequest("asyncio.rows", "plain")), client.pin("asyncio.rows", "plain", None)):
        with pytest.raises(AccessRefused):
            refused.result(PATIENCE_S)
    assert children() == before
