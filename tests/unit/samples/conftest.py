"""The node classes of the sample workflows, loaded as flowtui loads them."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.data import NodeData
from flowtui.nodes.registry import Registry, discover

SAMPLES = Path(__file__).parents[3] / "workflows"


@pytest.fixture(scope="session")
def samples() -> Registry:
    return discover(SAMPLES)


@pytest.fixture
def make(samples: Registry, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Give a function that makes a node of a type and sets it up: `make("drop-order", inbox="inbox")`."""
    made = []

    def build(type_name: str, cursor: Any = None, /, **config: Any) -> Any:
        cls: Any = samples.types[type_name].cls
        node = cls(cls.Config.model_validate(config), id="node", loop="flow.start", folder=tmp_path)
        if cursor is not None:
            node.cursor = cursor
        made.append(node)
        node.setup()
        return node

    yield build
    for node in made:
        node.teardown()


@pytest.fixture
def work(make: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return a function that runs a node on one item."""

    async def run(node: Any, payload: dict[str, Any], id: str = "item-1") -> Any:
        result = node.execute(NodeData(payload, id))
        return await result if inspect.isawaitable(result) else result

    return run
