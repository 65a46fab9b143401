"""The files of a folder: what runs of each, what is wrong with it, and which texts it could be given back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from flowtui.engine.kept_texts import KeptTexts
from flowtui.graph.folder import LoadedFolder, LoadedWorkflow
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import Problem, Severity
from flowtui.model.excerpts import excerpt, lines_of
from flowtui.model.workflows import FileKind, FileProblem, WorkflowView
from flowtui.nodes.modules import revision_of
from flowtui.nodes.registry import NodeType
from flowtui.workflow.source import text_digest

#: The code of the problem that the folder cannot be read at all.
_NO_FOLDER = "no-folder"
_RANK = {FileKind.FOLDER: 0, FileKind.WORKFLOW: 1, FileKind.MODULE: 2, FileKind.IGNORED: 3}


class FolderFiles:
    """What is known of the files after each look at the folder; `views` may be read from any thread."""

    def __init__(self, folder: Path, kept: KeptTexts) -> None:
        self.kept = kept
        self.views: tuple[WorkflowView, ...] = ()
        self._folder = folder
        self._loaded_at: dict[str, tuple[str, float]] = {}  # by name: what was loaded, and when
        self._broken: dict[str, str] = {}  # by name, the digest of each text that can't be loaded
        self.newly_broken: tuple[str, ...] = ()  # names; those whose broken text is another one than before
        self.newly_mended: tuple[str, ...] = ()

    def find(self, path: Path) -> WorkflowView | None:
        """Return what is known of a file, None if it is none of the folder."""
        return next((view for view in self.views if view.path == path and view.kind is not FileKind.FOLDER), None)

    def forget(self, view: WorkflowView) -> None:
        """Keep nothing of a file that is gone."""
        self.kept.forget(view.name)
        self.views = tuple(each for each in self.views if each is not view)

    def keep(self, loaded: LoadedFolder, revisions: Mapping[str, int]) -> None:
        """Keep the texts of all that was loaded well; writes files, so call it on a thread that can wait."""
        if _is_away(loaded):
            return
        for workflow in loaded.workflows:
            name, revision = self._name(workflow.path), revisions.get(workflow.name, 0)
            self.kept.keep(name, workflow.text, is_good=True, revision=revision)
        for module in loaded.registry.modules:
            if module.module is not None and module.text:
                self.kept.keep(self._name(module.path), module.text, is_good=True)
        self.kept.forget_gone({self._name(path) for path in _paths(loaded)})

    def show(
        self,
        loaded: LoadedFolder,
        running: Mapping[Path, LoadedWorkflow],
        revisions: Mapping[str, int],
        others: Iterable[Problem] = (),
    ) -> None:
        """Make the views anew.

        Args:
            loaded: what the folder holds.
            running: the workflows that run, by file.
            revisions: of each workflow, by name.
            others: further problems, of loops that did not start.
        """
        if _is_away(loaded):
            # Nothing is known but that: what was there may be there again in a moment.
            self.newly_broken = self.newly_mended = ()
            away = replace(self._folder_view(), problems=_by_path(loaded.problems, {})[self._folder])
            self.views = (away, *(view for view in self.views if view.kind is not FileKind.FOLDER))
            return
        texts = {**loaded.texts, **{each.path: each.text for each in loaded.registry.modules}}
        problems = _by_path((*loaded.problems, *others), texts)
        good = {workflow.path for workflow in loaded.workflows}
        self._note_broken(loaded, texts, good)
        plans = [plan for workflow in running.values() for plan in workflow.plans]
        views = []
        for path in loaded.files:
            runs = running.get(path)
            is_broken = path not in good
            is_innocent = is_broken and path in texts and self._is_innocent(path, texts[path], runs)
            view = self._workflow(path, runs, revisions)
            views.append(replace(view, is_broken=is_broken, is_innocent=is_innocent))
        views += [self._module(path, plans) for path in dict.fromkeys(_modules(loaded, problems))]
        named = {view.name for view in views}
        views += [self._gone(name) for name in self.kept.names() if name not in named]
        views += [self._view(path, FileKind.IGNORED, ignored=why) for path, why in loaded.ignored]
        if self._folder in problems:
            views.append(self._folder_view())
        views = [replace(view, problems=problems.get(view.path, ())) for view in views]
        self.views = tuple(sorted(views, key=lambda view: (_RANK[view.kind], view.is_gone, view.name)))

    def _folder_view(self) -> WorkflowView:
        return WorkflowView(self._folder, self._folder.name, FileKind.FOLDER)

    def _note_broken(self, loaded: LoadedFolder, texts: Mapping[Path, bytes], good: set[Path]) -> None:
        modules = [each.path for each in loaded.registry.modules if each.module is None]
        paths = [*(path for path in loaded.files if path not in good), *modules]
        broken = {self._name(path): text_digest(texts.get(path, b"")) for path in paths}
        self.newly_broken = tuple(name for name, digest in broken.items() if self._broken.get(name) != digest)
        there = {self._name(path) for path in _paths(loaded)}
        self.newly_mended = tuple(name for name in self._broken if name in there and name not in broken)
        self._broken = broken

    def _workflow(self, path: Path, runs: LoadedWorkflow | None, revisions: Mapping[str, int]) -> WorkflowView:
        view = self._view(path, FileKind.WORKFLOW)
        if runs is None:
            self._loaded_at.pop(view.name, None)
            return view
        return replace(
            view,
            workflow=runs.name,
            revision=revisions.get(runs.name, 0),
            loops=tuple(plan.loop for plan in runs.plans),
            nodes=sum(len(plan.nodes) for plan in runs.plans),
            loaded_at=self._since(view.name, runs.revision),
        )

    def _is_innocent(self, path: Path, text: bytes, runs: LoadedWorkflow | None) -> bool:
        """Return whether a broken text is the one that runs, or, if none does, once loaded well."""
        if runs is not None:
            return text == runs.text
        digest = text_digest(text)
        return any(each.is_good and each.digest == digest for each in self.kept.of(self._name(path)))

    def _module(self, path: Path, plans: Iterable[ExecutionPlan]) -> WorkflowView:
        view = self._view(path, FileKind.MODULE)
        used = [(plan.loop, node.type) for plan in plans for node in plan.nodes if _comes_from(node.type, path)]
        digest = ",".join(sorted({type.revision for _, type in used}))
        return replace(
            view,
            loops=tuple(dict.fromkeys(loop for loop, _ in used)),
            nodes=len(used),
            loaded_at=self._since(view.name, digest) if used else 0.0,
            is_broken=view.name in self._broken,
        )

    def _gone(self, name: str) -> WorkflowView:
        self._loaded_at.pop(name, None)
        kind = FileKind.MODULE if name.endswith(".py") else FileKind.WORKFLOW
        return replace(self._view(self._folder / name, kind), is_gone=True)

    def _view(self, path: Path, kind: FileKind, ignored: str = "") -> WorkflowView:
        name = self._name(path)
        return WorkflowView(
            path, name, kind, changed_at=_changed_at(path), ignored=ignored, kept=len(self.kept.of(name))
        )

    def _since(self, name: str, what: str) -> float:
        known = self._loaded_at.get(name)
        if known is None or known[0] != what:
            known = self._loaded_at[name] = (what, time.time())
        return known[1]

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix() if path != self._folder else path.name


def _comes_from(type: NodeType, path: Path) -> bool:
    """Return whether the code of a type, or the function that its config names, stands in a file."""
    module = type.function.partition(":")[0]
    names_it = module.rpartition(".")[2] == path.stem and revision_of(module) is not None
    return type.source == path or names_it


def _is_away(loaded: LoadedFolder) -> bool:
    return any(problem.code == _NO_FOLDER for problem in loaded.problems)


def _paths(loaded: LoadedFolder) -> list[Path]:
    return [*loaded.files, *(module.path for module in loaded.registry.modules)]


def _modules(loaded: LoadedFolder, problems: Mapping[Path, object]) -> list[Path]:
    """Return the node modules, those with problems among them that could not even be read."""
    known = [module.path for module in loaded.registry.modules if module.text]
    return sorted({*known, *(path for path in problems if path.suffix == ".py")})


def _by_path(problems: Iterable[Problem], texts: Mapping[Path, bytes]) -> dict[Path, tuple[FileProblem, ...]]:
    lines: dict[Path, list[str]] = {}
    found: dict[Path, list[FileProblem]] = {}
    for problem in sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR):
        path = problem.path
        if path in texts and path not in lines:
            lines[path] = lines_of(texts[path])
        place = excerpt(lines[path], problem.line, problem.column) if path in lines else None
        found.setdefault(path, []).append(FileProblem(problem, place))
    return {path: tuple(each) for path, each in found.items()}


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
