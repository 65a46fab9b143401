"""Hot reload: what a changed folder means for the loops that run, and the swap of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, awatch

from flowtui.engine.loop import Loop
from flowtui.engine.runner import GRACE_S
from flowtui.graph.folder import LoadedFolder, LoadedWorkflow
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.states import ACTIVE_STATES, Command, LoopState

_ENDED = frozenset(LoopState) - ACTIVE_STATES
_BEGUN = frozenset(LoopState) - {LoopState.STARTING}
#: On top of the grace, for teardown and the last commit.
_END_PATIENCE_S = GRACE_S + 5.0
#: A `setup` that takes longer than this is left to itself: the loop stays `starting`.
_START_PATIENCE_S = 30.0
_WORKFLOW_SUFFIXES = (".yaml", ".yml", ".json")
_log = logging.getLogger("flowtui.reload")


@dataclass(frozen=True, slots=True)
class LoopChanges:
    """What has to happen to the loops, by id."""

    kept: tuple[str, ...]
    swapped: tuple[ExecutionPlan, ...]
    added: tuple[ExecutionPlan, ...]
    removed: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.swapped or self.added or self.removed)


def merge(running: Mapping[Path, LoadedWorkflow], loaded: LoadedFolder) -> dict[Path, LoadedWorkflow]:
    """Return the workflows that should run: the loaded ones, and of each file that is broken now its old revision."""
    merged = {workflow.path: workflow for workflow in loaded.workflows}
    names = {workflow.name for workflow in loaded.workflows}
    for path in loaded.files:
        old = running.get(path)
        if path not in merged and old is not None and old.name not in names:
            merged[path] = old
    return merged


def diff(running: Mapping[str, str], workflows: Mapping[Path, LoadedWorkflow]) -> LoopChanges:
    """Compare the revisions of the running loops, by id, with the plans that should run."""
    wanted = {plan.loop: plan for workflow in workflows.values() for plan in workflow.plans}
    return LoopChanges(
        kept=tuple(id for id, plan in wanted.items() if running.get(id) == plan.revision),
        swapped=tuple(plan for id, plan in wanted.items() if id in running and running[id] != plan.revision),
        added=tuple(plan for id, plan in wanted.items() if id not in running),
        removed=tuple(id for id in running if id not in wanted),
    )


async def changes(folder: Path) -> AsyncIterator[None]:
    """Yield after every burst of changes that may concern a workflow file or a node module of the folder."""

    def concerns(_: Change, path: str) -> bool:
        name = Path(path).name
        if name.startswith(".") or name.endswith("~"):
            return False
        return name.endswith((*_WORKFLOW_SUFFIXES, ".py")) or Path(path) == folder

    while True:
        try:
            async for _ in awatch(folder, watch_filter=concerns, debounce=400, step=50, recursive=True):
                yield
        except (FileNotFoundError, RuntimeError, OSError) as error:
            _log.warning("cannot watch %s: %s; tried again in 2 s", folder, error)
            await asyncio.sleep(2.0)
            yield


async def end(loop: Loop, reason: str) -> bool:
    """Stop a loop and wait until it has ended; return False if a node does not let it."""
    if loop.is_active and loop.lifecycle.state is not LoopState.STOPPING:
        loop.command(Command.STOP, reason)
    return await loop.until(_ENDED, _END_PATIENCE_S)


async def swap(loop: Loop, plan: ExecutionPlan) -> str:
    """Let `loop` go on with `plan`; return what kept it from that, empty if nothing did.

    The old plan settles and commits before the new one begins, since both may need one port, file or lease. If the
    new one cannot start, the old one starts again. A loop that a person stopped stays stopped, a paused one paused.
    """
    before, old = loop.lifecycle.state, loop.plan
    if not await end(loop, "changed on disk"):
        return f"{plan.loop} keeps its old revision: {loop.lifecycle.state} does not end; stop it and save again"
    loop.replace_plan(plan)
    loop.revision += 1
    if before in (LoopState.STOPPED, LoopState.STOPPING):
        return ""
    if await _start(loop, before):
        return ""
    problem = f"{plan.loop}: the new revision did not start: {loop.lifecycle.reason}"
    if before in (LoopState.FAILED, LoopState.COMPLETED):
        return problem
    loop.replace_plan(old)
    await _start(loop, before)
    return f"{problem}; the old one runs again"


async def _start(loop: Loop, before: LoopState) -> bool:
    loop.command(Command.START, "reloaded")
    if before in (LoopState.PAUSING, LoopState.PAUSED):
        loop.command(Command.PAUSE, "was paused before the reload")
    await loop.until(_BEGUN, _START_PATIENCE_S)
    return loop.lifecycle.state is not LoopState.FAILED
