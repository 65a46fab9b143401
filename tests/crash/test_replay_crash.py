"""A replay whose engine, child process or server is killed in the middle: the letter stays, and nothing is doubled."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from command_line import Child, CommandLine
from flowtui.model.letters import DeadLetter
from flowtui.storage.opening import open_store
from processes import children_with

#: `left` fails as long as there is a file `broken`, and waits as long as there is one `gate`.
NODES = """
import asyncio

from flowtui import BlockingNode


class Part(BlockingNode):
    async def execute(self, data):
        with (self.folder / f"{self.id}.txt").open("a") as file:
            file.write(f"{data['n']}\\n")
        if self.id == "left":
            if (self.folder / "broken").exists():
                raise ValueError("broken")
            while (self.folder / "gate").exists():
                await asyncio.sleep(0.005)
        return data | {self.id: data["n"]}
"""
DIAMOND = """
nodes:
  start: {type: sequence, config: {count: 3, resume: true}}
  in: {type: queue-writer, needs: start, config: {queue: work}}
  read: {type: queue-reader, config: {queue: work}, loop: {breaker: 0, pool: POOL, autostart: AUTOSTART}}
  left: {type: part, needs: read}
  right: {type: part, needs: read}
  join: {type: part, needs: [left, right]}
  out: {type: queue-writer, needs: join, config: {queue: done}}
  end: {type: queue-reader, config: {queue: done}}
  note: {type: file-append, needs: end, config: {path: done.txt, record: "{{ item }}"}}
"""


async def letters(state_dir: Path) -> list[DeadLetter]:
    with closing(open_store("local", state_dir=state_dir, namespace="flowtui", url=None)) as opened:
        found = await opened.dead_letters().page()
        await opened.release()
    return found


def is_replaying(cli: CommandLine) -> bool:
    return len(cli.lines("left.txt")) > 3


def child_of(engine: Child) -> int:
    """The process of the replay track, the only one as the loop itself does not run."""
    (child,) = children_with("flowtui.engine.child", of=engine.process.pid)
    return child.pid


@pytest.mark.parametrize("killed", ["engine", "child", "server"])
async def test_a_replay_that_is_killed_leaves_its_letters_and_is_done_once_in_the_end(flowtui, killed):
    cli: CommandLine = flowtui
    cli.write("nodes/parts.py", NODES)
    diamond = DIAMOND.replace("POOL", "process" if killed == "child" else "thread")
    cli.write("diamond.yaml", diamond.replace("AUTOSTART", "true"))
    (cli.folder / "broken").touch()
    assert cli.headless("--until-idle").end().summary["dead_letters"] == 3
    (cli.folder / "broken").unlink()
    (cli.folder / "gate").touch()
    cli.write("diamond.yaml", diamond.replace("AUTOSTART", "false"))
    cli.run("dead", "replay", "--folder", "flows", "--all", "--yes")
    engine = cli.headless("--until-idle")
    engine.until(lambda: is_replaying(cli), "the replay to begin")
    before = len(cli.lines("left.txt"))
    if killed == "engine":
        engine.process.kill()
        engine.process.wait()
        found = await letters(cli.state_dir)
        assert [letter.replaying for letter in found] == [True] * 3
        engine = cli.headless("--until-idle")
    else:
        os.kill(cli.server_pid() if killed == "server" else child_of(engine), signal.SIGKILL)
    if killed != "server":
        engine.until(lambda: len(cli.lines("left.txt")) > before, "the replay to begin again")
    (cli.folder / "gate").unlink()
    summary = engine.end().summary
    assert (summary["dead_letters"], summary["queues"]["diamond.done"]) == (0, {"depth": 0, "in_flight": 0})
    ids = [json.loads(line) for line in cli.lines("done.txt")]
    assert (len(ids), len(set(ids))) == (3, 3)
    assert sorted(cli.lines("right.txt")) == ["0", "1", "2"]
