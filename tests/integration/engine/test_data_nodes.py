"""Nodes over data in a real engine: at stop, timeout, reload and crash."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.states import Command, LoopState
from processes import is_gone
from warm_python import WarmProcess

CHAIN = """
nodes:
  make:
    type: sequence
    config: {{count: {count}, resume: true}}
  put: {{type: queue-writer, needs: make, config: {{queue: work}}}}
  take:
    type: queue-reader
    config: {{queue: work}}
    loop: {{pool: {pool}}}
  act: {{type: {type}, needs: take, config: {config}{more}}}
"""


def family(folder: Path) -> list[int]:
    path = folder / "pids"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def are_gone(pids: list[int]) -> bool:
    return all(map(is_gone, pids))


#: It gets its input only when there is somebody to end it, however the engine ends.
SLEEPER = '{script: "cat >/dev/null; sleep 600 & echo $! $$ > pids.tmp; mv pids.tmp pids; sleep 600"}'


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_a_program_is_ended_with_its_children_when_its_loop_stops(
    pool: str, write: Any, start: Any, folder: Path
) -> None:
    write("w.yaml", CHAIN.format(count=1, pool=pool, type="shell", config=SLEEPER, more=""))
    running = start()
    running.until(lambda: family(folder), "for the program")
    EngineClient(running.engine).command(Command.KILL, "w.take").result(20)
    running.until(lambda: are_gone(family(folder)), "for the program to end")
    running.until_state("w.take", LoopState.STOPPED)
    running.until(lambda: running.queue("w.work").depth == 1, "for the item to go back")


def test_a_program_is_ended_at_its_timeout_and_the_item_is_a_dead_letter(write: Any, start: Any, folder: Path) -> None:
    more = ", timeout: 300ms"
    write("w.yaml", CHAIN.format(count=1, pool="asyncio", type="shell", config=SLEEPER, more=more))
    running = start()
    running.until(lambda: running.snapshot().dead_letters, "for the dead letter")
    running.until(lambda: are_gone(family(folder)), "for the program to end")
    assert any("act took longer than its timeout of 0.3 s" in line for line in running.messages())


@pytest.mark.parametrize(
    ("type", "config"),
    [("delay", "{seconds: 1h}"), ("rate-limit", "{items: 1, per: 1h}")],
)
def test_an_item_that_waits_goes_back_to_its_queue_when_the_loop_is_killed(
    type: str, config: str, write: Any, start: Any
) -> None:
    write("w.yaml", CHAIN.format(count=3, pool="asyncio", type=type, config=config, more=""))
    running = start()
    done = 1 if type == "rate-limit" else 0
    running.until(lambda: running.node("w.take", "act").runs == done and running.loop("w.take").in_flight, "for a wait")
    running.until_state("w.make", LoopState.COMPLETED)
    EngineClient(running.engine).command(Command.KILL, "w.take").result(20)
    running.until(lambda: running.queue("w.work").depth == 3 - done, "for the items to go back")


@pytest.mark.parametrize("pool", ["thread", "process"])
def test_an_edit_of_a_function_swaps_its_loop(pool: str, write: Any, start: Any, folder: Path) -> None:
    source = "def mark(order):\n    with open('{path}', 'a') as file:\n        file.write('{mark}')\n    return order\n"
    seen = folder / "seen"
    (folder / "nodes" / "marks.py").write_text(source.format(path=seen, mark="a"))
    text = """
    nodes:
      tick: {{type: interval, config: {{every: 5ms}}, loop: {{pool: {pool}}}}}
      mark: {{type: python, needs: tick, config: {{function: "marks:mark"}}}}
    """
    write("w.yaml", text.format(pool=pool))
    running = start(watch=True)
    running.until(lambda: seen.exists() and "a" in seen.read_text(), "for the first code")
    (folder / "nodes" / "marks.py").write_text(source.format(path=seen, mark="b"))
    running.until(lambda: "b" in seen.read_text(), "for the second code")


def test_rows_are_there_once_though_the_process_that_inserts_them_is_killed(
    write: Any, start: Any, folder: Path, warm_children: list[WarmProcess]
) -> None:
    config = "{path: out.db, table: rows, create: true, "
    config += 'columns: {id: "{{ item }}", n: "{{ data.n }}"}, key: [id], conflict: ignore}'
    write("w.yaml", CHAIN.format(count=80, pool="process", type="sqlite-insert", config=config, more=""))
    running = start("local")

    def rows() -> list[int]:
        if not (folder / "out.db").exists():
            return []
        with closing(sqlite3.connect(folder / "out.db", timeout=10)) as connection:
            try:
                return [n for (n,) in connection.execute("SELECT n FROM rows ORDER BY n")]
            except sqlite3.OperationalError:
                return []  # not made yet

    for least in (1, 30):
        running.until(lambda least=least: len(rows()) >= least, f"for {least} rows")
        killed = [child for child in warm_children if child.returncode is None]
        for child in killed:
            os.kill(child.pid, signal.SIGKILL)  # not by its own method, which the engine's thread may be using
        assert killed
    running.until(lambda: len(rows()) == 80, "for all rows")
    running.until_idle()
    assert rows() == [*range(80)]
