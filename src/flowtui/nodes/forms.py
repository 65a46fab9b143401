"""The form of a config, and what becomes of both when some settings are changed.

An edit takes over what is right and refuses what is wrong, so it never makes a config worse. Of several changes, each
is taken or refused for itself.

- A text with a template, `${NAME}` or `${secret:NAME}` fits everywhere: what it becomes is known later.
- When a setting changes, those whose choices depend on it are cleared, and so on down the line, unless the same edit
  gives them anew, or they hold such a text. Settings that have no use any more are cleared, too.
- Null removes a setting, so that its default counts, unless null is a value of its own there.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from flowtui.model.errors import TemplateError
from flowtui.model.forms import MASK, Edit, FieldError, Form, KeyPath
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.config_faults import not_this, unknown_setting
from flowtui.nodes.dependencies import PLAIN, Asker, Standing, in_order, is_empty, misfit, standings
from flowtui.nodes.expressions import compile_text, is_template
from flowtui.nodes.fields import form_fields, holds_secret
from flowtui.nodes.settings import ABSENT, Setting, is_deferred, settings_of
from flowtui.nodes.templates import NO_ITEM, validate


def form_of(config_type: type[NodeConfig], config: Mapping[str, Any], *, has_item: bool = True) -> Form:
    """Return a config as a form, with everything that is wrong with it.

    Args:
        config: as it stands in the file, `${NAME}` and templates as they are.
        has_item: False for a producer, whose config can't hold templates.
    """
    return _form(config_type, config, has_item, Asker())


def edit(
    config_type: type[NodeConfig],
    config: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    reset: Iterable[KeyPath] = (),
    has_item: bool = True,
) -> Edit:
    """Return what becomes of a config when some of its settings are changed; never raises because of what is in it.

    Args:
        config: as for `form_of`; it stays as it is.
        changes: new values by key, as JSON. For nested settings a mapping holds those to change; lists and other
            mappings are replaced as a whole.
        reset: paths of settings to remove, so that their defaults count.
        has_item: as for `form_of`.
    """
    return _Editing(config_type, config, has_item).apply(changes, [tuple(path) for path in reset])


def _form(config_type: type[NodeConfig], config: Mapping[str, Any], has_item: bool, asker: Asker) -> Form:
    form = form_fields(config_type, config, templates=has_item, asker=asker)
    return form.with_errors(_faults(config_type, config, has_item))


def shown_config(config_type: type[NodeConfig], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config in which `MASK` stands for settings that hold a secret in clear."""
    known = {setting.key: setting for setting in settings_of(config_type).values()}
    return {
        key: MASK if key in known and holds_secret(known[key].shape) and not _may_be_seen(value) else value
        for key, value in config.items()
    }


def _may_be_seen(value: Any) -> bool:
    return value in (None, "") or (isinstance(value, str) and is_deferred(value))


def _setting_at(model: type[BaseModel], path: KeyPath) -> Setting | None:
    """Return the setting at a path that leads through nested settings only, None if there is none."""
    setting = None
    inner: type[BaseModel] | None = model
    for key in path:
        setting = next((each for each in settings_of(inner).values() if each.key == key), None) if inner else None
        inner = setting.shape.model if setting else None
    return setting


