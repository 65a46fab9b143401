"""Config class → form fields, blank or with the values of a config."""

from __future__ import annotations

import collections.abc
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, SecretBytes, SecretStr, TypeAdapter

from flowtui.model.forms import MASK, Choice, FieldError, FieldKind, Form, FormField, KeyPath
from flowtui.nodes.dependencies import PLAIN, Asker, Standing, has_choices, misfit, shown, standings
from flowtui.nodes.hints import Fixed, MultiLine, Unit
from flowtui.nodes.settings import ABSENT, Setting, Shape, is_deferred, plain, settings_of, shape_of

_SECRETS = (SecretStr, SecretBytes)
_LISTS = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Set, collections.abc.Iterable)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
#: By class, a boolean before the integer that it is, too.
_SCALARS = (
    (bool, FieldKind.BOOLEAN, "true or false"),
    (int, FieldKind.INTEGER, "integer"),
    ((float, Decimal), FieldKind.NUMBER, "number"),
    ((str, *_SECRETS), FieldKind.TEXT, "text"),
)
_BY_SCHEMA = {
    "string": (FieldKind.TEXT, "text"),
    "integer": (FieldKind.INTEGER, "integer"),
    "number": (FieldKind.NUMBER, "number"),
    "boolean": (FieldKind.BOOLEAN, "true or false"),
    "array": (FieldKind.LIST, "list"),
    "object": (FieldKind.MAPPING, "mapping"),
}
_ANY = (FieldKind.JSON, "any value")


def form_fields(
    model: type[BaseModel],
    values: Mapping[str, Any] | None = None,
    *,
    templates: bool = True,
    asker: Asker | None = None,
) -> Form:
    """Return the form of a config class.

    Only what the authors' choices say about the values is checked, not whether they fit their types.

    Args:
        values: a config as it stands in a file, `${NAME}` and templates as they are; none for a blank form.
        templates: whether the config may hold templates.
        asker: keeps what authors' functions have answered for as long as it is used.
    """
    return Form(_Maker(templates, asker or Asker()).fields(model, values or {}, ()))


