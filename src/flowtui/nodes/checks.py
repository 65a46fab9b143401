"""Which classes of a module are node types, whether they keep the rules of the base class, and where they stand."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import dis
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from flowtui.model.states import NodeKind
from flowtui.nodes.base import (
    BaseNode,
    BlockingNode,
    ConditionalNode,
    NodeConfig,
    NonBlockingNode,
    Pool,
    ProducerNode,
    type_name,
)
from flowtui.nodes.dependencies import hint_faults

_KINDS = (ProducerNode, BlockingNode, NonBlockingNode, ConditionalNode)
_KIND_NAMES = ", ".join(kind.__name__ for kind in _KINDS)
_BASES = frozenset({BaseNode, *_KINDS, BlockingNode.__mro__[1]})


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a class cannot be a node type; `member` is the attribute at fault, as `Config.city`; empty for the class."""

    member: str
    message: str


def node_classes(module: ModuleType, *, exported: bool = False) -> list[type[BaseNode]]:
    """Return the classes of a module that mean to be node types: public, concrete, with an `execute`.

    They are those that it defines; if `exported`, those too that a package has imported from its own modules.
    """
    own = _classes(module, exported=exported)
    return [cls for cls in own if issubclass(cls, BaseNode) and not _why_passed_over(cls)]


def passed_over(module: ModuleType) -> Iterator[tuple[str, type, str]]:
    """Yield the classes of a module that are no node types though an author may think so.

    Each is the type name that it would have, the class, and why it is none, as the rest of a sentence about it.
    """
    for cls in _classes(module):
        why = _why_passed_over(cls)
        if why:
            yield (str(cls.type) if issubclass(cls, BaseNode) else type_name(cls.__name__)), cls, why


def is_base(cls: type) -> bool:
    """Return whether a class is one of those that authors extend."""
    return cls in _BASES


def faults(cls: type[Any]) -> list[Fault]:
    """Return everything that keeps a class from being a node type."""
    name = cls.__name__
    if not issubclass(cls, _KINDS):
        return [Fault("", f"class {name} must extend one of {_KIND_NAMES}")]
    return [
        *_name_faults(cls),
        *_config_faults(cls),
        *_example_faults(cls),
        *_init_faults(cls),
        *_execute_faults(cls),
        *_frame_faults(cls),
    ]


def _classes(module: ModuleType, *, exported: bool = False) -> list[type]:
    def is_own(cls: type) -> bool:
        return cls.__module__ == module.__name__ or (exported and cls.__module__.startswith(f"{module.__name__}."))

    # A dict, because a class may have two names.
    return list({value: None for value in vars(module).values() if isinstance(value, type) and is_own(value)})


def _why_passed_over(cls: type) -> str:
    if not issubclass(cls, BaseNode):
        has_execute = callable(getattr(cls, "execute", None))
        return f"has an execute() but extends no kind of node; extend one of {_KIND_NAMES}" if has_execute else ""
    if cls.__name__.startswith("_"):
        return "begins with an underscore, which keeps it private; rename it"
    if inspect.isabstract(cls):
        return f"is abstract: it lacks {', '.join(sorted(vars(cls)['__abstractmethods__']))}()"
    if _execute(cls) is None:
        close = difflib.get_close_matches("execute", vars(cls), n=1)
        return f"has no execute(){f' (but {close[0]}())' if close else ''}"
    return ""


def _execute(cls: type[BaseNode]) -> Any:
    """Return the `execute` that an author wrote, None if there is none."""
    for each in cls.__mro__:
        if each not in _BASES and "execute" in each.__dict__:
            return each.__dict__["execute"]
    return None


def _name_faults(cls: type[BaseNode]) -> Iterator[Fault]:
    if not isinstance(cls.type, str) or not cls.type or cls.type != "".join(cls.type.split()):
        yield Fault("type", f"`type` of {cls.__name__} must be a name without spaces, not {cls.type!r}")
    if not isinstance(cls.pool, Pool):
        pools = " or ".join(f"Pool.{pool.name}" for pool in Pool)
        yield Fault("pool", f"`pool` of {cls.__name__} must be {pools}, not {cls.pool!r}")
    if issubclass(cls, ConditionalNode):
        ports: object = cls.ports
        good = isinstance(ports, tuple) and ports and all(isinstance(port, str) and port for port in ports)
        if not good:
            yield Fault(
                "ports", f'`ports` of {cls.__name__} must be a tuple of names like ("yes", "no"), not {ports!r}'
            )


def _config_faults(cls: type[BaseNode]) -> Iterator[Fault]:
    config: object = cls.Config
    if not (isinstance(config, type) and issubclass(config, NodeConfig)):
        yield Fault("Config", f"Config of {cls.__name__} must be a class that extends NodeConfig")
        return
    for each in hint_faults(config):
        yield Fault(f"Config.{each.path[0]}", each.message)


