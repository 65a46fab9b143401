"""Functions that a config names as `module:name`: of the folder's `nodes/` or of an installed package."""

from __future__ import annotations

import importlib
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from flowtui.model.errors import NodeError
from flowtui.model.spelling import did_you_mean
from flowtui.nodes.modules import FolderModule, installed_digest, one_line

_REFERENCE = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(\.[^\W\d]\w*)*)")


@dataclass(frozen=True, slots=True)
class FoundFunction:
    """A function; `reference` is its place for `load_function`, `digest` changes with the code of its module."""

    reference: str
    digest: str
    call: Callable[..., Any]


def is_reference(text: str) -> bool:
    """Return whether a text is like `module:name`."""
    return _REFERENCE.fullmatch(text) is not None


def find_function(text: str, modules: Sequence[FolderModule]) -> FoundFunction:
    """Return the function `module:name` of one of a folder's modules, else of an installed package.

    Raises:
        NodeError: if there is none that can be used.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise NodeError(f"{text!r} names no function: write module:name, where the module is a file of nodes/")
    own = next((each for each in modules if each.path.stem == match["module"]), None)
    if own is None:
        module = _imported(match["module"], modules)
        return FoundFunction(text, installed_digest(module), _member(module, match["name"], match["module"]))
    place = f"{own.path.parent.name}/{own.path.name}"
    if own.module is None:
        raise NodeError(f"{place} cannot be imported")
    call = _member(own.module, match["name"], place)
    return FoundFunction(f"{own.module.__name__}:{match['name']}", own.digest, call)


def load_function(reference: str) -> Callable[..., Any]:
    """Return what `find_function` has found, perhaps in another process.

    Raises:
        NodeError: if it is not there.
    """
    name, _, member = reference.partition(":")
    return _member(_imported(name, ()), member, name)


def _imported(name: str, modules: Sequence[FolderModule]) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            hint = did_you_mean(name, [each.path.stem for each in modules])
            hint = hint or ": write it, or install the package that has it"
            raise NodeError(f"there is neither nodes/{name}.py nor an installed module {name!r}{hint}") from None
        raise NodeError(f"the module {name!r} cannot be imported: {one_line(error)}{_place(error)}") from error
    except BaseException as error:  # `sys.exit()` in a module must not end the app
        raise NodeError(f"the module {name!r} cannot be imported: {one_line(error)}{_place(error)}") from error


def _place(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({Path(error.filename).name}:{error.lineno})"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith("<frozen")]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if len(frames) > 2 else ""


def _member(module: ModuleType, name: str, place: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [each for each, value in vars(found).items() if callable(value)]
            raise NodeError(f"{place} has no function {name!r}{did_you_mean(part, known)}")
        found = getattr(found, part)
    if not callable(found):
        raise NodeError(f"{name!r} in {place} is no function but a value of type {type(found).__name__}")
    return found  # type: ignore[no-any-return]