def choice_errors(model: type[BaseModel], values: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """Return which values of a config are none of the choices that their authors' functions give for them."""
    if not _has_choices(model):
        return ()
    fields = form_fields(model, values).walk()
    return tuple(
        FieldError(each.path, each.error) for each in fields if each.given and each.error and each.choices is not None
    )


@lru_cache(maxsize=1024)
def _has_choices(model: type[BaseModel]) -> bool:
    return has_choices(model)


def label_of(name: str) -> str:
    """Return a name in words: that of `max_bytes` is `Max bytes`."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


class _Maker:
    def __init__(self, templates: bool, asker: Asker) -> None:
        self._templates = templates
        self._asker = asker
        self._around: list[type] = []

    def fields(
        self, model: type[BaseModel], values: Mapping[str, Any], path: KeyPath, defaults: Any = None
    ) -> tuple[FormField, ...]:
        settings = settings_of(model, defaults)
        standing = standings(settings, values, self._asker)
        return tuple(
            self._setting(each, values, path, standing.get(each.key, PLAIN), settings) for each in settings.values()
        )

    def _setting(
        self,
        setting: Setting,
        values: Mapping[str, Any],
        path: KeyPath,
        standing: Standing,
        settings: Mapping[str, Setting],
    ) -> FormField:
        value, info = values.get(setting.key, ABSENT), setting.info
        field = self._field(setting.shape, value, (*path, setting.key), setting.default)
        wrong = standing.error or (misfit(setting, standing, setting.effective(values)) if standing.useful else "")
        return replace(
            field,
            kind=FieldKind.CHOICE if setting.choices and field.kind is not FieldKind.LIST else field.kind,
            label=info.title or label_of(setting.name),
            help=" ".join((info.description or "").split()),
            default=None if field.secret else setting.default,
            required=setting.required,
            choices=standing.choices if setting.choices else field.choices,
            depends_on=tuple(settings[name].key for name in setting.parents if name in settings),
            visible=standing.useful or value is not ABSENT,
            error=wrong,
        )

    def _field(self, shape: Shape, value: Any, path: KeyPath, default: Any = None) -> FormField:
        """Return what the type and the value alone say."""
        kind, words, choices = _kind(shape)
        children, element = self._inside(shape, kind, value, path, default)
        unit = shape.hint(Unit)
        field = FormField(
            path=path,
            kind=kind,
            type=words,
            label=label_of(str(path[-1] + 1 if isinstance(path[-1], int) else path[-1])) if path else "",
            nullable=shape.nullable or shape.type in (Any, object),
            choices=choices,
            secret=_is_secret(shape, kind),
            template=self._templates and shape.hint(Fixed) is None,
            multi_line=shape.hint(MultiLine) is not None,
            unit=unit.name if unit else "",
            minimum=_number(shape.limit("ge")),
            maximum=_number(shape.limit("le")),
            above=_number(shape.limit("gt")),
            below=_number(shape.limit("lt")),
            pattern=shape.pattern,
            min_length=shape.limit("min_length"),
            max_length=shape.limit("max_length"),
            element=element,
            fields=children,
        )
        return field if value is ABSENT else replace(field, given=True, value=_shown_value(field, value))

    def _inside(
        self, shape: Shape, kind: FieldKind, value: Any, path: KeyPath, default: Any
    ) -> tuple[tuple[FormField, ...], FormField | None]:
        if shape.model:
            given = value if isinstance(value, Mapping) else {}
            return self._nested(shape.model, given, path, None if given else default), None
        inner = _element(shape, kind)
        if inner is None:
            return (), None
        items: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, Mapping) and kind is FieldKind.MAPPING:
            items = value.items()
        elif isinstance(value, list | tuple) and kind is FieldKind.LIST:
            items = enumerate(value)
        children = tuple(self._field(inner, each, (*path, key)) for key, each in items)
        return children, self._field(inner, ABSENT, ())

    def _nested(
        self, model: type[BaseModel], values: Mapping[str, Any], path: KeyPath, default: Any
    ) -> tuple[FormField, ...]:
        if not values and model in self._around:
            return ()  # a class within itself: there is no end to its blank fields
        self._around.append(model)
        try:
            return self.fields(model, values, path, default)
        finally:
            self._around.pop()


def _kind(shape: Shape) -> tuple[FieldKind, str, tuple[Choice, ...] | None]:
    choices = _fixed_choices(shape)
    if choices is not None:
        return FieldKind.CHOICE, "choice", choices
    return (*_kind_and_words(shape), None)


def _kind_and_words(shape: Shape) -> tuple[FieldKind, str]:
    if shape.is_duration:
        return FieldKind.DURATION, "duration"
    if shape.is_union:
        kinds = [_kind(shape_of(each))[:2] for each in shape.args]
        words = " or ".join(dict.fromkeys(word for _, word in kinds))
        numbers = {kind for kind, _ in kinds} == {FieldKind.INTEGER, FieldKind.NUMBER}
        return (FieldKind.NUMBER, "number") if numbers else (FieldKind.JSON, words)
    if shape.type in (Any, object):
        return _ANY
    if shape.model:
        return FieldKind.OBJECT, "object"
    if shape.origin in _LISTS:
        inner = _element(shape, FieldKind.LIST)
        return FieldKind.LIST, f"list of {_kind(inner)[1]}" if inner else "list"
    if shape.origin in _MAPPINGS:
        inner = _element(shape, FieldKind.MAPPING)
        return FieldKind.MAPPING, f"mapping to {_kind(inner)[1]}" if inner else "mapping"
    if isinstance(shape.type, type):
        for classes, kind, words in _SCALARS:
            if issubclass(shape.type, classes):
                return kind, words
    return _kind_by_schema(shape)


def _kind_by_schema(shape: Shape) -> tuple[FieldKind, str]:
    """Return what pydantic takes for a type that only pydantic knows, such as a path or a date."""
    try:
        return _BY_SCHEMA.get(TypeAdapter(shape.type).json_schema().get("type", ""), _ANY)
    except Exception:  # a type may have no schema at all
        return _ANY


def _fixed_choices(shape: Shape) -> tuple[Choice, ...] | None:
    """Return what a literal, an enum or a union of these allows, None for other types."""
    if shape.origin is Literal:
        return _as_fixed(each.value if isinstance(each, Enum) else each for each in shape.args)
    if isinstance(shape.type, type) and issubclass(shape.type, Enum):
        return _as_fixed(each.value for each in shape.type)
    if shape.is_union:
        parts = [_fixed_choices(shape_of(each)) for each in shape.args]
        return None if None in parts else tuple(choice for part in parts for choice in part or ())
    return None


def _as_fixed(values: Iterable[Any]) -> tuple[Choice, ...]:
    return tuple(Choice(value, shown(value)) for value in map(plain, values))


def _element(shape: Shape, kind: FieldKind) -> Shape | None:
    """Return what each element of a list or mapping is, None if nothing is said about it."""
    args = shape.args
    if kind is FieldKind.MAPPING and len(args) == 2:
        inner = shape_of(args[1])
    elif kind is FieldKind.LIST and (len(args) == 1 or (len(args) == 2 and args[1] is Ellipsis)):
        inner = shape_of(args[0])
    else:
        return None
    return None if inner.type in (Any, object) else inner


def _is_secret(shape: Shape, kind: FieldKind) -> bool:
    """Return whether a value must not be shown; of lists, mappings and objects that is said of their elements."""
    if kind in (FieldKind.LIST, FieldKind.MAPPING, FieldKind.OBJECT):
        return False
    return holds_secret(shape)


def holds_secret(shape: Shape) -> bool:
    """Return whether a value of a type, or anything inside it, is a secret."""
    return _holds_secret(shape, set())


def _holds_secret(shape: Shape, seen: set[type]) -> bool:
    if isinstance(shape.type, type) and issubclass(shape.type, _SECRETS):
        return True
    if shape.model and shape.model not in seen:
        seen.add(shape.model)
        return any(_holds_secret(each.shape, seen) for each in settings_of(shape.model).values())
    return any(_holds_secret(shape_of(each), seen) for each in shape.args)


def _shown_value(field: FormField, value: Any) -> Any:
    if field.secret:
        return value if value in (None, "") or (isinstance(value, str) and is_deferred(value)) else MASK
    told = plain(value)
    # What is within is shown as its own field shows it: a secret of it is masked there.
    for child in field.fields:
        if child.given and isinstance(told, list):
            told[int(child.path[-1])] = child.value
        elif child.given and isinstance(told, dict):
            told[str(child.path[-1])] = child.value
    return told


def _number(limit: Any) -> float | None:
    return float(limit) if isinstance(limit, Decimal) else limit
