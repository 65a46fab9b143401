"""What pydantic says about a config, in terms of the config as its author wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from flowtui.model.spelling import closest, did_you_mean

#: Keys and list places from the config down.
KeyPath = tuple[str | int, ...]

_PREFIXES = ("Value error, ", "Assertion failed, ")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with one value.

    Attributes:
        code: `bad-config` or `unknown-field`.
        kind: pydantic's name for it.
        sure: whether a template below `path` can't be the cause, because the value as a whole is of a wrong type.
    """

    path: KeyPath
    message: str
    code: str
    kind: str
    sure: bool

    def waits_for(self, templated: list[KeyPath]) -> bool:
        """Return whether the fault may be gone once the templates are rendered."""
        if self.code == "unknown-field" and self.sure:
            return False
        return self._is_at_or_below(templated) or (self._is_above(templated) and not self.sure)

    def concerns(self, paths: list[KeyPath]) -> bool:
        """Return whether the value at fault holds, or is a part of, a value at one of these paths."""
        return self._is_at_or_below(paths) or self._is_above(paths)

    def _is_at_or_below(self, paths: list[KeyPath]) -> bool:
        return any(self.path[: len(path)] == path for path in paths)

    def _is_above(self, paths: list[KeyPath]) -> bool:
        return any(path[: len(self.path)] == self.path for path in paths)


def config_faults(error: ValidationError, config_type: type[BaseModel], raw: Mapping[str, Any]) -> list[Fault]:
    """Return the errors in their order; those of the alternatives of one value become one."""
    merged: dict[KeyPath, Fault] = {}
    for each in error.errors(include_url=False, include_context=False):
        fault = _fault(each, _raw_path(each["loc"], raw), config_type)
        earlier = merged.get(fault.path)
        if earlier is not None:
            message = earlier.message if fault.message in earlier.message else f"{earlier.message}, or: {fault.message}"
            fault = Fault(fault.path, message, fault.code, fault.kind, sure=False)
        merged[fault.path] = fault
    unknown = [fault.path[0] for fault in merged.values() if fault.code == "unknown-field" and len(fault.path) == 1]
    meant = {closest(str(name), _names(config_type)) for name in unknown}
    return [fault for fault in merged.values() if not (fault.kind == "missing" and fault.path[-1] in meant)]


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: `config.lines[2].price`."""
    return "config" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def shown(raw: Any, fault: Fault) -> str:
    """Return `, not "abc"` for the value at fault, nothing if there is none."""
    for key in fault.path:
        try:
            raw = raw[key]
        except (LookupError, TypeError):
            return ""
    hint = "; end the template with `| string`" if fault.kind == "string_type" else ""
    return f"{not_this(raw)}{hint}"


def not_this(value: Any) -> str:
    """Return the end of a message about a value: `, not "abc"`."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return f", not {text if len(text) <= 60 else text[:59] + '…'}"


def _raw_path(loc: tuple[int | str, ...], raw: Any) -> KeyPath:
    """Return where in the raw config an error lies: pydantic's own path also names alternatives and validators."""
    path: list[int | str] = []
    for step in loc:
        if (isinstance(raw, Mapping) and step in raw) or (isinstance(raw, list | tuple) and step in range(len(raw))):
            raw = raw[step]  # type: ignore[index]
            path.append(step)
    return tuple(path)


def _fault(error: ErrorDetails, path: KeyPath, config_type: type[BaseModel]) -> Fault:
    kind, message = error["type"], error["msg"]
    in_union = len(path) < len(error["loc"])  # pydantic names the alternative there
    if kind == "extra_forbidden":
        known = _names(config_type) if len(path) == 1 else None
        message = unknown_setting(str(path[-1]), known)
        return Fault(path, message, "unknown-field", kind, sure=not in_union)
    if kind == "missing":
        name = str(error["loc"][-1])
        return Fault((*path, name), f"the setting {name!r} is missing: add it", "bad-config", kind, sure=True)
    for prefix in _PREFIXES:
        message = message.removeprefix(prefix)
    if message.startswith("Input should"):
        message = message.replace("Input should", "it should", 1)
    # A union's alternatives each report a wrong type, so that there a template below may yet be the cause.
    sure = kind.endswith("_type") and not in_union
    return Fault(path, message, "bad-config", kind, sure)


def unknown_setting(name: str, known: Sequence[str] | None) -> str:
    """Return what is wrong with a name; `known` are those that could stand there, None if that is not known."""
    hint = did_you_mean(name, known or ())
    if hint or known is None:
        return f"unknown setting {name!r}{hint}"
    return f"unknown setting {name!r} ({'there are: ' + ', '.join(known) if known else 'there are none'})"


def _names(config_type: type[BaseModel]) -> list[str]:
    return [field.alias or key for key, field in config_type.model_fields.items()]
