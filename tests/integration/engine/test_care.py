"""Cached nodes, calls that overrun, nodes that hold an event loop, and branches side by side, in a real engine."""

from __future__ import annotations

import pytest

from flowtui.model.states import Command, LoopState, NodeHealth

NODES = """
import asyncio
import threading
import time
from flowtui import BlockingNode, ConditionalNode

class Remember(BlockingNode):
    '''Notes each run, and answers with a text from its config.'''
    class Config(BlockingNode.Config):
        text: str = ""
    async def execute(self, data):
        with (self.folder / "runs.txt").open("a") as file:
            file.write("1\\n")
        return data | {"text": self.config.text}

class KeepN(BlockingNode):
    async def execute(self, data):
        return {"n": data["n"] % 3}

class Overrun(BlockingNode):
    def execute(self, data):
        while data["n"] == 0 and (self.folder / "gate").exists():
            time.sleep(0.005)
        return data

class Hold(BlockingNode):
    '''Blocks although it is `async`.'''
    async def execute(self, data):
        while (self.folder / "gate").exists():
            time.sleep(0.005)
        return data

BARRIER = threading.Barrier(3)

class Meet(BlockingNode):
    '''Returns when three are here at the same time.'''
    def execute(self, data):
        BARRIER.wait(10)
        return data

HERE = []

class MeetAsync(BlockingNode):
    async def execute(self, data):
        HERE.append(self.id)
        async with asyncio.timeout(10):
            while len(set(HERE)) < 3:
                await asyncio.sleep(0.005)
        return data
"""


@pytest.fixture(autouse=True)
def care_nodes(folder) -> None:
    (folder / "nodes" / "care.py").write_text(NODES)


CACHED = """
nodes:
  start: {type: count, config: {count: 9}, loop: {pool: %s}}
  keep: {type: keep-n, needs: start}
  work: {type: remember, needs: keep, config: {text: "%s"}, cache: {ttl: 10m}}
  note: {type: note, needs: work}
"""


@pytest.mark.parametrize(("store", "pool"), [("memory", "asyncio"), ("local", "thread"), ("local", "process")])
def test_a_cached_node_runs_once_for_each_input_in_every_life_until_its_config_changes(
    write, start, store, pool
) -> None:
    write("w.yaml", CACHED % (pool, "t {{ data.n }}"))
    app = start(store, watch=True)
    app.until_state("w.start", LoopState.COMPLETED)
    assert len(app.done("runs.txt")) == 3
    assert app.done() == [0, 1, 2] * 3
    work = app.node("w.start", "work")
    assert (work.runs, work.hits, work.errors) == (9, 6, 0)
    app.tell(Command.START, "w.start")
    app.until(lambda: len(app.done()) == 18)
    app.until_state("w.start", LoopState.COMPLETED)
    assert len(app.done("runs.txt")) == 3
    write("w.yaml", CACHED % (pool, "u {{ data.n }}"))
    app.until(lambda: len(app.done()) == 27)  # a changed loop starts by itself
    assert len(app.done("runs.txt")) == 6


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_a_call_that_overruns_is_shown_until_its_thread_ends(write, start, folder, pool) -> None:
    (folder / "gate").touch()
    write(
        "w.yaml",
        f"""
        nodes:
          start: {{type: count, config: {{count: 3}}, loop: {{pool: {pool}}}}}
          work: {{type: overrun, needs: start, timeout: 300ms}}
          note: {{type: note, needs: work}}
          wait: {{type: wait, needs: note}}
        """,
    )
    app = start("local")
    app.until(lambda: app.node("w.start", "work").health is NodeHealth.STALLED)
    app.until(lambda: app.done() == [1])
    assert "went beyond the timeout in a thread" in app.node("w.start", "work").health_reason
    (folder / "gate").unlink()
    app.until_state("w.start", LoopState.COMPLETED)
    app.until(lambda: app.node("w.start", "work").health is not NodeHealth.STALLED)
    app.until(lambda: any("a call of work that went beyond its timeout has ended" in m for m in app.messages()))


def test_a_node_that_holds_the_loop_that_all_share_is_named_while_it_does(write, start, folder) -> None:
    (folder / "gate").touch()
    write("held.yaml", "nodes:\n  start: {type: count, config: {count: 1}}\n  check: {type: hold, needs: start}\n")
    write("other.yaml", "nodes:\n  start: {type: count, config: {every: 0.01}}\n  note: {type: note, needs: start}\n")
    app = start()
    app.until(lambda: app.node("held.start", "check").health_reason.startswith("it has held its event loop for"))
    assert app.node("held.start", "check").health is NodeHealth.STALLED
    app.until(lambda: any("check has held the event loop of" in m for m in app.messages()))
    (line,) = (line for line in app.engine.logs(0, 100_000).lines if "check has held" in line.message)
    assert (line.loop, line.node) == ("held.start", "check")
    assert "it stands at care.py:" in line.message
    before = len(app.done())
    (folder / "gate").unlink()
    app.until(lambda: app.node("held.start", "check").health is NodeHealth.HEALTHY)
    app.until(lambda: len(app.done()) > before)
    app.until(lambda: any("check has let go of its event loop after" in m for m in app.messages()))


@pytest.mark.parametrize("kind", ["meet", "meet-async"])
@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_branches_wait_side_by_side_in_every_pool_be_they_plain_or_async(write, start, pool, kind) -> None:
    write(
        "w.yaml",
        f"""
        nodes:
          start: {{type: count, config: {{count: 2}}, loop: {{pool: {pool}}}}}
          a: {{type: {kind}, needs: start}}
          b: {{type: {kind}, needs: start}}
          c: {{type: {kind}, needs: start}}
          note: {{type: note, needs: [a, b, c]}}
        """,
    )
    app = start("local")
    app.until_state("w.start", LoopState.COMPLETED)
    assert (app.done(), app.loop("w.start").errors) == ([0, 1], 0)
