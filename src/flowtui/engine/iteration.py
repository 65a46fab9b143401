"""One item on its way through a loop, and how its branches part and join."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import time

from flowtui.engine.execute import Step, author_traceback, describe, fingerprint, text_of
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.model.ids import derived_id
from flowtui.model.letters import DeadLetter
from flowtui.storage.queue_store import Item


@dataclass(slots=True)
class _Join:
    """A node with several needs, in one iteration: edges still open, and live inputs by edge.

    An edge behind a failure stays open for ever, and so the join never runs.
    """

    open: int
    live: dict[int, NodeData] = field(default_factory=dict)


class Iteration:
    """The state of one item: what still runs, and what its commit will hold.

    Attributes:
        walkers: parts of the loop that still run for this item; 0 means settled.
        foreground: tasks that the next iteration must wait for.
        at: id of the node that began last.
        abandoned: no longer this track's: its item has gone back, so whatever it does is not committed.
    """

    __slots__ = (
        "abandoned",
        "at",
        "cursor",
        "data",
        "dead",
        "foreground",
        "joins",
        "outbox",
        "queued",
        "started_ns",
        "walkers",
    )

    def __init__(self, data: NodeData, *, queued: bool, cursor: bytes | None, started_ns: int) -> None:
        self.data = data
        self.queued = queued
        self.cursor = cursor
        self.started_ns = started_ns
        self.walkers = 1
        self.at = ""
        self.foreground: list[asyncio.Task[None]] = []
        self.abandoned = False
        self.outbox: list[tuple[str, Item]] = []
        self.dead: list[DeadLetter] = []
        self.joins: dict[int, _Join] = {}

    @property
    def has_effects(self) -> bool:
        """Whether its end must be stored."""
        return self.queued or bool(self.outbox) or bool(self.dead) or self.cursor is not None


class Routing:
    """Decides, when a node has settled in an iteration, which nodes are ready because of it."""

    def __init__(self, loop: str, revision: str, on_failure: Callable[[Step, BaseException], None]) -> None:
        self._loop = loop
        self._revision = revision
        self._on_failure = on_failure

    def ready(
        self, step: Step, output: NodeData | None, port: str | None, it: Iteration
    ) -> list[tuple[Step, NodeData]]:
        """Return the nodes that can run now, with their inputs.

        `output` is None if `step` was skipped or dropped the item; its dependants are skipped then. Queue writers
        on the way have done their work when this returns.
        """
        found: list[tuple[Step, NodeData]] = []
        for dependant in step.dependants:
            if dependant.is_join:
                self._arrive(dependant, step, output, port, it, found)
            elif output is not None and dependant.needs[0].port in (None, port):
                self._enter(dependant, output, it, found)
            else:
                found += self.ready(dependant, None, None, it)
        return found

    def fail(self, step: Step, data: NodeData, it: Iteration, error: BaseException) -> None:
        """File a dead letter for `step`; nothing behind it runs, since it hands on nothing."""
        self._on_failure(step, error)
        it.dead.append(
            DeadLetter(
                id=it.data.id,
                loop=self._loop,
                node=step.id,
                revision=self._revision,
                payload=data.payload,
                trace=data.meta.trace,
                attempt=data.meta.attempt,
                error=type(error).__name__,
                message=text_of(error),
                traceback=author_traceback(error),
                fingerprint=fingerprint(error, step.id),
                failed_at=time(),
            )
        )

    def _enter(self, step: Step, data: NodeData, it: Iteration, found: list[tuple[Step, NodeData]]) -> None:
        if step.queue is None:
            found.append((step, data))
            return
        try:
            self._write(step, data, it)
        except NodeError as error:
            self.fail(step, data, it, error)
        else:
            found += self.ready(step, data, None, it)

    def _write(self, step: Step, data: NodeData, it: Iteration) -> None:
        try:
            payload = data.to_json()
        except Exception as error:  # too deep a payload, or an author's class that does not let itself be read
            step.counters.runs += 1
            step.counters.failed(describe(error))
            raise NodeError(
                f"{step.id} cannot write the item to {step.queue}: its payload is no JSON: {error}"
            ) from error
        assert step.queue is not None
        # Nothing that changes from one try to the next, such as which branch came first, may go into the id.
        id = derived_id(it.data.id, f"{self._loop}.{step.id}", 0)
        it.outbox.append((step.queue, Item(id=id, payload=payload, trace=data.meta.trace, origin=self._loop)))
        step.counters.runs += 1
        step.counters.last_failed = False

    def _arrive(
        self,
        join: Step,
        step: Step,
        output: NodeData | None,
        port: str | None,
        it: Iteration,
        found: list[tuple[Step, NodeData]],
    ) -> None:
        state = it.joins.get(join.index)
        if state is None:
            state = it.joins[join.index] = _Join(open=len(join.needs))
        for edge, need in enumerate(join.needs):
            if need.index != step.index:
                continue
            state.open -= 1
            if output is not None and need.port in (None, port):
                state.live[edge] = output
        if state.open:
            return
        if state.live:
            self._enter(join, _merged(join, state.live, it), it, found)
        else:
            found += self.ready(join, None, None, it)


def _merged(join: Step, live: dict[int, NodeData], it: Iteration) -> NodeData:
    payload: dict[str, object] = {}
    by: dict[str, NodeData] = {}
    for edge in sorted(live):
        payload.update(live[edge])
        by[join.need_ids[edge]] = live[edge]
    return NodeData(payload, it.data.id, it.data.meta, by)
