"""The settings of a config class as their author declared them: annotations without wrappings, keys, defaults."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from flowtui.nodes.durations import seconds
from flowtui.nodes.hints import Choices, ShownIf

#: What a config does not hold.
ABSENT: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class Shape:
    """A type without `Annotated`, `| None` and aliases, and what stood in these."""

    type: Any
    metadata: tuple[Any, ...]
    nullable: bool

    @property
    def origin(self) -> Any:
        """The class behind `list[int]` and the like."""
        return get_origin(self.type) or self.type

    @property
    def args(self) -> tuple[Any, ...]:
        return get_args(self.type)

    @property
    def model(self) -> type[BaseModel] | None:
        """The class of nested settings, None if it is none."""
        return self.type if isinstance(self.type, type) and issubclass(self.type, BaseModel) else None

    @property
    def is_union(self) -> bool:
        return self.origin in (Union, UnionType)

    @property
    def is_duration(self) -> bool:
        return any(isinstance(each, BeforeValidator) and each.func is seconds for each in self.metadata)

    def hint(self, kind: type[Any]) -> Any:
        """Return the last hint of that class, None if there is none."""
        return next((each for each in reversed(self.metadata) if isinstance(each, kind)), None)

    def limit(self, name: str) -> Any:
        """Return a limit like `ge` or `max_length`, of several the strictest; None if there is none that is a number.

        Several libraries have classes for limits; all name them alike.
        """
        found = [getattr(each, name, None) for each in self.metadata]
        numbers = [each for each in found if isinstance(each, int | float | Decimal)]
        strictest = min if name in ("le", "lt", "max_length") else max
        return strictest(numbers, default=None)

    @property
    def pattern(self) -> str:
        """What a text must match, empty if that is not said."""
        found = [getattr(each, "pattern", None) for each in self.metadata]
        return next((str(getattr(each, "pattern", each)) for each in reversed(found) if each is not None), "")


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a config class.

    Attributes:
        key: as configs write it.
        default: as JSON; None if there is none, or none that is known beforehand.
        choices, shown: what the author said about it.
    """

    name: str
    key: str
    info: FieldInfo
    shape: Shape
    default: Any
    required: bool
    choices: Choices | None
    shown: ShownIf | None

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the settings that decide on this one, each once."""
        hints = [hint.parents for hint in (self.choices, self.shown) if hint]
        return tuple(dict.fromkeys(name for names in hints for name in names))

    def effective(self, values: Mapping[str, Any]) -> Any:
        """Return the value that counts."""
        return plain(values[self.key]) if self.key in values else self.default


def settings_of(model: type[BaseModel], defaults: Any = None) -> dict[str, Setting]:
    """Return the settings of a class by their Python names, as declared.

    Args:
        defaults: a mapping of values that count instead of the class's own defaults, if it is one.
    """
    instead = defaults if isinstance(defaults, Mapping) else {}
    return {name: _setting(name, info, instead) for name, info in model.model_fields.items()}


def shape_of(annotation: Any, metadata: tuple[Any, ...] = ()) -> Shape:
    """Return what an annotation is, without its wrappings."""
    nullable = annotation is None or annotation is NoneType
    found = metadata
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            found = (*more, *found)
        elif origin in (Union, UnionType) and NoneType in get_args(annotation):
            nullable = True
            annotation = Union[tuple(each for each in get_args(annotation) if each is not NoneType)]  # noqa: UP007
        elif hasattr(origin or annotation, "__value__"):  # `type X = …`
            annotation = (origin or annotation).__value__
        else:
            return Shape(annotation, tuple(_flat(found)), nullable)


def is_deferred(value: Any) -> bool:
    """Return whether a value, or one inside it, is known only later: a template, or a reference like `${NAME}`."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value or "${" in value
    if isinstance(value, Mapping):
        return any(is_deferred(each) for each in value.values())
    return isinstance(value, list | tuple) and any(is_deferred(each) for each in value)


def plain(value: Any) -> Any:
    """Return a value of a config as JSON; what JSON has no form for becomes text."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def _setting(name: str, info: FieldInfo, instead: Mapping[str, Any]) -> Setting:
    shape = shape_of(info.annotation, tuple(info.metadata))
    key = _key(name, info)
    return Setting(
        name,
        key,
        info,
        shape,
        instead[key] if key in instead else _default(info),
        info.is_required() and key not in instead,
        shape.hint(Choices),
        shape.hint(ShownIf),
    )


def _key(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias
    if alias is None or isinstance(alias, str):
        return alias or name
    first = getattr(alias, "choices", [alias])[0]  # AliasChoices, AliasPath
    return first if isinstance(first, str) else str(first.path[0])


def _default(info: FieldInfo) -> Any:
    if info.default_factory is not None and info.default_factory_takes_validated_data:
        return None
    try:
        value = info.get_default(call_default_factory=True)
        return None if value is PydanticUndefined else plain(to_jsonable_python(value))
    except Exception:  # an author's factory may raise anything, and a default may have no form in JSON
        return None


def _flat(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for each in metadata:
        if isinstance(each, FieldInfo):
            yield from each.metadata
        else:
            yield each
