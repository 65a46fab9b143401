"""One of two instances dies: the other goes on at once, and exactly where the last commit was."""

from __future__ import annotations

import json
import time
from uuid import uuid4

import pytest
import redis

from flowtui.storage.lease import LEASE_S
from flowtui.storage.records import decode

NODES = """
import asyncio
from flowtui import ProducerNode

class CountOn(ProducerNode):
    async def execute(self):
        await asyncio.sleep(0.002)
        n = self.cursor or 0
        self.cursor = n + 1
        return {"n": n}
"""
FLOW = """
nodes:
  count: {type: count-on, loop: {pool: %s}}
  out: {type: queue-writer, needs: count, config: {queue: numbers}}
"""


class Pair:
    """Instances on one server, and what has come into the queue, which nobody reads."""

    def __init__(self, flowtui, url: str) -> None:
        self.flowtui = flowtui
        self.url = url
        self.namespace = f"pair-{uuid4().hex}"

    def start(self):
        state_dir = self.flowtui.home / uuid4().hex
        return self.flowtui.headless("--store", self.url, "--namespace", self.namespace, "--state-dir", str(state_dir))

    def numbers(self) -> list[int]:
        with redis.Redis.from_url(self.url) as client:
            waiting = client.lrange(f"{{{self.namespace}}}:q:w.numbers:backlog", 0, -1)
        return [json.loads(decode(each).item.payload)["n"] for each in waiting]


@pytest.mark.parametrize("pool", ["thread", "process"])
def test_an_instance_that_is_killed_is_replaced_at_once_and_no_number_is_lost_or_doubled(
    flowtui, redis_url, pool
) -> None:
    flowtui.write("nodes/count_on.py", NODES)
    flowtui.write("w.yaml", FLOW % pool)
    pair = Pair(flowtui, redis_url)
    first = pair.start()
    first.until(lambda: len(pair.numbers()) > 20, "the first numbers")
    second = pair.start()
    second.until(lambda: any("w.count stands by: " in line for line in second.messages), "standing by")
    first.process.kill()
    killed_at = time.monotonic()
    second.until(lambda: "w.count takes over" in second.messages, "taking over")
    assert time.monotonic() - killed_at < LEASE_S / 2, "it waited for the lease to run out"
    before = len(pair.numbers())
    second.until(lambda: len(pair.numbers()) > before + 20, "more numbers")
    second.process.terminate()
    second.end()
    numbers = pair.numbers()
    assert numbers == list(range(len(numbers)))
