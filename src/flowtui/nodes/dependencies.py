"""Settings that depend on others: what they may be set to now, whether they have a use now, and in which order."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any

from pydantic import BaseModel

from flowtui.model.forms import Choice
from flowtui.nodes.hints import Choices, ShownIf
from flowtui.nodes.modules import one_line
from flowtui.nodes.settings import Setting, Shape, is_deferred, plain, settings_of, shape_of

_MOST_CHOICES = 10_000
_NAMED_CHOICES = 8


@dataclass(frozen=True, slots=True)
class Standing:
    """How a setting stands with the others as they are.

    Attributes:
        choices: None if it may be anything, for all that is known.
        useful: whether its author's `ShownIf` says so.
        error: why its author's function could not be asked, else empty.
    """

    choices: tuple[Choice, ...] | None = None
    useful: bool = True
    error: str = ""


PLAIN = Standing()


class Asker:
    """Asks authors' functions, each once for the same values: they may be slow."""

    def __init__(self) -> None:
        self._answers: dict[tuple[int, str], tuple[Any, str]] = {}

    def choices(self, hint: Choices, values: list[Any]) -> tuple[tuple[Choice, ...] | None, str]:
        """Return the choices, None if the function failed, and why it did."""
        return self._ask(hint, values, lambda: _as_choices(hint.ask(*values)), "its choices cannot be worked out")

    def useful(self, hint: ShownIf, values: list[Any]) -> tuple[bool, str]:
        """Return whether the setting has a use, and why that could not be found out; then it has one."""
        what = "whether it is shown cannot be worked out"
        answer, error = self._ask(hint, values, lambda: bool(hint.test(*values)), what)
        return bool(error) or answer, error

    def _ask(self, hint: object, values: list[Any], ask: Callable[[], Any], what: str) -> tuple[Any, str]:
        key = id(hint), json.dumps(values)
        if key not in self._answers:
            try:
                self._answers[key] = ask(), ""
            except (Exception, SystemExit) as error:  # whatever an author's function does, the form goes on
                self._answers[key] = None, f"{what}: {one_line(error)}"
        return self._answers[key]


def in_order(settings: Mapping[str, Setting]) -> list[Setting]:
    """Return the settings, each behind those that it depends on.

    Raises:
        ValueError: if they depend on each other in a circle.
    """
    return [settings[name] for name in TopologicalSorter(_parents(settings)).static_order()]


def standings(settings: Mapping[str, Setting], values: Mapping[str, Any], asker: Asker) -> dict[str, Standing]:
    """Return by key how each setting with a hint stands."""
    found: dict[str, Standing] = {}
    if any(each.choices or each.shown for each in settings.values()):
        for setting in in_order(settings):
            if setting.choices or setting.shown:
                found[setting.key] = _standing(setting, settings, values, found, asker)
    return found


def misfit(setting: Setting, standing: Standing, value: Any) -> str:
    """Return why a value is none of the choices, empty if it is one, is empty, or is not known yet."""
    if standing.choices is None:
        return ""
    for each in value if isinstance(value, list) else [value]:
        if each not in (None, "") and not is_deferred(each) and not _is_among(each, standing.choices):
            return _misfit(setting, standing.choices, each)
    return ""


def is_empty(setting: Setting, standing: Standing, value: Any) -> bool:
    """Return whether to set this value means to choose nothing."""
    return value in (None, "", []) and bool(setting.choices) and not _is_among(value, standing.choices or ())


@dataclass(frozen=True, slots=True)
class HintFault:
    """Why a setting's hint cannot work; `path` are names of settings from the config class down."""

    path: tuple[str, ...]
    message: str


def hint_faults(model: type[BaseModel]) -> list[HintFault]:
    """Return what an author has to mend in the hints of a class and of those nested in it."""
    return list(_class_faults(model, (), set()))


def has_choices(model: type[BaseModel]) -> bool:
    """Return whether the author of a class, or of one nested in it, says what a setting may be set to."""
    return any(each.choices for each in _all_settings(model, set()))


def _parents(settings: Mapping[str, Setting]) -> dict[str, list[str]]:
    return {name: [each for each in setting.parents if each in settings] for name, setting in settings.items()}


def _standing(
    setting: Setting,
    settings: Mapping[str, Setting],
    values: Mapping[str, Any],
    found: Mapping[str, Standing],
    asker: Asker,
) -> Standing:
    useful, errors = True, []
    choices: tuple[Choice, ...] | None = None
    if setting.shown:
        parents = [settings[name] for name in setting.shown.parents]
        if any(_is_unset(each, values, found) or _is_hidden(each, values, found) for each in parents):
            useful = False
        elif not any(is_deferred(each.effective(values)) for each in parents):
            useful, error = asker.useful(setting.shown, [each.effective(values) for each in parents])
            errors.append(error)
    if setting.choices and useful:
        parents = [settings[name] for name in setting.choices.parents]
        if any(_is_unset(each, values, found) for each in parents):
            choices = ()
        elif not any(is_deferred(each.effective(values)) for each in parents):
            choices, error = asker.choices(setting.choices, [each.effective(values) for each in parents])
            errors.append(error)
    return Standing(choices, useful, "; ".join(filter(None, errors)))


