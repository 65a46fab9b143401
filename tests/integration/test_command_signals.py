"""How a run without a screen ends when it is told to."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

#: Each item takes long enough that some are always under way.
WORK = """
nodes:
  start: {type: interval, config: {every: 2ms}}
  out: {type: queue-writer, needs: start, config: {queue: work}}
  end: {type: queue-reader, config: {queue: work}}
  slow: {type: delay, needs: end, config: {seconds: 50ms}}
  tell: {type: log, needs: slow, config: {message: "done {{ data.tick }}"}}
"""

#: A thread that nothing can stop.
HANGS = """
import time
from flowtui import BlockingNode

class Hang(BlockingNode):
    def execute(self, data):
        self.log.info("hangs")
        while True:
            time.sleep(0.05)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_stops_with_a_summary_and_takes_the_server_along(flowtui, number):
    flowtui.write("work.yaml", WORK)
    child = flowtui.headless()
    child.until(lambda: len(child.output.splitlines()) > 3, "items to be done")
    server = psutil.Process(flowtui.server_pid())
    child.process.send_signal(number)
    child.end()
    assert not server.is_running()
    done = len(child.messages)
    assert child.messages == [f"done {n}" for n in range(1, done + 1)]
    queue, loops = child.summary["queues"]["work.work"], child.summary["loops"]
    assert {loop["state"] for loop in loops.values()} == {"stopped"}
    assert (loops["work.end"]["iterations"], queue["in_flight"]) == (done, 0)
    assert queue["depth"] == loops["work.start"]["iterations"] - done > 0
    assert child.summary["dead_letters"] == 0


def test_an_echo_of_the_signal_is_not_a_second_one(flowtui):
    flowtui.write("work.yaml", WORK)
    child = flowtui.headless("--store", "memory")
    child.until(lambda: child.output, "items to be done")
    # As `timeout` does; and a closed terminal tells the shell's jobs twice.
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
        child.process.send_signal(number)
        time.sleep(0.01)
    assert child.end().summary["queues"]["work.work"]["in_flight"] == 0


def test_a_second_signal_leaves_at_once_and_takes_the_server_along(flowtui):
    flowtui.write("nodes/hangs.py", HANGS)
    flowtui.write("hangs.yaml", WORK.replace("delay", "hang").replace("config: {seconds: 50ms}", "title: hangs"))
    child = flowtui.headless()
    child.until(lambda: "hangs" in child.output, "a node to hang")
    server = psutil.Process(flowtui.server_pid())
    child.process.send_signal(signal.SIGINT)
    began = time.monotonic()
    while child.process.poll() is None:
        time.sleep(0.05)
        child.process.send_signal(signal.SIGINT)
    child.end(128 + signal.SIGINT)
    assert time.monotonic() - began < 5, "it waited for the grace of ten seconds"
    psutil.wait_procs([server], timeout=10)
    assert not server.is_running()


def test_under_nohup_it_outlives_its_terminal(flowtui):
    flowtui.write("work.yaml", WORK)
    child = flowtui.headless("--store", "memory", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    child.until(lambda: child.output, "items to be done")
    child.process.send_signal(signal.SIGHUP)
    seen = len(child.output)
    child.until(lambda: len(child.output) > seen + 200, "more items to be done")
    os.kill(child.process.pid, signal.SIGINT)
    child.end()


def test_a_module_that_never_ends_its_import_does_not_keep_it(flowtui):
    flowtui.write(
        "nodes/endless.py", "import pathlib, time\npathlib.Path('begun').touch()\nwhile True: time.sleep(1)\n"
    )
    flowtui.write("work.yaml", WORK)
    child = flowtui.headless("--store", "memory")
    child.until((flowtui.home / "begun").exists, "the import to begin")
    child.process.send_signal(signal.SIGTERM)
    assert child.end().summary["loops"] == {}
