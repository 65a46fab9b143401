from pathlib import Path

import pytest
from pydantic import Field

from flowtui import BlockingNode, ConditionalNode, NodeConfig, NonBlockingNode, Pool, ProducerNode
from flowtui.graph.folder import load_folder
from flowtui.nodes.registry import NodeType, Registry, discover


class Tick(ProducerNode):
    class Config(NodeConfig):
        every: float = 1.0

    async def execute(self):
        return {}


class PlainTick(ProducerNode):
    def execute(self):
        return {}


class Work(BlockingNode):
    class Config(NodeConfig):
        size: int = 1
        label: str = ""
        options: dict[str, int] = Field(default_factory=dict)

    async def execute(self, data):
        return data


class PlainWork(BlockingNode):
    def execute(self, data):
        return data


class HeavyWork(BlockingNode):
    pool = Pool.THREAD

    async def execute(self, data):
        return data


class Send(NonBlockingNode):
    async def execute(self, data):
        return data


class Fork(ConditionalNode):
    ports = ("left", "right")

    class Config(NodeConfig):
        extra: list[str] = Field(default_factory=list)
        fail: bool = False

    @classmethod
    def ports_for(cls, config):
        if config.get("fail"):
            raise RuntimeError("no\nports")
        return (*cls.ports, *config.get("extra", ()))

    async def execute(self, data):
        return "left"


def make_registry(digests=None, blocked=None):
    built_in = discover(Path("/nowhere")).types
    own = (Tick, PlainTick, Work, PlainWork, HeavyWork, Send, Fork)
    types = dict(built_in)
    for cls in own:
        types[cls.type] = NodeType(cls.type, cls, Path("nodes/mine.py"), (digests or {}).get(cls.type, "d1"))
    return Registry(types, (), blocked or {})


@pytest.fixture
def registry():
    return make_registry()


@pytest.fixture
def registry_with():
    return make_registry


@pytest.fixture
def folder(tmp_path, registry):
    """Write files and load them: `folder({"a.yaml": text})`."""

    def load(files, env=None, **options):
        for name, text in files.items():
            path = tmp_path / name
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_folder(tmp_path, env or {}, options.get("registry", registry))

    return load


@pytest.fixture
def one(folder):
    """Load one file called `w.yaml`; return its plans by producer and its problems."""

    def load(text, **options):
        loaded = folder({"w.yaml": text}, **options)
        plans = [plan for workflow in loaded.workflows for plan in workflow.plans]
        return {plan.nodes[0].id: plan for plan in plans}, loaded.problems

    return load
