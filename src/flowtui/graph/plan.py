"""`ExecutionPlan`: one loop, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowtui.model.states import NodeKind, OnError
from flowtui.nodes.base import Pool
from flowtui.nodes.registry import NodeType
from flowtui.workflow.schema import RetryOptions


@dataclass(frozen=True, slots=True)
class PlanNeed:
    """An edge into a node: the index of the node it comes from and, behind a conditional, the port."""

    index: int
    port: str | None


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One node of a loop.

    Attributes:
        index: place in `ExecutionPlan.nodes`.
        line: of the node's key in its file, from 1.
        config: as written, with `${NAME}` resolved and `{{ }}` not.
        timeout: seconds that one try may take, None for as long as it wants.
        needs: in the order of the file; empty for the producer only.
        dependants: indices of the nodes that need this one.
        queue: full name of the queue that a `queue-reader` or `queue-writer` works on, else None.
    """

    index: int
    id: str
    title: str
    line: int
    type: NodeType
    config: Mapping[str, Any]
    retry: RetryOptions | None
    timeout: float | None
    needs: tuple[PlanNeed, ...]
    dependants: tuple[int, ...]
    queue: str | None

    @property
    def kind(self) -> NodeKind:
        return self.type.cls.kind


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """One loop: a producer and everything downstream of it up to other producers.

    Attributes:
        nodes: in an order in which every node stands behind all that it needs; the producer is the first.
        breaker: failed iterations in a row after which the loop pauses; 0 for never.
        reads: full name of the queue that the loop reads, None if its producer makes the items itself.
        writes: full names of the queues that its writers write, each once.
        revision: hash of the loop's meaning and of the code of its node types.
    """

    loop: str
    workflow: str
    path: Path
    nodes: tuple[PlanNode, ...]
    pool: Pool
    on_error: OnError
    autostart: bool
    max_in_flight: int
    breaker: int
    reads: str | None
    writes: tuple[str, ...]
    revision: str
