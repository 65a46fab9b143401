"""SIGKILL of an engine, a child or the server at each step of the protocol, before it reached the server and after.

An outside process, this test, reads the last queue straight from the server in the end, and finds each item once.
With FLOWTUI_CRASHES, as for long runs, an engine is also killed at those steps before which nothing has happened yet.
"""

from __future__ import annotations

import itertools
import os

import pytest

import short_lease
from crash_chain import Chain, running_chain
from fault_proxy import Moment, Trap
from flowtui.storage.lease import LEASE_S

# What the calls are, and what they are about, in about the order in which they come.
STARTING = [("take_loop", "chain.start"), ("get", "cursor:chain.start"), ("join", "chain.middle")]
RUNNING = [("commit", "chain.start"), ("fetch", "chain.middle"), ("commit", "chain.middle")]
STOPPING = [("leave", "chain.start"), ("leave", "chain.middle")]
#: Items that must come through between two kills.
PROGRESS = 5

pytestmark = pytest.mark.timeout(300)


def caught(chain: Chain, step: tuple[str, str], moment: Moment) -> Trap:
    print(*step, moment.value)
    return chain.proxy.catch(*step, moment=moment)


def steps_for_an_engine() -> list[tuple[tuple[str, str], Moment]]:
    before = STARTING + RUNNING + STOPPING if "FLOWTUI_CRASHES" in os.environ else RUNNING
    steps = [(step, Moment.AFTER) for step in STARTING + RUNNING + STOPPING]
    return steps + [(step, Moment.BEFORE) for step in before]


def test_an_engine_that_is_killed_at_any_step_loses_and_doubles_nothing(flowtui, short_path):
    with running_chain(flowtui, short_path, "asyncio") as chain:
        for step, moment in steps_for_an_engine():
            trap = caught(chain, step, moment) if step in STARTING else None
            chain.start()
            if trap is None:
                chain.until_moved(PROGRESS)
                chain.until_redelivered()
                trap = caught(chain, step, moment)
            if step in STOPPING:
                chain.engine.process.terminate()
            trap.wait()
            chain.kill_engine()
            trap.cut()
        chain.finish()


def test_a_server_that_is_killed_at_any_step_loses_and_doubles_nothing(flowtui, short_path):
    with running_chain(flowtui, short_path, "asyncio") as chain:
        # Both loops start, and end, at the same time: what is seen of one is not seen of the other in the same life.
        for life in (STARTING[:2], [STARTING[2], *RUNNING, STOPPING[0]], [STOPPING[1]]):
            steps = list(itertools.product(life, Moment))
            following = caught(chain, *steps[0])
            chain.start()
            for number, (step, moment) in enumerate(steps, 1):
                trap = following
                if step in STOPPING and moment is Moment.BEFORE:
                    chain.until_moved(PROGRESS)
                    chain.engine.process.terminate()
                trap.wait()
                if number < len(steps):
                    following = caught(chain, *steps[number])
                chain.kill_server()
                trap.cut()
            if step in STOPPING:
                chain.until_ended()
            else:
                chain.kill_engine()
        chain.finish()


def test_a_child_that_is_killed_at_any_step_loses_and_doubles_nothing(flowtui, short_path):
    flowtui.program = [short_lease.__file__, str(LEASE_S)]
    with running_chain(flowtui, short_path, "process") as chain:
        for step, moment in itertools.product((STARTING[-1], *RUNNING[1:]), Moment):
            trap = caught(chain, step, moment)
            if not chain.kills:
                chain.start()
            call = trap.wait()
            chain.kill_child(call.pid)
            trap.cut()
            chain.until_moved(PROGRESS)
            chain.until_redelivered()
        chain.kill_engine()
        chain.finish()
