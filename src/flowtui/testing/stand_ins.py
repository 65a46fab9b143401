"""What a test puts into workflows: producers that give its items, and loops that note what comes to a queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from flowtui.graph.plan import ExecutionPlan, PlanNeed, PlanNode
from flowtui.model.data import NodeData
from flowtui.model.states import OnError
from flowtui.nodes.base import BaseNode, BlockingNode, Exhausted, Pool, ProducerNode
from flowtui.nodes.builtin.queues import QueueReader
from flowtui.nodes.registry import NodeType

#: The workflow to which the loops belong that note what comes to a queue.
COLLECTORS = "flowtui-testing"


class _Given(ProducerNode):
    given: ClassVar[Sequence[Mapping[str, Any]]] = ()

    def setup(self) -> None:
        self._left: Iterator[Mapping[str, Any]] = iter(self.given)

    async def execute(self) -> Mapping[str, Any]:
        for item in self._left:
            return item
        raise Exhausted


class _Collect(BlockingNode):
    seen: ClassVar[list[NodeData]]

    async def execute(self, data: NodeData) -> None:
        self.seen.append(data)


def in_this_process(plan: ExecutionPlan) -> ExecutionPlan:
    """Return a plan whose loop runs in a thread instead of a child process, where a test can patch nothing."""
    return replace(plan, pool=Pool.THREAD) if plan.pool is Pool.PROCESS else plan


def giving(plan: ExecutionPlan, items: Sequence[Mapping[str, Any]]) -> ExecutionPlan:
    """Return a plan whose producer gives these items and completes."""
    cls: type[BaseNode] = type("GivenItems", (_Given,), {"given": items})
    producer = replace(plan.nodes[0], type=NodeType(cls.type, cls, None, ""), config={})
    return replace(plan, nodes=(producer, *plan.nodes[1:]), replicas=1)


def collecting(folder: Path, queue: str, seen: list[NodeData]) -> ExecutionPlan:
    """Return the plan of a loop that appends to `seen` all that comes to a queue."""
    collect = type("Collect", (_Collect,), {"seen": seen})
    return ExecutionPlan(
        loop=f"{COLLECTORS}.{queue}",
        workflow=COLLECTORS,
        path=folder / COLLECTORS,
        nodes=(_node(0, QueueReader, queue), _node(1, collect, None)),
        pool=Pool.ASYNCIO,
        replicas=1,
        restarts=0,
        on_error=OnError.DEAD_LETTER,
        autostart=True,
        max_in_flight=16,
        breaker=0,
        max_dead_letters=1,
        max_deliveries=0,
        batch=None,
        reads=queue,
        writes=(),
        bounds={},
        revision="",
    )


def _node(index: int, cls: type[BaseNode], queue: str | None) -> PlanNode:
    return PlanNode(
        index=index,
        id=cls.type,
        title=cls.type,
        line=0,
        type=NodeType(cls.type, cls, None, ""),
        config={},
        retry=None,
        timeout=None,
        cache=None,
        needs=(PlanNeed(0, None),) if index else (),
        dependants=() if index else (1,),
        queue=queue,
    )
