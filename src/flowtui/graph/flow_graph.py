"""`FlowGraph`: a workflow whose nodes, edges, queues and loops are all known, and the draft that it grows from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowtui.model.errors import Problem, Severity
from flowtui.model.states import NodeKind, OnError
from flowtui.nodes.base import Pool
from flowtui.nodes.builtin.dedupe import Dedupe
from flowtui.nodes.builtin.queues import QueueReader, QueueWriter
from flowtui.nodes.builtin.trigger import Trigger
from flowtui.nodes.registry import NodeType
from flowtui.workflow.loader import WorkflowDoc
from flowtui.workflow.schema import BatchOptions, LoopOptions, NodeDoc, RetryOptions
from flowtui.workflow.source import KeyPath


@dataclass(frozen=True, slots=True)
class FlowNeed:
    """An edge: the node it comes from and, if one branch of a conditional is meant, the port."""

    node: str
    port: str | None

    def __str__(self) -> str:
        return self.node if self.port is None else f"{self.node}.{self.port}"


@dataclass(frozen=True, slots=True)
class FlowNode:
    """One node.

    Attributes:
        line: of the node's key in its file, from 1.
        needs: the edges that carry data, in the order of the file; none into a producer.
        timeout: seconds that one try may take, None for as long as it wants.
        cache: seconds for which an output is used again for an equal input, None for never.
        queue: full name of the queue that a `queue-reader`, `queue-writer` or `trigger` works on, else None.
        loop: id of the producer that drives this node; its own if it is one.
        env: the environment variables that its templates read.
    """

    id: str
    title: str
    line: int
    type: NodeType
    config: Mapping[str, Any]
    retry: RetryOptions | None
    timeout: float | None
    cache: float | None
    needs: tuple[FlowNeed, ...]
    queue: str | None
    loop: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FlowLoop:
    """How the loop of one producer runs."""

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


@dataclass(frozen=True, slots=True)
class FlowGraph:
    """One workflow without errors.

    Attributes:
        nodes: by id, in the order of the file.
        loops: by the id of their producer, in the order of the file.
    """

    path: Path
    workflow: str
    nodes: Mapping[str, FlowNode]
    loops: Mapping[str, FlowLoop]

    def members(self, producer: str) -> tuple[FlowNode, ...]:
        """Return the nodes of a producer's loop, the producer among them, in the order of the file."""
        return tuple(node for node in self.nodes.values() if node.loop == producer)


@dataclass(slots=True)
class DraftNode:
    """A node while the passes work on its graph.

    Attributes:
        type: None until it is known, and if it never will be.
        has_sound_config: whether the config fits the type.
        ports: of a conditional with a sound config.
        needs: the sound edges that carry data.
        writers: ids of the queue-writers that this queue-reader needs, with the edge's place in `needs`.
        doubtful: an edge is wrong or missing, so what follows from the edges must not be held against the node.
        loop: id of the producer that drives it, None while unknown.
        env: the environment variables that the templates of a sound config read.
    """

    id: str
    doc: NodeDoc
    type: NodeType | None = None
    has_sound_config: bool = False
    ports: tuple[str, ...] = ()
    needs: list[tuple[int, FlowNeed]] = field(default_factory=list)
    writers: list[tuple[int, str]] = field(default_factory=list)
    doubtful: bool = False
    queue: str | None = None
    loop: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> NodeKind | None:
        return self.type.cls.kind if self.type else None

    @property
    def is_producer(self) -> bool:
        return self.kind is NodeKind.PRODUCER

    @property
    def is_reader(self) -> bool:
        return self.type is not None and issubclass(self.type.cls, QueueReader)

    @property
    def is_writer(self) -> bool:
        return self.type is not None and issubclass(self.type.cls, QueueWriter)

    @property
    def is_trigger(self) -> bool:
        return self.type is not None and issubclass(self.type.cls, Trigger)

    @property
    def is_dedupe(self) -> bool:
        return self.type is not None and issubclass(self.type.cls, Dedupe)


class GraphDraft:
    """What the passes of a `FlowBuilder` work on.

    Attributes:
        nodes: by id, in the order of the file.
        pools: of each producer's loop, once chosen.
        problems: all that the passes found.
    """

    def __init__(self, doc: WorkflowDoc) -> None:
        self.doc = doc
        self.nodes = {node_id: DraftNode(node_id, node) for node_id, node in doc.nodes.items()}
        self.pools: dict[str, Pool] = {}
        self.problems: list[Problem] = []

    def report(
        self,
        node: DraftNode,
        inside: KeyPath,
        message: str,
        code: str,
        *,
        key: bool = False,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Note a problem with what stands at a path inside a node; with the node itself if the path is empty."""
        path = ("nodes", node.id, *inside)
        self.problems.append(self.doc.problem(path, message, code, key=key or not inside, severity=severity))

    def lacks(self, node: DraftNode, field_name: str) -> bool:
        """Say whether a field of a node was too wrong to be kept."""
        return (node.id, field_name) in self.doc.left_out

    @property
    def has_unknown_nodes(self) -> bool:
        """Whether some node is unknown, so that nothing can be said of what is missing in the workflow."""
        return bool(self.doc.unusable) or any(node.type is None for node in self.nodes.values())

    def producers(self) -> Iterator[DraftNode]:
        return (node for node in self.nodes.values() if node.is_producer)

    def members(self, producer: str) -> Iterator[DraftNode]:
        return (node for node in self.nodes.values() if node.loop == producer)

    def finished(self) -> FlowGraph | None:
        """Return the graph, None if an error is in its way."""
        incomplete = self.doc.unusable or self.doc.left_out
        if incomplete or any(problem.severity is Severity.ERROR for problem in self.problems):
            return None
        return FlowGraph(
            self.doc.path,
            self.doc.name,
            {node.id: node for node in self._finished_nodes()},
            {node.id: self._finished_loop(node) for node in self.producers()},
        )

    def _finished_nodes(self) -> Iterable[FlowNode]:
        for node in self.nodes.values():
            if node.type is None or node.loop is None:
                raise AssertionError(f"no pass reported that node '{node.id}' has no type or no loop")
            yield FlowNode(
                node.id,
                node.doc.title or node.id,
                self.doc.source.place(("nodes", node.id), key=True)[0],
                node.type,
                node.doc.config,
                node.doc.retry,
                node.doc.timeout,
                node.doc.cache.ttl if node.doc.cache else None,
                tuple(need for _, need in node.needs),
                node.queue,
                node.loop,
                node.env,
            )

    def _finished_loop(self, producer: DraftNode) -> FlowLoop:
        options = producer.doc.loop or LoopOptions()
        return FlowLoop(
            self.pools[producer.id],
            options.replicas,
            options.restarts,
            OnError(options.on_error),
            options.autostart,
            options.max_in_flight,
            options.breaker,
            options.max_dead_letters,
            options.max_deliveries,
            options.batch,
        )
