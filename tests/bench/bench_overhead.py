"""Overhead per node: a chain of four nodes in an asyncio loop against the same four calls awaited bare.

Run it with `python tests/bench/bench_overhead.py [ITERATIONS] [ROUNDS]`; it prints one line per round and the median.
"""

from __future__ import annotations

import asyncio
import functools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from flowtui.engine.engine import FlowEngine
from flowtui.model.data import NodeData
from flowtui.model.ids import new_id
from flowtui.model.states import Command, LoopState
from flowtui.storage.opening import open_store

_NODES = """
from flowtui import BlockingNode, Exhausted, ProducerNode

class Count(ProducerNode):
    class Config(ProducerNode.Config):
        count: int
    n = 0
    async def execute(self):
        if self.n >= self.config.count:
            raise Exhausted
        self.n += 1
        return {"n": self.n}

class Pass(BlockingNode):
    async def execute(self, data):
        return data
"""
_CHAIN = 4


def run_engine(iterations: int) -> float:
    """Return the seconds that the engine takes, from the loop's first state `running` to `completed`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nodes").mkdir()
        (folder / "nodes" / "chain.py").write_text(_NODES)
        lines = ["nodes:", f"  start: {{type: count, config: {{count: {iterations}}}, loop: {{autostart: false}}}}"]
        before = "start"
        for number in range(_CHAIN):
            lines.append(f"  n{number}: {{type: pass, needs: {before}}}")
            before = f"n{number}"
        (folder / "bench.yaml").write_text("\n".join(lines))
        store = functools.partial(open_store, "memory", state_dir=folder, namespace="bench", url=None)
        engine = FlowEngine(folder, store, env=os.environ, watch=False)
        engine.start()
        engine.wait_loaded()
        loop = engine._deployment.loops["bench.start"]
        began = time.perf_counter()
        engine.command(Command.START, "bench.start").result()
        while loop.lifecycle.state is not LoopState.COMPLETED:
            time.sleep(0.001)
        took = time.perf_counter() - began
        assert loop.view().iterations == iterations
        engine.close()
        return took


def run_bare(iterations: int) -> float:
    """Return the seconds that the same calls take without an engine."""

    async def produce(n: int) -> NodeData:
        return NodeData({"n": n}, new_id())

    async def step(data: NodeData) -> NodeData:
        return data

    async def main() -> float:
        began = time.perf_counter()
        for n in range(iterations):
            data = await produce(n)
            for _ in range(_CHAIN):
                data = await step(data)
        return time.perf_counter() - began

    return asyncio.run(main())


def main() -> None:
    iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    ratios, per_node = [], []
    for _ in range(rounds):
        bare, engine = run_bare(iterations), run_engine(iterations)
        ratios.append(engine / bare)
        per_node.append((engine - bare) / iterations / (_CHAIN + 1) * 1e6)
        print(f"bare {bare:6.2f} s  engine {engine:6.2f} s  ratio {ratios[-1]:5.1f}  {per_node[-1]:5.2f} us a node")
    print(f"median: ratio {statistics.median(ratios):.1f}, {statistics.median(per_node):.2f} us a node more than bare")


if __name__ == "__main__":
    main()
