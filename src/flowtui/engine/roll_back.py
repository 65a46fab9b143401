"""Rolling a file of the folder back to a text that it once had; the reload finds it there like any other change."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flowtui.engine.deployment import Deployment
from flowtui.engine.saving import give_text
from flowtui.graph.folder import load_file
from flowtui.graph.meanings import loop_changes
from flowtui.model.errors import FileChanged, NothingKept, NotSaved, Problem
from flowtui.model.excerpts import lines_of
from flowtui.model.workflows import FileKind, KeptText, LoopChange, RollBack, SourceText, WorkflowView
from flowtui.workflow.source import read_bytes, text_digest

_CONTEXT = 2
#: Of a difference; a file that differs in more is another one.
_MOST_LINES = 500
#: Longer files are not compared line by line: that takes too long.
_MOST_COMPARED = 20_000


class RollBacks:
    """Earlier texts of the folder's files; for the tasks of one event loop."""

    def __init__(self, deployment: Deployment, env: Mapping[str, str]) -> None:
        """`env` is where `${NAME}` comes from."""
        self._deployment = deployment
        self._env = env

    async def source(self, path: Path) -> SourceText:
        """Return a file as it is on disk.

        Raises:
            NothingKept: if it is no file of the folder.
            FileChanged: if it is gone, or can't be read.
        """
        view = self._view(path)
        data = await asyncio.to_thread(read_bytes, path)
        if isinstance(data, Problem):
            raise FileChanged(f"{path}: {data.message}")
        problems = tuple(each.problem for each in view.problems)
        return SourceText(path, tuple(lines_of(data)), text_digest(data), problems)

    async def kept(self, path: Path) -> tuple[KeptText, ...]:
        """Return the texts that a file could be given back, the newest first; not the one that it has.

        Raises:
            NothingKept: if it is no file of the folder.
        """
        return await asyncio.to_thread(self._others, self._view(path))

    async def plan(self, path: Path, to: str = "") -> RollBack:
        """Return what would change if a file were given the text with the digest `to` back.

        Without `to` that is the text that runs if the file is broken, else the last good one before.

        Raises:
            NothingKept: if no such text is kept, or it is no file of the folder.
            NotSaved: if the file can't be read.
        """
        return await asyncio.to_thread(self._plan, self._view(path), to)

    async def carry_out(self, planned: RollBack) -> str:
        """Give a file the text back, and return what came of the reload; the text that it has is kept, too.

        Raises:
            FileChanged: if the file is not the one any more that the plan was made from; it stays as it is.
            NotSaved: if it can't be written; it is as it was.
            NothingKept: if the text is not kept any more.
        """
        view = self._view(planned.path)
        files = self._deployment.files

        def write() -> None:
            text = files.kept.read(view.name, planned.to.digest)
            if text is None:
                raise NothingKept(f"that text of {view.name} is not kept any more: nothing was written")
            before = read_bytes(view.path)
            # What somebody else has written meanwhile is refused below.
            if not isinstance(before, Problem) and text_digest(before) == planned.digest:
                files.kept.keep(view.name, before, is_good=False)
            give_text(view.path, text, planned.digest)

        return await self._deployment.change(write, f"rolled back {view.name}")

    async def forget(self, path: Path) -> None:
        """Keep no text of a file that is gone any more.

        Raises:
            NothingKept: if it is no file of the folder.
            FileChanged: if it is there.
        """
        view = self._view(path)
        if not view.is_gone:
            raise FileChanged(f"{view.name} is there: only what is kept of a deleted file can be forgotten")
        await asyncio.to_thread(self._deployment.files.forget, view)

    def _view(self, path: Path) -> WorkflowView:
        view = self._deployment.files.find(path)
        if view is None or view.kind is FileKind.IGNORED:
            raise NothingKept(f"{path} is no workflow file or node module of this folder: nothing is kept of it")
        return view

    def _others(self, view: WorkflowView) -> tuple[KeptText, ...]:
        data = read_bytes(view.path)
        digest = "" if isinstance(data, Problem) else text_digest(data)
        return tuple(each for each in self._deployment.files.kept.of(view.name) if each.digest != digest)

    def _plan(self, view: WorkflowView, to: str) -> RollBack:
        before = b"" if view.is_gone else read_bytes(view.path)
        if isinstance(before, Problem):
            raise NotSaved(f"{view.path}: {before.message}")
        target = self._target(view, self._others(view), to)
        after = self._deployment.files.kept.read(view.name, target.digest)
        if after is None:
            raise NothingKept(f"that text of {view.name} is not kept any more: nothing can be rolled back to it")
        changes, problems = self._meaning(view, after)
        return RollBack(
            path=view.path,
            name=view.name,
            to=target,
            digest="" if view.is_gone else text_digest(before),
            lines=tuple(_difference(lines_of(before), lines_of(after))),
            changes=changes,
            problems=problems,
            note=_note(view),
        )

    def _target(self, view: WorkflowView, others: Sequence[KeptText], to: str) -> KeptText:
        if view.is_innocent and not to:
            raise NothingKept(f"{view.name} is as it was when it loaded well: roll back what its problems name")
        runs = self._deployment.workflows.get(view.path) if view.is_broken else None
        to = to or (text_digest(runs.text) if runs is not None else "")
        wanted = [each for each in others if (each.digest == to if to else each.is_good)]
        if not wanted:
            raise NothingKept(
                f"there is no earlier text of {view.name} to roll back to: one is kept whenever a text of it loads well"
            )
        return wanted[0]

    def _meaning(self, view: WorkflowView, text: bytes) -> tuple[tuple[LoopChange, ...], tuple[Problem, ...]]:
        """Return what another text would change, and what is wrong with it; of a node module nothing is known."""
        if view.kind is not FileKind.WORKFLOW:
            return (), ()
        loaded = load_file(view.path, self._env, self._deployment.registry, text)
        runs = self._deployment.workflows.get(view.path)
        if loaded.workflow is None:
            return (), loaded.problems
        return loop_changes([runs] if runs is not None else [], [loaded.workflow]), loaded.problems


def _note(view: WorkflowView) -> str:
    if view.is_gone:
        return "The file was deleted; it is made anew."
    if view.is_innocent:
        return "What the file needs is broken, not the file."
    if view.is_broken and view.revision:
        return f"The file on disk is broken; {view.workflow} r{view.revision} still runs."
    return "The file on disk is broken." if view.is_broken else ""


def _difference(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    if max(len(before), len(after)) > _MOST_COMPARED:
        yield "@", f"{len(before):,} lines become {len(after):,}; they are too many to be compared"
        return
    lines = difflib.unified_diff(before, after, n=_CONTEXT, lineterm="")
    for number, line in enumerate(line for line in lines if not line.startswith(("---", "+++"))):
        if number == _MOST_LINES:
            yield "@", "more lines differ"
            return
        yield line[0], line[1:] if line[0] != "@" else _begin(line)


def _begin(line: str) -> str:
    """Return where a stretch of a difference begins, in the text to be."""
    return f"from line {max(1, int(line.split()[2].lstrip('+').partition(',')[0]))}"
