"""One item on its way through a loop, and how its branches part and join."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowtui.engine.execute import Step, describe
from flowtui.engine.letters import completed, make_letter
from flowtui.engine.logs import Attribution, Place
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import Meta, NodeData, why_no_json
from flowtui.model.errors import NodeError
from flowtui.model.ids import derived_id
from flowtui.model.letters import DeadLetter
from flowtui.storage.records import Item, Key


@dataclass(slots=True)
class Join:
    """A node with several needs, in one iteration: edges still open, and live inputs by edge.

    An edge behind a failure stays open for ever, and so the join never runs.
    """

    open: int
    live: dict[int, NodeData] = field(default_factory=dict)


#: What nearly every iteration has: made once, since each list or dict would cost as much as running a node.
_NO_FOREGROUND: tuple[asyncio.Task[None], ...] = ()
_NO_OUTBOX: tuple[tuple[str, Item], ...] = ()
_NO_DEAD: tuple[DeadLetter, ...] = ()
_NO_KEYS: tuple[Key, ...] = ()


class Iteration(Place):
    """The state of one item: what still runs, and what its commit will hold.

    It begins with the call of the producer, and is the place of the track's main task from then on.

    Attributes:
        data: what the nodes receive; holds the raw text under `raw` if it is `unreadable`.
        unreadable: why it is no item, empty if it is one; only of what comes from a queue, or was none to its producer.
        has_effects: whether its end must be stored.
        queued: how many items it acknowledges to a queue: one, those of a batch, or none.
        cursor: what to save with its outputs, None if the producer has no cursor.
        started_ns: when its first node began (of `perf_counter_ns`).
        walkers: parts of the loop that still run for this item; 0 means settled.
        foreground: tasks that the next iteration must wait for.
        branch: where that of its tasks is that began last; None if it has none but the main task.
        abandoned: no longer this track's: its item has gone back, so whatever it does is not committed.
        batch: how many items of a queue its one item is made of, 0 if it is no batch.
        letter: the dead letter that is replayed, None in every ordinary iteration.
        replayed: loop and number of the letters that its commit removes.
    """

    __slots__ = (
        "abandoned",
        "branch",
        "cursor",
        "data",
        "dead",
        "foreground",
        "has_effects",
        "joins",
        "keys",
        "outbox",
        "queued",
        "started_ns",
        "unreadable",
        "walkers",
    )
    data: NodeData
    unreadable: str
    batch: int = 0
    letter: DeadLetter | None = None
    replayed: tuple[tuple[str, int], ...] = ()

    def __init__(self, owner: Attribution, *, queued: int = 0) -> None:
        # Not by `super()`: that would cost a tenth of all that an iteration takes.
        self.owner = owner
        self.item = ""
        self.unreadable = ""
        self.since_ns = 0
        self.queued = queued
        self.has_effects = queued > 0
        self.cursor: bytes | None = None
        self.started_ns = 0
        self.walkers = 1
        self.foreground = _NO_FOREGROUND
        self.branch: Place | None = None
        self.abandoned = False
        self.outbox = _NO_OUTBOX
        self.dead = _NO_DEAD
        self.keys = _NO_KEYS
        self.joins: dict[int, Join] | None = None

    @property
    def at(self) -> str:
        """Id of the node that began last."""
        return (self.branch or self).owner.node

    def save_cursor(self, cursor: bytes) -> None:
        """Save the producer's cursor with its outputs."""
        self.cursor = cursor
        self.has_effects = True

    def push(self, queue: str, item: Item) -> None:
        """Push an item to a queue when it is committed."""
        self.outbox = (*self.outbox, (queue, item))
        self.has_effects = True

    def keep(self, key: Key) -> None:
        """Let no other item have a key from when it is committed on."""
        self.keys = (*self.keys, key)
        self.has_effects = True

    def bury(self, letter: DeadLetter) -> None:
        """File a dead letter when it is committed."""
        self.dead = (*self.dead, letter)
        self.has_effects = True


class Branch(Place):
    """Where a part of an iteration is that runs beside others."""

    __slots__ = ("iteration",)

    def __init__(self, owner: Attribution, iteration: Iteration) -> None:
        super().__init__(owner, iteration.item)
        self.iteration = iteration


class BatchIteration(Iteration):
    """One iteration made of several that have not begun, each with one item of a queue."""

    __slots__ = ("batch",)

    def __init__(self, owner: Attribution, parts: Sequence[Iteration]) -> None:
        super().__init__(owner, queued=len(parts))
        self.batch = len(parts)
        first = parts[0]
        # The same items make the same batch, so that what comes of it keeps its ids.
        id = first.item if len(parts) == 1 else derived_id("|".join(part.item for part in parts), "batch", 0)
        trace = first.data.trace if len({part.data.trace for part in parts}) == 1 else id
        self.item = id
        meta = Meta(trace, first.data.meta.origin, max(part.data.meta.attempt for part in parts))
        self.data = NodeData(batch_payload(part.data.payload for part in parts), id, meta)


