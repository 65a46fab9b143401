"""`ExecutionPlan`: one loop, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowtui.model.states import NodeKind, OnError
from flowtui.nodes.base import ConditionalNode, Pool, ProducerNode
from flowtui.nodes.builtin.trigger import Trigger
from flowtui.nodes.registry import NodeType
from flowtui.nodes.secrets import secret_names
from flowtui.storage.records import Bound, replay_queue
from flowtui.workflow.schema import BatchOptions, RetryOptions


def not_replicable(type_name: str) -> str:
    """Return why a loop with this producer runs only once, and what to do."""
    return (
        f"several '{type_name}' producers at once would make the same items; put a queue behind it and give the "
        f"queue's reader the replicas"
    )


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
        config: as written, with `${NAME}` resolved, `${secret:NAME}` and `{{ }}` not.
        timeout: seconds that one try may take, None for as long as it wants.
        cache: seconds for which an output is used again for an equal input, None for never.
        needs: in the order of the file; empty for the producer only.
        dependants: indices of the nodes that need this one.
        queue: full name of the queue that a `queue-reader` or `queue-writer` works on, else None.
        env: the environment variables that its templates read.
    """

    index: int
    id: str
    title: str
    line: int
    type: NodeType
    config: Mapping[str, Any]
    retry: RetryOptions | None
    timeout: float | None
    cache: float | None
    needs: tuple[PlanNeed, ...]
    dependants: tuple[int, ...]
    queue: str | None
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> NodeKind:
        return self.type.cls.kind

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports of a conditional, else none."""
        cls = self.type.cls
        return cls.ports_for(self.config) if issubclass(cls, ConditionalNode) else ()


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """One loop: a producer and everything downstream of it up to other producers.

    Attributes:
        nodes: in an order in which every node stands behind all that it needs; the producer is the first.
        replicas: tracks that run side by side.
        restarts: how often in a row a track whose process died is started again.
        breaker: failed iterations in a row after which the loop pauses; 0 for never.
        max_dead_letters: dead letters of the loop at which it pauses.
        max_deliveries: how often an item of the queue is handed out before it becomes a dead letter; 0 for any number.
        batch: how many items of the queue one iteration takes; None for one.
        reads: full name of the queue that the loop reads, None if its producer makes the items itself.
        writes: full names of the queues that its writers write, each once.
        bounds: of these queues.
        revision: hash of the loop's meaning and of the code of its node types.
    """

    loop: str
    workflow: str
    path: Path
    nodes: tuple[PlanNode, ...]
    pool: Pool
    replicas: int
    restarts: int
    on_error: OnError
    autostart: bool
    max_in_flight: int
    breaker: int
    max_dead_letters: int
    max_deliveries: int
    batch: BatchOptions | None
    reads: str | None
    writes: tuple[str, ...]
    bounds: Mapping[str, Bound]
    revision: str

    @property
    def not_replicable(self) -> str:
        """Why it runs only once and what to do; empty if several tracks may run it."""
        cls = self.nodes[0].type.cls
        return not_replicable(cls.type) if issubclass(cls, ProducerNode) and not cls.replicable else ""

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets in the configs of its nodes."""
        return secret_names([node.config for node in self.nodes])

    @property
    def is_triggered(self) -> bool:
        """Whether a trigger drives the loop, so that each of its items is a run that somebody may follow."""
        return issubclass(self.nodes[0].type.cls, Trigger)

    @property
    def is_replay(self) -> bool:
        """Whether it runs dead letters of the loop, not its items."""
        return self.reads == replay_queue(self.loop)

    def for_replays(self) -> ExecutionPlan:
        """Return the plan by which dead letters of the loop are replayed."""
        return replace(self, reads=replay_queue(self.loop), replicas=1)

    @property
    def ports(self) -> dict[str, tuple[str, ...]]:
        """The ports of every node, by id; none where it is no conditional."""
        return {node.id: node.ports for node in self.nodes}
