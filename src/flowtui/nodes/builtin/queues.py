"""Nodes at the ends of a queue. The engine does their work itself, so that it is part of an iteration's commit."""

from __future__ import annotations

from pydantic import Field

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.nodes.base import NodeConfig, NonBlockingNode, ProducerNode


class QueueReader(ProducerNode):
    """Read items from a queue, each once, in order."""

    replicable = True

    class Config(NodeConfig):
        queue: str = Field(
            default="",
            description="Name of the queue; `/name` is shared by all workflows. May be left out if a queue-writer "
            "with a name leads here.",
        )

    async def execute(self) -> None:
        raise NodeError("a queue-reader works only inside an engine, which reads the queue for it")


class QueueWriter(NonBlockingNode):
    """Append the item to a queue, in the same step that ends the iteration; hands it on unchanged."""

    class Config(NodeConfig):
        queue: str = Field(
            default="",
            description="Name of the queue; `/name` is shared by all workflows. May be left out if this leads to a "
            "queue-reader with a name.",
        )

    async def execute(self, data: NodeData) -> NodeData:
        raise NodeError("a queue-writer works only inside an engine, which writes the queue for it")
