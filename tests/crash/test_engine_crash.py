"""What `flowtui run` keeps when it, or its store, is killed in the middle of a chain of queues."""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import closing
from pathlib import Path

from command_line import CommandLine
from flowtui.storage.opening import open_store
from flowtui.storage.queue_store import QueueStats
from user_server import UserServer

CHAIN = """
nodes:
  start: {type: sequence, config: {count: COUNT, resume: true}}
  out: {type: queue-writer, needs: start, config: {queue: first}}
  middle: {type: queue-reader, config: {queue: first}}
  slow: {type: delay, needs: middle, config: {seconds: 0.0005}}
  on: {type: queue-writer, needs: slow, config: {queue: second}}
  end: {type: queue-reader, config: {queue: second}}
  note: {type: file-append, needs: end, config: {path: done.txt, record: ["{{ item }}", "{{ data.n }}"]}}
"""
QUEUES = ["chain.first", "chain.second"]


def until_items_were_noted(cli: CommandLine, child, count: int) -> None:
    enough = len(cli.lines("done.txt")) + count
    child.until(lambda: len(cli.lines("done.txt")) >= enough, f"{enough} items in the file")


async def stats(store: str, state_dir: Path) -> dict[str, QueueStats]:
    with closing(open_store(store, state_dir=state_dir, namespace="flowtui", url=None)) as opened:
        found = await opened.queues().queue_stats(QUEUES)
        await opened.release()
    return found


def assert_all_is_there(cli: CommandLine, figures: dict[str, QueueStats], count: int, *, repeats: int = 0) -> None:
    """Between queues each item went exactly once; the file may repeat what was in flight at each of the crashes."""
    for queue in figures.values():
        assert (queue.pushed, queue.acknowledged, queue.dead) == (count, count, 0)
        assert (queue.depth, queue.in_flight, queue.unaccounted) == (0, 0, 0)
    lines = [json.loads(line) for line in cli.lines("done.txt")]
    assert {n for _, n in lines} == set(range(count))
    assert len({id for id, _ in lines}) == count, "an item came again under another id"
    assert len(lines) - count <= repeats


async def test_a_private_server_that_is_killed_comes_back_and_nothing_is_lost(flowtui):
    flowtui.write("chain.yaml", CHAIN.replace("COUNT", "1000"))
    child = flowtui.headless("--until-idle")
    for _ in range(2):
        until_items_were_noted(flowtui, child, 200)
        os.kill(flowtui.server_pid(), signal.SIGKILL)
    child.end()
    waits = [event for event in child.events if "waits for the store: " in event.get("message", "")]
    assert "chain.middle" in {event["loop"] for event in waits}
    assert child.summary["dead_letters"] == 0
    assert_all_is_there(flowtui, await stats("local", flowtui.state_dir), 1000)


async def test_a_server_of_the_user_that_is_killed_and_started_again_costs_nothing_but_time(flowtui):
    flowtui.write("chain.yaml", CHAIN.replace("COUNT", "1000"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"redis://127.0.0.1:{port}"
    with UserServer(flowtui.home, port) as server:
        child = flowtui.headless("--until-idle", "--store", url)
        until_items_were_noted(flowtui, child, 200)
        server.kill()
        child.until(lambda: any("waits for the store" in message for message in child.messages), "a loop to say so")
        server.start()
        child.end()
        assert all(f"the store at {url}/0 does not answer" in message for message in child.messages), child.told()
        assert child.summary["dead_letters"] == 0
        assert_all_is_there(flowtui, await stats(url, flowtui.state_dir), 1000)
