"""Several engines on one server: who runs a loop that may run only once, and who shares the work of the others."""

from __future__ import annotations

import functools
import json
import os
import socket
from uuid import uuid4

import pytest

from flowtui.model.states import Command, LoopState

COUNT = """
nodes:
  start: {type: cursor-count, config: {every: 0.01}, loop: {pool: %s}}
  out: {type: queue-writer, needs: start, config: {queue: numbers}}
  in: {type: queue-reader, config: {queue: numbers}}
  note: {type: note, needs: in}
"""
SAME = """
nodes:
  make: {type: sequence, config: {items: [{key: a, n: 0}, {key: a, n: 1}, {key: a, n: 2}], resume: true}}
  put: {type: queue-writer, needs: make, config: {queue: q}}
  read: {type: queue-reader, config: {queue: q}}
  once: {type: dedupe, needs: read, config: {key: key}}
  wait: {type: wait, needs: once}
  note: {type: note, needs: wait}
"""
ASK = """
nodes:
  ask: {type: trigger}
  wait: {type: wait, needs: ask}
  note: {type: note, needs: wait}
"""
WHO = f"{socket.gethostname()}:{os.getpid()}"


@pytest.fixture
def instance(start, redis_url):
    """Start one engine more on the same folder and server."""
    return functools.partial(start, redis_url, namespace=f"several-{uuid4().hex}")


def stands_by(app) -> bool:
    loop = app.loop("w.start")
    return loop.state is LoopState.RUNNING and loop.waiting.startswith("standby:")


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_one_runs_the_loop_the_other_takes_over_and_every_number_comes_once_and_in_order(write, instance, pool) -> None:
    write("w.yaml", COUNT % pool)
    first = instance()
    first.until(lambda: len(first.done()) > 5, "for the first numbers")
    second = instance()
    second.until(lambda: stands_by(second), "to stand by")
    loop = second.loop("w.start")
    assert (loop.state, loop.waiting, loop.iterations) == (LoopState.RUNNING, f"standby: {WHO} runs it", 0)
    assert first.loop("w.start").waiting == ""
    first.tell(Command.STOP, "w.start")
    second.until(lambda: second.loop("w.start").iterations > 5, "to take over")
    first.until_state("w.start", LoopState.STOPPED)
    first.tell(Command.START, "w.start")
    first.until(lambda: stands_by(first), "to stand by in its turn")
    second.tell(Command.STOP, "w.start")
    first.tell(Command.STOP, "w.start")
    for app in (first, second):
        app.until_state("w.start", LoopState.STOPPED)
    first.until_idle()
    numbers = sorted(first.done())
    assert numbers == list(range(len(numbers)))
    assert first.snapshot().dead_total == 0


def test_each_shows_all_of_them(write, instance, folder) -> None:
    write("w.yaml", COUNT % "thread")
    apps = instance(), instance(), instance()
    for app in apps:
        app.until(lambda app=app: len(app.snapshot().instances) == 3, "to know of the others")
    assert {each.folder for each in apps[0].snapshot().instances} == {str(folder)}
    assert str(apps[0].snapshot().instances[0]) == WHO
    apps[0].engine.close(grace=1.0)
    apps[1].until(lambda: len(apps[1].snapshot().instances) == 2, "to miss the one that has gone")


def test_both_read_the_same_queue(write, instance) -> None:
    write("w.yaml", COUNT % "thread")
    apps = instance(), instance()
    apps[0].until(lambda: all(app.loop("w.in").iterations > 5 for app in apps), "for both to read")
    assert sum(stands_by(app) for app in apps) == 1


