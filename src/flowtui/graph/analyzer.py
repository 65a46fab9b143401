"""`FlowAnalyzer`: from a graph to the plans of its loops."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from flowtui.graph.flow_graph import FlowGraph, FlowLoop, FlowNode
from flowtui.graph.node_revisions import digest
from flowtui.graph.plan import ExecutionPlan, PlanNeed, PlanNode
from flowtui.graph.queue_passes import bound_of
from flowtui.model.ids import loop_id


class FlowAnalyzer:
    """Finds the loops of one workflow, the order of their nodes, and their revisions."""

    def __init__(self, graph: FlowGraph) -> None:
        self._graph = graph

    def plans(self) -> tuple[ExecutionPlan, ...]:
        """Return one plan for each producer, in the order of the file."""
        return tuple(self._plan(producer, loop) for producer, loop in self._graph.loops.items())

    def _plan(self, producer: str, loop: FlowLoop) -> ExecutionPlan:
        nodes = _in_order(self._graph.members(producer))
        written = dict.fromkeys(node.queue for node in nodes[1:] if node.queue is not None)
        return ExecutionPlan(
            loop=loop_id(self._graph.workflow, producer),
            workflow=self._graph.workflow,
            path=self._graph.path,
            nodes=_plan_nodes(nodes),
            pool=loop.pool,
            replicas=loop.replicas,
            restarts=loop.restarts,
            on_error=loop.on_error,
            autostart=loop.autostart,
            max_in_flight=loop.max_in_flight,
            breaker=loop.breaker,
            max_dead_letters=loop.max_dead_letters,
            max_deliveries=loop.max_deliveries,
            batch=loop.batch,
            reads=nodes[0].queue,
            writes=tuple(written),
            bounds={node.queue: bound_of(node.config) for node in nodes[1:] if node.queue is not None},
            revision=_loop_revision(nodes, loop),
        )


def workflow_revision(plans: Iterable[ExecutionPlan]) -> str:
    """Return a hash that changes with the revision of any of a workflow's loops, or with which loops there are."""
    return digest(sorted((plan.loop, plan.revision) for plan in plans))


def _in_order(members: tuple[FlowNode, ...]) -> list[FlowNode]:
    """Sort nodes so that each stands behind all that it needs; among equals the order of the file counts."""
    place = {node.id: index for index, node in enumerate(members)}
    waiting = {node.id: {need.node for need in node.needs} for node in members}
    ready = [place[node] for node, needs in waiting.items() if not needs]
    order: list[FlowNode] = []
    while ready:
        node = members[heapq.heappop(ready)]
        order.append(node)
        for other, needs in waiting.items():
            if node.id in needs:
                needs.remove(node.id)
                if not needs:
                    heapq.heappush(ready, place[other])
    return order


def _plan_nodes(nodes: list[FlowNode]) -> tuple[PlanNode, ...]:
    index_of = {node.id: index for index, node in enumerate(nodes)}
    return tuple(
        PlanNode(
            index=index,
            id=node.id,
            title=node.title,
            line=node.line,
            type=node.type,
            config=node.config,
            retry=node.retry,
            timeout=node.timeout,
            cache=node.cache,
            needs=tuple(PlanNeed(index_of[need.node], need.port) for need in node.needs),
            dependants=tuple(
                index_of[other.id] for other in nodes if any(need.node == node.id for need in other.needs)
            ),
            queue=node.queue,
            env=node.env,
        )
        for index, node in enumerate(nodes)
    )


def _loop_revision(nodes: list[FlowNode], loop: FlowLoop) -> str:
    """Hash what a loop means: not where or in which order it is written, nor its titles and comments."""
    meaning: list[Any] = [
        [
            node.id,
            node.type.name,
            node.type.revision,
            node.config,
            node.retry.model_dump() if node.retry else None,
            node.timeout,
            node.cache,
            [str(need) for need in node.needs],
            node.queue,
            dict(node.env),
        ]
        for node in sorted(nodes, key=lambda node: node.id)
    ]
    options = [
        loop.pool,
        loop.replicas,
        loop.restarts,
        loop.on_error,
        loop.autostart,
        loop.max_in_flight,
        loop.breaker,
        loop.max_dead_letters,
        loop.max_deliveries,
        loop.batch.model_dump() if loop.batch else None,
    ]
    return digest([meaning, options])