def batch_payload(payloads: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return what the nodes of a loop that takes batches receive."""
    return {"items": list(payloads)}


class Routing:
    """Decides, when a node has settled in an iteration, which nodes are ready because of it."""

    def __init__(self, plan: ExecutionPlan, on_failure: Callable[[Step, str, BaseException], None]) -> None:
        self._plan = plan
        self._loop = plan.loop
        self._on_failure = on_failure

    def ready(
        self, step: Step, output: NodeData | None, port: str | None, it: Iteration
    ) -> list[tuple[Step, NodeData]]:
        """Return the nodes that can run now, with their inputs.

        `output` is None if `step` was skipped or dropped the item; its dependants are skipped then. Queue writers
        on the way have done their work when this returns.
        """
        if step.observer is not None:
            step.observer.settled(step, output, port, it)
        found: list[tuple[Step, NodeData]] = []
        for dependant in step.dependants:
            if dependant.is_join:
                self._arrive(dependant, step, output, port, it, found)
            elif output is not None and dependant.needs[0].port in (None, port):
                self._enter(dependant, output, it, found)
            else:
                found += self.ready(dependant, None, None, it)
        return found

    def fail(self, step: Step, data: NodeData, it: Iteration, error: BaseException, *, alone: bool = False) -> None:
        """File a dead letter for `step`; nothing behind it runs, since it hands on nothing.

        With `alone` all behind it has run already.
        """
        self._on_failure(step, it.item, error)
        letter = make_letter(
            self._plan,
            step.id,
            data,
            it.data,
            error,
            again=it.letter,
            unreadable=bool(it.unreadable),
            alone=alone,
            batch=it.batch,
        )
        it.bury(letter)
        if step.observer is not None:
            step.observer.failed(step, data, it, error)

    def complete(self, it: Iteration) -> None:
        """Add to the letters of an iteration of which nothing runs any more what a replay will need."""
        it.dead = completed(it.dead, self._plan, lambda join, edge: _live(it, join, edge))

    def enter(self, step: Step, data: NodeData, it: Iteration, *, alone: bool) -> list[tuple[Step, NodeData]]:
        """Begin at `step`: return the nodes that can run now, with their inputs, as `ready` does.

        With `alone` a queue writer only writes: nothing behind it runs.
        """
        found: list[tuple[Step, NodeData]] = []
        if alone and step.queue is not None:
            try:
                self._write(step, data, it)
            except NodeError as error:
                self.fail(step, data, it, error, alone=True)
        else:
            self._enter(step, data, it, found)
        return found

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
            step.counters.failed(describe(error))
            why = why_no_json(data.payload, "data") or error
            raise NodeError(
                f"{step.id} cannot write the item to {step.queue}: its payload is no JSON: {why}"
            ) from error
        assert step.queue is not None
        # Nothing that changes from one try to the next, such as which branch came first, may go into the id.
        id = derived_id(it.data.id, step.full_id, 0)
        it.push(step.queue, Item(id, payload, data.trace, self._loop))
        step.counters.runs += 1

    def _arrive(
        self,
        join: Step,
        step: Step,
        output: NodeData | None,
        port: str | None,
        it: Iteration,
        found: list[tuple[Step, NodeData]],
    ) -> None:
        if it.joins is None:
            it.joins = {}
        state = it.joins.get(join.index)
        if state is None:
            state = it.joins[join.index] = Join(open=len(join.needs))
        for edge, need in enumerate(join.needs):
            if need.index != step.index:
                continue
            state.open -= 1
            if output is not None and need.port in (None, port):
                state.live[edge] = output
        if state.open:
            return
        if state.live:
            self._enter(join, merged(join.need_ids, state.live, it.data), it, found)
        else:
            found += self.ready(join, None, None, it)


def _live(it: Iteration, join: int, edge: int) -> NodeData | None:
    """Return what came in on an edge that has settled; None if it was skipped."""
    state = it.joins.get(join) if it.joins is not None else None
    return state.live.get(edge) if state is not None else None


def merged(needs: Sequence[str], live: Mapping[int, NodeData], item: NodeData) -> NodeData:
    """Return the input of a join: its live inputs, merged in the order of its `needs`; id and meta are the item's."""
    payload: dict[str, object] = {}
    by: dict[str, NodeData] = {}
    for edge in sorted(live):
        payload.update(live[edge])
        by[needs[edge]] = live[edge]
    return NodeData(payload, item.id, item.meta, by)
