"""What becomes of one node when it is run alone: by a process, or by what the engine itself would do for it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowtui.engine.dev_config import WrittenFile, with_config
from flowtui.engine.dev_process import OnLine, RunsNodes
from flowtui.engine.dev_wire import Result, Task
from flowtui.engine.execute import text_of
from flowtui.engine.iteration import batch_payload
from flowtui.engine.letter_secrets import masked_data, with_secrets
from flowtui.graph.node_revisions import revisions
from flowtui.graph.packed_plan import pack
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.development import DevLine, DevRun, NodeFailure, NodeInput, Stored
from flowtui.model.errors import FlowtuiError, NodeError
from flowtui.model.states import NodeKind
from flowtui.nodes.builtin.queues import QueueReader, QueueWriter
from flowtui.nodes.builtin.trigger import Trigger
from flowtui.nodes.inputs import checked_input
from flowtui.nodes.secrets import FindSecrets, secret_names

if TYPE_CHECKING:
    from flowtui.storage.data_store import DataStore


@dataclass(frozen=True, slots=True)
class Trial:
    """A run that is about to begin.

    Attributes:
        written: the config as one writes it.
        item: what the node gets; None for a producer that makes it itself.
    """

    id: str
    plan: ExecutionPlan
    node: PlanNode
    written: Mapping[str, Any]
    inputs: tuple[NodeInput, ...]
    item: Stored | None

    def of(self, node: PlanNode) -> Trial:
        """Return the run of the same node with another config."""
        nodes = tuple(node if each.index == node.index else each for each in self.plan.nodes)
        return replace(self, node=node, plan=replace(self.plan, nodes=nodes))


class Trials:
    """Runs nodes for `Development`; changes nothing in the store."""

    def __init__(
        self, processes: RunsNodes, secrets: FindSecrets, store: DataStore | None, env: Mapping[str, str]
    ) -> None:
        self._processes = processes
        self._secrets = secrets
        self._store = store
        self._env = env

    async def run(self, trial: Trial, file: WrittenFile, on_line: OnLine) -> tuple[DevRun, bool]:
        """Run a node; return what has come of it, and whether its output is all that it handed on.

        Raises nothing because of the node, its config or its secrets: that is a run that has failed.
        """
        at, lines = time.time(), list[DevLine]()

        def hear(line: DevLine) -> None:
            lines.append(line)
            on_line(line)

        try:
            node = await asyncio.to_thread(with_config, trial.plan, trial.node, trial.written, file, self._env)
            trial = trial.of(node)
            result = await self._result(trial, hear)
        except FlowtuiError as error:
            result = Result(failure=NodeFailure(type(error).__name__, text_of(error)))
        run = DevRun(
            id=trial.id,
            loop=trial.plan.loop,
            node=trial.node.id,
            at=at,
            ms=result.ms,
            config=trial.written,
            inputs=tuple(replace(each, data=masked_data(each.data)) for each in trial.inputs),
            output=result.output,
            port=result.port,
            note=result.note,
            failure=result.failure,
            lines=tuple(lines),
            revisions=revisions(trial.plan, trial.node.index),
            revision=trial.plan.revision,
        )
        return run, result.is_whole

    async def _result(self, trial: Trial, on_line: OnLine) -> Result:
        cls, item, node = trial.node.type.cls, trial.item, trial.node
        if issubclass(cls, QueueWriter):
            note = f"would be pushed to the queue {node.queue}; nothing was pushed, and those behind get the same item"
            return Result(output=item, note=note)
        if issubclass(cls, Trigger):
            payload = trigger_payload(node.config, {} if item is None else item.payload, trial.plan.loop)
            return Result(output=Stored(payload, id=trial.id))
        if issubclass(cls, QueueReader):
            return Result(output=item) if item is not None else await self._next_item(trial)
        names = secret_names(node.config)
        secrets = dict(await asyncio.to_thread(self._secrets, names)) if names else {}
        alone = replace(trial.plan, nodes=(replace(node, index=0, needs=(), dependants=()),))
        task = Task(
            plan=pack(alone),
            secrets=secrets,
            item=await self._revealed(trial),
            trace=trial.id,
            cursor=await self._cursor(trial.plan) if node.kind is NodeKind.PRODUCER else None,
        )
        return await self._processes.run(task, on_line)

    async def _next_item(self, trial: Trial) -> Result:
        queue = trial.node.queue
        assert queue is not None
        if self._store is None:
            raise NodeError(f"{trial.node.id} reads the queue {queue}, and there is no store: give it an item")
        found = await self._store.production().next_item(queue, trial.plan.loop)
        if found is None:
            return Result(note=f"nothing now: nothing waits in the queue {queue}")
        try:
            payload = json.loads(found.item.payload)
        except (ValueError, RecursionError) as error:
            raise NodeError(f"the next item of {queue} is no JSON: {error}") from error
        if not isinstance(payload, dict):
            raise NodeError(f"the next item of {queue} is a JSON {type(payload).__name__}, not an object")
        if trial.plan.batch is not None:
            payload = batch_payload([payload])
        note = f"the next item of the queue {queue}; it waits there still"
        return Result(output=masked_data(Stored(payload, id=found.item.id)), note=note)

    async def _cursor(self, plan: ExecutionPlan) -> Any:
        found = await self._store.production().cursor(plan.loop) if self._store is not None else None
        return None if found is None else json.loads(found)

    async def _revealed(self, trial: Trial) -> Stored | None:
        """Return the item, with the secrets that its dead letter shows by their names only."""
        number = next((each.letter for each in trial.inputs if each.letter), 0)
        if trial.item is None or not number or self._store is None:
            return trial.item
        letter = await self._store.production().letter(number)
        if letter is None or (letter.loop, letter.node) != (trial.plan.loop, trial.node.id) or not letter.hidden:
            return trial.item
        edited = letter.edited("payload", trial.item.payload)
        told = await asyncio.to_thread(with_secrets, edited, self._secrets)
        return replace(trial.item, payload=told.payload)


def trigger_payload(config: Mapping[str, Any], values: Mapping[str, Any], loop: str) -> dict[str, Any]:
    """Return the payload of the item that a trigger makes of what a person gives; raises `BadInput`."""
    return checked_input(Trigger.Config.model_validate(dict(config)).inputs, values, f"the input of {loop}")
