"""A node at work without an engine."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.data import NodeData
from flowtui.nodes.base import BaseNode, rendered_config
from flowtui.nodes.templates import compile_config

Work = Callable[..., Awaitable[Any]]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """Return a function that runs a node of a class once, with a raw config, on one item."""

    async def run(
        cls: type[BaseNode], config: Mapping[str, Any], payload: Mapping[str, Any] | None = None, id: str = "item-1"
    ) -> Any:
        template, problems = compile_config(cls.Config, config)
        assert template is not None, problems
        node: Any = cls(template.static, id="node", loop="flow.start", folder=tmp_path)
        data = NodeData(payload or {}, id)
        token = rendered_config.set(template.render(data, loop="flow.start"))
        try:
            result = node.execute(data)
            return await result if inspect.isawaitable(result) else result
        finally:
            rendered_config.reset(token)

    return run
