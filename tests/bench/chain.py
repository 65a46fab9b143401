"""What the benchmarks run: a loop that is a chain of nodes which hand on what they get."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flowtui.engine.engine import FlowEngine
from flowtui.storage.opening import open_store

LOOP = "bench.start"
#: Far beyond what a run takes: what is measured is that it is watched.
TIMEOUT_S = 60

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

class PlainPass(BlockingNode):
    def execute(self, data):
        return data
"""


@contextlib.contextmanager
def engine_with_chain(
    iterations: int, *, nodes: int = 4, type: str = "pass", pool: str = "asyncio", timeout: bool = False
) -> Iterator[FlowEngine]:
    """Return an engine with the loop `LOOP`, not started, over a store in memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nodes").mkdir()
        (folder / "nodes" / "chain.py").write_text(_NODES)
        limit = f", timeout: {TIMEOUT_S}" if timeout else ""
        lines = ["nodes:"]
        lines += [
            f"  start: {{type: count, config: {{count: {iterations}}}, loop: {{autostart: false, pool: {pool}}}}}"
        ]
        names = ["start", *(f"n{number}" for number in range(nodes))]
        lines += [f"  {name}: {{type: {type}, needs: {before}{limit}}}" for before, name in itertools.pairwise(names)]
        (folder / "bench.yaml").write_text("\n".join(lines))
        store = functools.partial(open_store, "memory", state_dir=folder, namespace="bench", url=None)
        engine = FlowEngine(folder, store, env=os.environ, watch=False)
        engine.start()
        engine.wait_loaded()
        problems = engine.snapshot().problems
        assert not problems, problems
        try:
            yield engine
        finally:
            engine.close(0.0)
