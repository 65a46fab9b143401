"""What the engine costs per node, in ratios to the same calls made bare.

    python tests/bench/bench_overhead.py [ITERATIONS] [ROUNDS]

Compared is processor time of the whole process, so that other programs do not count and the engine's other threads
do, in rounds that take turns, with the garbage collector on everywhere:

- *bare*: one `for` loop that awaits a producer and then four identity nodes one after the other. The producer does
  what the engine's must do: it makes the payload dict, an id and a `NodeData`. Nothing is counted, caught or watched.
- *hand-instrumented*: the same with what a careful author would write around each call by hand: a counter, two
  readings of the clock and a `try` that counts errors.
- *engine*: an asyncio loop of the same producer and nodes, from the command `start` until it has completed, with
  everything on: counters, latencies, errors caught, lines attributed to node and item, every result checked. The row
  *with timeouts* has `timeout: 60` at every node.
- *plain*: the same chain of plain functions, called; against a thread loop whose nodes are plain functions. The
  producer of that loop is `async`: a plain one hops to a worker thread for each item, as it may wait for minutes.

The ratio divides whole iterations, so the engine's share per iteration counts too, spread over the four nodes. How much
is fixed and how much each further node takes is told by chains of 4 and of 24 nodes.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Callable

from flowtui.model.data import NodeData
from flowtui.model.ids import new_id
from flowtui.model.states import Command, LoopState
from lab import LOOP, chain

_SHORT, _LONG = 4, 24


def engine(iterations: int, nodes: int, *, type: str = "pass", pool: str = "asyncio", timeout: bool = False) -> float:
    """Return the processor seconds per iteration that a loop takes."""
    with chain(iterations, nodes=nodes, node=type, pool=pool, timeout=timeout) as running:
        gc.collect()
        began = time.process_time()
        running.command(Command.START, LOOP).result()
        while (view := running.snapshot().loops[0]).state is not LoopState.COMPLETED:
            time.sleep(0.01)
        took = time.process_time() - began
    assert view.iterations == iterations
    assert all(node.runs == iterations for node in view.nodes)
    return took / iterations


async def _produce(n: int) -> NodeData:
    return NodeData({"n": n}, new_id())


async def _identity(data: NodeData) -> NodeData:
    return data


def bare(iterations: int, nodes: int) -> float:
    """Return the seconds per iteration that awaiting the same chain takes."""

    async def main() -> float:
        began = time.process_time()
        for n in range(iterations):
            data = await _produce(n)
            for _ in range(nodes):
                data = await _identity(data)
        return time.process_time() - began

    gc.collect()
    return asyncio.run(main()) / iterations


def by_hand(iterations: int, nodes: int) -> float:
    """Return the same with counters and a clock around every call."""
    runs, errors, took_ns = [0] * nodes, [0] * nodes, [0] * nodes

    async def main() -> float:
        clock = time.perf_counter_ns
        began = time.process_time()
        for n in range(iterations):
            data = await _produce(n)
            for node in range(nodes):
                node_began = clock()
                try:
                    data = await _identity(data)
                    runs[node] += 1
                except Exception:
                    errors[node] += 1
                    break
                finally:
                    took_ns[node] += clock() - node_began
        return time.process_time() - began

    gc.collect()
    return asyncio.run(main()) / iterations


def plain(iterations: int, nodes: int) -> float:
    """Return the seconds per iteration that calling the same chain of plain functions takes."""

    def produce(n: int) -> NodeData:
        return NodeData({"n": n}, new_id())

    def identity(data: NodeData) -> NodeData:
        return data

    gc.collect()
    began = time.process_time()
    for n in range(iterations):
        data = produce(n)
        for _ in range(nodes):
            data = identity(data)
    return (time.process_time() - began) / iterations


def main() -> None:
    iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    runs: dict[str, Callable[[], float]] = {
        "bare": lambda: bare(iterations, _SHORT),
        "hand-instrumented": lambda: by_hand(iterations, _SHORT),
        "engine": lambda: engine(iterations, _SHORT),
        "engine with timeouts": lambda: engine(iterations, _SHORT, timeout=True),
        "engine, 24 nodes": lambda: engine(iterations // 2, _LONG),
        "bare, 24 nodes": lambda: bare(iterations, _LONG),
        "plain": lambda: plain(iterations, _SHORT),
        "thread engine": lambda: engine(iterations, _SHORT, type="pass-sync", pool="thread"),
    }
    took: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            took[name].append(run() * 1e6)
        print(f"round {number + 1}: " + ", ".join(f"{name} {each[-1]:.2f}" for name, each in took.items()), "us")
    _report(took)


def _report(took: dict[str, list[float]]) -> None:
    def ratio(name: str, base: str) -> str:
        ratios = [a / b for a, b in zip(took[name], took[base], strict=True)]
        per_node = statistics.median(took[name]) / (_LONG if "24" in name else _SHORT)
        more = f"median {statistics.median(ratios):.1f}, from {min(ratios):.1f} to {max(ratios):.1f}"
        return f"{name:>20} / {base}: {more}; {per_node:.2f} us a node, all included"

    print()
    print(ratio("hand-instrumented", "bare"))
    print(ratio("engine", "bare"))
    print(ratio("engine with timeouts", "bare"))
    print(ratio("engine, 24 nodes", "bare, 24 nodes"))
    print(ratio("thread engine", "plain"))
    further = [(a - b) / (_LONG - _SHORT) for a, b in zip(took["engine, 24 nodes"], took["engine"], strict=True)]
    each = statistics.median(further)
    fixed = statistics.median(took["engine"]) - _SHORT * each
    print(f"engine: {fixed:.2f} us per iteration, its producer included, and {each:.2f} us per node")
    base = statistics.median(took["bare"])
    print(f"bare:   {base:.2f} us per iteration of four nodes, its producer included")


if __name__ == "__main__":
    main()
