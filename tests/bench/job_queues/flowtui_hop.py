"""flowtui itself: a loop that makes items and writes them to a queue, and a loop that reads them; one process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

from child import Send
from flowtui.client.door import EngineClient
from flowtui.model.states import Command
from flowtui.storage.data_store import DataStore
from job_queues import PAYLOAD_TEXT
from job_queues.jobs import socket_url
from lab import PATIENCE_S, running, write_folder
from rounds import BenchFailed, temporary

QUEUE = "/hop"
_POLL_S = 0.005
_NODES = """
from pathlib import Path
from time import perf_counter

from flowtui import BlockingNode, Exhausted, ProducerNode


class Make(ProducerNode):
    class Config(ProducerNode.Config):
        count: int
        text: str
        began: str

    n = 0

    async def execute(self):
        if self.n == 0:
            Path(self.config.began).write_text(repr(perf_counter()))
        elif self.n >= self.config.count:
            raise Exhausted
        self.n += 1
        return {"n": self.n, "text": self.config.text}


class Last(BlockingNode):
    class Config(BlockingNode.Config):
        n: int
        seen: str

    async def setup(self):
        self.n = self.config.n

    async def execute(self, data):
        if data["n"] == self.n:
            Path(self.config.seen).touch()
        return data
"""
_WORKFLOW = """
nodes:
  make: {{type: make, config: {{count: {items}, text: {text}, began: {began}}}, loop: {{autostart: false}}}}
  write: {{type: queue-writer, needs: make, config: {{queue: {queue}}}}}
  read: {{type: queue-reader, config: {{queue: {queue}}}}}
  pass: {{type: last, needs: read, config: {{n: {items}, seen: {seen}}}}}
"""


@contextlib.contextmanager
def hop() -> Iterator[Send]:
    def send(items: int) -> float:
        stores: list[DataStore] = []
        with temporary() as state:
            began, seen = state / "began", state / "seen"
            text = _WORKFLOW.format(items=items, text=PAYLOAD_TEXT, began=began, seen=seen, queue=QUEUE)
            write_folder(state / "flows", _NODES, {"hop": text})
            with running(state / "flows", socket_url(), stores.append) as engine:
                EngineClient(engine).command(Command.START, "hop.make").result(PATIENCE_S)
                deadline = time.monotonic() + PATIENCE_S
                # The server is asked only at the end: to ask takes time from the loops.
                while not seen.exists() and time.monotonic() < deadline:
                    time.sleep(_POLL_S)
                ended = asyncio.run(_acknowledged(stores[0], items))
            return ended - float(began.read_text())

    yield send


async def _acknowledged(store: DataStore, items: int) -> float:
    queues = store.queues()
    deadline = time.monotonic() + PATIENCE_S
    try:
        while True:
            stats = (await queues.queue_stats([QUEUE]))[QUEUE]
            now = time.perf_counter()
            if stats.acknowledged >= items:
                break
            if stats.dead or time.monotonic() > deadline:
                raise BenchFailed(f"{stats.acknowledged} of {items} items came through, {stats.dead} died")
            await asyncio.sleep(_POLL_S)
    finally:
        await store.release()
    if (stats.pushed, stats.acknowledged, stats.unaccounted) != (items, items, 0):
        raise BenchFailed(f"the queue does not add up: {stats}")
    return now
