"""What the benchmarks of flowtui share: a folder, an engine that runs it, items counted through a chain."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.model.snapshot import EngineSnapshot, LoopView
from flowtui.model.states import Command, LoopState
from flowtui.storage.data_store import DataStore
from flowtui.storage.opening import open_store
from peers import CHAIN
from rounds import BenchFailed, temporary

#: How long anything may take before a bench gives up, in seconds.
PATIENCE_S = 300.0
_POLL_S = 0.1
#: The loop of `chain`.
LOOP = "chain.n0"
_NODES = """
from pathlib import Path
from time import perf_counter

from flowtui import BlockingNode, Exhausted, ProducerNode


class Count(ProducerNode):
    class Config(ProducerNode.Config):
        count: int
        result: str = ""

    n = 0

    async def execute(self):
        if self.n == 0:
            self.began = perf_counter()
        elif self.n >= self.config.count:
            if self.config.result:
                Path(self.config.result).write_text(repr(perf_counter() - self.began))
            raise Exhausted
        self.n += 1
        return {"n": self.n}


class Pass(BlockingNode):
    async def execute(self, data):
        return data


class PassSync(BlockingNode):
    def execute(self, data):
        return data
"""


def write_folder(folder: Path, nodes: str, workflows: Mapping[str, str]) -> None:
    """Write a workflow folder: the source of a node module, and the text of each workflow by its name."""
    (folder / "nodes").mkdir(parents=True)
    (folder / "nodes" / "bench.py").write_text(nodes)
    for name, text in workflows.items():
        (folder / f"{name}.yaml").write_text(text)


@contextlib.contextmanager
def running(
    folder: Path, store: str = "memory", on_open: Callable[[DataStore], None] = lambda _: None
) -> Iterator[FlowEngine]:
    """Run an engine on a folder, with a store as of `open_store`; `on_open` is called with it.

    Raises:
        BenchFailed: if it does not come up, or the folder has problems.
    """
    with temporary() as state:

        def opener() -> DataStore:
            opened = open_store(store, state_dir=state, namespace="bench", url=None)
            on_open(opened)
            return opened

        engine = FlowEngine(folder, opener, env=os.environ, watch=False)
        engine.start()
        try:
            loaded = engine.wait_loaded(PATIENCE_S)
            problems = [engine.failure, *(str(problem) for problem in engine.snapshot().problems)]
            if not loaded or any(problems):
                raise BenchFailed("; ".join(filter(None, problems)) or "the engine does not come up")
            yield engine
        finally:
            engine.close()


def loop_of(snapshot: EngineSnapshot, loop: str) -> LoopView:
    """Return one loop of a snapshot."""
    return next(view for view in snapshot.loops if view.id == loop)


def wait_until(engine: FlowEngine, condition: Callable[[EngineSnapshot], bool]) -> None:
    """Look at the engine until `condition` holds.

    Raises:
        BenchFailed: if a loop fails, or it takes too long.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not condition(snapshot := engine.snapshot()):
        failed = [f"{view.id} failed: {view.reason}" for view in snapshot.loops if view.state is LoopState.FAILED]
        if failed or time.monotonic() > deadline:
            raise BenchFailed("; ".join(failed) or "the engine does not get there")
        time.sleep(_POLL_S)


@contextlib.contextmanager
def chain(
    items: int,
    *,
    pool: str = "asyncio",
    node: str = "pass",
    nodes: int = CHAIN,
    timeout: bool = False,
    result: str = "",
) -> Iterator[FlowEngine]:
    """Run an engine with the loop `LOOP`, a producer of `items` and `nodes` that hand them on; it is not started.

    With `timeout` each node has one, far beyond what it takes. The producer writes the seconds from its first call to
    its last into the file `result`.
    """
    limit = ", timeout: 60" if timeout else ""
    lines = [
        f"nodes:\n  n0: {{type: count, config: {{count: {items}, result: '{result}'}},"
        f" loop: {{pool: {pool}, autostart: false}}}}"
    ]
    lines += [f"  n{number}: {{type: {node}, needs: n{number - 1}{limit}}}" for number in range(1, nodes + 1)]
    with temporary() as folder:
        write_folder(folder / "flows", _NODES, {"chain": "\n".join(lines)})
        # Nothing is queued, but a child process cannot reach the memory of this one.
        with running(folder / "flows", store="local" if pool == "process" else "memory") as engine:
            yield engine


def chain_seconds(items: int, *, pool: str = "asyncio", node: str = "pass", nodes: int = CHAIN) -> float:
    """Return the seconds that `items` take through a loop: from the first call of its producer to the last.

    The producer measures them itself, so it is the same in every pool, and neither start nor end is in it.
    """
    with temporary() as folder:
        result = folder / "seconds"
        with chain(items, pool=pool, node=node, nodes=nodes, result=str(result)) as engine:
            EngineClient(engine).command(Command.START, LOOP).result(PATIENCE_S)
            wait_until(engine, lambda now: loop_of(now, LOOP).state is LoopState.COMPLETED)
            done = loop_of(engine.snapshot(), LOOP)
            if done.iterations != items or done.errors:
                raise BenchFailed(f"{done.iterations} of {items} items came through, {done.errors} with errors")
        return float(result.read_text())
