"""Hot reload: what a changed folder means for the loops that run, and the swap of each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

from flowtui.engine.loop import Loop
from flowtui.engine.runner import GRACE_S
from flowtui.graph.folder import LoadedFolder, LoadedWorkflow
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.states import ACTIVE_STATES, Command, LoopState

_ENDED = frozenset(LoopState) - ACTIVE_STATES
_GIVEN_UP = frozenset({LoopState.STOPPED, LoopState.STOPPING, LoopState.DRAINING})
_BEGUN = frozenset(LoopState) - {LoopState.STARTING}
#: On top of the grace, for teardown and the last commit; a loop that takes longer ends, but is not started again.
_END_PATIENCE_S = GRACE_S + 20.0
#: A `setup` that takes longer than this is left to itself: the loop stays `starting`.
_START_PATIENCE_S = 30.0
_LOOK_EVERY_MS = 1000
_WORKFLOW_SUFFIXES = (".yaml", ".yml", ".json")
_log = logging.getLogger("flowtui.reload")
# It tells of every file that changes, also of those that nodes write all the time.
logging.getLogger("watchfiles").setLevel(logging.WARNING)


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


def fingerprint(folder: Path) -> frozenset[tuple[str, int, int, int]]:
    """Return what identifies the state of the files that matter, without reading them.

    Workflow files stand in the folder itself and node modules below `nodes`; all else may be data, any amount of it.
    """
    found = set()
    for place, suffixes in ((folder, _WORKFLOW_SUFFIXES), (folder / "nodes", (".py",))):
        for directory, below, names in os.walk(place):
            if place == folder:
                below.clear()
            for name in names:
                if name.endswith(suffixes) and not name.startswith("."):
                    path = os.path.join(directory, name)
                    with contextlib.suppress(OSError):
                        stat = os.stat(path) if os.path.exists(path) else os.lstat(path)
                        found.add((path, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


async def changes(folder: Path, seen: Callable[[], object]) -> AsyncIterator[None]:
    """Yield after every burst of changes that may concern a workflow file or a node module of the folder.

    `seen()` gives the `fingerprint` of what was loaded last. A look every few seconds finds what the kernel's events
    do not tell: what changed before the watch began, and changes made on another machine.
    """
    while True:
        try:
            # Nothing is filtered in there: files that nodes write all the time would keep it from ever timing out.
            watch = awatch(
                folder, watch_filter=None, debounce=400, step=50, rust_timeout=_LOOK_EVERY_MS, yield_on_timeout=True
            )
            looked = 0.0
            async for found in watch:
                may_matter = any(_may_matter(os.path.basename(path)) for _, path in found)
                if may_matter or time.monotonic() - looked >= _LOOK_EVERY_MS / 1000:
                    looked = time.monotonic()
                    if fingerprint(folder) != seen():
                        yield
        except (OSError, RuntimeError) as error:
            _log.warning("cannot watch %s: %s; tried again", folder, " ".join(str(error).split()))
            yield
            await asyncio.sleep(_LOOK_EVERY_MS / 1000)


def _may_matter(name: str) -> bool:
    return not name.startswith(".") and name.endswith((*_WORKFLOW_SUFFIXES, ".py"))


async def end(loop: Loop, reason: str) -> bool:
    """Stop a loop and wait until it has ended; return False if a node does not let it."""
    if loop.is_active:
        loop.command(Command.STOP, reason)
    return await loop.until(_ENDED, _END_PATIENCE_S)


async def swap(loop: Loop, plan: ExecutionPlan) -> str:
    """Let `loop` go on with `plan`; return what kept it from that, empty if nothing did.

    The old plan settles and commits before the new one begins, since both may need one port, file or lease. If the
    new one cannot start, the old one starts again. A loop that a person stopped or drained stays stopped, a paused one
    paused.
    """
    before, old = loop.lifecycle.state, loop.plan
    stays_stopped = before in _GIVEN_UP and not loop.is_restarting
    if not await end(loop, "changed on disk"):
        return f"{plan.loop} keeps its old revision: {loop.lifecycle.state} does not end; stop it and save again"
    loop.replace_plan(plan)
    loop.revision += 1
    if stays_stopped:
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
