"""What the screen costs and how soon it answers.

    python tests/bench/bench_screen.py [--rounds N] [--seconds S]

Budget: bytes a second, and how much of a core the screen's thread takes, in a real terminal of 120x40, at rest and with
fifty loops that all change four times a second. Load: CPU time of the screen's thread from a key to its picture, and of
a poll, with 500 loops of 10 nodes and 200 queues against 5 loops. Snapshot: CPU time of asking a real engine with 500
idle loops of 10 nodes for what a screen shows. Speed: wall time from a key to its picture while an engine in the same
process runs loops at full speed, one in the asyncio pool and one in a thread. Exits with 1 if a limit is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

sys.path.insert(0, str(Path(__file__).parents[1] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from crowds import TICKS_PER_S, a_crowd
from fake_client import FakeClient, chatter
from terminal_child import TerminalChild
from wire import Wire, run_on_the_wire

from flowtui.client.door import EngineClient
from flowtui.model.snapshot import EngineSnapshot
from lab import running, wait_until, write_folder
from rounds import interleaved, median_of, temporary, verdict

BUDGETS = {"rest-ticks": 100, "fifty-ticks": 15_000}
MOST_CPU = 0.05
MOST_RATIO = 2.0
MOST_KEY_MS = 50.0
MOST_SNAPSHOT_CPU = 0.05
#: Until rates that look five seconds back are 0.
_SETTLE_S = 8.0
FEW, MANY = (5, 10, 2), (500, 10, 200)
_KEYS = ("j", "j", "k", "tab", "shift+tab", "k")
_NODES = """
from flowtui import BlockingNode, ProducerNode


class Spin(ProducerNode):
    n = 0

    async def execute(self):
        self.n += 1
        return {"n": self.n}


class SpinSync(ProducerNode):
    n = 0

    def execute(self):
        self.n += 1
        return {"n": self.n}


class Pass(BlockingNode):
    async def execute(self, data):
        return data
"""
_SPIN = """
nodes:
  spin: {{type: {type}, loop: {{pool: {pool}}}}}
  a: {{type: pass, needs: spin}}
  b: {{type: pass, needs: a}}
"""


def cpu_of_keys(size: tuple[int, int, int], keys: int = 30) -> tuple[float, float]:
    """Return the CPU seconds of the screen's thread for one key with its picture, and for one poll with its.

    `size` is how many loops, nodes in each, and queues are shown.
    """
    ticks = [a_crowd(tick, *size) for tick in range(4)]
    client = FakeClient(ticks[0])
    chatter(client, 300)
    of_keys: list[float] = []
    of_polls: list[float] = []

    async def body(wire: Wire, _: Pilot[None]) -> None:
        gc.collect()
        gc.freeze()
        for number in range(keys):
            began = time.thread_time()
            await wire.press(_KEYS[number % len(_KEYS)])
            of_keys.append(time.thread_time() - began)
            client.shown = ticks[number % len(ticks)]
            began = time.thread_time()
            wire.app.poll()
            await wire.painted()
            of_polls.append(time.thread_time() - began)
        gc.unfreeze()

    run_on_the_wire(client, body)
    return statistics.median(of_keys), statistics.median(of_polls)


def budget(scenario: str, seconds: float) -> tuple[float, float]:
    """Return the bytes a second that a scenario sends to a terminal, and the share of a core of the screen's thread."""
    ticks = max(4, round(seconds * TICKS_PER_S))
    with temporary() as notes:
        (notes / "ticks").write_text(json.dumps({"number": ticks, "preferences": {"refresh": float(TICKS_PER_S)}}))
        child = TerminalChild(notes, scenario, 120, 40)
        try:
            child.wait_for(lambda text: "following" in text and "Nodes of" in text)
            while child.read(0.5):
                pass
            before = len(child.sent)
            (notes / "go").touch()
            while not (notes / "cpu").exists():
                child.read(0.5)
            child.wait_for(lambda text: "loading …" in text)
            return (len(child.sent) - before) / ticks * TICKS_PER_S, float((notes / "cpu").read_text()) / seconds
        finally:
            child.close()


def key_ms(keys: int) -> list[float]:
    """Return the milliseconds from each of so many keys to its picture, beside no engine."""
    return _key_ms(FakeClient(a_crowd(0, 2, nodes=3)), keys)


def key_ms_beside_spinning_loops(keys: int) -> list[float]:
    """Return the same beside an engine that runs two loops at full speed."""
    flows = {name: _SPIN.format(type=type, pool=name) for name, type in (("asyncio", "spin"), ("thread", "spin-sync"))}
    with temporary() as folder:
        write_folder(folder / "flows", _NODES, flows)
        with running(folder / "flows") as engine:
            wait_until(engine, lambda now: all(loop.iterations > 1000 for loop in now.loops))
            return _key_ms(_Beside(EngineClient(engine)), keys)


def _key_ms(client: FakeClient, keys: int) -> list[float]:
    took: list[float] = []

    async def body(wire: Wire, _: Pilot[None]) -> None:
        took.extend(await _type(wire, keys))

    run_on_the_wire(client, body)
    return took


class _Beside(FakeClient):
    """The door to a real engine that runs already and goes on running."""

    def __init__(self, door: EngineClient) -> None:
        super().__init__()
        self._door = door

    def snapshot(self) -> EngineSnapshot:
        return self._door.snapshot()


