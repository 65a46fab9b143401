"""A folder of workflow files → everything that can run, and every problem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowtui.graph.analyzer import FlowAnalyzer, workflow_revision
from flowtui.graph.builder import FlowBuilder
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import FolderError, Problem, Severity, in_file_order
from flowtui.nodes.registry import Registry, discover
from flowtui.workflow.loader import SecretUse, WorkflowDoc, load_document
from flowtui.workflow.source import read_bytes

#: Suffixes of workflow files; hidden files and those that editors leave behind do not match.
_WORKFLOW_FILE = re.compile(r"[^.#].*\.(ya?ml|json)", re.IGNORECASE | re.DOTALL)
_HIDDEN_FILE = re.compile(r"[.#].*\.ya?ml", re.IGNORECASE | re.DOTALL)
#: Copies that people and editors make of them.
_LEFT_BEHIND = re.compile(
    r"[^.#].*\.(?:ya?ml|json)(~|\.(?:bak|old|orig|disabled|off|txt|tmp|rej|save|example|template|dist))",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class LoadedWorkflow:
    """One workflow without errors; `revision` changes with the meaning of any of its loops.

    Attributes:
        text: of the file that it was made from.
    """

    path: Path
    name: str
    plans: tuple[ExecutionPlan, ...]
    revision: str
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class LoadedFolder:
    """What a folder holds.

    Attributes:
        workflows: those without errors.
        files: all workflow files that exist, in the order of their names.
        problems: of all files and node modules, in file order.
        secrets: that the files refer to, file by file.
        texts: what each workflow file held that could be read.
        ignored: what looks like a workflow file and is none, each with the reason.
    """

    folder: Path
    workflows: tuple[LoadedWorkflow, ...]
    files: tuple[Path, ...]
    problems: tuple[Problem, ...]
    registry: Registry
    secrets: tuple[SecretUse, ...] = ()
    texts: Mapping[Path, bytes] = field(default_factory=dict)
    ignored: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What one file holds.

    Attributes:
        doc: None if nothing at all can be made of the file.
        workflow: None if the file has errors.
        problems: in file order.
    """

    doc: WorkflowDoc | None
    workflow: LoadedWorkflow | None
    problems: tuple[Problem, ...]


def load_folder(folder: Path, env: Mapping[str, str], registry: Registry | None = None) -> LoadedFolder:
    """Load all workflow files directly in a folder.

    Args:
        folder: paths in the result begin with it as given.
        env: where `${NAME}` comes from.
        registry: the node types; by default the built-in ones, those of packages and of `folder/nodes`.

    Raises:
        FolderError: if the folder does not exist, is no folder or cannot be listed.
    """
    files = workflow_files(folder)
    registry = registry or discover(folder)
    problems = list(registry.problems)
    if not files:
        message = (
            "there is no workflow file in this folder: add one like 'hello.yaml', or try: flowtui new workflow hello"
        )
        problems.append(Problem(folder, 0, 0, message, "empty-folder"))
    workflows: list[LoadedWorkflow] = []
    named: dict[str, Path] = {}
    secrets: list[SecretUse] = []
    texts: dict[Path, bytes] = {}
    for path in files:
        text = read_bytes(path)
        if isinstance(text, Problem):
            problems.append(text)
            continue
        texts[path] = text
        loaded = load_file(path, env, registry, text)
        secrets += loaded.doc.secrets if loaded.doc else ()
        clash = _name_clash(loaded.doc, named) if loaded.doc else ()
        if loaded.workflow is not None and not clash:
            workflows.append(loaded.workflow)
        problems.extend((*loaded.problems, *clash))
    return LoadedFolder(
        folder,
        tuple(workflows),
        files,
        in_file_order(problems),
        registry,
        tuple(secrets),
        texts,
        ignored_files(folder),
    )


def load_file(path: Path, env: Mapping[str, str], registry: Registry, text: bytes | None = None) -> LoadedFile:
    """Load one workflow file with the node types in a registry.

    Args:
        env: where `${NAME}` comes from.
        text: what the file holds; by default it is read.
    """
    if text is None:
        read = read_bytes(path)
        if isinstance(read, Problem):
            return LoadedFile(None, None, (read,))
        text = read
    doc, found = load_document(path, env, registry.types, text)
    if doc is None:
        return LoadedFile(None, None, in_file_order(found))
    graph, others = FlowBuilder(registry).build(doc)
    problems = in_file_order((*found, *others))
    if graph is None or any(problem.severity is Severity.ERROR for problem in problems):
        return LoadedFile(doc, None, problems)
    plans = FlowAnalyzer(graph).plans()
    return LoadedFile(doc, LoadedWorkflow(doc.path, doc.name, plans, workflow_revision(plans), text), problems)


def workflow_files(folder: Path) -> tuple[Path, ...]:
    """Return the workflow files directly in a folder, in the order of their names.

    Raises:
        FolderError: if the folder does not exist, is no folder or cannot be listed.
    """
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except FileNotFoundError:
        raise FolderError(f"The workflow folder '{folder}' does not exist: create it, or name another one.") from None
    except NotADirectoryError:
        raise FolderError(f"'{folder}' is a file: name the folder that holds the workflow files.") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FolderError(f"The workflow folder '{folder}' can't be listed: {reason}.") from None
    # A link that leads nowhere counts as a file, so that it is reported; pipes, sockets and folders do not.
    return tuple(
        path
        for path in entries
        if _WORKFLOW_FILE.fullmatch(path.name) and (path.is_file() or (path.is_symlink() and not path.exists()))
    )


def ignored_files(folder: Path) -> tuple[tuple[Path, str], ...]:
    """Return what looks like a workflow file directly in a folder and is not loaded, by name, each with the reason.

    Hidden JSON files are settings of tools, and never told.
    """
    try:
        found = [(path, why) for path in folder.iterdir() if (why := _why_ignored(path))]
    except OSError:  # it has vanished at this moment
        return ()
    return tuple(sorted(found))


def _why_ignored(path: Path) -> str:
    name = path.name
    if _WORKFLOW_FILE.fullmatch(name):
        if path.is_dir():
            return "it is a folder"
        return "" if path.is_file() or path.is_symlink() else "it is no file that could be read"
    if _HIDDEN_FILE.fullmatch(name):
        return f"its name begins with '{name[0]}'"
    if (left := _LEFT_BEHIND.fullmatch(name)) and path.is_file():
        return f"its name ends with '{left[1]}': a workflow file ends with .yaml, .yml or .json"
    return ""


def _name_clash(doc: WorkflowDoc, named: dict[str, Path]) -> tuple[Problem, ...]:
    """Report a name that an earlier file has; remember the name otherwise."""
    first = named.setdefault(doc.name, doc.path)
    if first == doc.path:
        return ()
    message = f"workflow '{doc.name}' is also defined in {first.name}: give this one another 'name:'"
    return (doc.problem(("name",), message, "duplicate-workflow"),)
