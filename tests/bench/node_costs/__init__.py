"""What one item costs in a built-in node, beside the library call or system call that it stands for.

Each family of nodes has a module here with a tuple `ROWS`.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from flowtui.model.data import NodeData
from flowtui.nodes.base import BaseNode, Exhausted, rendered_config
from flowtui.nodes.templates import compile_config
from rounds import BenchFailed

#: Takes an empty folder and a number of items; returns the seconds that these took.
Run = Callable[[Path, int], float]


@dataclass(frozen=True, slots=True)
class Row:
    """A node and what it is compared with.

    Attributes:
        name: the node's type, and what is special about it here.
        node: sends items through the node, without an engine.
        bare: does the same with the library that the node uses, by hand.
        bare_name: what that is, in a few words.
        most: how many times as long the node may take.
    """

    name: str
    node: Run
    bare: Run
    bare_name: str
    most: float


def all_rows() -> list[Row]:
    """Return the rows of all families."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [row for name in names for row in importlib.import_module(f"{__name__}.{name}").ROWS]


def timed(work: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    began = perf_counter()
    work()
    return perf_counter() - began


def consumed(
    cls: type[BaseNode], config: Mapping[str, Any], payloads: Iterable[Mapping[str, Any]], folder: Path
) -> float:
    """Send payloads through a consumer node; return the seconds, without those of `setup`.

    Raises:
        BenchFailed: if the config does not fit.
    """
    return asyncio.run(_consumed(cls, config, [NodeData(each, f"i{n}") for n, each in enumerate(payloads)], folder))


def produced(cls: type[BaseNode], config: Mapping[str, Any], count: int, folder: Path) -> float:
    """Take `count` items from a producer; return the seconds from `setup` on.

    Raises:
        BenchFailed: if it has fewer, or the config does not fit.
    """
    return asyncio.run(_produced(cls, config, count, folder))


async def _consumed(cls: type[BaseNode], config: Mapping[str, Any], items: list[NodeData], folder: Path) -> float:
    template, problems = compile_config(cls.Config, config)
    if template is None:
        raise BenchFailed(f"{cls.type}: {problems}")
    node: Any = cls(template.static, id="node", loop="bench.start", folder=folder)
    await _call(node.setup)
    began = perf_counter()
    for data in items:
        if template.static is None:
            rendered_config.set(template.render(data, loop="bench.start"))
        result = node.execute(data)
        if inspect.isawaitable(result):
            await result
    took = perf_counter() - began
    await _call(node.teardown)
    return took


async def _produced(cls: type[BaseNode], config: Mapping[str, Any], count: int, folder: Path) -> float:
    node: Any = cls(cls.Config.model_validate(config), id="node", loop="bench.start", folder=folder)
    began = perf_counter()
    await _call(node.setup)
    found = 0
    try:
        while found < count:
            result = node.execute()
            if inspect.isawaitable(result):
                result = await result
            found += result is not None
    except Exhausted:
        raise BenchFailed(f"{cls.type} yields {found} of {count} items") from None
    took = perf_counter() - began
    await _call(node.teardown)
    return took


async def _call(method: Callable[[], Any]) -> None:
    result = method()
    if inspect.isawaitable(result):
        await result
