"""Nodes at the ends of a queue. The engine does their work itself, so that it is part of an iteration's commit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.model.states import OnFull
from flowtui.nodes.base import NodeConfig, NonBlockingNode, ProducerNode
from flowtui.nodes.hints import ShownIf, Unit


class QueueReader(ProducerNode):
    """Read items from a queue, each once, in order."""

    replicable = True
    example = """
        accept:
          type: queue-writer
          needs: incoming
          config: {queue: accepted}
        fulfil:
          type: queue-reader
          config: {queue: accepted}
          loop: {replicas: 2}
        tell:
          type: log
          needs: fulfil
    """

    class Config(NodeConfig):
        queue: str = Field(
            default="",
            description="Name of the queue; `/name` is shared by all workflows. May be left out if a queue-writer "
            "with a name leads here.",
        )

    async def execute(self) -> None:
        raise NodeError("a queue-reader works only inside an engine, which reads the queue for it")


class QueueWriter(NonBlockingNode):
    """Append the item to a queue, in the same step that ends the iteration; hands it on unchanged.

    When `max_items` wait there for a reading loop, this loop waits, the oldest or the new item is dropped and counted,
    or the new one becomes a dead letter.
    """

    example = """
        accept:
          type: queue-writer
          needs: incoming
          config: {queue: accepted, max_items: 1000}
        fulfil:
          type: queue-reader
          config: {queue: accepted}
    """

    class Config(NodeConfig):
        queue: str = Field(
            default="",
            description="Name of the queue; `/name` is shared by all workflows. May be left out if this leads to a "
            "queue-reader with a name.",
        )
        max_items: Annotated[int, Unit("items")] = Field(
            default=10_000, ge=0, description="Most items that may wait there; 0 for any number."
        )
        on_full: Annotated[OnFull, ShownIf(lambda most: most != 0, of="max_items")] = Field(
            default=OnFull.WAIT, description="What to do with an item for a full queue."
        )

    async def execute(self, data: NodeData) -> NodeData:
        raise NodeError("a queue-writer works only inside an engine, which writes the queue for it")
