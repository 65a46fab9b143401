"""`FlowBuilder`: from a document to a `FlowGraph`, by ordered passes."""

from __future__ import annotations

from flowtui.graph.flow_graph import FlowGraph, GraphDraft
from flowtui.graph.passes import NeedsResolver, NodeValidator, Pass, PoolChooser, Reachability, ReplicaCheck
from flowtui.graph.queue_passes import BatchCheck, QueueBounds, QueueLint, QueueMapper, QueueRings
from flowtui.graph.return_check import ReturnCheck
from flowtui.model.errors import Problem
from flowtui.nodes.registry import Registry
from flowtui.workflow.loader import WorkflowDoc


class FlowBuilder:
    """Builds graphs of the node types in a registry.

    Attributes:
        passes: in the order in which they run; each relies on what those before it found out.
    """

    def __init__(self, registry: Registry) -> None:
        self.passes: tuple[Pass, ...] = (
            NodeValidator(registry),
            NeedsResolver(),
            Reachability(),
            QueueMapper(),
            QueueBounds(),
            PoolChooser(),
            ReplicaCheck(),
            BatchCheck(),
            ReturnCheck(),
            QueueLint(),
            QueueRings(),
        )

    def build(self, doc: WorkflowDoc) -> tuple[FlowGraph | None, tuple[Problem, ...]]:
        """Return the graph, None if an error is in its way, and every problem that the passes found."""
        draft = GraphDraft(doc)
        for each in self.passes:
            each.apply(draft)
        return draft.finished(), tuple(draft.problems)
