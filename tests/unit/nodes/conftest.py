"""A node at work without an engine."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.data import NodeData
from flowtui.nodes.base import BaseNode, rendered_config
from flowtui.nodes.templates import compile_config
from http_server import HttpServer

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
        await _awaited(node.setup())
        token = rendered_config.set(template.render(data, loop="flow.start"))
        try:
            return await _awaited(node.execute(data))
        finally:
            rendered_config.reset(token)
            await _awaited(node.teardown())

    return run


async def _awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    """Return a real server, which no proxy stands before."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with HttpServer() as server:
        yield server