def _is_unset(parent: Setting, values: Mapping[str, Any], found: Mapping[str, Standing]) -> bool:
    """Return whether a setting is still to be given or chosen, so that nothing can be said of those behind it."""
    if parent.required and parent.key not in values:
        return True
    standing, value = found.get(parent.key, PLAIN), parent.effective(values)
    return bool(standing.choices) and (value in (None, "") or bool(misfit(parent, standing, value)))


def _is_hidden(parent: Setting, values: Mapping[str, Any], found: Mapping[str, Standing]) -> bool:
    return parent.key not in values and not found.get(parent.key, PLAIN).useful


def _as_choices(answer: Any) -> tuple[Choice, ...]:
    if isinstance(answer, str | bytes):
        raise TypeError("there must be a list or a mapping of choices, not a text")
    pairs = answer.items() if isinstance(answer, Mapping) else ((each, None) for each in answer)
    found: list[Choice] = []
    seen: set[tuple[type, Any]] = set()
    for value, label in islice(pairs, _MOST_CHOICES + 1):
        value = value.value if isinstance(value, Enum) else value
        if not isinstance(value, str | int | float | bool) or plain(value) != value:
            raise TypeError(f"a choice must be a text, a number or a boolean, not {value!r}")
        if (type(value), value) not in seen:
            seen.add((type(value), value))
            found.append(Choice(value, shown(value) if label is None else str(label)))
    if len(found) > _MOST_CHOICES:
        raise ValueError(f"there are more than {_MOST_CHOICES} choices")
    return tuple(found)


def shown(value: Any) -> str:
    """Return a value as people read it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_among(value: Any, choices: tuple[Choice, ...]) -> bool:
    return any(each.value == value and isinstance(each.value, bool) == isinstance(value, bool) for each in choices)


def _misfit(setting: Setting, choices: tuple[Choice, ...], value: Any) -> str:
    if not choices:
        parents = " and ".join(setting.choices.parents if setting.choices else ())
        return f"it can't be {shown(value)!r:.60}{f' with {parents} as now' if parents else ''}: there are no choices"
    names = [repr(shown(each.value)) for each in choices[:_NAMED_CHOICES]]
    if len(choices) > _NAMED_CHOICES:
        wanted = f"one of {len(choices)} choices, like {', '.join(names[:3])}"
    else:
        wanted = " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    close = difflib.get_close_matches(shown(value), [shown(each.value) for each in choices], n=1)
    return f"it should be {wanted}, not {shown(value)!r:.60}{f' (did you mean {close[0]!r}?)' if close else ''}"


def _class_faults(model: type[BaseModel], path: tuple[str, ...], seen: set[type]) -> Iterator[HintFault]:
    if model in seen:
        return
    seen.add(model)
    settings = settings_of(model)
    for name, setting in settings.items():
        own = (*path, name)
        hints = (setting.choices, setting.shown)
        for message in [_hint_fault(hint, name, settings) for hint in hints if hint]:
            if message:
                yield HintFault(own, message)
        if setting.shown and setting.required:
            yield HintFault(own, f"'{name}' is not always shown, so it needs a default")
        for nested in _models(setting.shape):
            yield from _class_faults(nested, own, seen)
    try:
        in_order(settings)
    except CycleError as error:
        circle = error.args[1][::-1]
        message = f"the settings depend on each other in a circle: {' → '.join(circle)}"
        yield HintFault((*path, circle[0]), message)


def _hint_fault(hint: Choices | ShownIf, name: str, settings: Mapping[str, Setting]) -> str:
    what = type(hint).__name__
    for parent in hint.parents:
        if parent not in settings:
            close = difflib.get_close_matches(parent, [each for each in settings if each != name], n=1)
            return f"{what} of '{name}' depends on '{parent}', which is no setting beside it" + (
                f" (did you mean '{close[0]}'?)" if close else ""
            )
    function = hint.source if isinstance(hint, Choices) else hint.test
    if not callable(function):
        if isinstance(hint, ShownIf):
            return f"ShownIf of '{name}' needs a function of {', '.join(hint.parents)}"
        if hint.parents:
            return f"Choices of '{name}' depend on {', '.join(hint.parents)}, so they need a function"
        return "" if not isinstance(function, str | bytes) else f"Choices of '{name}' must be a list, not a text"
    if isinstance(hint, ShownIf) and not hint.parents:
        return f"ShownIf of '{name}' must say on which settings it depends: of=…"
    if inspect.iscoroutinefunction(function):
        return f"the function in {what} of '{name}' must be a plain def, not async"
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in functions have none
        return ""
    try:
        signature.bind(*hint.parents)
    except TypeError:
        given = ", ".join(hint.parents) if hint.parents else "no arguments"
        return f"the function in {what} of '{name}' must take {given}"
    return ""


def _all_settings(model: type[BaseModel], seen: set[type]) -> Iterator[Setting]:
    if model in seen:
        return
    seen.add(model)
    for setting in settings_of(model).values():
        yield setting
        for nested in _models(setting.shape):
            yield from _all_settings(nested, seen)


def _models(shape: Shape) -> Iterator[type[BaseModel]]:
    """Yield the classes of nested settings that a type is made of."""
    if shape.model:
        yield shape.model
    for each in shape.args:
        yield from _models(shape_of(each))
