"""`Development`: what one may do with a single node: look at it, try another config, run it, pin its output."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowtui.engine.dev_config import WrittenFiles, rendered_templates
from flowtui.engine.dev_inputs import Known, NodeInputs, planned_runs
from flowtui.engine.dev_process import DevProcesses, OnLine, RunsNodes, unheard
from flowtui.engine.pins import Pin, PinFile
from flowtui.engine.trials import Trial, Trials
from flowtui.graph.node_revisions import revisions, upstream
from flowtui.graph.plan import ExecutionPlan, PlanNode
from flowtui.model.data import NodeData
from flowtui.model.development import (
    DevLine,
    DevRequest,
    DevRun,
    Inspection,
    NodeInput,
    PlannedRun,
    Preview,
    Stored,
)
from flowtui.model.errors import MissingInputs, StoreError, UnknownLoop, UnknownNode
from flowtui.model.forms import KeyPath
from flowtui.model.ids import new_id
from flowtui.model.spelling import did_you_mean
from flowtui.model.states import NodeKind
from flowtui.nodes.described import author_place
from flowtui.nodes.forms import edit, form_of
from flowtui.nodes.secrets import FindSecrets

if TYPE_CHECKING:
    from flowtui.storage.data_store import DataStore


class Development:
    """Works on one node at a time, as it would run in production, and touches nothing of production.

    It writes to the store only under `{namespace}:dev:`, and to the folder's file of pins. To be used on one event
    loop. Every coroutine raises `UnknownLoop` and `UnknownNode`, and `StoreError` if the store cannot tell.
    """

    def __init__(
        self,
        plans: Callable[[], Mapping[str, ExecutionPlan]],
        folder: Path,
        secrets: FindSecrets,
        store: DataStore | None,
        *,
        env: Mapping[str, str] = os.environ,
        why_not_edit: Callable[[], str] = str,
        processes: RunsNodes | None = None,
    ) -> None:
        """Make it; no process is started before one is of use.

        Args:
            plans: the loops as the files say them now, by id.
            folder: of the workflows.
            secrets: finds the secrets of configs; may wait.
            store: keeps outputs and runs; without one, inputs must be given or pinned.
            env: where `${NAME}` comes from.
            why_not_edit: says why nothing may be changed, empty if it may.
            processes: who runs the nodes; by default processes of their own.
        """
        self._plans = plans
        self._store = store
        self._env = env
        self._why_not_edit = why_not_edit
        self._files = WrittenFiles()
        self._pins = PinFile(folder)
        self._processes = processes or DevProcesses()
        self._trials = Trials(self._processes, secrets, store, env)

    def close(self) -> None:
        """End what runs; from any thread."""
        self._processes.close()

    async def inspect(self, loop: str, node: str) -> Inspection:
        """Return all that is known of a node."""
        if not self._why_not_edit():
            self._processes.warm()
        plan, found = self._find(loop, node)
        known = await self._known(plan, found)
        file = await asyncio.to_thread(self._files.read, plan)
        runs = await self._store.development().runs(loop, node) if self._store is not None else ()
        inputs = NodeInputs(plan, found, known)
        resolved, missing = inputs.resolve()
        config = file.config(found)
        cls = found.type.cls
        has_item = found.kind is not NodeKind.PRODUCER
        form = await asyncio.to_thread(form_of, cls.Config, config, has_item=has_item)
        pin = known.pins.get(node)
        own_samples = known.samples.get(node, ())
        return Inspection(
            loop=loop,
            node=node,
            type=found.type.name,
            kind=found.kind,
            upstream=inputs.upstream,
            path=plan.path,
            line=file.line(found),
            source=author_place(found.type),
            digest=file.digest,
            config=config,
            form=form,
            inputs=resolved,
            missing=missing,
            choices=inputs.choices(),
            runs=runs,
            pinned=pin.output if pin is not None else None,
            production=own_samples[0] if own_samples else None,
            may_edit=self._why_not_edit() or file.why_not,
        )

    async def preview_config(
        self,
        loop: str,
        node: str,
        config: Mapping[str, Any],
        changes: Mapping[str, Any],
        reset: Iterable[KeyPath] = (),
        data: NodeInput | None = None,
    ) -> Preview:
        """Return what becomes of a config with some changes, and of its templates for an input; by default the usual.

        Nothing is kept of it.
        """
        plan, found = self._find(loop, node)
        has_item = found.kind is not NodeKind.PRODUCER
        edited = await asyncio.to_thread(
            edit, found.type.cls.Config, config, changes, reset=[*reset], has_item=has_item
        )
        if not has_item:
            return Preview(edited, {})
        inputs = NodeInputs(plan, found, await self._known(plan, found))
        resolved, _ = inputs.resolve(() if data is None else (data,))
        item = inputs.item(resolved).as_data() if resolved else NodeData({})
        file = await asyncio.to_thread(self._files.read, plan)
        raw, _ = file.resolved(found, edited.config, self._env)
        rendered = await asyncio.to_thread(rendered_templates, plan, raw, self._env, item)
        return Preview(edited, rendered)

    async def plan_upstream(self, loop: str, node: str) -> tuple[PlannedRun, ...]:
        """Return which nodes have to run, in this order, before a node has an up to date input from each upstream."""
        plan, found = self._find(loop, node)
        return planned_runs(plan, found, await self._known(plan, found, all_samples=True))

    async def pin(self, loop: str, node: str, output: Stored | None) -> None:
        """Have a node's dependants get this output in place of what it makes; None unpins it.

        Raises:
            FolderError: if the file of pins cannot be used.
        """
        plan, found = self._find(loop, node)
        pin = None
        if output is not None:
            known = await self._known(plan, found)
            port = next((run.port for run in known.outputs.get(node, ()) if run.output == output), "")
            pin = Pin(output, time.time(), port, plan.revision, revisions(plan, found.index))
        await asyncio.to_thread(self._pins.write, loop, node, pin)

    async def run_node(self, request: DevRequest, on_line: OnLine | None = None) -> DevRun:
        """Run a node once and keep what comes of it. If this is cancelled the node ends at once, whatever it does.

        Args:
            request: what to run, and with what.
            on_line: is told each line while the node runs, on another thread.

        Raises:
            MissingInputs: if there is no input from an upstream.
            BadInput: if an input is given that the node does not take.
        """
        plan, found = self._find(request.loop, request.node)
        file = await asyncio.to_thread(self._files.read, plan)
        inputs = NodeInputs(plan, found, await self._known(plan, found))
        given, missing = inputs.resolve(request.inputs)
        if missing:
            raise MissingInputs("; ".join(each.message for each in missing))
        trial = Trial(
            id=new_id(),
            plan=plan,
            node=found,
            written=file.config(found) if request.config is None else dict(request.config),
            inputs=given,
            item=inputs.item(given) if given else None,
        )
        run, is_whole = await self._trials.run(trial, file, on_line or unheard)
        return await self._keep(run, is_whole=is_whole)

    def _find(self, loop: str, node: str) -> tuple[ExecutionPlan, PlanNode]:
        plans = self._plans()
        plan = plans.get(loop)
        if plan is None:
            hint = did_you_mean(loop, plans) or "; it may have a problem: see flowtui check"
            raise UnknownLoop(f"there is no loop {loop!r}{hint}")
        ids = {each.id: each for each in plan.nodes}
        if node not in ids:
            hint = did_you_mean(node, ids) or f"; it has {', '.join(ids)}"
            raise UnknownNode(f"{loop} has no node {node!r}{hint}")
        return plan, ids[node]

    async def _known(self, plan: ExecutionPlan, node: PlanNode, *, all_samples: bool = False) -> Known:
        """Return what is known of a node and all upstream of it; samples of the nodes right before it, or of all."""
        pins = await asyncio.to_thread(self._pins.read, plan.loop)
        if self._store is None:
            return Known(pins)
        every = [plan.nodes[index] for index in (*upstream(plan, node.index), node.index)]
        outputs = await self._store.development().outputs(plan.loop, [(each.id, each.ports) for each in every])
        near = {node.index, *(need.index for need in node.needs)}
        view = self._store.production()
        wanted = [each.id for each in every if all_samples or each.index in near]
        return Known(pins, outputs, {id: await view.samples.newest(plan.loop, id) for id in wanted})

    async def _keep(self, run: DevRun, *, is_whole: bool) -> DevRun:
        """Keep a run in the store, if there is one; that it cannot be kept does not make it any worse."""
        if self._store is None:
            return run
        store, is_kept = self._store.development(), True
        try:
            if run.ok and run.output is not None and is_whole:
                is_kept = await store.keep_output(run)
            await store.add_run(run)
        except StoreError as error:
            return _with_warning(run, f"the run is not kept: {error}")
        return run if is_kept else _with_warning(run, "the output is too large to be kept as an input of others")


def _with_warning(run: DevRun, text: str) -> DevRun:
    return replace(run, lines=(*run.lines, DevLine(time.time(), logging.WARNING, text)))
