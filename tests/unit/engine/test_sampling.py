"""Samples of a track: what they tell of a node, how often they are taken, and what they never hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from engine_lab import Lab, PlannedNode, plan_of, quiet, reader, run, writer
from flowtui.engine.handle import Tap
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.development import Sample, Stored
from flowtui.model.states import Command, LoopState
from flowtui.nodes.base import BlockingNode, ConditionalNode, Exhausted, Pool, ProducerNode
from flowtui.nodes.masking import masker
from flowtui.workflow.schema import RetryOptions


class Count(ProducerNode):
    """Makes so many items, numbered from 0."""

    count = 1
    made = 0

    async def execute(self) -> Mapping[str, Any]:
        if self.made == self.count:
            raise Exhausted
        self.made += 1
        return {"n": self.made - 1}


class Double(BlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        return data | {"double": 2 * data["n"]}


class Even(ConditionalNode):
    ports = ("yes", "no")

    def execute(self, data: NodeData) -> str:
        return "no" if data["n"] % 2 else "yes"


class Drop(BlockingNode):
    async def execute(self, data: NodeData) -> None:
        return None


class Fail(BlockingNode):
    async def execute(self, data: NodeData) -> None:
        raise ValueError("no\nlines")


def counting(count: int) -> PlannedNode:
    return PlannedNode("count", type("CountSome", (Count,), {"count": count}))


def making(result: Any, needs: str = "read") -> PlannedNode:
    """A node that returns this whatever it is given; what is called is called."""

    async def execute(self: object, data: NodeData) -> Any:
        return result(data) if callable(result) else result

    return PlannedNode("make", type("Make", (BlockingNode,), {"execute": execute}), (needs,))


async def sampled(plan: ExecutionPlan) -> list[Sample]:
    """Return the samples of a loop that has run to its end."""
    lab = Lab(plan, sampled=True)
    try:
        lab.tell(Command.START)
        await lab.until(LoopState.COMPLETED)
    finally:
        await lab.close()
    assert lab.samples is not None
    return lab.samples


async def of_pushed(plan: ExecutionPlan, *payloads: bytes) -> dict[str, Sample]:
    """Return the last sample of each node when a loop has read these."""
    lab = Lab(plan, sampled=True)
    try:
        for number, payload in enumerate(payloads):
            await lab.push(payload=payload, id=f"i-{number}")
        await lab.running()
        await lab.until_drained()
        await lab.stop()
    finally:
        await lab.close()
    return {sample.node: sample for sample in lab.samples or ()}


def test_each_node_tells_what_it_got_and_what_it_made_of_it() -> None:
    nodes = (
        reader(),
        PlannedNode("double", Double, ("read",)),
        PlannedNode("even", Even, ("double",)),
        PlannedNode("drop", Drop, ("even.yes",)),
        PlannedNode("skipped", Double, ("even.no",)),
        writer("double"),
        PlannedNode("fail", Fail, ("write",)),
    )
    with quiet():
        samples = run(of_pushed(plan_of(*nodes), b'{"n":2}'))
    given, doubled = Stored({"n": 2}), Stored({"n": 2, "double": 4})
    assert {id: (sample.input, sample.output, sample.port, sample.error) for id, sample in samples.items()} == {
        "read": (None, given, "", ""),
        "double": (given, doubled, "", ""),
        "even": (doubled, doubled, "yes", ""),
        "drop": (doubled, None, "", ""),
        "write": (doubled, doubled, "", ""),
        "fail": (doubled, None, "", "ValueError: no lines"),
    }
    assert {(sample.item, sample.loop, sample.revision, sample.cut) for sample in samples.values()} == {
        ("i-0", "w.loop", "1", ())
    }
    assert list(samples["drop"].revisions) == ["read", "double", "even", "drop"]


def test_a_join_tells_what_each_branch_gave() -> None:
    one, other = PlannedNode("one", Double, ("read",)), making({"b": 1})
    samples = run(of_pushed(plan_of(reader(), one, other, PlannedNode("join", Even, ("one", "make"))), b'{"n":1}'))
    by = {"one": Stored({"n": 1, "double": 2}), "make": Stored({"b": 1})}
    assert samples["join"].input == Stored({"n": 1, "double": 2, "b": 1}, by)


def test_a_node_with_tries_tells_what_came_of_the_last() -> None:
    tries = PlannedNode("fail", Fail, ("read",), retry=RetryOptions(attempts=3, delay=1))
    with quiet():
        samples = run(of_pushed(plan_of(reader(), tries), b'{"n":1}'))
    assert samples["fail"].error == "ValueError: no lines"


@pytest.mark.parametrize("pool", [Pool.ASYNCIO, Pool.THREAD])
def test_items_beyond_the_first_are_sampled_only_now_and_then(pool: Pool) -> None:
    plan = plan_of(counting(500), PlannedNode("double", Double, ("count",)), making({}, "double"), pool=pool)
    samples = run(sampled(plan))
    assert Counter(sample.node for sample in samples) == {"count": 1, "double": 1, "make": 1}
    assert {sample.input.payload["n"] for sample in samples if sample.input is not None} == {0}


def test_every_second_there_is_one_more() -> None:
    async def scene() -> list[int]:
        lab = Lab(plan_of(reader(), PlannedNode("double", Double, ("read",))), sampled=True)
        counts = []
        await lab.running()
        for _ in range(3):
            await lab.push(40)
            await lab.until_drained()
            counts.append(sum(sample.node == "double" for sample in lab.samples or ()))
            await lab.until_true(lambda: lab.loop.view().iterations % 40 == 0)
            await lab.loop.until(frozenset(), 1.5)  # of leaping time
        await lab.stop()
        await lab.close()
        return counts

    assert run(scene()) == [1, 2, 3]


def test_a_branch_that_is_seldom_taken_has_its_sample_soon() -> None:
    seldom = type("Seldom", (ConditionalNode,), {"ports": ("yes", "no"), "execute": _is_20})
    nodes = counting(200), PlannedNode("seldom", seldom, ("count",)), PlannedNode("rare", Double, ("seldom.yes",))
    samples = run(sampled(plan_of(*nodes)))
    assert [(sample.item, sample.input) for sample in samples if sample.node == "rare"] == [
        (samples[-1].item, Stored({"n": 20}))
    ]
    assert Counter(sample.node for sample in samples) == {"count": 1, "seldom": 1, "rare": 1}


async def _is_20(self: object, data: NodeData) -> str:
    return "yes" if data["n"] == 20 else "no"


def test_a_tapped_node_is_sampled_as_often_as_asked_in_tracks_that_start_later_too() -> None:
    async def scene() -> list[int]:
        even = PlannedNode("even", Even, ("read",)), PlannedNode("double", Double, ("even.yes",))
        lab = Lab(plan_of(reader(), *even), sampled=True)
        counts = []
        for tap in (Tap("double", 0.1), Tap("double", 3600.0), None):
            lab.loop.tap(tap)
            await lab.running()
            for number in range(20):
                before = lab.loop.view().iterations
                await lab.push(payload=b'{"n":%d}' % number)
                await lab.until_true(lambda n=before: lab.loop.view().iterations > n)
                await lab.loop.until(frozenset(), 0.25)  # of leaping time
            counts.append(sum(sample.node == "double" for sample in lab.samples or ()) - sum(counts))
            await lab.stop()
        await lab.close()
        return counts

    often, seldom, untapped = run(scene())
    assert often == 10, "each of the items that came to it"
    assert seldom <= untapped + 1 < 8, "one a second"


BIG = "x" * 40_000


@pytest.mark.parametrize(
    ("given", "made", "cut"),
    [
        (BIG, BIG[:30_000], ("input",)),
        (BIG[:30_000], BIG, ("output",)),
        (BIG + BIG, "", ("input",)),
        (BIG + BIG, BIG + BIG, ("input", "output")),
        ("", list(range(100_000)), ("output",)),
        ("", {str(n): {} for n in range(20_000)}, ("output",)),
        ("", "é" * 20_000, ("output",)),
        (BIG[:20_000], BIG[:20_000], ()),
    ],
)
def test_what_is_too_big_is_left_out(given: str, made: Any, cut: tuple[str, ...]) -> None:
    payload = b'{"given":"%b"}' % given.encode()
    sample = run(of_pushed(plan_of(reader(), making({"made": made})), payload))["make"]
    assert sample.cut == cut
    assert sample.input == Stored({} if "input" in cut else {"given": given})
    assert sample.output == Stored({} if "output" in cut else {"made": made})
    assert len(sample.to_json()) < 65_536


def nested() -> dict[str, Any]:
    payload: dict[str, Any] = {}
    payload["self"] = payload
    return payload


class Unreadable:
    def __repr__(self) -> str:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ({"when": {1, 2}}, {"when": "{1, 2}"}),
        ({1: 2}, {"1": 2}),
        ({("a",): 1}, {"repr": "{('a',): 1}"}),
        ({"a": (1, 2.5)}, {"a": [1, 2.5]}),
        (nested(), {"repr": "its payload cannot be read (RecursionError)"}),
        ({"a": Unreadable()}, {"repr": "its payload cannot be read (RuntimeError)"}),
    ],
)
def test_what_json_cannot_hold_is_told_in_words(made: Any, kept: Any) -> None:
    assert run(of_pushed(plan_of(reader(), making(made)), b"{}"))["make"].output == Stored(kept)


def test_an_item_that_a_node_changes_in_place_is_shown_as_it_came_in() -> None:
    def change(data: NodeData) -> NodeData:
        data["list"].append(2)
        return data

    sample = run(of_pushed(plan_of(reader(), making(change)), b'{"list":[1]}'))["make"]
    assert (sample.input, sample.output) == (Stored({"list": [1]}), Stored({"list": [1, 2]}))


def test_no_secret_is_in_a_sample() -> None:
    masker.learn("SAMPLED_KEY", "s4mpled-key")
    masker.learn("SAMPLED_PIN", "815174711")

    def fail(data: NodeData) -> None:
        raise ValueError(data["key"])

    text = b'{"key":"s4mpled-key","pin":815174711,"s4mpled-key":["x s4mpled-key"]}'
    with quiet():
        samples = run(of_pushed(plan_of(reader(), making(fail)), text))
    shown = {"key": "***SAMPLED_KEY***", "pin": "***SAMPLED_PIN***", "***SAMPLED_KEY***": ["x ***SAMPLED_KEY***"]}
    assert samples["read"].output == samples["make"].input == Stored(shown)
    assert samples["make"].error == "ValueError: ***SAMPLED_KEY***"
