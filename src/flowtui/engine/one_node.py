"""One life of one node: made, set up, run and torn down as in a loop, without engine and store."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.deadlines import Deadlines
from flowtui.engine.execute import Step, execute
from flowtui.engine.frame import log_failure, set_up, tear_down, tell_ended
from flowtui.engine.iteration import Iteration
from flowtui.engine.logs import attributed_to
from flowtui.engine.source import NodeSource
from flowtui.engine.telemetry import NodeCounters, WaitingFor
from flowtui.graph.plan import PlanNode
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError, TimedOut
from flowtui.model.states import Outcome
from flowtui.nodes.base import Exhausted, ProducerNode
from flowtui.nodes.builtin.dedupe import Dedupe
from flowtui.nodes.secrets import NO_VALUES


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a producer.

    Attributes:
        cursor: that was saved at its last run.
        take: how many items to ask for. It is asked no more once it has nothing now, or is exhausted.
        outcome: what its `ended` is told of each of them.
    """

    cursor: Any = None
    take: int = 1
    outcome: Outcome = Outcome.DONE


class _Once(NodeSource):
    """A producer that is not asked again when it has failed."""

    async def failed(self, error: BaseException) -> None:
        raise error


class OneNode:
    """One life of one node, and what has come of it; retries and cache are off.

    Attributes:
        error: what the node, its `setup` or its config raised; None if all went well.
        output: what it hands on; of a producer, its last item.
        port: that a conditional chose.
        items: what a producer gave.
        cursor: of a producer: the cursor that was saved last, in its `setup` or with an item.
        is_completed: whether a producer has raised `Exhausted`.
        waiting: why a producer has nothing now, in its own words.
        ms: how long the run itself took; None if it has never begun.
        is_left: whether a thread of it runs on that could not be stopped.
    """

    def __init__(
        self,
        plan: PlanNode,
        loop: str,
        folder: Path,
        given: NodeData | Wanted,
        *,
        secrets: Mapping[str, str] = NO_VALUES,
        may_inline: bool = False,
    ) -> None:
        """`given` is the item, or what is asked of a producer; a plain `def` that `may_inline` needs no thread."""
        self.error: BaseException | None = None
        self.output: NodeData | None = None
        self.port: str | None = None
        self.items: list[NodeData] = []
        self.cursor = given.cursor if isinstance(given, Wanted) else None
        self.is_completed = False
        self.waiting = ""
        self.ms: float | None = None
        self.is_left = False
        self._plan = plan
        self._loop = loop
        self._folder = folder
        self._given = given
        self._secrets = secrets
        self._may_inline = may_inline

    @property
    def is_producer(self) -> bool:
        return isinstance(self._given, Wanted)

    async def go(self, within: float | None = None) -> None:
        """Run it, for `within` seconds at most; whatever goes wrong becomes `error`."""
        try:
            step = self._step()
        except NodeError as error:
            self.error = error
            return
        executor = ThreadPoolExecutor(2, thread_name_prefix=self._loop)
        limit = asyncio.timeout(within)
        try:
            async with limit:
                await self._live(step, executor)
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            self._failed(step, NodeError(f"{step.id} was cancelled from inside"))
        except BaseException as error:  # an author's SystemExit too
            late = TimedOut(f"{step.id} took longer than the {within or 0:g} s that it is given")
            self._failed(step, late if limit.expired() else error)
        finally:
            await tear_down(step)
            self.is_left = step.counters.in_threads > 0
            executor.shutdown(wait=False, cancel_futures=True)
            _flush(step)

    def _step(self) -> Step:
        step = Step(self._plan, self._loop, self._folder, NodeCounters(self._plan.ports), self._secrets)
        step.connect([step])
        if self._plan.timeout is not None:
            step.limit = Deadlines().limit(self._plan.timeout)
        if isinstance(step.node, Dedupe):
            step.call = _First(step.node, str(self._plan.config["key"])).execute
        return step

    async def _live(self, step: Step, executor: Executor) -> None:
        if isinstance(self._given, Wanted):
            await self._ask(step, self._given, executor)
            return
        await set_up(step)
        began = perf_counter()
        try:
            with attributed_to(step.attribution, self._given.id):
                self.output, self.port = await execute(step, self._given, executor, self._may_inline)
        finally:
            self.ms = (perf_counter() - began) * 1000

    async def _ask(self, step: Step, wanted: Wanted, executor: Executor) -> None:
        assert isinstance(step.node, ProducerNode)
        # What a restart would give back.
        step.node.cursor = json.loads(json.dumps(wanted.cursor))
        source = _Once(step, self._loop, "", executor, WaitingFor(), _refuse)
        await set_up(step)
        if (cursor := source.new_cursor()) is not None:
            self.cursor = json.loads(cursor)
        began = perf_counter()
        try:
            while len(self.items) < wanted.take and (it := await source.take()) is not None:
                self.items.append(it.data)
                if it.cursor is not None:
                    self.cursor = json.loads(it.cursor)
                tell_ended(step, it.item, wanted.outcome)
        except Exhausted:
            self.is_completed = True
        finally:
            self.ms = (perf_counter() - began) * 1000
        self.waiting = step.node.waiting
        self.output = self.items[-1] if self.items else None

    def _failed(self, step: Step, error: BaseException) -> None:
        self.error = error
        log_failure(step, "" if isinstance(self._given, Wanted) else self._given.id, error)


class _First:
    """Does the work of a `dedupe` node for an item that no other came before."""

    def __init__(self, node: Dedupe, raw: str) -> None:
        self._node = node
        self._raw = raw

    async def execute(self, data: NodeData) -> NodeData:
        key = self._node.key_of(data, self._raw)
        self._node.log.info("the key is %s; an item that is run alone is never taken for a duplicate", key)
        return data


def _refuse(it: Iteration) -> None:
    raise NodeError(it.unreadable)


def _flush(step: Step) -> None:
    """Have what the node printed without a line end become a line."""
    with attributed_to(step.attribution):
        sys.stdout.flush()
        sys.stderr.flush()
