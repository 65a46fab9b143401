"""How long one item takes through a queue when little comes: flowtui's hop, and RPUSH to BLPOP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis.asyncio

from flowtui.client.door import EngineClient
from flowtui.model.states import Command
from job_queues import PAYLOAD_TEXT
from job_queues.server import running_server
from lab import PATIENCE_S, running, write_folder
from rounds import BenchFailed, interleaved, median_of, temporary, verdict

#: How much longer than RPUSH to BLPOP flowtui may take.
TIMES_MEDIAN, TIMES_P99 = 2.0, 3.0
RATE = 100
#: The first items warm up.
_SPARED = 20
_POLL_S = 0.05
_NODES = """
import asyncio
import json
from pathlib import Path
from time import perf_counter

from flowtui import BlockingNode, Exhausted, ProducerNode


class Tick(ProducerNode):
    class Config(ProducerNode.Config):
        count: int
        rate: int
        text: str

    n = 0

    async def execute(self):
        if self.n == 0:
            self.began = perf_counter()
        elif self.n >= self.config.count:
            raise Exhausted
        await asyncio.sleep(self.began + self.n / self.config.rate - perf_counter())
        self.n += 1
        return {"made": perf_counter(), "text": self.config.text}


class Note(BlockingNode):
    class Config(BlockingNode.Config):
        count: int
        result: str

    async def setup(self):
        self.took = []

    async def execute(self, data):
        self.took.append(perf_counter() - data["made"])
        if len(self.took) == self.config.count:
            Path(self.config.result + ".part").write_text(json.dumps(self.took))
            Path(self.config.result + ".part").rename(self.config.result)
        return data
"""
_WORKFLOW = """
nodes:
  tick: {{type: tick, config: {{count: {items}, rate: {rate}, text: {text}}}, loop: {{autostart: false}}}}
  write: {{type: queue-writer, needs: tick, config: {{queue: hop}}}}
  read: {{type: queue-reader, config: {{queue: hop}}}}
  note: {{type: note, needs: read, config: {{count: {items}, result: {result}}}}}
"""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds by round: median and 99th percentile, of the raw hop and of flowtui's."""

    fsync: str
    raw: Sequence[tuple[float, float]]
    ours: Sequence[tuple[float, float]]


def measure(fsync: str, rounds: int, seconds: float) -> Latencies:
    """Send items at `RATE` a second, `seconds` of them each way in each round."""
    items = _SPARED + round(seconds * RATE)
    found: dict[str, list[tuple[float, float]]] = {"raw": [], "ours": []}
    with temporary() as folder, running_server(folder / "server", fsync) as socket:
        runs = {
            "raw": lambda: found["raw"].append(_summary(asyncio.run(_raw(socket, items)))) or 0.0,
            "ours": lambda: found["ours"].append(_summary(_flowtui(socket, items))) or 0.0,
        }
        interleaved(rounds, runs)
    return Latencies(fsync, found["raw"], found["ours"])


def _summary(took: Sequence[float]) -> tuple[float, float]:
    in_ms = [1000 * each for each in took[_SPARED:]]
    return statistics.median(in_ms), statistics.quantiles(in_ms, n=100, method="inclusive")[98]


def _flowtui(socket: str, items: int) -> list[float]:
    with temporary() as state:
        result = state / "result"
        text = _WORKFLOW.format(items=items, rate=RATE, text=PAYLOAD_TEXT, result=result)
        write_folder(state / "flows", _NODES, {"hop": text})
        with running(state / "flows", f"unix://{socket}") as engine:
            EngineClient(engine).command(Command.START, "hop.tick").result(PATIENCE_S)
            return _read(result, items)


def _read(result: Path, items: int) -> list[float]:
    deadline = time.monotonic() + PATIENCE_S
    while not result.exists():
        if time.monotonic() > deadline:
            raise BenchFailed(f"{items} items do not come through")
        time.sleep(_POLL_S)
    return [float(each) for each in json.loads(result.read_text())]


async def _raw(socket: str, items: int) -> list[float]:
    took: list[float] = []

    async def read(client: redis.asyncio.Redis) -> None:
        for _ in range(items):
            _, item = await client.blpop(["raw"], 0)
            took.append(time.perf_counter() - json.loads(item)["made"])

    async with contextlib.AsyncExitStack() as stack:
        writer, reader = [
            await stack.enter_async_context(redis.asyncio.Redis(unix_socket_path=socket, protocol=2)) for _ in range(2)
        ]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read(reader))
            began = time.perf_counter()
            for n in range(items):
                await asyncio.sleep(began + n / RATE - time.perf_counter())
                item = json.dumps({"made": time.perf_counter(), "text": PAYLOAD_TEXT}, separators=(",", ":"))
                await writer.rpush("raw", item)
    return took


def judge(found: Latencies) -> bool:
    """Print the figures and the comparisons; return whether these hold."""
    holds = True
    for at, name, times in ((0, "median", TIMES_MEDIAN), (1, "p99", TIMES_P99)):
        raw, ours = [each[at] for each in found.raw], [each[at] for each in found.ours]
        ratio = median_of(lambda mine, theirs: mine / theirs, ours, raw)
        text = (
            f"{found.fsync}: {name} at {RATE} items/s {statistics.median(ours):.2f} ms, RPUSH to BLPOP "
            f"{statistics.median(raw):.2f} ms: {ratio:.2f} times, {times:g} at most"
        )
        holds = verdict(ratio <= times, text) and holds
    return holds
