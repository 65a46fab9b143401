"""What is kept when the child processes of `flowtui run` are killed, and that none outlives it."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from processes import children_with, is_gone

HANGS = """
import time
from flowtui import BlockingNode, Pool
class Hang(BlockingNode):
    pool = Pool.PROCESS
    async def execute(self, data):
        (self.folder / "hangs.txt").write_text("yes\\n")
        while True:
            time.sleep(0.01)
"""


def child_of(cli_process: int, loop: str) -> psutil.Process | None:
    """The child process that runs a loop, None if there is none now."""
    return next(iter(children_with("flowtui.engine.child", loop, of=cli_process)), None)


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain {what}"
        time.sleep(0.01)


def test_no_child_outlives_an_engine_that_is_killed_even_if_its_node_hangs(flowtui):
    flowtui.write("nodes/hangs.py", HANGS)
    flowtui.write(
        "hang.yaml", "nodes:\n  start: {type: sequence, config: {count: 9}}\n  hang: {type: hang, needs: start}\n"
    )
    flowtui.write("calm.yaml", "nodes:\n  start: {type: interval, config: {every: 10ms}, loop: {pool: process}}\n")
    child = flowtui.headless("--for", "60s")
    child.until(lambda: flowtui.lines("hangs.txt"), "the node to hang")
    child.until(lambda: child_of(child.process.pid, "calm.start"), "the other child")
    orphans = [child_of(child.process.pid, loop) for loop in ("hang.start", "calm.start")]
    child.process.kill()
    child.process.wait()
    for process in orphans:
        assert process is not None
        wait_until(lambda process=process: is_gone(process), f"for {process} to end")


def test_ctrl_c_reaches_children_only_through_the_engine(flowtui):
    flowtui.write("calm.yaml", "nodes:\n  start: {type: interval, config: {every: 10ms}, loop: {pool: process}}\n")
    child = flowtui.headless("--for", "60s", start_new_session=True)
    child.until(lambda: child_of(child.process.pid, "calm.start"), "the child")
    process = child_of(child.process.pid, "calm.start")
    assert process is not None
    child.until(lambda: process.num_threads() > 2, "the child to run")
    psutil.Process(child.process.pid).send_signal(2)
    child.process.wait(30)
    assert child.summary["loops"]["calm.start"]["state"] == "stopped"
    assert not any("was killed" in message for message in child.messages)
    assert is_gone(process)
