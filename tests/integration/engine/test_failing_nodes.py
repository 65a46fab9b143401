from __future__ import annotations

import pytest

from flowtui.model.states import Command, LoopState, NodeHealth

FLAKY = """
import asyncio
import time
from flowtui import BlockingNode

class NoLuck(ConnectionError):
    pass

class Flaky(BlockingNode):
    '''Fails `failures` times for each item.'''
    class Config(BlockingNode.Config):
        failures: int
        error: str = "NoLuck"
    def setup(self):
        self.tries = {}
    async def execute(self, data):
        n = data["n"]
        self.tries[n] = self.tries.get(n, 0) + 1
        if self.tries[n] <= self.config.failures:
            raise {"NoLuck": NoLuck, "ValueError": ValueError}[self.config.error](f"try {self.tries[n]} of {n}")
        return data

class Sleeper(BlockingNode):
    async def execute(self, data):
        if data["n"] == 1:
            await asyncio.sleep(30)
        return data

class ThreadSleeper(BlockingNode):
    def execute(self, data):
        while data["n"] == 1 and (self.folder / "gate").exists():
            time.sleep(0.01)
        return data

class OwnTimeout(BlockingNode):
    async def execute(self, data):
        raise TimeoutError("the other side is slow")
"""


@pytest.fixture(autouse=True)
def flaky_nodes(folder) -> None:
    (folder / "nodes" / "flaky.py").write_text(FLAKY)


def chain(node: str, *, count: int = 3, loop: str = "{}") -> str:
    return f"""
    nodes:
      start: {{type: count, config: {{count: {count}}}, loop: {loop}}}
      work: {{needs: start, {node}}}
      note: {{type: note, needs: work}}
    """


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_a_node_that_fails_is_tried_again_until_it_succeeds_and_order_is_kept(write, start, pool) -> None:
    retry = "retry: {attempts: 3, delay: 1ms, jitter: false}"
    write("w.yaml", chain(f"type: flaky, config: {{failures: 2}}, {retry}", loop=f"{{pool: {pool}}}"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.done() == [0, 1, 2]
    work = app.node("w.start", "work")
    assert (work.runs, work.errors, work.retries, work.health) == (9, 6, 6, NodeHealth.HEALTHY)
    assert (app.loop("w.start").errors, app.snapshot().dead_total) == (0, 0)


def test_after_the_last_try_the_last_error_is_the_dead_letter(write, start) -> None:
    write("w.yaml", chain("type: flaky, config: {failures: 9}, retry: {attempts: 2, delay: 1ms}", count=1))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    app.until(lambda: app.snapshot().dead_total == 1)
    (group,) = app.snapshot().dead_letters
    assert (group.node, group.error, group.message) == ("work", "NoLuck", "try 2 of 0")


def test_only_the_named_errors_and_their_subclasses_are_tried_again(write, start) -> None:
    node = "type: flaky, config: {{failures: 1, error: {}}}, retry: {{on: ConnectionError, delay: 1ms}}"
    write("named.yaml", chain(node.format("NoLuck"), count=1))
    write("other.yaml", chain(node.format("ValueError"), count=1))
    app = start()
    app.until_state("named.start", LoopState.COMPLETED)
    app.until_state("other.start", LoopState.COMPLETED)
    assert (app.loop("named.start").errors, app.loop("other.start").errors) == (0, 1)


def test_a_node_that_waits_for_its_next_try_says_which_and_when(write, start) -> None:
    write("w.yaml", chain("type: flaky, config: {failures: 1}, retry: {attempts: 3, delay: 20s, jitter: false}"))
    app = start()
    app.until(lambda: app.node("w.start", "work").health is NodeHealth.RETRYING)
    assert app.node("w.start", "work").retrying in ("2/3, next in 20 s", "2/3, next in 19 s")
    assert app.node("w.start", "work").last_error == "NoLuck: try 1 of 0"
    app.engine.close(grace=0.1)
    assert app.loop("w.start").state is LoopState.STOPPED
    assert app.node("w.start", "work").retrying == ""


def test_a_node_that_takes_too_long_is_cancelled_and_the_next_item_goes_on(write, start) -> None:
    write("w.yaml", chain("type: sleeper, timeout: 50ms"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.done() == [0, 2]
    app.until(lambda: app.snapshot().dead_total == 1)
    (group,) = app.snapshot().dead_letters
    assert (group.error, group.message) == ("TimedOut", "work took longer than its timeout of 0.05 s")


def test_a_thread_that_takes_too_long_is_reported_since_it_cannot_be_stopped(write, start, folder) -> None:
    (folder / "gate").touch()
    write("w.yaml", chain("type: thread-sleeper, timeout: 50ms"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.done() == [0, 2]
    app.until(lambda: app.snapshot().dead_total == 1)
    assert app.snapshot().dead_letters[0].message.endswith("its thread cannot be stopped and still runs")
    (folder / "gate").unlink()


def test_a_timeout_of_the_nodes_own_is_not_taken_for_ours(write, start) -> None:
    write("w.yaml", chain("type: own-timeout, timeout: 5s", count=1))
    app = start()
    app.until(lambda: app.snapshot().dead_total == 1)
    assert (app.snapshot().dead_letters[0].error, app.snapshot().dead_letters[0].message) == (
        "TimeoutError",
        "the other side is slow",
    )


def test_a_timeout_is_a_failure_that_can_be_tried_again(write, start) -> None:
    write("w.yaml", chain("type: sleeper, timeout: 20ms, retry: {attempts: 3, delay: 1ms, on: [TimedOut]}"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.node("w.start", "work").retries == 2


def test_ten_failures_in_a_row_pause_the_loop_and_leave_the_rest_in_the_queue(write, start) -> None:
    write(
        "w.yaml",
        """
        nodes:
          start: {type: count, config: {count: 50}}
          out: {type: queue-writer, needs: start, config: {queue: q}}
          in: {type: queue-reader, config: {queue: q}}
          work: {type: fail-on, needs: in, config: {n: 1}}
        """,
    )
    app = start()
    app.until_state("w.in", LoopState.PAUSED)
    assert app.loop("w.in").reason.startswith("10 failures in a row, the last ValueError at work: cannot take")
    app.until(lambda: app.queue("w.q").depth == 40 and app.snapshot().dead_total == 10)
    assert app.loop("w.in").paused_itself
    app.tell(Command.RESUME, "w.in")
    app.until(lambda: app.loop("w.in").iterations == 20)
    app.until_state("w.in", LoopState.PAUSED)


def test_a_success_in_between_closes_the_breaker_again_and_zero_turns_it_off(write, start) -> None:
    write("some.yaml", chain("type: fail-on, config: {n: 2}", count=60))
    write("off.yaml", chain("type: fail-on, config: {n: 1}", count=30, loop="{breaker: 0}"))
    app = start()
    app.until_state("some.start", LoopState.COMPLETED)
    app.until_state("off.start", LoopState.COMPLETED)
    assert (app.loop("some.start").errors, app.loop("off.start").errors) == (30, 30)
