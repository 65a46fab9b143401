"""A plan in a form that another process can run: the same nodes of the same code, whatever the disk holds by then."""

from __future__ import annotations

import importlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import NodeError
from flowtui.nodes.base import BaseNode
from flowtui.nodes.checks import node_classes
from flowtui.nodes.functions import load_function
from flowtui.nodes.modules import FolderRevision, installed_digest, one_line, restore, revision_of
from flowtui.nodes.registry import NodeType


@dataclass(frozen=True, slots=True)
class PackedPlan:
    """`content` is to be read only after `revisions`, the sources of the folder's modules, are in place.

    It holds the config with `${NAME}` resolved; secrets are not in it.
    """

    content: bytes
    revisions: tuple[FolderRevision, ...]


class _TypeName(NamedTuple):
    """What stands for a `NodeType`, since classes of a folder's modules cannot be pickled."""

    name: str
    module: str
    source: Path | None
    digest: str
    function: str
    function_digest: str


class _Packer(pickle.Pickler):
    def persistent_id(self, obj: Any) -> _TypeName | None:
        if not isinstance(obj, NodeType):
            return None
        module = obj.cls.__module__
        return _TypeName(obj.name, module, obj.source, obj.digest, obj.function, obj.function_digest)


class _Unpacker(pickle.Unpickler):
    def persistent_load(self, pid: _TypeName) -> NodeType:
        cls = _find(pid)
        _refuse_changed(f"node type {pid.name!r}", pid.module if pid.source is None else "", pid.digest)
        if pid.function:
            load_function(pid.function)
            _refuse_changed(f"{pid.function!r}", pid.function.partition(":")[0], pid.function_digest)
        return NodeType(pid.name, cls, pid.source, pid.digest, pid.function, pid.function_digest)


def _refuse_changed(what: str, module: str, digest: str) -> None:
    """Raise if the code of an installed module is not what it was in the other process; a folder's is packed."""
    if module and revision_of(module) is None and installed_digest(importlib.import_module(module)) != digest:
        raise NodeError(f"the code of {what} ({module}) has changed since flowtui was started: start it again")


def pack(plan: ExecutionPlan) -> PackedPlan:
    """Return a plan of this process for another one.

    Raises:
        NodeError: if something in it has no form outside this process.
    """
    content = io.BytesIO()
    try:
        _Packer(content, pickle.HIGHEST_PROTOCOL).dump(plan)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise NodeError(f"{plan.loop} cannot be handed to another process: {one_line(error)}") from error
    names = [name for node in plan.nodes for name in (node.type.cls.__module__, node.type.function.partition(":")[0])]
    found = (revision_of(name) for name in names)
    return PackedPlan(content.getvalue(), tuple({each.package: each for each in found if each is not None}.values()))


def unpack(packed: PackedPlan) -> ExecutionPlan:
    """Return the plan, importing the modules of its nodes and no others of the folder.

    Raises:
        NodeError: if a node type cannot be loaded, or has other code than where the plan was packed.
    """
    for revision in packed.revisions:
        restore(revision)
    plan: ExecutionPlan = _Unpacker(io.BytesIO(packed.content)).load()
    return plan


def _find(wanted: _TypeName) -> type[BaseNode]:
    try:
        module = importlib.import_module(wanted.module)
    except BaseException as error:  # `sys.exit()` in a user's module must be explained too
        raise NodeError(f"node type {wanted.name!r} cannot be loaded in a child process: {one_line(error)}") from error
    for cls in node_classes(module):
        if cls.type == wanted.name:
            return cls
    raise NodeError(f"node type {wanted.name!r} is not in {wanted.module} in a child process: define it at its top")
