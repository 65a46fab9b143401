"""Whether a loop that spins at full speed stays small and obeys at once.

    python tests/bench/bench_steady.py [ITERATIONS]

Memory: what the process holds (resident) when an asyncio chain of four nodes has done a tenth of its iterations, and
when it has done nearly all. Pause: from the command to the state `paused`, as a screen would see it, while the same
loop spins; each pause is followed by a resume. The state is looked at every half millisecond.
"""

from __future__ import annotations

import statistics
import sys
import time

import psutil

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.model.snapshot import LoopView
from flowtui.model.states import Command, LoopState
from lab import LOOP, chain

_PAUSES = 9
_BETWEEN_S = 0.3


def _view(engine: FlowEngine) -> LoopView:
    return engine.snapshot().loops[0]


def _wait(engine: FlowEngine, state: LoopState) -> float:
    began = time.perf_counter()
    while _view(engine).state is not state:
        time.sleep(0.0005)
    return time.perf_counter() - began


def memory(iterations: int) -> None:
    """Print the resident memory early and late in a long run."""
    process = psutil.Process()
    marks = (iterations // 10, iterations * 99 // 100)
    with chain(iterations) as engine:
        EngineClient(engine).command(Command.START, LOOP).result()
        held = []
        for mark in marks:
            while _view(engine).iterations < mark:
                time.sleep(0.01)
            held.append(process.memory_info().rss / 1024)
        print(f"memory: {held[0]:,.0f} kB after {marks[0]:,} iterations, {held[1]:,.0f} kB after {marks[1]:,}")


def pauses() -> None:
    """Print how long a spinning loop takes to be paused."""
    with chain(1_000_000_000) as engine:
        EngineClient(engine).command(Command.START, LOOP).result()
        _wait(engine, LoopState.RUNNING)
        took, rates = [], []
        for _ in range(_PAUSES):
            before, began = _view(engine).iterations, time.perf_counter()
            time.sleep(_BETWEEN_S)
            rates.append((_view(engine).iterations - before) / (time.perf_counter() - began))
            EngineClient(engine).command(Command.PAUSE, LOOP)
            took.append(_wait(engine, LoopState.PAUSED) * 1000)
            EngineClient(engine).command(Command.RESUME, LOOP)
            _wait(engine, LoopState.RUNNING)
        print(
            f"pause: median {statistics.median(took):.1f} ms, at most {max(took):.1f} ms, "
            f"at {statistics.median(rates):,.0f} iterations/s"
        )


def main() -> None:
    memory(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    pauses()


if __name__ == "__main__":
    main()
