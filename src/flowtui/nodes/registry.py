"""Which node types exist, and where each comes from."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from flowtui.model.errors import Problem, Severity, in_file_order
from flowtui.model.spelling import closest
from flowtui.nodes.base import BaseNode
from flowtui.nodes.builtin import BUILTIN_TYPES
from flowtui.nodes.checks import class_places, fault_place, faults, named_types, node_classes, passed_over
from flowtui.nodes.modules import FolderModule, installed_digest, load_modules, one_line

ENTRY_POINTS = "flowtui.nodes"


@dataclass(frozen=True, slots=True)
class NodeType:
    """One type of node.

    Attributes:
        name: as workflow files say it.
        cls: the author's class.
        source: the file that defines it; None if it is built in or comes from an installed package.
        digest: changes whenever the code behind the type changes.
        function: of one node: the function that its config names, for `load_function`; else empty.
        function_digest: changes whenever the code of that function's module changes.
    """

    name: str
    cls: type[BaseNode]
    source: Path | None
    digest: str
    function: str = ""
    function_digest: str = ""

    @property
    def revision(self) -> str:
        """Changes whenever the code that runs changes; part of every revision that uses it."""
        return self.digest + self.function_digest


@dataclass(frozen=True, slots=True)
class Registry:
    """The node types that a workflow folder can use; immutable.

    Attributes:
        types: by name; to ask for a built-in one imports its module, to look at the names imports nothing.
        problems: what is wrong with node modules, in file order.
        modules: those of the folder.
    """

    types: Mapping[str, NodeType]
    problems: tuple[Problem, ...] = ()
    _blocked: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[FolderModule, ...] = ()

    def find(self, name: str) -> NodeType | None:
        """Return the type of that name, None if there is none that can be used."""
        return self.types.get(name)

    def blocked(self, name: str) -> str | None:
        """Return why a type of that name exists and can't be used, as one clause; None otherwise."""
        return self._blocked.get(name)

    def suggest(self, name: str) -> str | None:
        """Return the known name that is closest to a misspelt one, None if none is close."""
        return closest(name, {*self.types, *self._blocked})


class _Types(Mapping[str, NodeType]):
    """The built-in types, each loaded when it is asked for, and those that were found elsewhere."""

    def __init__(self, found: Mapping[str, NodeType]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> NodeType:
        return built_in(name) if name in BUILTIN_TYPES else self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in BUILTIN_TYPES or name in self._found

    def __iter__(self) -> Iterator[str]:
        yield from BUILTIN_TYPES
        yield from self._found

    def __len__(self) -> int:
        return len(BUILTIN_TYPES) + len(self._found)


@functools.cache
def built_in(name: str) -> NodeType:
    """Return a type that comes with flowtui, importing its module; raises KeyError if there is none of that name."""
    module = importlib.import_module(BUILTIN_TYPES[name])
    cls = next(cls for cls in node_classes(module) if cls.type == name)
    return NodeType(name, cls, None, installed_digest(module))


def discover(folder: Path) -> Registry:
    """Return the built-in types, those of installed packages and those of `folder/nodes/*.py`.

    While no source in `folder/nodes` changes, each call returns the same classes. Never raises because of what a
    node module does: that becomes a problem.
    """
    book = _Book(folder)
    for entry_point in entry_points(group=ENTRY_POINTS):
        book.add_package(entry_point)
    modules, problems = load_modules(folder)
    book.problems.extend(problems)
    for each in modules:
        book.add_folder_module(each)
    return book.registry()


@dataclass(frozen=True, slots=True)
class _Definition:
    """A class that defines a type; `where` names the place within a sentence."""

    type: NodeType
    path: Path
    line: int
    column: int
    where: str


class _Book:
    """Collects definitions and decides which of them count."""

    def __init__(self, folder: Path) -> None:
        self.problems: list[Problem] = []
        self._folder = folder
        self._definitions: dict[str, list[_Definition]] = {}
        self._blocked: dict[str, str] = {}
        self._modules: list[FolderModule] = []

    def add_package(self, entry_point: EntryPoint) -> None:
        where = f"the installed package {entry_point.dist.name if entry_point.dist else entry_point.value!r}"
        try:
            loaded = entry_point.load()
            if not isinstance(loaded, ModuleType | type):
                raise TypeError("it is neither a module nor a class")
        except BaseException as error:  # whatever a package does, the folder's other types must work
            self._warn(f"{where} (entry point {entry_point.name!r}) cannot be used: {one_line(error)}", "node-import")
            return
        if isinstance(loaded, ModuleType):
            classes: list[type[Any]] = [*node_classes(loaded, exported=True)]
        else:
            classes = [loaded]
        if not classes:
            what = f"{where} (entry point {entry_point.name!r}) has no node in its module {entry_point.value!r}"
            self._warn(f"{what}: define or import the classes there", "no-node")
        for cls in classes:
            found = faults(cls)
            if found:
                self._warn(f"class {cls.__name__} of {where}: {found[0].message}", "bad-node")
                continue
            if all(cls is not other.type.cls for other in self._definitions.get(cls.type, ())):
                digest = installed_digest(inspect.getmodule(cls))
                self._add(_Definition(NodeType(cls.type, cls, None, digest), self._folder, 0, 0, where))

    def add_folder_module(self, module: FolderModule) -> None:
        self._modules.append(module)
        place = f"{module.path.parent.name}/{module.path.name}"
        if module.module is None:
            for name in named_types(module.tree):
                self._blocked.setdefault(name, f"{place} cannot be imported")
            return
        for cls in node_classes(module.module):
            found = faults(cls)
            for fault in found:
                line, column = fault_place(module.tree, cls, fault)
                self.problems.append(Problem(module.path, line, column, fault.message, "bad-node"))
            if found:
                self._blocked.setdefault(str(cls.type), f"class {cls.__name__} in {place} is faulty")
                continue
            node_type = NodeType(cls.type, cls, module.path, module.digest)
            for line, column in class_places(module.tree, cls):
                self._add(_Definition(node_type, module.path, line, column, f"{place}:{line}"))
        for name, other, why in passed_over(module.module):
            line, _ = class_places(module.tree, other)[0]
            self._blocked.setdefault(name, f"class {other.__name__} in {place}{f':{line}' if line else ''} {why}")

    def registry(self) -> Registry:
        types: dict[str, NodeType] = {}
        for name, definitions in self._definitions.items():
            if name in BUILTIN_TYPES:
                for each in definitions:
                    self._duplicate(each, f"node type {name!r} is built in; give this class another name or `type`")
            elif len(definitions) > 1:
                places = [each.where for each in definitions]
                self._blocked[name] = f"it is defined more than once: {' and '.join(places)}"
                for index, each in enumerate(definitions):
                    others = " and ".join(places[:index] + places[index + 1 :])
                    self._duplicate(each, f"node type {name!r} is also defined in {others}; rename one of them")
            else:
                types[name] = definitions[0].type
        blocked = {name: reason for name, reason in self._blocked.items() if name not in {*types, *BUILTIN_TYPES}}
        problems = in_file_order(self.problems)
        return Registry(_Types(types), problems, MappingProxyType(blocked), tuple(self._modules))

    def _add(self, definition: _Definition) -> None:
        self._definitions.setdefault(definition.type.name, []).append(definition)

    def _duplicate(self, at: _Definition, message: str) -> None:
        severity = Severity.ERROR if at.line else Severity.WARNING
        self.problems.append(Problem(at.path, at.line, at.column, message, "duplicate-node", severity))

    def _warn(self, message: str, code: str) -> None:
        self.problems.append(Problem(self._folder, 0, 0, message, code, Severity.WARNING))
