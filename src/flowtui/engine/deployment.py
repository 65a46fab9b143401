"""Which loops there are: made from the folder, remade when the folder changes."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from flowtui.engine.loop import Loop
from flowtui.engine.reload import LoopChanges, diff, end, fingerprint, merge, swap
from flowtui.engine.runner import GRACE_S
from flowtui.graph.folder import LoadedFolder, LoadedWorkflow
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import FolderError, Problem, UnknownLoop
from flowtui.model.states import Command
from flowtui.nodes.registry import Registry

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
    ) -> None:
        """`load` reads the folder; it may raise `FolderError`. Without `autostart` no loop starts by itself."""
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
        self.last_reload = ""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files, and which new revisions did not start."""
        return (*self._file_problems, *self._swap_problems.values())

    @property
    def plans(self) -> dict[str, ExecutionPlan]:
        """The loops as the files said them last, by id; a loop may still run as they said it before."""
        return {plan.loop: plan for workflow in self._workflows.values() for plan in workflow.plans}

    def load(self) -> LoadedFolder:
        """Read the folder; may take a while, so call it on a thread that can wait. Never raises."""
        self.seen = fingerprint(self._folder)
        try:
            return self._load()
        except FolderError as error:
            problem = Problem(self._folder, 0, 0, str(error), "no-folder")
            return LoadedFolder(
                folder=self._folder,
                workflows=tuple(self._workflows.values()),
                files=tuple(self._workflows),
                problems=(problem,),
                registry=Registry({}),
            )

    def show_problems(self, loaded: LoadedFolder) -> None:
        """Take over what is wrong with the files, before anything runs."""
        self._file_problems = loaded.problems
        self._log_problems()

    async def deploy(self, loaded: LoadedFolder, *, first: bool = False) -> None:
        """Make the loops what the files say: start new ones, swap changed ones, stop removed ones."""
        before = self._workflows
        self._workflows = merge(before, loaded)
        self._file_problems = loaded.problems
        changes = diff({id: loop.plan.revision for id, loop in self.loops.items()}, self._workflows)
        # Each is tried again, gone, or back at the revision that runs.
        self._swap_problems = {}
        names = self._count_revisions(before)
        self._add(changes.added)
        results = await asyncio.gather(
            *(self._remove(id) for id in changes.removed), *(self._swap(plan) for plan in changes.swapped)
        )
        if not first:
            self._tell(names, changes, failed=sum(1 for result in results if result))

    async def refresh(self) -> str:
        """Read the folder again and deploy it; return what came of that, empty if nothing has changed since."""
        async with self._one_at_a_time:
            if fingerprint(self._folder) == self.seen:
                return ""
            await self.deploy(await asyncio.to_thread(self.load))
            return self.last_reload

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

    async def _remove(self, id: str) -> str:
        loop = self.loops[id]
        loop.replays.close(GRACE_S)
        has_ended = await end(loop, "removed from its file")
        if not (await loop.replays.ended(GRACE_S) and has_ended):
            _log.error("%s is gone from its file, but a node of it does not end", id)
        self.loops = {other: kept for other, kept in self.loops.items() if other != id}
        return ""

    async def _swap(self, plan: ExecutionPlan) -> str:
        problem = await swap(self.loops[plan.loop], plan)
        if problem:
            self._swap_problems[plan.loop] = Problem(plan.path, plan.nodes[0].line, 1, problem, "not-started")
            _log.error("%s", problem)
        return problem

    def _count_revisions(self, before: Mapping[Path, LoadedWorkflow]) -> list[str]:
        was = {workflow.name: workflow.revision for workflow in before.values()}
        changed = [w.name for w in self._workflows.values() if was.get(w.name) != w.revision]
        self._revisions.update(changed)
        gone = was.keys() - {workflow.name for workflow in self._workflows.values()}
        return [f"{name} r{self._revisions[name]}" for name in changed] + [f"{name} removed" for name in sorted(gone)]

    def _tell(self, names: list[str], changes: LoopChanges, failed: int) -> None:
        counts = [
            f"{len(changes.kept)} loops kept",
            f"{len(changes.swapped) - failed} swapped",
            f"{len(changes.added)} new",
            f"{len(changes.removed)} removed",
            f"{failed} not started",
        ]
        what = ", ".join(count for count in counts if not count.startswith("0 "))
        broken = sum(problem.severity == "error" for problem in self._file_problems)
        if names:
            self.last_reload = f"{', '.join(names)}: {what}"
        elif broken:
            self.last_reload = f"{broken} problems in the files: what ran before still runs"
        else:
            self.last_reload = "files saved, nothing changed in meaning"
        self._log_problems()
        _log.info("%s", self.last_reload)

    def _log_problems(self) -> None:
        for problem in self._file_problems:
            _log.log(logging.ERROR if problem.severity == "error" else logging.WARNING, "%s", problem)
