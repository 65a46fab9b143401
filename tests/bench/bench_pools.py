"""What processes cost and what they bring: a track in a process, replicas.

Run it with `python tests/bench/bench_pools.py`. Parts, each in interleaved rounds, medians of ratios:

- `process`: overhead per node on a process track against a thread track;
- `replicas`: items a second of a loop that reads from a queue in a private store and computes for 1 ms an item in pure
  Python, with two tracks in processes against one.

What a thread track costs against plain calls is measured by `bench_overhead.py`. Exits with 1 if a ratio misses its
target.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from flowtui.client.door import EngineClient
from flowtui.model.states import Command, LoopState
from lab import PATIENCE_S, chain_seconds, loop_of, running, wait_until, write_folder
from peers import CHAIN, bare_call
from rounds import BenchFailed, interleaved, items_for, median_of, temporary, verdict

_MOST_PROCESS = 1.3
_LEAST_REPLICAS = 1.8
_WORK_S = 0.001
#: The node module of the computing loop.
BURN = """
import json
import os
from pathlib import Path
from time import monotonic

from flowtui import BlockingNode


class Burn(BlockingNode):
    class Config(BlockingNode.Config):
        turns: int
        result: str

    def setup(self):
        self.ends = []

    async def execute(self, data):
        total = 0
        for n in range(self.config.turns):
            total += n
        self.ends.append(monotonic())
        return data

    def teardown(self):
        Path(self.config.result, f"{os.getpid()}-{id(self)}.json").write_text(json.dumps(self.ends))
"""
_FLOW = """
nodes:
  numbers: {{type: sequence, config: {{count: {items}}}}}
  fill: {{type: queue-writer, needs: numbers, config: {{queue: work}}}}
  read:
    type: queue-reader
    config: {{queue: work}}
    loop: {{pool: process, replicas: {replicas}, autostart: false}}
  burn: {{type: burn, needs: read, config: {{turns: {turns}, result: '{result}'}}}}
"""


def process_track(rounds: int, seconds: float) -> bool:
    """Compare the overhead per node on a process track with that on a thread track."""
    with temporary() as state, bare_call.chain(state) as calls:
        counts = [items_for(seconds, _sync_chain), items_for(seconds, calls)]
        found = interleaved(
            rounds,
            {
                "process": lambda: _sync_chain(counts[0], pool="process") / counts[0],
                "thread": lambda: _sync_chain(counts[0]) / counts[0],
                "calls": lambda: calls(counts[1]) / counts[1],
            },
        )
    overheads = {
        name: median_of(lambda mine, less: (mine - less) / CHAIN * 1e6, found[name], found["calls"])
        for name in ("process", "thread")
    }
    ratio = median_of(
        lambda mine, other, less: (mine - less) / (other - less), found["process"], found["thread"], found["calls"]
    )
    text = f"{overheads['process']:.2f} against {overheads['thread']:.2f} us a node"
    return verdict(
        ratio <= _MOST_PROCESS, f"process track {ratio:.2f} times a thread track ({text}), {_MOST_PROCESS} at most"
    )


def replicas(rounds: int, seconds: float) -> bool:
    """Compare two tracks in processes with one, for work that keeps a processor busy."""
    turns = turns_for(_WORK_S)
    items = max(200, round(seconds / _WORK_S))
    found = interleaved(
        rounds,
        {"one": lambda: _burnt_per_second(items, 1, turns), "two": lambda: _burnt_per_second(2 * items, 2, turns)},
    )
    ratio = median_of(lambda two, one: two / one, found["two"], found["one"])
    one, two = (median_of(float, found[name]) for name in ("one", "two"))
    text = f"{two:,.0f} against {one:,.0f} items a second on {os.cpu_count()} processors"
    return verdict(
        ratio >= _LEAST_REPLICAS, f"two processes do {ratio:.2f} times one ({text}), {_LEAST_REPLICAS} at least"
    )


def rate_while_all_work(tracks: Sequence[Sequence[float]]) -> float:
    """Return the items a second of all tracks together, from when the last began until the first ended.

    `tracks` holds the times at which each one's items ended, in order.
    """
    if not all(tracks):
        raise BenchFailed("a track had nothing to do")
    began, ended = max(ends[0] for ends in tracks), min(ends[-1] for ends in tracks)
    done = sum(began < end <= ended for ends in tracks for end in ends)
    if done == 0:
        raise BenchFailed("the tracks did not work at the same time; give them more items with --seconds")
    return done / (ended - began)


def turns_for(seconds: float) -> int:
    """Return how many turns of an adding loop take `seconds` here."""
    turns, fastest = 20_000, math.inf
    for _ in range(20):
        began = time.perf_counter()
        total = 0
        for n in range(turns):
            total += n
        fastest = min(fastest, time.perf_counter() - began)
    return round(turns * seconds / fastest)


def burn_workflow(items: int, tracks: int, turns: int, result: Path) -> str:
    """Return a file with a loop that fills a queue, and one that works it off when it is started."""
    return _FLOW.format(items=items, replicas=tracks, turns=turns, result=result)


def _sync_chain(items: int, *, pool: str = "thread", nodes: int = CHAIN) -> float:
    return chain_seconds(items, pool=pool, node="pass-sync", nodes=nodes)


def _burnt_per_second(items: int, tracks: int, turns: int) -> float:
    with temporary() as folder:
        result = folder / "result"
        result.mkdir()
        write_folder(folder / "flows", BURN, {"burn": burn_workflow(items, tracks, turns, result)})
        with running(folder / "flows", store="local") as engine:
            wait_until(engine, lambda now: loop_of(now, "burn.numbers").state is LoopState.COMPLETED)
            EngineClient(engine).command(Command.START, "burn.read").result(PATIENCE_S)
            wait_until(engine, lambda now: loop_of(now, "burn.read").iterations == items)
        ends = [json.loads(path.read_text()) for path in result.iterdir()]
    if len(ends) != tracks or sum(map(len, ends)) != items:
        raise BenchFailed(f"{sum(map(len, ends))} of {items} items by {len(ends)} of {tracks} tracks")
    return rate_while_all_work(ends)


_PARTS = {"process": process_track, "replicas": replicas}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="about what each measurement takes (1)")
    parser.add_argument("--only", choices=sorted(_PARTS), action="append", default=[])
    options = parser.parse_args()
    holds = True
    for name in options.only or _PARTS:
        try:
            holds = _PARTS[name](options.rounds, options.seconds) and holds
        except BenchFailed as error:
            holds = verdict(False, f"{name}: {error}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