async def _type(wire: Wire, keys: int) -> list[float]:
    """Press keys from another thread, as the terminal's does, and time each until its picture is there."""
    loop = asyncio.get_running_loop()
    took: list[float] = []
    typed = asyncio.Event()

    async def time_it(key: str, began: float) -> None:
        await wire.press(key)
        took.append((time.perf_counter() - began) * 1000)

    def hand() -> None:
        for number in range(keys):
            time.sleep(0.05 + number % 7 * 0.01)
            key = _KEYS[number % len(_KEYS)]
            asyncio.run_coroutine_threadsafe(time_it(key, time.perf_counter()), loop).result()
        loop.call_soon_threadsafe(typed.set)

    threading.Thread(target=hand, daemon=True).start()
    await typed.wait()
    return took


def snapshot_cpu(loops: int, nodes: int, looks: int = 21) -> float:
    """Return the CPU seconds of one snapshot of an engine that runs so many idle loops."""
    flows: dict[str, list[str]] = {}
    for number in range(loops):
        lines = flows.setdefault(f"w{number // 10}", ["nodes:"])
        lines.append(f"  tick{number}: {{type: interval, config: {{every: 60s}}, loop: {{pool: asyncio}}}}")
        names = [f"tick{number}", *(f"n{number}x{step}" for step in range(1, nodes))]
        lines += [f"  {name}: {{type: pass, needs: {need}}}" for need, name in itertools.pairwise(names)]
    took: list[float] = []
    with temporary() as folder:
        write_folder(folder / "flows", _NODES, {name: "\n".join(lines) for name, lines in flows.items()})
        with running(folder / "flows", store="auto") as engine:
            wait_until(engine, lambda now: all(loop.iterations for loop in now.loops))
            time.sleep(_SETTLE_S)
            for _ in range(looks):
                began = time.thread_time()
                engine.snapshot()
                took.append(time.thread_time() - began)
                time.sleep(1 / TICKS_PER_S)
    return statistics.median(took)


def judge_snapshot(rounds: int) -> bool:
    """Measure and judge what it costs to ask an engine of many loops."""
    took = statistics.median(snapshot_cpu(*MANY[:2]) for _ in range(rounds))
    share, what = took * TICKS_PER_S, f"a snapshot of {MANY[0]} idle loops of {MANY[1]} nodes"
    text = f"{what}: {took * 1000:.1f} ms, {share:.1%} of a core, {MOST_SNAPSHOT_CPU:.0%} at most"
    return verdict(share <= MOST_SNAPSHOT_CPU, text)


def judge_budget(rounds: int, seconds: float) -> bool:
    """Measure and judge bytes and the share of a core."""
    held = []
    for scenario, most in BUDGETS.items():
        found = [budget(scenario, seconds) for _ in range(rounds)]
        sent, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        text = f"{scenario}: {sent:,.0f} bytes/s, {most:,} at most; {cpu:.1%} of a core, {MOST_CPU:.0%} at most"
        held.append(verdict(sent <= most and cpu <= MOST_CPU, text))
    return all(held)


def key_ratio(rounds: int, keys: int) -> tuple[float, str]:
    """Return how many times as long a key takes with many loops as with few, and figures for people."""
    found: dict[str, list[tuple[float, float]]] = {"few": [], "many": []}

    def measure(name: str, size: tuple[int, int, int]) -> float:
        found[name].append(cpu_of_keys(size, keys))
        return 0.0

    interleaved(rounds, {"few": partial(measure, "few", FEW), "many": partial(measure, "many", MANY)})
    (few, polls_few), (many, polls_many) = (zip(*found[name], strict=True) for name in ("few", "many"))
    ratio = median_of(lambda less, more: more / less, few, many)
    key_ms, polls_ms = (
        " and ".join(f"{statistics.median(column) * 1000:.1f}" for column in columns)
        for columns in ((few, many), (polls_few, polls_many))
    )
    return ratio, f"with {FEW[0]} and {MANY[0]} loops a key takes {key_ms} ms, a poll {polls_ms} ms"


def judge_load(rounds: int) -> bool:
    """Measure and judge what many loops cost."""
    ratio, figures = key_ratio(rounds, 30)
    return verdict(ratio <= MOST_RATIO, f"{figures}; a key {ratio:.2f} times as long, {MOST_RATIO:g} at most")


def judge_speed(rounds: int, keys: int = 60) -> bool:
    """Measure and judge the time from a key to its picture beside a busy engine."""
    runs = {
        "at rest": lambda: statistics.median(key_ms(keys)),
        "at full speed": lambda: statistics.median(key_ms_beside_spinning_loops(keys)),
    }
    rest, busy = (statistics.median(took) for took in interleaved(rounds, runs).values())
    text = f"from a key to its picture: {busy:.1f} ms beside loops at full speed, {rest:.1f} ms beside none"
    return verdict(busy <= MOST_KEY_MS, f"{text}; {MOST_KEY_MS:g} ms at most")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each scenario is watched (10)")
    parser.add_argument("--only", choices=("budget", "load", "snapshot", "speed"))
    options = parser.parse_args()
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    judges: dict[str, Callable[[], bool]] = {
        "budget": partial(judge_budget, options.rounds, options.seconds),
        "load": partial(judge_load, options.rounds),
        "snapshot": partial(judge_snapshot, options.rounds),
        "speed": partial(judge_speed, options.rounds),
    }
    held = [judge() for name, judge in judges.items() if options.only in (None, name)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
