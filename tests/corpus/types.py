"""The good files, and the node types that they use."""

from __future__ import annotations

from pathlib import Path

from flowtui import BlockingNode, NodeConfig, Pool
from flowtui.nodes.registry import NodeType, Registry, discover

SAMPLES = Path(__file__).parents[2] / "workflows"
_OWN = Path(__file__).parent / "good"
GOOD_FILES = [*sorted(_OWN.glob("*.yaml")), *sorted(SAMPLES.glob("*.yaml"))]
JSON_FILE = _OWN / "whole.json"


class Crunch(BlockingNode):
    """Keep a processor busy."""

    pool = Pool.PROCESS

    class Config(NodeConfig):
        size: int = 1
        names: tuple[str, ...] = ()

    def execute(self, data):
        return data


def every_type() -> Registry:
    """The built-in types, those of the samples, and one that demands a process."""
    found = discover(SAMPLES)
    types = {**found.types, "crunch": NodeType("crunch", Crunch, None, "")}
    return Registry(types, modules=found.modules)
