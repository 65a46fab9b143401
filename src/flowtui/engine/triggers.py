"""What people ask of triggers: to run a workflow once, and what has become of that."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping
from typing import Any

from flowtui.engine.deployment import Deployment
from flowtui.engine.loop import Loop
from flowtui.engine.runs import new_run
from flowtui.model.errors import NotTriggered, StoreUnavailable, UnknownLoop
from flowtui.model.forms import Form
from flowtui.model.ids import loop_id, new_id
from flowtui.model.runs import Asked, Run
from flowtui.nodes.builtin.trigger import Trigger
from flowtui.nodes.inputs import checked_input, input_form
from flowtui.storage.data_store import DataStore
from flowtui.storage.records import trigger_queue


class Triggers:
    """Puts what is asked for into the queues of triggers; belongs to the engine's control thread."""

    def __init__(self, deployment: Deployment, store: Callable[[], DataStore | None]) -> None:
        """`store` gives the store once it is open."""
        self._deployment = deployment
        self._store = store

    async def ask(self, target: str, node: str, values: Any) -> Asked:
        """Have a workflow run once; `target` is its name or the id of a loop, `node` that of a trigger if it has many.

        Raises:
            BadInput: if the values do not fit what the trigger takes.
            NotTriggered: if there is no such trigger, or several.
            UnknownLoop: if there is no such workflow or loop.
            StoreError: if the store does not take it.
        """
        loop = self._find(target, node)
        payload = checked_input(_inputs(loop), values, f"the input of {loop.plan.loop}")
        store = self._open_store()
        id = new_id()
        # First the record: as soon as the item is there a track may begin it.
        await store.runs().save(new_run(loop.plan, id, payload, asked_at=time.time()))
        await store.queue_admin().inject(trigger_queue(loop.plan.loop), payload, id)
        return Asked(id, loop.plan.loop, loop.lifecycle.state)

    async def run(self, id: str) -> Run:
        """Return what is known of a run.

        Raises:
            UnknownRun: if nothing is kept of it.
            StoreError: if the store cannot tell.
        """
        return await self._open_store().runs().find(id)

    def form(self, target: str, values: Mapping[str, Any]) -> Form | None:
        """Return the form of a trigger's inputs with these values, None if it takes any JSON object.

        Raises:
            NotTriggered: if there is no such trigger.
            UnknownLoop: if there is no such loop.
        """
        inputs = _inputs(self._find(target, ""))
        return input_form(inputs, values) if inputs else None

    def _open_store(self) -> DataStore:
        store = self._store()
        if store is None:
            raise StoreUnavailable("the store is not open yet; try again in a moment")
        return store

    def _find(self, target: str, node: str) -> Loop:
        loops = self._deployment.loops
        triggered = {id: loop for id, loop in loops.items() if loop.plan.is_triggered}
        if not node and target in triggered:
            return triggered[target]
        own = [loop for loop in triggered.values() if loop.plan.workflow == target]
        names = [loop.plan.nodes[0].id for loop in own]
        if node:
            if (id := loop_id(target, node)) in triggered:
                return triggered[id]
        elif len(own) == 1:
            return own[0]
        elif own:
            raise NotTriggered(f"{target} has several triggers: say which, with --node {' or --node '.join(names)}")
        if target in loops:
            raise NotTriggered(f"{target} makes its items itself: only a loop with a trigger runs when it is asked to")
        if any(loop.plan.workflow == target for loop in loops.values()):
            there = f"it has {', '.join(names)}" if names else "its loops make their items themselves"
            raise NotTriggered(f"{target} has no trigger{f' {node!r}' if node else ''}: {there}")
        known = sorted({name for loop in triggered.values() for name in (loop.plan.workflow, loop.plan.loop)})
        close = difflib.get_close_matches(target, known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else "; it may have a problem: see flowtui check"
        raise UnknownLoop(f"there is no workflow or loop {target!r}{hint}")


def _inputs(loop: Loop) -> Mapping[str, Any]:
    return Trigger.Config.model_validate(dict(loop.plan.nodes[0].config)).inputs
