"""Import of a workflow folder's own `nodes/*.py`: by content, beside any earlier revision, writing nothing."""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from flowtui.model.errors import Problem

_PREFIX = "flowtui_folder_"


@dataclass(frozen=True, slots=True)
class FolderModule:
    """One `nodes/*.py`.

    Attributes:
        path: of the file, as the user named its folder.
        tree: its syntax; None if it does not parse.
        digest: of its source and, transitively, of the modules of the folder that it imports by `from .x import y`.
        module: None if it could not be imported.
        text: its source.
    """

    path: Path
    tree: ast.Module | None
    digest: str
    module: ModuleType | None
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class _Source:
    """A module as it was on disk at one moment; `name` is dotted, below `nodes/`, and empty for `nodes/` itself."""

    name: str
    path: Path
    text: bytes
    is_package: bool

    @property
    def parent(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class FolderRevision:
    """All sources of a folder's `nodes/` as they were at one moment, and the name of the package that they make up."""

    package: str
    sources: Mapping[str, _Source]


class _Loader(SourceFileLoader):
    """Compiles the text that the digest was made from.

    Python's own byte code cache goes by time stamps, so it misses quick saves, and it writes into the user's folder.
    """

    def __init__(self, fullname: str, source: _Source) -> None:
        super().__init__(fullname, os.path.abspath(source.path))
        self._text = source.text

    def get_data(self, path: str) -> bytes:
        return self._text if path == self.path else super().get_data(path)

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self._text, self.path)
        return code


class _Revisions(MetaPathFinder):
    """Finds modules of all revisions of all folders that this process has seen.

    They stay: a running loop may still import from the revision that it began with.
    """

    def __init__(self) -> None:
        self._packages: dict[str, Mapping[str, _Source]] = {}

    def get(self, package: str) -> FolderRevision | None:
        sources = self._packages.get(package)
        return None if sources is None else FolderRevision(package, sources)

    def add(self, package: str, sources: Mapping[str, _Source]) -> None:
        self._packages[package] = sources
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        sources = self._packages.get(package)
        if sources is None:
            return None
        source = sources.get(name)
        if source is None:
            # Python's own finder must not look: it would load a file that this revision does not have.
            raise ModuleNotFoundError(f"the nodes folder has no module {name!r}", name=fullname)
        return spec_from_file_location(
            fullname,
            os.path.abspath(source.path),
            loader=_Loader(fullname, source),
            submodule_search_locations=[os.path.abspath(source.path.parent)] if source.is_package else None,
        )


_revisions = _Revisions()
_lock = threading.RLock()
#: By folder: the full name of each module as it was last imported, by its name and digest.
_latest: dict[Path, dict[tuple[str, str], str]] = {}


def load_modules(folder: Path) -> tuple[tuple[FolderModule, ...], tuple[Problem, ...]]:
    """Import `folder/nodes/*.py` and return them, in order of their names, with what is wrong.

    All sources together name one synthetic package: while none of them changes, every call returns the same modules.
    When some change, only those and the modules that import them are run anew. A module that could not be imported
    is tried again at each call.
    """
    sources, problems = _read(folder / "nodes")
    if not sources:
        return (), tuple(problems)
    home = folder.resolve()
    package = _PREFIX + _digest(sources.values(), str(home))
    trees = {name: _parse(source.text) for name, source in sources.items()}
    needed = {name: _needed(name, sources, trees) for name in sources if _is_node_module(sources[name])}
    digests = {name: _digest(sources[each] for each in names) for name, names in needed.items()}
    modules = []
    with _lock:
        if package not in sys.modules:
            _revisions.add(package, sources)
            alone = {name for name, names in needed.items() if all(_can_be_shared(sources[each]) for each in names)}
            _share(package, {(name, digests[name]) for name in alone}, _latest.get(home, {}))
        for name, digest in digests.items():
            module = _import(f"{package}.{name}".rstrip("."), sources, problems)
            modules.append(FolderModule(sources[name].path, trees[name], digest, module, sources[name].text))
        loaded = zip(digests.items(), modules, strict=True)
        _latest[home] = {key: each.module.__name__ for key, each in loaded if each.module}
    return tuple(modules), tuple(problems)


def revision_of(module: str) -> FolderRevision | None:
    """Return the sources from which a module of a folder was imported; None if it is another kind of module."""
    return _revisions.get(module.partition(".")[0])


def restore(revision: FolderRevision) -> None:
    """Make the modules of a revision importable in another process, under the names that they have in the first."""
    _revisions.add(revision.package, revision.sources)


def _is_node_module(source: _Source) -> bool:
    if source.is_package:
        return not source.name and bool(source.text)
    return "." not in source.name


def _can_be_shared(source: _Source) -> bool:
    """Return whether a module stands alone: what belongs to a package of the folder is run anew together with it."""
    return "." not in source.name and not (source.is_package and source.text)


def _share(package: str, wanted: set[tuple[str, str]], before: Mapping[tuple[str, str], str]) -> None:
    """Take over modules that did not change, so that an edit takes up memory only for what it changes."""
    for name, digest in wanted & before.keys():
        module = sys.modules.get(before[name, digest])
        if module is not None:
            sys.modules[f"{package}.{name}"] = module
            setattr(importlib.import_module(package), name, module)


