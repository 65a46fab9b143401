"""A workflow text as a loop in the engine's lab, and a node `hold` in which its items can be held."""

from __future__ import annotations

import asyncio
import functools
import json
from collections import ChainMap
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, ClassVar

import pytest

from engine_lab import LOOP, Lab
from flowtui.graph.folder import load_folder
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.errors import Severity
from flowtui.model.states import LoopState
from flowtui.nodes.base import BlockingNode
from flowtui.nodes.builtin import cron, schedule
from flowtui.nodes.registry import NodeType, Registry, discover

#: Where the lab's wall clock begins: 2026-01-01T00:00:30Z.
BEGAN = 1_767_225_630.0


@dataclass
class Held:
    """What has come to the nodes `hold`, and whether it goes on.

    Attributes:
        seen: id of the node, payload and attempt of each item that came.
        gate: set while items pass.
        came: set whenever one comes.
    """

    seen: list[tuple[str, dict[str, Any], int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_seen(self, count: int) -> None:
        """Wait until so many items have come, as often as they did."""
        async with asyncio.timeout(600):
            while len(self.seen) < count:
                self.came.clear()
                await self.came.wait()

    def let_one_pass(self) -> None:
        """Let go what is held, and hold the next one."""
        self.gate.set()
        self.gate.clear()


class Hold(BlockingNode):
    """Hold items while the gate is shut."""

    held: ClassVar[Held]

    async def execute(self, data: NodeData) -> NodeData:
        held = self.held
        held.seen.append((self.id, dict(data.payload), data.meta.attempt))
        held.came.set()
        await held.gate.wait()
        return data


def new_held() -> Held:
    """Begin with an open gate and nothing seen."""
    Hold.held = held = Held()
    held.gate.set()
    return held


def flow(start: str, node: str = "", ports: tuple[str, ...] = ("",)) -> str:
    """Return a workflow whose loop begins with `start`: behind a node, or each of its ports, is a `hold` and a queue.

    Both are the text of a node without its id; the queues are called as the ports, or `out`.
    """
    lines = [f"nodes:\n  loop:\n{indent(dedent(start), '    ')}"]
    before = "loop"
    if node:
        lines.append(f"  node:\n    needs: loop\n{indent(dedent(node), '    ')}")
        before = "node"
    for port in ports:
        name = port or "out"
        need = f"{before}.{port}" if port else before
        lines.append(f"  hold-{name}: {{type: hold, needs: {need}}}")
        lines.append(f"  {name}: {{type: queue-writer, needs: hold-{name}, config: {{queue: {name}}}}}")
    return "\n".join(lines)


def plan_from(text: str, folder: Path) -> ExecutionPlan:
    """Write a workflow to a folder; return the plan of its loop `w.loop`. Nobody need read or write its queues."""
    (folder / "w.yaml").write_text(text)
    loaded = load_folder(folder, {}, _registry())
    assert [str(problem) for problem in loaded.problems if problem.severity is Severity.ERROR] == []
    (workflow,) = loaded.workflows
    return next(plan for plan in workflow.plans if plan.loop == LOOP)


@functools.cache
def _registry() -> Registry:
    here = discover(Path(__file__).parent)
    return Registry(ChainMap({"hold": NodeType("hold", Hold, None, "1")}, here.types))  # type: ignore[arg-type]


def doubled(payload: dict[str, Any]) -> dict[str, Any]:
    """What a `python` node may call."""
    return payload | {"double": payload["n"] * 2}


async def slept(payload: dict[str, Any]) -> dict[str, Any]:
    """The same, for as many seconds as the item says."""
    await asyncio.sleep(payload["n"])
    return payload


async def contents(lab: Lab, queue: str = "out") -> list[dict[str, Any]]:
    """Return the payloads in a queue of the workflow, in order."""
    return [json.loads(item.payload) for item in await lab.contents(f"w.{queue}")]


async def crash(lab: Lab) -> None:
    """Kill the track without goodbye, and wait until another has begun."""
    assert lab.crash()
    await lab.until(LoopState.STARTING)
    await lab.until(LoopState.RUNNING)


class Clocks:
    """The running event loop's time, as `interval`, `rate-limit` and `cron` shall see it.

    Attributes:
        ahead: by how much the wall clock is ahead of the event loop's; a test may set it.
    """

    def __init__(self) -> None:
        self.ahead = BEGAN
        self._passed = asyncio.get_running_loop().time

    def monotonic(self) -> float:
        return self._passed()

    def time(self) -> float:
        return self.ahead + self._passed()


def set_clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Let the nodes about time live in the time of the running event loop."""
    clocks = Clocks()
    monkeypatch.setattr(schedule, "time", clocks)
    monkeypatch.setattr(cron, "time", clocks)
    return clocks