def _faults(config_type: type[NodeConfig], config: Mapping[str, Any], has_item: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    deferred: list[KeyPath] = []
    for path, text in texts(config):
        if is_deferred(text):
            deferred.append(path)
        # A reference may stand inside a template, so this can be parsed only when it is replaced.
        if is_template(text) and "${" not in text:
            try:
                compile_text(text)
            except TemplateError as error:
                errors.append(FieldError(path, str(error)))
        if is_template(text) and not has_item:
            errors.append(FieldError(path, NO_ITEM))
    _, problems = validate(config_type, config, deferred)
    return [*errors, *(FieldError(problem.path, problem.message) for problem in problems)]


def texts(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Yield all texts within a part of a config, with where they stand."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from texts(each, (*path, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from texts(each, (*path, index))


class _Editing:
    """One edit of one config.

    Attributes:
        _wanted: the changes that are not refused, by path; ABSENT removes a setting.
        _refused: why others are.
    """

    def __init__(self, config_type: type[NodeConfig], config: Mapping[str, Any], has_item: bool) -> None:
        self._type = config_type
        self._before = dict(config)
        self._has_item = has_item
        self._asker = Asker()
        self._wanted: dict[KeyPath, Any] = {}
        self._refused: dict[KeyPath, str] = {}

    def apply(self, changes: Mapping[str, Any], reset: Sequence[KeyPath]) -> Edit:
        old_form = _form(self._type, self._before, self._has_item, self._asker)
        self._read(self._type, changes, ())
        for path in reset:
            if _setting_at(self._type, path):
                self._wanted[path] = ABSENT
            else:
                self._refused[path] = unknown_setting(".".join(map(str, path)), None)
        self._refuse_unfit()
        config = self._settled(self._type, self._before, self._changed(self._type, self._before, ()), ())
        form = form_fields(self._type, config, templates=self._has_item, asker=self._asker)
        changed = form.changes_since(old_form)
        faults = [each for each in _faults(self._type, config, self._has_item) if each.path not in self._refused]
        form = form.with_errors(faults)
        touched = {*changed, *self._wanted} - self._refused.keys()
        errors = [FieldError(path, message) for path, message in self._refused.items()]
        told = [*errors, *(each for each in form.all_errors() if each.path in touched)]
        return Edit(config, form.with_errors(errors), changed, tuple(told))

    def _read(self, model: type[BaseModel], changes: Mapping[str, Any], path: KeyPath) -> None:
        if not isinstance(changes, Mapping):
            self._refused[path] = "the changes must be a mapping of settings to values"
            return
        by_key = {setting.key: setting for setting in settings_of(model).values()}
        for key, value in changes.items():
            setting, place = by_key.get(key), (*path, key)
            if setting is None and model.model_config.get("extra") != "allow":
                self._refused[place] = unknown_setting(str(key), [*by_key])
            elif value == MASK:
                continue
            elif not _is_json(value):
                self._refused[place] = f"it must be JSON, not {reprlib.repr(value)}"
            elif MASK in json.dumps(value, ensure_ascii=False):
                self._refused[place] = "it holds a hidden secret, which must be given anew, best as ${secret:NAME}"
            elif setting and setting.shape.model and isinstance(value, Mapping) and value:
                self._read(setting.shape.model, value, place)
            else:
                is_removed = value is None and setting is not None and _null_removes(setting)
                self._wanted[place] = ABSENT if is_removed else value

    def _refuse_unfit(self) -> None:
        """Drop changes whose values are wrong in themselves; what is missing within them may still come."""
        candidate = self._changed(self._type, self._before, ())
        form = form_fields(self._type, candidate, asker=self._asker)
        faults = [
            each for each in _faults(self._type, candidate, self._has_item) if _at(candidate, each.path) is not ABSENT
        ]
        misfits = [FieldError(each.path, each.error) for each in form.walk() if each.error and each.choices is not None]
        for path in [*self._wanted]:
            messages = [each.message for each in faults if each.path[: len(path)] == path]
            # Whether the setting itself is among its choices is seen later, when those it depends on are settled.
            messages += [each.message for each in misfits if each.path[: len(path)] == path != each.path]
            if messages:
                setting, value = _setting_at(self._type, path), self._wanted[path]
                is_secret = setting is not None and holds_secret(setting.shape)
                self._refuse(path, messages[0] if is_secret else f"{messages[0]}{not_this(value)}")

    def _refuse(self, path: KeyPath, message: str) -> None:
        del self._wanted[path]
        self._refused[path] = message

    def _changed(self, model: type[BaseModel], values: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
        """Return the values at a path with all changes that are wanted."""
        new = dict(values)
        for place, value in self._wanted.items():
            if place[: len(path)] == path and len(place) == len(path) + 1:
                new[str(place[-1])] = value
        for setting in settings_of(model).values():
            place = (*path, setting.key)
            if setting.shape.model and any(each[: len(place)] == place != each for each in self._wanted):
                new[setting.key] = self._changed(setting.shape.model, _base(setting, new), place)
        return {key: value for key, value in new.items() if value is not ABSENT}

    def _settled(
        self, model: type[BaseModel], before: Mapping[str, Any], values: dict[str, Any], path: KeyPath
    ) -> dict[str, Any]:
        """Return the values with everything cleared, refused and kept as the dependencies want it."""
        settings = settings_of(model)
        for setting in in_order(settings):
            place = (*path, setting.key)
            if setting.choices or setting.shown:
                self._settle(setting, settings, before, values, place)
            inner = values.get(setting.key)
            if setting.shape.model and isinstance(inner, Mapping):
                start = _base(setting, before)
                values[setting.key] = self._settled(setting.shape.model, start, dict(inner), place)
        return values

    def _settle(
        self,
        setting: Setting,
        settings: Mapping[str, Setting],
        before: Mapping[str, Any],
        values: dict[str, Any],
        place: KeyPath,
    ) -> None:
        standing = standings(settings, values, self._asker).get(setting.key, PLAIN)
        given = [path for path in self._wanted if path[: len(place)] == place]
        if given:
            message = self._why_not(setting, standing, values)
            if not message:
                if setting.key in values and is_empty(setting, standing, values[setting.key]):
                    del values[setting.key]
                return
            for path in given:
                self._refuse(path, message)
            values.pop(setting.key, None)
            if setting.key in before:
                values[setting.key] = before[setting.key]
        if self._must_go(setting, settings, standing, before, values):
            values.pop(setting.key, None)

    def _why_not(self, setting: Setting, standing: Standing, values: Mapping[str, Any]) -> str:
        value = values.get(setting.key, ABSENT)
        if value is ABSENT:
            return ""
        if not standing.useful:
            parents = " and ".join(setting.shown.parents if setting.shown else ())
            return f"it has no use with {parents} as now"
        return "" if is_empty(setting, standing, value) else misfit(setting, standing, value)

    def _must_go(
        self,
        setting: Setting,
        settings: Mapping[str, Setting],
        standing: Standing,
        before: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> bool:
        """Return whether a setting that the edit does not give must be cleared, as others have changed."""

        def any_changed(names: tuple[str, ...]) -> bool:
            parents = [settings[name] for name in names]
            return any(_text(each.effective(before)) != _text(each.effective(values)) for each in parents)

        if setting.shown and not standing.useful:
            earlier = standings(settings, before, self._asker).get(setting.key, PLAIN)
            return earlier.useful or any_changed(setting.shown.parents)
        return bool(
            setting.choices and any_changed(setting.choices.parents) and not is_deferred(values.get(setting.key))
        )


def _base(setting: Setting, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the nested values that a change starts from: those given, else what the default has of its own."""
    value = values.get(setting.key)
    if isinstance(value, Mapping):
        return value
    if not isinstance(setting.default, Mapping) or setting.shape.model is None:
        return {}
    usual = {each.key: each.default for each in settings_of(setting.shape.model).values()}
    return {key: each for key, each in setting.default.items() if usual.get(key, ABSENT) != each}


def _null_removes(setting: Setting) -> bool:
    nullable = setting.shape.nullable or setting.shape.type in (Any, object)
    return not nullable or not (setting.required or setting.default is not None)


def _at(value: Any, path: KeyPath) -> Any:
    """Return what is at a path, ABSENT if there is nothing."""
    for key in path:
        try:
            value = value[key]
        except (LookupError, TypeError):
            return ABSENT
    return value


def _is_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
