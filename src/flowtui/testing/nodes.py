"""One node in a test: made, set up, run and torn down as in a loop, without engine and store."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowtui.engine.execute import author_frames, author_traceback, in_one_line
from flowtui.engine.logs import LogBuffer, LogCapture, attribute_tasks
from flowtui.engine.one_node import OneNode, Wanted
from flowtui.graph.plan import PlanNode
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.model.log_lines import LogLine, line_text
from flowtui.model.states import Outcome
from flowtui.nodes.base import BaseNode, ProducerNode
from flowtui.nodes.checks import faults
from flowtui.nodes.registry import NodeType, discover

_LOOP = "test"
_ITEM = "item-1"


@dataclass(frozen=True, slots=True)
class NodeRun:
    """What has come of running a node.

    `output`, `port` and `items` raise the node's own error if it has failed, so that a test shows it.

    Attributes:
        error: what the node, its `setup` or its config raised; None if all went well.
        cursor: of a producer: the cursor that was saved with its last item.
        is_completed: whether a producer has raised `Exhausted`.
        logs: what was logged and printed, with the line about the error.
    """

    error: BaseException | None
    cursor: Any
    is_completed: bool
    logs: tuple[LogLine, ...]
    _output: NodeData | None
    _port: str | None
    _items: tuple[NodeData, ...]

    @property
    def output(self) -> NodeData | None:
        """What the node hands on; None if it drops the item. Of a producer, its last item."""
        __tracebackhide__ = True
        self._raise()
        return self._output

    @property
    def port(self) -> str | None:
        """The port that a conditional chose; None for other kinds."""
        __tracebackhide__ = True
        self._raise()
        return self._port

    @property
    def items(self) -> tuple[NodeData, ...]:
        """What a producer gave, in order; empty for other kinds."""
        __tracebackhide__ = True
        self._raise()
        return self._items

    @property
    def messages(self) -> tuple[str, ...]:
        """The texts of `logs`."""
        return tuple(line.message for line in self.logs)

    @property
    def report(self) -> str:
        """The error as log and dead letter tell it, in one line with file and line; empty if there is none."""
        return "" if self.error is None else in_one_line(self.error)

    @property
    def traceback(self) -> str:
        """The traceback as a dead letter shows it, the author's frames first; empty if there was no error."""
        return "" if self.error is None else author_traceback(self.error)

    def _raise(self) -> None:
        __tracebackhide__ = True  # pytest then shows the author's frames only
        if self.error is not None:
            raise self.error.with_traceback(author_frames(self.error))


def load_node(folder: Path | str, type: str) -> type[BaseNode]:
    """Return the class of a type as a workflow in `folder` would find it: in `folder/nodes/`, installed, built in.

    Raises:
        NodeError: if there is none that can be used; its text says why.
    """
    __tracebackhide__ = True
    registry = discover(Path(folder))
    found = registry.find(type)
    if found is not None:
        return found.cls
    reason = registry.blocked(type)
    close = registry.suggest(type)
    hint = f" (did you mean {close!r}?)" if close else ""
    text = f"node type {type!r} can't be used: {reason}" if reason else f"{folder} has no node type {type!r}{hint}"
    raise NodeError("\n".join([text, *map(str, registry.problems)]))


def run_node(
    node: type[BaseNode],
    data: Mapping[str, Any] | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    folder: Path | str = ".",
    cursor: Any = None,
    take: int = 1,
    outcome: Outcome = Outcome.DONE,
    within: float = 10.0,
) -> NodeRun:
    """Make a node, set it up, run it and tear it down, as a loop in production does.

    Args:
        node: its class; `load_node` finds that of a type.
        data: the item, for all but producers; `NodeData` if its id matters.
        config: as in a workflow file: validated, and its `{{ }}` rendered for the item.
        folder: what paths in the config are relative to.
        cursor: of a producer: the cursor that was saved at its last run.
        take: of a producer: how many items to ask for. It is asked no more once it has nothing now (`None`) or is
            exhausted.
        outcome: of a producer: what its `ended` is told of every item.
        within: how long `setup` and the run may take, in seconds.

    Raises:
        NodeError: if the class is no node type. Whatever goes wrong in it later is in `NodeRun.error`.
        TypeError: if the item is no mapping, or a producer is given one.
        RuntimeError: if it is called in async code: await `run_node_async` there.
    """
    __tracebackhide__ = True
    refuse_async("run_node")
    return asyncio.run(
        run_node_async(
            node, data, config=config, folder=folder, cursor=cursor, take=take, outcome=outcome, within=within
        )
    )


async def run_node_async(
    node: type[BaseNode],
    data: Mapping[str, Any] | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    folder: Path | str = ".",
    cursor: Any = None,
    take: int = 1,
    outcome: Outcome = Outcome.DONE,
    within: float = 10.0,
) -> NodeRun:
    """As `run_node`, on the event loop of the caller."""
    __tracebackhide__ = True
    item = _item(node, data)
    plan = _plan(node, config or {})
    given = Wanted(cursor, take, outcome) if issubclass(node, ProducerNode) else item
    run = OneNode(plan, _LOOP, Path(folder), given)
    capture = LogCapture(LogBuffer(), logging.INFO)
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    capture.install()
    try:
        attribute_tasks(loop)
        # A task of its own, so that nothing of its context stays with the caller.
        await asyncio.create_task(run.go(within))
    finally:
        loop.set_task_factory(factory)
        capture.remove()
    logs = capture.buffer.since(0, sys.maxsize).lines
    # pytest shows it with a test that fails.
    sys.stdout.writelines(f"{line_text(line)}\n" for line in logs)
    return NodeRun(run.error, run.cursor, run.is_completed, logs, run.output, run.port, tuple(run.items))


def refuse_async(name: str) -> None:
    """Raise RuntimeError if an event loop runs in this thread, which the function `name` would hold up."""
    __tracebackhide__ = True
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{name}() can't be called in async code; await {name}_async() there")


def _item(node: type[BaseNode], data: Mapping[str, Any] | None) -> NodeData:
    __tracebackhide__ = True
    if not isinstance(node, type):
        raise TypeError(f"a node class is wanted, not {node!r}; load_node(folder, type) gives that of a type")
    for fault in faults(node):
        raise NodeError(fault.message)
    if issubclass(node, ProducerNode) and data is not None:
        raise TypeError(f"{node.__name__} is a producer, which makes items itself: leave out the item")
    if not isinstance(data, Mapping | None):
        raise TypeError(f"an item is a mapping, not {type(data).__name__}")
    return data if isinstance(data, NodeData) else NodeData(dict(data or {}), _ITEM)


def _plan(node: type[BaseNode], config: Mapping[str, Any]) -> PlanNode:
    return PlanNode(
        index=0,
        id=node.type,
        title=node.type,
        line=0,
        type=NodeType(node.type, node, None, ""),
        config=config,
        retry=None,
        timeout=None,
        cache=None,
        needs=(),
        dependants=(),
        queue=None,
    )
