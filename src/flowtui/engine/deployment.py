"""Which loops there are: made from the folder, remade when the folder changes."""

from __future__ import annotations

import asyncio
import difflib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from flowtui.engine.folder_files import FolderFiles
from flowtui.engine.kept_texts import KeptTexts
from flowtui.engine.loop import Loop
from flowtui.engine.reload import LoopChanges, diff, end, fingerprint, merge, swap
from flowtui.engine.reload_report import queue_words, told
from flowtui.engine.runner import GRACE_S
from flowtui.graph.folder import LoadedFolder, LoadedWorkflow
from flowtui.graph.meanings import loop_changes
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import FolderError, Problem, UnknownLoop
from flowtui.model.snapshot import QueueView
from flowtui.model.states import Command
from flowtui.model.workflows import LoopChange, Reload
from flowtui.nodes.registry import Registry

#: Reloads that are remembered.
_MOST_RELOADS = 20

_log = logging.getLogger("flowtui.reload")


class Deployment:
    """The loops of one folder. `loops` and `problems` may be read from any thread; they are replaced, not changed."""

    def __init__(
        self,
        folder: Path,
        load: Callable[[], LoadedFolder],
        make_loop: Callable[[ExecutionPlan], Loop],
        *,
        autostart: bool = True,
        kept: KeptTexts | None = None,
        look: Callable[[], Awaitable[Sequence[QueueView] | None]] | None = None,
    ) -> None:
        """`load` reads the folder; it may raise `FolderError`. Without `autostart` no loop starts by itself.

        `kept` keeps the texts of the files; by default they are kept in memory. `look` returns how the queues stand
        now, None if that cannot be told.
        """
        self._autostart = autostart
        self._folder = folder
        self._load = load
        self._make_loop = make_loop
        self._workflows: dict[Path, LoadedWorkflow] = {}
        self._revisions: Counter[str] = Counter()
        self._swap_problems: dict[str, Problem] = {}
        self._file_problems: tuple[Problem, ...] = ()
        self._one_at_a_time = asyncio.Lock()
        self.loops: dict[str, Loop] = {}
        self.seen: object = None  # fingerprint of the files that were loaded last
        self.files = FolderFiles(folder, kept or KeptTexts(None))
        self.registry = Registry({})  # the node types that the files were last loaded with
        self.reloads: tuple[Reload, ...] = ()  # the newest first; may be read from any thread
        self._look = look

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files, and which new revisions did not start."""
        return (*self._file_problems, *self._swap_problems.values())

    @property
    def last_reload(self) -> str:
        """What came of the last reload, in one line; empty before the first one."""
        return self.reloads[0].text if self.reloads else ""

    @property
    def workflows(self) -> Mapping[Path, LoadedWorkflow]:
        """The workflows that run, by file."""
        return self._workflows

    @property
    def plans(self) -> dict[str, ExecutionPlan]:
        """The loops as the files said them last, by id; a loop may still run as they said it before."""
        return {plan.loop: plan for workflow in self._workflows.values() for plan in workflow.plans}

    def load(self) -> LoadedFolder:
        """Read the folder; may take a while, so call it on a thread that can wait. Never raises."""
        self.seen = fingerprint(self._folder)
        try:
            loaded = self._load()
        except FolderError as error:
            problem = Problem(self._folder, 0, 0, str(error), "no-folder")
            return LoadedFolder(
                folder=self._folder,
                workflows=tuple(self._workflows.values()),
                files=tuple(self._workflows),
                problems=(problem,),
                registry=Registry({}),
            )
        self.registry = loaded.registry
        return loaded

    def show_problems(self, loaded: LoadedFolder) -> None:
        """Take over what is wrong with the files, before anything runs."""
        self._file_problems = loaded.problems
        self.files.show(loaded, {}, {})
        self._log_problems()

    async def deploy(self, loaded: LoadedFolder, *, first: bool = False, why: str = "") -> None:
        """Make the loops what the files say: start new ones, swap changed ones, stop removed ones.

        `why` says what was done, if it was more than saving a file.
        """
        before = self._workflows
        self._workflows = merge(before, loaded)
        self._file_problems = loaded.problems
        changes = diff({id: loop.plan.revision for id, loop in self.loops.items()}, self._workflows)
        # Each is tried again, gone, or back at the revision that runs.
        self._swap_problems = {}
        names = self._count_revisions(before)
        self._add(changes.added)
        await asyncio.gather(
            *(self._remove(id) for id in changes.removed), *(self._swap(plan) for plan in changes.swapped)
        )
        differences = await asyncio.to_thread(self._take_stock, before, loaded)
        if not first:
            await self._tell(names, changes, differences, why)

    async def refresh(self) -> str:
        """Read the folder again and deploy it; return what came of that, empty if nothing has changed since."""
        async with self._one_at_a_time:
            return await self._refresh("")

    async def change(self, write: Callable[[], None], why: str) -> str:
        """Have a file written, then read the folder again and deploy it; return what came of that.

        `write` is called on a thread that can wait, while no other reload is under way; what it raises is raised.
        `why` says what was done.
        """
        async with self._one_at_a_time:
            await asyncio.to_thread(write)
            return await self._refresh(why)

    async def _refresh(self, why: str) -> str:
        if fingerprint(self._folder) == self.seen:
            return ""
        await self.deploy(await asyncio.to_thread(self.load), why=why)
        return self.last_reload

    def _take_stock(self, before: Mapping[Path, LoadedWorkflow], loaded: LoadedFolder) -> tuple[LoopChange, ...]:
        """Keep the texts, show the files, and return how the loops differ from what they were."""
        self.files.keep(loaded, self._revisions)
        self.files.show(loaded, self._workflows, self._revisions, self._swap_problems.values())
        changed = [path for path in {*before, *self._workflows} if before.get(path) != self._workflows.get(path)]
        return loop_changes(
            [before[path] for path in changed if path in before],
            [self._workflows[path] for path in changed if path in self._workflows],
        )

    def get(self, id: str) -> Loop:
        """Return a loop.

        Raises:
            UnknownLoop: if there is none of that id.
        """
        loop = self.loops.get(id)
        if loop is None:
            close = difflib.get_close_matches(id, sorted(self.loops), n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else "; it may have been removed from its file"
            raise UnknownLoop(f"there is no loop {id!r}{hint}")
        return loop

    def _add(self, plans: tuple[ExecutionPlan, ...]) -> None:
        made = {plan.loop: self._make_loop(plan) for plan in plans}
        self.loops = {**self.loops, **made}
        for plan in plans:
            if plan.autostart and self._autostart:
                made[plan.loop].command(Command.START, "started with its file")

    async def _remove(self, id: str) -> None:
        loop = self.loops[id]
        loop.replays.close(GRACE_S)
        has_ended = await end(loop, "removed from its file")
        if not (await loop.replays.ended(GRACE_S) and has_ended):
            _log.error("%s is gone from its file, but a node of it does not end", id)
        self.loops = {other: kept for other, kept in self.loops.items() if other != id}

    async def _swap(self, plan: ExecutionPlan) -> None:
        problem = await swap(self.loops[plan.loop], plan)
        if problem:
            self._swap_problems[plan.loop] = Problem(plan.path, plan.nodes[0].line, 1, problem, "not-started")
            _log.error("%s", problem)

    def _count_revisions(self, before: Mapping[Path, LoadedWorkflow]) -> list[str]:
        was = {workflow.name: workflow.revision for workflow in before.values()}
        changed = [w.name for w in self._workflows.values() if was.get(w.name) != w.revision]
        self._revisions.update(changed)
        gone = was.keys() - {workflow.name for workflow in self._workflows.values()}
        return [f"{name} r{self._revisions[name]}" for name in changed] + [f"{name} removed" for name in sorted(gone)]

    async def _tell(
        self, names: list[str], changes: LoopChanges, differences: tuple[LoopChange, ...], why: str
    ) -> None:
        told_apart = tuple(replace(each, problem=self._problem_of(each.loop)) for each in differences)
        failed = len(self._swap_problems)
        newly = self.files.newly_broken
        broken = [view for view in self.files.views if view.name in newly]
        queues = await self._queue_words(changes)
        text = told(names, changes, failed, broken, self.files.newly_mended, queues)
        reload = Reload(time.time(), why, text, told_apart, is_bad=bool(failed or broken))
        self.reloads = (reload, *self.reloads[: _MOST_RELOADS - 1])
        self._log_problems()
        _log.info("%s", f"{why}: {text}" if why else text)

    def _problem_of(self, loop: str) -> str:
        problem = self._swap_problems.get(loop)
        return problem.message if problem is not None else ""

    async def _queue_words(self, changes: LoopChanges) -> str:
        """Return how many items were lost in swaps, and how many wait; empty if none was swapped, or nobody knows."""
        if self._look is None or not changes.swapped:
            return ""
        queues = await self._look()
        return queue_words(queues, changes.swapped) if queues is not None else ""

    def _log_problems(self) -> None:
        for problem in self._file_problems:
            _log.log(logging.ERROR if problem.severity == "error" else logging.WARNING, "%s", problem)
