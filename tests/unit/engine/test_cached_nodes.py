"""Nodes that are answered with what they made of an equal item before."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import Field, SecretStr

from engine_lab import Lab, PlannedNode, plan_of, reader, run, writer
from flowtui.engine.caching import MOST_BYTES, NodeCache
from flowtui.engine.telemetry import NodeCounters
from flowtui.graph.plan import PlanNode
from flowtui.model.data import Meta, NodeData
from flowtui.model.ids import derived_id
from flowtui.model.states import LoopState
from flowtui.nodes.base import BlockingNode, ConditionalNode, NodeConfig, Pool
from flowtui.storage.cache_store import CacheStore
from flowtui.storage.memory import MemoryConnector
from flowtui.workflow.schema import RetryOptions

CONFIG = NodeConfig()


class Work(BlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        return data


class Bench:
    """The cache of one node after another, and how often the node has run."""

    def __init__(self) -> None:
        self.runs = 0
        self.counters = NodeCounters(("yes", "no"))
        self.store = CacheStore(MemoryConnector().async_client(), "bench", "{t}")

    def cache(self, cls: type[BlockingNode] = Work, **changes: Any) -> NodeCache:
        plan = plan_of(reader(), PlannedNode("work", cls, ("read",), cache=60)).nodes[1]
        return NodeCache(self.store, _changed(plan, changes), self.counters)

    async def ask(
        self,
        data: NodeData | dict[str, Any],
        makes: Callable[[], Any] = lambda: None,
        *,
        cache: NodeCache | None = None,
        config: NodeConfig = CONFIG,
        port: str | None = None,
    ) -> Any:
        async def run_it() -> Any:
            self.runs += 1
            return makes(), port

        item = data if isinstance(data, NodeData) else NodeData(data, "id")
        return await (cache or self.cache()).answer(item, config, run_it)


def _changed(plan: PlanNode, changes: dict[str, Any]) -> PlanNode:
    return dataclasses.replace(plan, type=dataclasses.replace(plan.type, **changes))


# ---- what is equal ----


def test_an_equal_item_gets_the_output_with_its_own_id_and_meta() -> None:
    async def scene() -> None:
        bench = Bench()
        first = NodeData({"a": 1, "b": [2, {"c": None}]}, "first", Meta(trace="t1"))
        second = NodeData({"b": [2, {"c": None}], "a": 1}, "second", Meta(trace="t2", attempt=3))
        await bench.ask(first, lambda: first | {"done": True})
        output, port = await bench.ask(second)
        assert (output.payload, port) == ({"a": 1, "b": [2, {"c": None}], "done": True}, None)
        assert (output.id, output.meta) == ("second", second.meta)
        assert (bench.runs, bench.counters.hits) == (1, 1)

    run(scene())


@pytest.mark.parametrize("other", [{"n": 2}, {"n": 1.0}, {"n": True}, {"n": "1"}, {"m": 1}, {}], ids=str)
def test_another_payload_is_another_call(other) -> None:
    async def scene() -> None:
        bench = Bench()
        await bench.ask({"n": 1})
        await bench.ask(other)
        assert bench.runs == 2

    run(scene())


@pytest.mark.parametrize("change", [{"name": "other"}, {"digest": "2"}])
def test_another_type_or_other_code_is_another_call(change) -> None:
    async def scene() -> None:
        bench = Bench()
        await bench.ask({})
        await bench.ask({}, cache=bench.cache(**change))
        assert bench.runs == 2

    run(scene())


class _Settings(NodeConfig):
    n: int = 0
    secret: SecretStr = SecretStr("")
    hidden: int = Field(default=0, exclude=True)
    inner: dict[str, Any] | None = None


@pytest.mark.parametrize(
    "config",
    [
        _Settings(n=1),
        _Settings(secret=SecretStr("x")),
        _Settings(hidden=1),
        _Settings(inner={"deep": [_Settings(secret=SecretStr("x"))]}),
    ],
    ids=["a number", "a secret", "a field that is not shown", "a secret within"],
)
def test_another_config_is_another_call_and_an_equal_one_is_not(config) -> None:
    async def scene() -> None:
        bench = Bench()
        for each in (_Settings(), config, config.model_copy(deep=True)):
            await bench.ask({}, config=each)
        assert (bench.runs, bench.counters.hits) == (2, 1)

    run(scene())


def test_the_branches_that_a_join_has_merged_belong_to_its_input() -> None:
    async def scene() -> None:
        bench = Bench()

        def merged(a: int) -> NodeData:
            return NodeData({"n": 1}, "id", by={"left": NodeData({"n": a}), "right": NodeData({"n": 1})})

        for a in (1, 2):
            await bench.ask(merged(a))
        assert bench.runs == 2
        item = merged(3)
        await bench.ask(item, lambda: item | {"m": 1})
        output, _ = await bench.ask(merged(3))
        assert (output.payload, output.by["left"].payload) == ({"n": 1, "m": 1}, {"n": 3})
        item = merged(4)
        await bench.ask(item, lambda: item.replace({"m": 1}))
        output, _ = await bench.ask(merged(4))
        assert dict(output.by) == {}

    run(scene())


# ---- what is kept ----


def test_a_dropped_item_and_a_port_are_kept_too() -> None:
    async def scene() -> None:
        bench = Bench()
        for _ in range(2):
            assert await bench.ask({"n": 1}, lambda: None) == (None, None)
            output, port = await bench.ask({"n": 2}, lambda: NodeData({"n": 3}, "id"), port="yes")
            assert (output.payload, port) == ({"n": 3}, "yes")
        assert (bench.runs, bench.counters.ports) == (2, {"yes": 1, "no": 0})  # a run counts its port itself

    run(scene())


def test_an_error_is_never_kept() -> None:
    async def scene() -> None:
        bench = Bench()

        def fails() -> None:
            raise ValueError("no")

        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                await bench.ask({}, fails)
        assert bench.runs == 2

    run(scene())


@pytest.mark.parametrize(
    "odd",
    [(1, 2), {1: "a"}, object(), float("nan"), {"deep": b"x"}, 10**5000],
    ids=["a tuple", "a key that is no text", "an object", "no number", "bytes within", "a huge number"],
)
def test_what_json_would_change_or_refuse_just_runs_and_is_said_once(odd, caplog) -> None:
    async def scene() -> None:
        bench = Bench()
        cache = bench.cache()
        for _ in range(3):
            await bench.ask({"odd": odd}, cache=cache)
            output, _ = await bench.ask({}, lambda: NodeData({"odd": odd}), cache=cache)
            assert output["odd"] is odd
        assert (bench.runs, bench.counters.hits) == (6, 0)

    run(scene())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("work runs although it has a cache: an item or a config is no JSON: ")
    assert said[1].startswith("work runs although it has a cache: an output is no JSON: ")


def test_a_large_output_is_not_kept_and_the_largest_that_fits_is(caplog) -> None:
    async def scene() -> None:
        bench = Bench()
        cache = bench.cache()
        around = len('[null,{"x":""},true]')
        for too_much in (0, 1, 1):
            output = NodeData({"x": "x" * (MOST_BYTES - around + too_much)})
            for _ in range(2):
                await bench.ask({"too": too_much}, lambda output=output: output, cache=cache)
        assert bench.runs == 1 + 4

    run(scene())
    assert [record.getMessage() for record in caplog.records] == [
        f"work runs although it has a cache: an output has {MOST_BYTES + 1} bytes, more than {MOST_BYTES}"
    ]


@pytest.mark.parametrize("junk", [b"", b"\xff", b"7", b"[1]", b"[null, 7, true]", b'{"a": 1, "b": 2, "c": 3}'])
def test_what_somebody_else_wrote_there_is_no_answer(junk) -> None:
    async def scene() -> None:
        bench = Bench()
        await bench.ask({}, lambda: NodeData({"right": 1}))
        client = bench.store._client
        (key,) = await client.keys("*")
        await client.set(key, junk)
        output, _ = await bench.ask({}, lambda: NodeData({"right": 1}))
        assert output.payload == {"right": 1}
        assert bench.runs == 2

    run(scene())


# ---- in a loop ----


def _work(execute: Callable[..., Any], **options: Any) -> PlannedNode:
    if asyncio.iscoroutinefunction(execute):

        class Counted(BlockingNode):
            async def execute(self, data: NodeData) -> Any:
                return await execute(data)
    else:

        class Counted(BlockingNode):  # type: ignore[no-redef]
            def execute(self, data: NodeData) -> Any:
                return execute(data)

    return PlannedNode("work", Counted, ("read",), cache=600, **options)


SAME = b'{"same": 1}'


def test_a_loop_answers_equal_items_from_the_cache_and_writes_each_of_them() -> None:
    runs = []

    async def execute(data: NodeData) -> NodeData:
        runs.append(data.id)
        return data | {"by": data.id}

    async def scene() -> None:
        lab = Lab(plan_of(reader(), _work(execute), writer("work")))
        await lab.running()
        ids = await lab.push(3, payload=SAME)
        await lab.until_drained()
        assert runs == [ids[0]]
        written = await lab.contents("out")
        assert [item.id for item in written] == [derived_id(id, "w.loop.write", 0) for id in ids]
        assert {item.payload for item in written} == {b'{"same":1,"by":"%s"}' % ids[0].encode()}
        node = lab.loop.view().nodes[1]
        assert (node.runs, node.hits, node.errors) == (3, 2, 0)
        await lab.stop()

    run(scene())


def test_a_conditional_goes_the_same_way_again_and_counts_it() -> None:
    runs = []

    class Choose(ConditionalNode):
        async def execute(self, data: NodeData) -> tuple[str, dict[str, Any]]:
            runs.append(data.id)
            return "no", {"chosen": "no"}

    async def scene() -> None:
        choose = PlannedNode("choose", Choose, ("read",), cache=600)
        lab = Lab(plan_of(reader(), choose, writer("choose.yes", "a", "wa"), writer("choose.no", "b", "wb")))
        await lab.running()
        await lab.push(3, payload=SAME)
        await lab.until_drained()
        assert (len(runs), len(await lab.contents("a")), len(await lab.contents("b"))) == (1, 0, 3)
        assert lab.loop.view().nodes[1].ports == (("yes", 0), ("no", 3))
        await lab.stop()

    run(scene())


def test_a_try_that_fails_is_tried_again_and_the_one_that_succeeds_is_kept() -> None:
    tries = []

    async def execute(data: NodeData) -> NodeData:
        tries.append(data.id)
        if len(tries) == 1:
            raise ConnectionError("not yet")
        if len(tries) == 2:
            await asyncio.Event().wait()
        return data

    async def scene() -> None:
        retry = RetryOptions(attempts=5, delay=1, jitter=False)
        lab = Lab(plan_of(reader(), _work(execute, retry=retry, timeout=10), writer("work")))
        await lab.running()
        await lab.push(3, payload=SAME)
        await lab.until_drained(patience=1000)
        assert (len(tries), len(await lab.contents("out"))) == (3, 3)
        node = lab.loop.view().nodes[1]
        assert (node.retries, node.hits, await lab.letters()) == (2, 2, [])
        await lab.stop()

    run(scene())


def test_what_the_cache_takes_does_not_count_as_the_nodes_time() -> None:
    async def execute(data: NodeData) -> NodeData:
        await asyncio.sleep(9)
        return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), _work(execute, timeout=10), writer("work")))
        lab.slow = {"before get": 30, "after put": 30}
        await lab.running()
        await lab.push(1)
        await lab.until_drained(patience=1000)
        assert (await lab.letters(), len(await lab.contents("out"))) == ([], 1)
        await lab.stop()

    run(scene())


def test_while_the_store_of_the_cache_is_away_the_node_runs_and_says_so_once_each_time(caplog) -> None:
    runs = []

    async def execute(data: NodeData) -> NodeData:
        runs.append(data.id)
        return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), _work(execute), writer("work")))
        await lab.running()
        for away, expected in ((("get", "put"), 3), ((), 4), (("get", "put"), 7)):
            lab.away = away
            await lab.push(3, payload=SAME)
            await lab.until_drained()
            assert len(runs) == expected
        assert (await lab.letters(), len(await lab.contents("out"))) == ([], 9)
        await lab.stop()

    run(scene())
    said = [record.getMessage() for record in caplog.records if record.name == "flowtui.cache"]
    assert said == ["work runs although it has a cache: the store is away (get)"] * 2


def test_a_loop_stops_though_the_cache_does_not_answer_and_the_item_goes_back() -> None:
    runs = []

    async def execute(data: NodeData) -> NodeData:
        runs.append(data.id)
        return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), _work(execute)))
        await lab.running()
        lab.hold("before get")
        await lab.push(1)
        await lab.reached["before get"].wait()
        assert await lab.stop() is LoopState.STOPPED
        assert (runs, (await lab.stats()).depth) == ([], 1)

    run(scene())


def test_quick_answers_do_not_bring_a_slow_plain_function_to_the_tracks_own_thread() -> None:
    threads = []

    def execute(data: NodeData) -> NodeData:
        threads.append(threading.current_thread())
        return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), _work(execute), pool=Pool.THREAD))
        await lab.running()
        for payload in (SAME, SAME, b'{"other": 1}'):
            await lab.push(1, payload=payload)
            await lab.until_drained()
        assert lab.loop.view().nodes[1].hits == 1
        assert len(threads) == 2
        assert threading.current_thread() not in threads
        await lab.stop()

    asyncio.run(scene())
