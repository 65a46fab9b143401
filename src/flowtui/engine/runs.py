"""Follows each item of a trigger through its loop, and keeps a record of it in the store for whoever wants to see."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from time import time
from typing import Any

from flowtui.engine.execute import Step, describe
from flowtui.engine.iteration import Iteration
from flowtui.engine.letter_secrets import masked
from flowtui.engine.logs import Attribution, attributed_to, current_place
from flowtui.graph.plan import ExecutionPlan
from flowtui.graph.replays import behind, index_of
from flowtui.model.data import NodeData
from flowtui.model.errors import StoreError, UnknownRun
from flowtui.model.runs import NodeRun, NodeRunState, Run, RunState, kept
from flowtui.model.states import Outcome
from flowtui.storage.letter_store import LetterStore
from flowtui.storage.run_store import RunStore

#: Seconds between two tries to write a record while the store is away.
_RETRY_S = 1.0
#: How many of the newest dead letters are searched for those of a run.
_LETTERS = 100
_log = logging.getLogger("flowtui.runs")


def new_run(plan: ExecutionPlan, id: str, payload: Any, *, asked_at: float) -> Run:
    """Return a run of a loop that has not begun."""
    input, is_cut = _kept(payload)
    return Run(
        id,
        plan.loop,
        plan.workflow,
        input,
        layers=layers_of(plan),
        leaves=tuple(node.id for node in plan.nodes[1:] if not node.dependants),
        nodes={node.id: NodeRun(node.id, of=node.retry.attempts if node.retry else 1) for node in plan.nodes[1:]},
        cut=("input",) if is_cut else (),
        asked_at=asked_at,
    )


def layers_of(plan: ExecutionPlan) -> tuple[tuple[str, ...], ...]:
    """Return the ids of the nodes behind the producer: each stands in the first layer behind all that it needs."""
    depth = {0: 0}
    layers: list[list[str]] = []
    for node in plan.nodes[1:]:
        depth[node.index] = at = 1 + max(depth[need.index] for need in node.needs)
        if at > len(layers):
            layers.append([])
        layers[at - 1].append(node.id)
    return tuple(map(tuple, layers))


class _Recording:
    """What has become of one run since this track began it, and the task that writes that down."""

    def __init__(self, plan: ExecutionPlan, store: RunStore, letters: LetterStore, it: Iteration) -> None:
        self._store = store
        self._letters = letters
        self._run = replace(
            new_run(plan, it.item, it.data.payload, asked_at=time()), state=RunState.RUNNING, started_at=time()
        )
        # Of tracks that died before they could write anything only the queue knows.
        self._least_attempt = 1 if it.letter is not None else it.data.meta.attempt
        self._reset: frozenset[str] | None = None  # what a replay runs again; None for all of it
        if it.letter is not None:
            index = index_of(plan, it.letter.node) or 0
            reached = {index} if it.letter.alone else behind(plan, index)
            self._reset = frozenset(plan.nodes[each].id for each in reached)
        self._touched: set[str] = set()  # nodes that it has heard of
        self._stale = True
        self._is_superseded = False  # another track has begun it again
        self.is_over = False  # nothing more becomes of it here
        self.task: asyncio.Task[None] | None = None

    def node(self, id: str) -> NodeRun:
        return self._run.nodes[id]

    def note(self, node: NodeRun) -> None:
        """Take note of what has become of a node."""
        self._touched.add(node.id)
        self._change(nodes={**self._run.nodes, node.id: node})

    def keep_output(self, leaf: str, payload: Any) -> None:
        """Keep what a leaf has handed on."""
        output, is_cut = _kept(payload)
        self._change(outputs={**self._run.outputs, leaf: output}, cut=(*self._run.cut, *((leaf,) if is_cut else ())))

    def break_off(self, error: str) -> None:
        """Take note that it cannot even begin."""
        self._change(error=error)

    def end(self, outcome: Outcome) -> None:
        """Take note of what the commit, or the end of the track, has made of it."""
        self.is_over = True
        if outcome is Outcome.GIVEN_UP:
            why = "its loop ended before it had; it begins again when that starts"
            self._change(state=RunState.QUEUED, error=why)
            return
        state = RunState.DONE if outcome is Outcome.DONE else RunState.FAILED
        self._change(state=state, ended_at=time())

    def _change(self, **changes: Any) -> None:
        self._run = replace(self._run, **changes)
        self._stale = True

    async def write(self, after: asyncio.Task[None] | None) -> None:
        """Write all that is new, and what comes meanwhile; not before another task is done."""
        if after is not None:
            await asyncio.wait([after])
        while self._stale and not self._is_superseded:
            self._stale = False
            try:
                if not self._run.attempt:
                    await self._take_up()
                if self._run.has_ended:
                    await self._close()
                self._is_superseded = not await self._store.save(self._run)
            except StoreError as error:
                _log.debug("the record of run %s waits for the store: %s", self._run.id, error)
                self._stale = True
                await asyncio.sleep(_RETRY_S)

    async def _take_up(self) -> None:
        """Begin with what an earlier attempt has left."""
        try:
            before = await self._store.find(self._run.id)
        except UnknownRun:
            self._change(attempt=self._least_attempt)
            return
        attempt = max(before.attempt + 1, self._least_attempt)
        changes: dict[str, Any] = {"attempt": attempt, "asked_at": before.asked_at}
        if self._reset is not None:
            changes["input"] = before.input
            rest = self._run.nodes.keys() - self._reset - self._touched
            done_before = {id: node for id, node in before.nodes.items() if id in rest}
            changes["nodes"] = {**self._run.nodes, **done_before}
            old = {leaf: output for leaf, output in before.outputs.items() if leaf not in self._reset}
            changes["outputs"] = old | dict(self._run.outputs)
            changes["cut"] = tuple(
                dict.fromkeys((*self._run.cut, *(name for name in before.cut if name in old or name == "input")))
            )
        self._change(**changes)

    async def _close(self) -> None:
        """Settle what never began, and say why it failed if it has."""
        nodes = {
            id: replace(node, state=NodeRunState.SKIPPED) if node.state is NodeRunState.WAITING else node
            for id, node in self._run.nodes.items()
        }
        broken = [node for node in nodes.values() if node.state is NodeRunState.FAILED]
        failed = self._run.state is RunState.FAILED or bool(broken)
        error = self._run.error or "; ".join(f"{node.id}: {node.error}" for node in broken)
        numbers: tuple[int, ...] = ()
        if failed:
            page = await self._letters.page(self._run.loop, "", limit=_LETTERS)
            numbers = tuple(sorted(letter.number for letter in page if letter.id == self._run.id))
        state = RunState.FAILED if failed else RunState.DONE
        self._run = replace(self._run, state=state, nodes=nodes, error=error if failed else "", letters=numbers)


class RunRecorder:
    """Records the runs of one track. It never holds them up: what the store does not take at once, it gets later."""

    def __init__(self, plan: ExecutionPlan, store: RunStore, letters: LetterStore) -> None:
        self._plan = plan
        self._store = store
        self._letters = letters
        self._recordings: dict[str, _Recording] = {}

    def begun(self, it: Iteration) -> None:
        """An item from the queue has begun."""
        if not it.item:  # a letter that is not there any more
            return
        before = self._recordings.get(it.item)
        self._recordings[it.item] = recording = _Recording(self._plan, self._store, self._letters, it)
        self._write(it.item, recording, before.task if before is not None else None)

    def ended(self, it: Iteration, outcome: Outcome) -> None:
        """An item has ended, in the store too."""
        with self._noted(it.item) as recording:
            if recording is not None:
                recording.end(outcome)

    def entered(self, step: Step, data: NodeData, it: Iteration) -> None:
        """A node begins to work on an item."""
        with self._noted(it.item, it) as recording:
            if recording is not None:
                node = recording.node(step.id)
                recording.note(replace(node, state=NodeRunState.RUNNING, started_at=time(), tries=1, error=""))

    def retried(self, step: Step, number: int, error: BaseException) -> None:
        """The node at hand will be tried again, for the time of that number."""
        place = current_place.get()
        with self._noted(place.item if place is not None else "") as recording:
            if recording is not None:
                recording.note(replace(recording.node(step.id), tries=number, error=describe(error)))

    def settled(self, step: Step, output: NodeData | None, port: str | None, it: Iteration) -> None:
        """A node has handed its output on, or has dropped the item or was skipped if there is none."""
        with self._noted(it.item, it) as recording:
            if recording is None or step.index == 0:
                return
            node = recording.node(step.id)
            if output is None and node.state is NodeRunState.WAITING:
                recording.note(replace(node, state=NodeRunState.SKIPPED))
                return
            note = port or ("dropped the item" if output is None else "")
            recording.note(replace(_stopped(node), state=NodeRunState.DONE, error="", note=note))
            if output is not None and not step.dependants:
                recording.keep_output(step.id, output.payload)

    def failed(self, step: Step, data: NodeData, it: Iteration, error: BaseException) -> None:
        """A node has failed for good; the trigger itself if what it was given cannot be read."""
        with self._noted(it.item, it) as recording:
            if recording is None:
                return
            if step.index == 0:
                recording.break_off(describe(error))
                return
            node = _stopped(recording.node(step.id))
            recording.note(replace(node, state=NodeRunState.FAILED, error=describe(error)))

    async def flush(self, patience: float) -> None:
        """Wait for so many seconds until all is written, then leave it."""
        tasks = [each.task for each in self._recordings.values() if each.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()

    @contextlib.contextmanager
    def _noted(self, id: str, it: Iteration | None = None) -> Iterator[_Recording | None]:
        """Give the recording, None if there is none, or if `it` is not this track's any more; write what is new."""
        recording = None if it is not None and it.abandoned else self._recordings.get(id)
        yield recording
        if recording is not None:
            self._write(id, recording)

    def _write(self, id: str, recording: _Recording, after: asyncio.Task[None] | None = None) -> None:
        if recording.task is not None and not recording.task.done():
            return  # it sees what is new
        with attributed_to(Attribution(self._plan.loop, ""), id):
            recording.task = asyncio.create_task(recording.write(after))
        recording.task.add_done_callback(lambda _: self._forget(id, recording))

    def _forget(self, id: str, recording: _Recording) -> None:
        if recording.is_over and self._recordings.get(id) is recording:
            del self._recordings[id]


def _kept(value: Any) -> tuple[Any, bool]:
    """Return a value as a record holds it, without secrets, and whether only its beginning is left."""
    told, is_cut = kept(value)
    return masked(told), is_cut


def _stopped(node: NodeRun) -> NodeRun:
    """Return a node with how long it took; a queue writer takes no time."""
    return node if node.started_at is None else replace(node, ms=max(0.0, time() - node.started_at) * 1000)
