from __future__ import annotations

import pytest

from flowtui.model.log_lines import LogLine
from flowtui.model.states import LoopState, NodeHealth

STRAIGHT = """
import asyncio
from flowtui import BlockingNode

class Stubborn(BlockingNode):
    '''Does not let itself be cancelled.'''
    async def execute(self, data):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass
        return data

class SlowOnOdd(BlockingNode):
    async def execute(self, data):
        await asyncio.sleep(30 if data["n"] % 2 else 0)
        return data

class LateSpeaker(BlockingNode):
    '''Starts a task, and leaves a thread behind; both speak when the gate is gone, long after the node.'''
    async def execute(self, data):
        self.tasks = [*getattr(self, "tasks", ()), asyncio.create_task(self.speak("task", data["n"]))]
        try:
            async with asyncio.timeout(0.02):
                await asyncio.to_thread(self.speak_in_thread, data["n"])
        except TimeoutError:
            pass
        return data
    async def speak(self, who, n):
        while (self.folder / "gate").exists():
            await asyncio.sleep(0.005)
        self.log.info("%s of %d", who, n)
    def speak_in_thread(self, n):
        import time
        while (self.folder / "gate").exists():
            time.sleep(0.005)
        print("thread of", n)

class Odd(BlockingNode):
    '''Returns something unusual for every third item.'''
    async def execute(self, data):
        return {0: data, 1: None, 2: 7}[data["n"] % 3]
"""


@pytest.fixture(autouse=True)
def straight_nodes(folder) -> None:
    (folder / "nodes" / "straight.py").write_text(STRAIGHT)


def chain(*nodes: str, count: int = 4, loop: str = "{}") -> str:
    """A loop of these nodes, `n0` to `nX`, one behind the other."""
    lines = ["nodes:", f"  start: {{type: count, config: {{count: {count}}}, loop: {loop}}}"]
    before = "start"
    for number, node in enumerate(nodes):
        lines.append(f"  n{number}: {{needs: {before}, {node}}}")
        before = f"n{number}"
    return "\n".join(lines)


def dead(app) -> list[tuple[str, str, int]]:
    return sorted((group.node, group.error, group.count) for group in app.snapshot().dead_letters)


def test_only_what_takes_too_long_times_out_though_quick_items_and_other_limits_come_between(write, start) -> None:
    write("w.yaml", chain("type: note, timeout: 20s", "type: slow-on-odd, timeout: 40ms", "type: note", count=6))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.done() == [0, 0, 1, 2, 2, 3, 4, 4, 5]
    app.until(lambda: dead(app) == [("n1", "TimedOut", 3)])
    assert (app.node("w.start", "n1").runs, app.node("w.start", "n1").errors) == (6, 3)


def test_who_swallows_the_cancellation_of_its_timeout_has_failed_all_the_same(write, start) -> None:
    write("w.yaml", chain("type: stubborn, timeout: 40ms", "type: note", count=2))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.done() == []
    app.until(lambda: dead(app) == [("n0", "TimedOut", 2)])


def test_timeouts_hold_in_branches_that_run_in_the_background(write, start) -> None:
    text = chain("type: background-wait", "type: slow-on-odd, timeout: 40ms", "type: note")
    write("w.yaml", text)
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert sorted(app.done()) == [0, 2]
    app.until(lambda: dead(app) == [("n1", "TimedOut", 2)])


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_while_a_node_runs_it_shows_and_those_before_it_have_run(write, start, folder, pool) -> None:
    (folder / "gate").touch()
    write("w.yaml", chain("type: note", "type: wait", "type: note", loop=f"{{pool: {pool}}}"))
    app = start()
    app.until(lambda: app.node("w.start", "n1").running == 1)
    before, waiting, behind = (app.node("w.start", id) for id in ("n0", "n1", "n2"))
    assert (before.running, before.runs, before.health) == (0, 1, NodeHealth.HEALTHY)
    assert (waiting.runs, behind.running, behind.runs, behind.health) == (0, 0, 0, NodeHealth.IDLE)
    (folder / "gate").unlink()
    app.until_state("w.start", LoopState.COMPLETED)
    assert [app.node("w.start", f"n{n}").runs for n in range(3)] == [4, 4, 4]
    assert [app.node("w.start", f"n{n}").running for n in range(3)] == [0, 0, 0]


def test_drops_and_wrong_results_end_an_item_at_their_node(write, start) -> None:
    write("w.yaml", chain("type: note, config: {file: all.txt}", "type: odd", "type: note", count=6))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert (app.done("all.txt"), app.done()) == ([0, 1, 2, 3, 4, 5], [0, 3])
    app.until(lambda: dead(app) == [("n1", "NodeError", 2)])
    assert "n1 (odd, straight.py:41) returned int" in app.snapshot().dead_letters[0].message


def test_a_failing_node_shows_until_its_next_run_succeeds(write, start, folder) -> None:
    (folder / "gate").touch()
    write("w.yaml", chain("type: fail-on, config: {n: 2}", "type: wait", count=3))
    app = start()
    app.until(lambda: app.node("w.start", "n1").running == 1)
    assert app.node("w.start", "n0").health is NodeHealth.HEALTHY
    (folder / "gate").unlink()
    app.until_state("w.start", LoopState.COMPLETED)
    node = app.node("w.start", "n0")
    assert (node.runs, node.errors, node.health) == (3, 2, NodeHealth.FAILING)


def test_what_a_node_has_left_behind_speaks_for_that_node_and_its_item(write, start, folder) -> None:
    (folder / "gate").touch()
    write("w.yaml", chain("type: late-speaker", "type: note", count=3))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    (folder / "gate").unlink()

    def spoken(who: str) -> list[LogLine]:
        return [line for line in app.engine.logs(0, 1000).lines if line.message.startswith(f"{who} of ")]

    app.until(lambda: len(spoken("task")) == len(spoken("thread")) == 3)
    assert {line.node for line in spoken("task")} == {"n0"}
    items = {line.message.split()[-1]: line.item for line in spoken("task")}
    assert len(set(items.values())) == 3
    # A thread that the author left behind is known by its item; where that is by now, it cannot tell.
    assert {line.message.split()[-1]: line.item for line in spoken("thread")} == items
