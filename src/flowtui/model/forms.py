"""Forms: what a node's config holds, in words that a screen, a shell and a program can use alike.

A `Form` is a picture of one config at one moment: which fields there are, what each holds, may hold now, and what is
wrong with it. All values are JSON. It knows nothing of the classes it was made from, so it can be sent anywhere:
`Form.from_json(form.to_json()) == form`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from enum import StrEnum
from typing import Any

#: Keys and list places from the config down.
KeyPath = tuple[str | int, ...]

#: What a form shows for a secret that stands in a config in clear; a change to exactly this text changes nothing.
MASK = "••••••"


class FieldKind(StrEnum):
    """How a field is best edited.

    A duration is a number of seconds or text like `500ms`. An object has `fields` of its own, a mapping has names that
    its author chooses, and `json` takes any value.
    """

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DURATION = "duration"
    CHOICE = "choice"
    LIST = "list"
    MAPPING = "mapping"
    OBJECT = "object"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values that a field may have; `label` is for people."""

    value: Any
    label: str


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong at one place of a config, one clause without a full stop."""

    path: KeyPath
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One setting: what it is, and how it stands now.

    Attributes:
        path: from the config down; the last part is the key.
        type: the kind in words that say more: `list of text`, `integer or text`.
        label, help: for people; help may be empty.
        default: what an absent value stands for; None for none, or one that is not known beforehand.
        required: whether it must be given.
        nullable: whether null is a value.
        choices: what it (or each element of a list) may be set to now; None if there is no such list, or none can be
            known because a field it depends on holds a template. Empty: nothing can be chosen yet.
        depends_on: keys of the fields beside it that decide on its choices or on whether it is shown.
        secret: must not be shown; `value` is `MASK` unless it is a template or a `${…}`.
        template: whether it may be a `{{ … }}` text, whatever its kind.
        multi_line: whether its text may be long.
        unit: like `bytes`; may be empty.
        minimum, maximum: allowed themselves, unless `above` or `below` says they are not.
        pattern: what a text must match, as a regular expression; may be empty.
        min_length, max_length: of a text in characters, of a list or mapping in elements.
        element: what each element of a list or mapping is; None if it may be anything.
        fields: of an object; of a list or mapping, one for each element that is there now.
        given: whether the config holds it; else the default counts.
        value: what the config holds, None unless given.
        visible: whether it has any use now.
        error: what is wrong with it now, empty if nothing is.
    """

    path: KeyPath
    kind: FieldKind
    type: str
    label: str
    help: str = ""
    default: Any = None
    required: bool = False
    nullable: bool = False
    choices: tuple[Choice, ...] | None = None
    depends_on: tuple[str, ...] = ()
    secret: bool = False
    template: bool = False
    multi_line: bool = False
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    pattern: str = ""
    min_length: int | None = None
    max_length: int | None = None
    element: FormField | None = None
    fields: tuple[FormField, ...] = ()
    given: bool = False
    value: Any = None
    visible: bool = True
    error: str = ""

    @property
    def name(self) -> str:
        """The key, or a list element's place."""
        return str(self.path[-1]) if self.path else ""

    @property
    def current(self) -> Any:
        """The value that counts now: the given one, else the default."""
        return self.value if self.given else self.default

    def walk(self) -> Iterator[FormField]:
        """Yield this field and all within it, each before what it holds."""
        yield self
        for field in self.fields:
            yield from field.walk()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; what has its default value is left out."""
        return {
            each.name: _to_json(getattr(self, each.name))
            for each in fields(self)
            if each.default is MISSING or getattr(self, each.name) != each.default
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> FormField:
        """Return what `to_json` was made from."""
        known: dict[str, Any] = {**told, "path": tuple(told["path"]), "kind": FieldKind(told["kind"])}
        if told.get("choices") is not None:
            known["choices"] = tuple(Choice(**each) for each in told["choices"])
        if told.get("element") is not None:
            known["element"] = cls.from_json(told["element"])
        known["depends_on"] = tuple(told.get("depends_on", ()))
        known["fields"] = tuple(cls.from_json(each) for each in told.get("fields", ()))
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Form:
    """A config as a form.

    Attributes:
        fields: in the order of their declaration, hidden ones too.
        errors: what is wrong and belongs to no field: with the config as a whole, or a setting that does not exist.
    """

    fields: tuple[FormField, ...]
    errors: tuple[FieldError, ...] = ()

    def walk(self) -> Iterator[FormField]:
        """Yield all fields, also those within others, each before what it holds."""
        for field in self.fields:
            yield from field.walk()

    def rows(self) -> Iterator[FormField]:
        """Yield the fields to show now, like `walk`; what is in a hidden field is hidden too."""
        waiting = list(reversed(self.fields))
        while waiting:
            field = waiting.pop()
            if field.visible:
                yield field
                waiting.extend(reversed(field.fields))

    def find(self, *path: str | int) -> FormField | None:
        """Return the field at a path, None if there is none."""
        return next((field for field in self.walk() if field.path == path), None)

    def all_errors(self) -> tuple[FieldError, ...]:
        """Return what is wrong anywhere: with fields in their order, then with the rest."""
        own = tuple(FieldError(field.path, field.error) for field in self.walk() if field.error)
        return own + self.errors

    def with_errors(self, errors: Iterable[FieldError]) -> Form:
        """Return the form with these errors added, each at its field or at the closest one around it."""
        book: dict[KeyPath, list[str]] = {}
        places = {field.path for field in self.walk()}
        rest = list(self.errors)
        for error in errors:
            length = len(error.path)
            while length and error.path[:length] not in places:
                length -= 1
            if not length:
                rest.append(error)
                continue
            inner = _dotted(error.path[length:])
            book.setdefault(error.path[:length], []).append(f"{inner}: {error.message}" if inner else error.message)
        return Form(tuple(_marked(field, book) for field in self.fields), tuple(rest))

    def changes_since(self, earlier: Form) -> tuple[KeyPath, ...]:
        """Return the paths of the fields whose value, choices or visibility is not what it was."""
        before = {field.path: _state(field) for field in earlier.walk()}
        return tuple(field.path for field in self.walk() if before.get(field.path) != _state(field))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"fields": _to_json(self.fields), "errors": _to_json(self.errors)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Form:
        """Return what `to_json` was made from."""
        return cls(
            tuple(FormField.from_json(each) for each in told["fields"]),
            tuple(FieldError(tuple(each["path"]), each["message"]) for each in told["errors"]),
        )


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change of some fields has led to.

    Attributes:
        config: the new config as it may be written to a file, secrets in clear.
        form: how it stands now; beside a field whose change was refused stands why.
        changed: fields whose value, choices or visibility is not what it was.
        errors: those of the fields that were named or changed: refused changes, and what is missing now.
    """

    config: dict[str, Any]
    form: Form
    changed: tuple[KeyPath, ...]
    errors: tuple[FieldError, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, without the config, since that may hold secrets."""
        return {
            "form": self.form.to_json(),
            "changed": [list(path) for path in self.changed],
            "errors": _to_json(self.errors),
        }


def _to_json(value: Any) -> Any:
    if isinstance(value, FormField):
        return value.to_json()
    if isinstance(value, Choice | FieldError):
        return {each.name: _to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_to_json(each) for each in value]
    return value.value if isinstance(value, StrEnum) else value


def _dotted(path: KeyPath) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


def _marked(field: FormField, book: Mapping[KeyPath, list[str]]) -> FormField:
    inner = tuple(_marked(each, book) for each in field.fields)
    messages = [field.error] * bool(field.error) + book.get(field.path, [])
    return replace(field, fields=inner, error="; ".join(dict.fromkeys(messages)))


def _state(field: FormField) -> tuple[Any, ...]:
    return field.given, field.value, field.choices, field.visible
