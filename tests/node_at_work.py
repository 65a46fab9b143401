"""A node at work without an engine, with its `setup` and `teardown`."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from flowtui.model.data import NodeData
from flowtui.nodes.base import BaseNode, rendered_config
from flowtui.nodes.templates import compile_config


class NodeAtWork:
    """`await run(payload)` is what a consumer makes of an item, `await run()` what a producer yields."""

    def __init__(self, node: Any, template: Any) -> None:
        self.node = node
        self._template = template

    async def run(self, payload: Mapping[str, Any] | None = None, id: str = "item-1") -> Any:
        if payload is None:
            return await _done(self.node.execute())
        data = NodeData(payload, id)
        token = rendered_config.set(self._template.render(data, loop="flow.start"))
        try:
            return await _done(self.node.execute(data))
        finally:
            rendered_config.reset(token)


@contextlib.asynccontextmanager
async def at_work(
    cls: type[BaseNode], config: Mapping[str, Any], folder: Path, cursor: Any = None
) -> AsyncIterator[NodeAtWork]:
    """Yield a node of a class with a raw config between its `setup` and `teardown`."""
    template, problems = compile_config(cls.Config, config)
    assert template is not None, problems
    node: Any = cls(template.static, id="node", loop="flow.start", folder=folder)
    if cursor is not None:
        node.cursor = cursor
    await _done(node.setup())
    try:
        yield NodeAtWork(node, template)
    finally:
        await _done(node.teardown())


def faults(cls: type[BaseNode], config: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with a raw config, by dotted path."""
    _, problems = compile_config(cls.Config, config)
    return {".".join(map(str, problem.path)): problem.message for problem in problems}


async def _done(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