def _read(root: Path) -> tuple[dict[str, _Source], list[Problem]]:
    """Read `root/**/*.py`; a folder without `__init__.py` counts as having an empty one."""
    sources: dict[str, _Source] = {}
    problems: list[Problem] = []
    for where, folders, files in os.walk(root):
        folders[:] = sorted(folder for folder in folders if folder.isidentifier() and folder != "__pycache__")
        package = ".".join(Path(where).relative_to(root).parts)
        sources[package] = _Source(package, Path(where, "__init__.py"), b"", True)
        for file in sorted(files):
            stem, suffix = os.path.splitext(file)
            if suffix != ".py" or stem.startswith("."):
                continue
            path = Path(where, file)
            if "." in stem:
                problems.append(Problem(path, 0, 0, "a module's name can't hold a dot; rename the file", "node-import"))
                continue
            name = package if stem == "__init__" else f"{package}.{stem}".lstrip(".")
            try:
                sources[name] = _Source(name, path, path.read_bytes(), stem == "__init__")
            except FileNotFoundError:
                continue  # renamed or deleted since it was listed
            except OSError as error:
                problems.append(Problem(path, 0, 0, f"cannot be read: {error.strerror}", "node-import"))
    return (sources if any(source.text for source in sources.values()) else {}), problems


def _digest(sources: Iterable[_Source], salt: str = "") -> str:
    digest = hashlib.blake2b(salt.encode(errors="surrogateescape"), digest_size=12)
    for source in sorted(sources, key=lambda source: source.name):
        digest.update(f"\0{source.name}\0{len(source.text)}\0".encode(errors="surrogateescape") + source.text)
    return digest.hexdigest()


def _parse(text: bytes) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # importing it says what is wrong


def _needed(name: str, sources: Mapping[str, _Source], trees: Mapping[str, ast.Module | None]) -> set[str]:
    """Return the names of all modules whose code a module runs: itself, its packages, and what it imports."""
    needed: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in needed:
            continue
        needed.add(current)
        waiting.extend(each for each in _imports(sources[current], trees[current]) if each in sources)
    return needed


def _imports(source: _Source, tree: ast.Module | None) -> set[str]:
    names = {source.name, source.parent}
    for node in ast.walk(tree) if tree else ():
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        package = source.parent.split(".") if source.parent else []
        base = package[: len(package) - (node.level - 1)] + (node.module.split(".") if node.module else [])
        names.update(".".join(base[:length]) for length in range(len(base) + 1))
        names.update(".".join([*base, alias.name]) for alias in node.names)
    return names


def _import(fullname: str, sources: Mapping[str, _Source], problems: list[Problem]) -> ModuleType | None:
    path = sources[fullname.partition(".")[2]].path
    try:
        return importlib.import_module(fullname)
    except BaseException as error:  # `sys.exit()` in a user's module must not end the app
        line, column, raised_in = _place(error, path)
        why = _in_own_words(error, sources) or one_line(error)
        problems.append(Problem(path, line, column, f"cannot be imported: {why}{raised_in}", "node-import"))
        return None


def _in_own_words(error: BaseException, sources: Mapping[str, _Source]) -> str:
    """Return what is wrong with an import within the folder, empty if the error is about something else."""
    if not isinstance(error, ImportError) or not error.name:
        return ""
    first, _, rest = error.name.partition(".")
    if first.startswith(_PREFIX) and "partially initialized" in str(error):
        return (
            f"modules here import from each other in a ring that ends at {rest}.py; move what they share into a third"
        )
    if isinstance(error, ModuleNotFoundError) and (first in sources or first == "nodes"):
        inner = rest if first == "nodes" else error.name
        return f"{one_line(error)}; a module of this folder is imported as `from .{inner or 'module'} import …`"
    if isinstance(error, ModuleNotFoundError) and not first.startswith(_PREFIX):
        return f"{one_line(error)}; install it for the Python that runs flowtui ({sys.executable})"
    return ""


def _place(error: BaseException, path: Path) -> tuple[int, int, str]:
    """Return line and column of an error in one file, and, if it was raised in another file of the folder, where."""
    here = os.path.abspath(path)
    if isinstance(error, SyntaxError) and error.filename == here:
        return error.lineno or 0, error.offset or 0, ""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if os.path.dirname(frame.filename).startswith(os.path.dirname(here))
    ]
    ours = [frame for frame in own if frame.filename == here]
    if not ours:
        return 0, 0, ""
    file, line = own[-1].filename, own[-1].lineno
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno
    elsewhere = "" if file == here else f" (in {os.path.basename(file)}:{line})"
    return ours[-1].lineno or 0, (ours[-1].colno or 0) + 1, elsewhere


def installed_digest(module: ModuleType | None) -> str:
    """Return a hash of an installed module's source, empty if it has none that can be read."""
    try:
        text = Path(getattr(module, "__file__", None) or "").read_bytes()
    except OSError:
        return ""
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def one_line(error: BaseException) -> str:
    """Return an exception as one line, at most 300 characters long."""
    try:
        text = (error.msg if isinstance(error, SyntaxError) else str(error)) or ""
    except Exception:  # a user's exception may fail to say what it is
        text = "its text cannot be made"
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    line = " ".join(line.split())
    return line if len(line) <= 300 else line[:299] + "…"
