"""The files of a workflow folder as a screen shows them: what runs, what is wrong, what reloads have changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from flowtui.model.diff import Change, ChangeKind
from flowtui.model.errors import Problem, Severity
from flowtui.model.excerpts import Excerpt


class FileKind(StrEnum):
    """What a file of the folder is."""

    WORKFLOW = "workflow"
    MODULE = "node module"
    FOLDER = "folder"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A problem and the lines around it as they were when it was found; None if it has no line."""

    problem: Problem
    excerpt: Excerpt | None = None


@dataclass(frozen=True, slots=True)
class WorkflowView:
    """One file of the folder, be it a workflow file or not, or the folder itself if something is wrong with it.

    Attributes:
        name: of the file, within the folder.
        workflow: name of the workflow; empty if none is known.
        revision: of the workflow that runs: counts the changes of its meaning since the engine started, from 1; 0 if
            nothing of the file runs.
        loops: ids of those that run of it, or that use its nodes.
        nodes: how many these loops have, or are of its types.
        changed_at: when the file was last written, in seconds since the epoch; 0 if it is not there.
        loaded_at: when what runs was loaded; 0 if nothing of it runs.
        problems: errors first.
        is_broken: whether the file as it is can't be loaded; what ran before still runs, if `revision` is not 0.
        is_innocent: whether a broken file is as it was when it was loaded well: what it needs is broken.
        is_gone: whether it was deleted; it can be brought back if texts are kept.
        ignored: why it is not loaded, one clause; empty if it is.
        kept: how many texts it could be given back.
    """

    path: Path
    name: str
    kind: FileKind
    workflow: str = ""
    revision: int = 0
    loops: tuple[str, ...] = ()
    nodes: int = 0
    changed_at: float = 0.0
    loaded_at: float = 0.0
    problems: tuple[FileProblem, ...] = ()
    is_broken: bool = False
    is_innocent: bool = False
    is_gone: bool = False
    ignored: str = ""
    kept: int = 0

    @property
    def errors(self) -> int:
        """How many of its problems keep it from running."""
        return sum(each.problem.severity is Severity.ERROR for each in self.problems)


@dataclass(frozen=True, slots=True)
class LoopChange:
    """What became of a loop.

    Attributes:
        kind: added, removed or changed.
        changes: of a changed one, with paths such as `("nodes", "check", "config", "min_total")`. Secrets are masked.
        problem: why it goes on with its old revision, one sentence; empty if it does not.
    """

    loop: str
    kind: ChangeKind
    changes: tuple[Change, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Reload:
    """What came of reading the folder again.

    Attributes:
        at: in seconds since the epoch.
        why: what was done, if it was more than saving a file: `rolled back orders.yaml`.
        text: one line: `orders r7: 2 loops kept, 1 swapped, 0 lost, 214 queued`.
        is_bad: whether a file turned out to be broken, or a loop did not start.
    """

    at: float
    why: str
    text: str
    changes: tuple[LoopChange, ...] = ()
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class KeptText:
    """A text that a file once had, and may be given back.

    Attributes:
        digest: tells it from others.
        at: when the file last came to have it, in seconds since the epoch.
        is_good: whether it loaded without errors.
        revision: of the workflow with this text; 0 if this engine has not run it.
    """

    digest: str
    at: float
    is_good: bool
    revision: int = 0


@dataclass(frozen=True, slots=True)
class RollBack:
    """What would change if a file were given an earlier text back.

    Attributes:
        digest: of the file as it is now; empty if it is gone. If it is another one then, nothing is written.
        lines: a sign (`+`, `-`, a space, or `@` before a stretch) and the text of each line of the difference.
        changes: what becomes of the loops that run.
        problems: of the text that would be written.
        note: what is to be known before, one sentence, or empty.
    """

    path: Path
    name: str
    to: KeptText
    digest: str
    lines: tuple[tuple[str, str], ...]
    changes: tuple[LoopChange, ...] = ()
    problems: tuple[Problem, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file as it is on disk; `problems` are those that were found in it when it was last loaded."""

    path: Path
    lines: tuple[str, ...]
    digest: str
    problems: tuple[Problem, ...] = ()
