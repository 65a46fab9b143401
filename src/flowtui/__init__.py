"""flowtui: a terminal app that runs, shows and mends a folder of continuous workflows.

These are the public names for authors of nodes.
"""

from flowtui.model.data import NodeData
from flowtui.model.states import Outcome
from flowtui.nodes.base import (
    BlockingNode,
    ConditionalNode,
    Exhausted,
    NodeConfig,
    NonBlockingNode,
    Pool,
    ProducerNode,
)
from flowtui.nodes.durations import Duration

__all__ = [
    "BlockingNode",
    "ConditionalNode",
    "Duration",
    "Exhausted",
    "NodeConfig",
    "NodeData",
    "NonBlockingNode",
    "Outcome",
    "Pool",
    "ProducerNode",
]