def _example_faults(cls: type[BaseNode]) -> Iterator[Fault]:
    example: object = cls.example
    if not isinstance(example, str | Mapping):
        yield Fault("example", f"`example` of {cls.__name__} must be a config as a mapping, or YAML text")


def _init_faults(cls: type[BaseNode]) -> Iterator[Fault]:
    try:
        inspect.signature(cls).bind(None, id="", loop="", folder=Path())
    except (TypeError, ValueError):
        what = "is a dataclass" if dataclasses.is_dataclass(cls) else "has an __init__() of its own"
        yield Fault(
            "__init__",
            f"{cls.__name__} {what}, which flowtui can't call; declare settings in Config, and make what the node "
            "needs in setup()",
        )


def _execute_faults(cls: type[BaseNode]) -> Iterator[Fault]:
    execute = _execute(cls)
    if inspect.isgeneratorfunction(execute) or inspect.isasyncgenfunction(execute):
        yield Fault("execute", f"execute() of {cls.__name__} must return one item, not `yield` many")
        return
    arguments = ("self",) if cls.kind is NodeKind.PRODUCER else ("self", "data")
    try:
        bound = execute.__get__(object.__new__(cls), cls)
        inspect.signature(bound).bind(*arguments[1:])
    except (TypeError, ValueError, AttributeError):
        has = f", not execute{_signature(execute)}" if inspect.isfunction(execute) else ""
        yield Fault("execute", f"{cls.__name__} must define execute({', '.join(arguments)}){has}")


def _frame_faults(cls: type[BaseNode]) -> Iterator[Fault]:
    for name in ("setup", "teardown"):
        try:
            method = getattr(cls, name).__get__(object.__new__(cls), cls)
            inspect.signature(method).bind()
        except (TypeError, ValueError, AttributeError):
            yield Fault(name, f"{cls.__name__} must define {name}(self), without other arguments")


def _signature(function: Callable[..., Any]) -> str:
    return f"({', '.join(inspect.signature(function).parameters)})"


def hands_on_nothing(cls: type[BaseNode]) -> int:
    """Return the line of an `execute` that never returns anything but None, 0 if it may, or if only running it tells.

    One that always raises is meant so.
    """
    execute = _execute(cls)
    if not inspect.isfunction(execute):
        return 0
    has_ended = False
    before = None
    for each in dis.get_instructions(execute):
        if each.opname in ("RETURN_VALUE", "RETURN_CONST"):
            constant = each if each.opname == "RETURN_CONST" else before
            if each.is_jump_target or constant is None or constant.argval is not None:
                return 0
            if constant.opname not in ("LOAD_CONST", "RETURN_CONST"):
                return 0
            has_ended = True
        before = each
    return execute.__code__.co_firstlineno if has_ended else 0


def named_types(tree: ast.Module | None) -> Iterator[str]:
    """Yield the type names that the classes of a module which cannot be imported would have."""
    for node in tree.body if tree else ():
        if isinstance(node, ast.ClassDef) and node.bases and not node.name.startswith("_"):
            declared = [
                each.value.value
                for each in node.body
                if isinstance(each, ast.Assign | ast.AnnAssign)
                and isinstance(each.value, ast.Constant)
                and any(isinstance(target, ast.Name) and target.id == "type" for target in _targets(each))
            ]
            yield str(declared[0]) if declared else type_name(node.name)


def class_places(tree: ast.Module | None, cls: type[BaseNode]) -> list[tuple[int, int]]:
    """Return line and column of every class statement of that name at the top of a module, (0, 0) if there is none.

    More than one means that a copied class was not renamed: the last one hides the others.
    """
    found = [node for node in (tree.body if tree else ()) if isinstance(node, ast.ClassDef)]
    return [(node.lineno, node.col_offset + 1) for node in found if node.name == cls.__name__] or [(0, 0)]


def fault_place(tree: ast.Module | None, cls: type[BaseNode], fault: Fault) -> tuple[int, int]:
    """Return line and column of the attribute at fault, or of its class if that does not define it itself."""
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            place: ast.stmt = node
            for name in filter(None, fault.member.split(".")):
                place = _member(place, name) or place
            return place.lineno, place.col_offset + 1
    return 0, 0


def _member(statement: ast.stmt, name: str) -> ast.stmt | None:
    for member in statement.body if isinstance(statement, ast.ClassDef) else ():
        names = [target.id for target in _targets(member) if isinstance(target, ast.Name)]
        if getattr(member, "name", None) == name or name in names:
            return member
    return None


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []
