"""flowtui: a terminal app that runs, shows and mends a folder of continuous workflows.

These are the public names for authors of nodes.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowtui.model.data import NodeData, Unreadable
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
    from flowtui.nodes.hints import Choices, Fixed, MultiLine, ShownIf, Unit

__all__ = [
    "BlockingNode",
    "Choices",
    "ConditionalNode",
    "Duration",
    "Exhausted",
    "Fixed",
    "MultiLine",
    "NodeConfig",
    "NodeData",
    "NonBlockingNode",
    "Outcome",
    "Pool",
    "ProducerNode",
    "ShownIf",
    "Unit",
    "Unreadable",
]

#: Imported when asked for: pydantic alone takes longer than the rest of `flowtui --help`.
_HOMES = {
    "NodeData": "flowtui.model.data",
    "Outcome": "flowtui.model.states",
    "Unreadable": "flowtui.model.data",
    "Duration": "flowtui.nodes.durations",
    **dict.fromkeys(("Choices", "Fixed", "MultiLine", "ShownIf", "Unit"), "flowtui.nodes.hints"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'flowtui' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "flowtui.nodes.base")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