def test_a_loop_that_stands_by_obeys_at_once(write, instance) -> None:
    write("w.yaml", COUNT % "asyncio")
    first, second = instance(), instance()
    second.until(lambda: stands_by(first) or stands_by(second), "to stand by")
    idle = first if stands_by(first) else second
    idle.tell(Command.PAUSE, "w.start")
    idle.until_state("w.start", LoopState.PAUSED)
    assert idle.loop("w.start").waiting == ""
    idle.tell(Command.RESUME, "w.start")
    idle.until(lambda: stands_by(idle), "to stand by again")
    for command in (Command.DRAIN, Command.STOP, Command.KILL):
        idle.tell(command, "w.start")
        idle.until_state("w.start", LoopState.STOPPED)
        idle.tell(Command.START, "w.start")
        idle.until(lambda: stands_by(idle), "to stand by again")


def test_a_loop_that_one_instance_has_completed_is_completed_on_the_other(write, instance) -> None:
    write("w.yaml", "nodes:\n  s: {type: count, config: {count: 30, every: 0.02}}\n  n: {type: note, needs: s}\n")
    first, second = instance(), instance()
    for app in (first, second):
        app.until_state("w.s", LoopState.COMPLETED)
    assert sorted(app.loop("w.s").reason for app in (first, second)) == [
        "its producer has nothing more",
        f"{WHO} has completed it",
    ]
    assert first.done() == list(range(30))


def test_an_instance_that_ends_hands_its_loops_over(write, instance) -> None:
    write("w.yaml", COUNT % "thread")
    first = instance()
    first.until(first.done, "for the first number")
    second = instance()
    second.until(lambda: stands_by(second), "to stand by")
    first.engine.close(grace=1.0)
    second.until(lambda: second.loop("w.start").iterations > 3, "to take over")


@pytest.mark.parametrize("the_first_ends", [False, True])
def test_of_items_with_one_key_that_both_have_one_passes_also_if_its_instance_ends(
    write, instance, folder, the_first_ends
) -> None:
    (folder / "gate").touch()
    write("w.yaml", SAME)
    first = instance()
    first.until(lambda: first.node("w.read", "wait").running, "for the first item to pass")
    second = instance()
    second.until(lambda: second.node("w.read", "once").runs == 2, "for the others to be dropped")
    assert (first.node("w.read", "once").runs, second.node("w.read", "wait").runs) == (1, 0)
    if the_first_ends:
        first.engine.close(grace=0.0)
        second.until(lambda: second.node("w.read", "wait").running, "for the first item to pass again")
    (folder / "gate").unlink()
    second.until(second.done, "for its end")
    second.until_idle()
    assert second.done() == [0]


def test_a_run_that_is_asked_for_runs_once_on_one_of_them(write, instance, flowtui, folder, redis_url) -> None:
    write("w.yaml", ASK)
    apps = instance(), instance()
    for app in apps:
        app.until_state("w.ask", LoopState.RUNNING)
    where = ("--store", redis_url, "--namespace", instance.keywords["namespace"])
    for n in range(4):
        child = flowtui.run("trigger", "w", str(folder), *where, "--input", json.dumps({"n": n}), "--wait")
        assert json.loads(child.output) == {"n": n}
    assert apps[0].done() == [0, 1, 2, 3]
    assert sum(app.loop("w.ask").iterations for app in apps) == 4


def test_who_waits_for_a_run_gets_its_result_from_the_other_one_if_the_first_ends(
    write, instance, flowtui, folder, redis_url
) -> None:
    (folder / "gate").touch()
    write("w.yaml", ASK)
    apps = instance(), instance()
    for app in apps:
        app.until_state("w.ask", LoopState.RUNNING)
    where = ("--store", redis_url, "--namespace", instance.keywords["namespace"])
    child = flowtui.start("trigger", "w", str(folder), *where, "--input", '{"n": 7}', "--wait", "--json")
    apps[0].until(lambda: any(app.node("w.ask", "wait").running for app in apps), "for the run to begin")
    one, other = sorted(apps, key=lambda app: app.node("w.ask", "wait").running, reverse=True)
    one.engine.close(grace=0.0)
    other.until(lambda: other.node("w.ask", "wait").running, "for the run to begin again")
    (folder / "gate").unlink()
    last = child.end().events[-1]
    assert (last["state"], last["result"], last["attempt"]) == ("done", {"n": 7}, 2)
    assert other.done() == [7]
