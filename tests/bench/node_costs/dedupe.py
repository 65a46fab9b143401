"""`dedupe`: a claim of a key is one call of a real server; the commit that makes it last is paid for anyway."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import redis.asyncio

from flowtui.engine.dedupe import Deduper
from flowtui.engine.execute import Step
from flowtui.engine.iteration import Iteration
from flowtui.engine.logs import current_place
from flowtui.engine.session import StoreSession, Terms
from flowtui.engine.telemetry import TrackCounters
from flowtui.graph.folder import load_folder
from flowtui.model.data import NodeData
from flowtui.nodes.builtin.dedupe import Dedupe
from flowtui.storage.data_store import DataStore
from flowtui.storage.opening import open_store
from flowtui.storage.queue_store import DeliveryLimit
from node_costs import Row

_FLOW = """
nodes:
  start: {type: sequence, config: {count: 1}}
  first: {type: dedupe, needs: start, config: {key: id}}
"""


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[DataStore]:
    with contextlib.closing(open_store("local", state_dir=folder, namespace="bench", url=None)) as store:
        yield store


def _dedupe(folder: Path, count: int) -> float:
    (folder / "bench.yaml").write_text(_FLOW)
    (plan,) = load_folder(folder, {}).workflows[0].plans
    with _server(folder) as store:
        return asyncio.run(
            _claims(Step(plan.nodes[1], plan.loop, folder, TrackCounters(plan.ports).nodes["first"]), store, count)
        )


async def _claims(step: Step, store: DataStore, count: int) -> float:
    terms = Terms(source=None, deliveries=DeliveryLimit(0, ""), bounds={}, alone=False)
    session = StoreSession(store, step.loop, terms, TrackCounters({}).waiting, lambda: None, lambda _: None)
    assert isinstance(step.node, Dedupe)
    await session.join()
    deduper = Deduper(step.node, step, session)
    began = perf_counter()
    for n in range(count):
        it = Iteration(step.attribution)
        it.item = f"i{n}"
        current_place.set(it)
        assert await deduper.execute(NodeData({"id": n}, it.item)) is not None
    took = perf_counter() - began
    await session.leave()
    await store.release()
    return took


def _bare(folder: Path, count: int) -> float:
    async def claim(address: str) -> float:
        async with redis.asyncio.Redis(unix_socket_path=address) as client:
            began = perf_counter()
            for n in range(count):
                await client.set(f"key:{n}", f"i{n}", nx=True, px=86_400_000)
            return perf_counter() - began

    with _server(folder) as store:
        return asyncio.run(claim(store.info.address.removeprefix("unix://")))


ROWS = (Row("dedupe", _dedupe, _bare, "SET … NX PX on the same server", 2.5),)
