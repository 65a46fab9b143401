"""A node's config: what of it is fixed, what holds templates, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from flowtui.model.data import NodeData
from flowtui.model.errors import TemplateError
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.config_faults import KeyPath, config_faults, dotted, shown
from flowtui.nodes.expressions import Evaluate, compile_text, is_template, variables

NO_ITEM = "a producer's config can't hold a template, because there is no item yet; ${NAME} reads the environment"


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """Something wrong in a config.

    Attributes:
        path: keys and list places from the config down; that of a missing setting is where it would be.
        code: `bad-config`, `unknown-field` or `bad-template`.
    """

    path: KeyPath
    message: str
    code: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}"


class ConfigTemplate:
    """A node's raw config, compiled once.

    Attributes:
        static: the validated config; None if it holds templates, so that each item has its own.
    """

    __slots__ = ("_config_type", "_fields", "_fixed", "static")

    def __init__(
        self,
        config_type: type[NodeConfig],
        fixed: Mapping[str, Any],
        fields: Mapping[str, Evaluate],
        static: NodeConfig | None,
    ) -> None:
        self.static = static
        self._config_type = config_type
        self._fixed = fixed
        self._fields = tuple(fields.items())

    def render(self, data: NodeData, *, loop: str) -> NodeConfig:
        """Return the config for one item.

        Raises:
            TemplateError: naming the setting, if a template cannot be worked out or its value does not fit.
        """
        if self.static is not None:
            return self.static
        values = variables(data, loop)
        raw = {**self._fixed, **{name: build(values) for name, build in self._fields}}
        try:
            return self._config_type.model_validate(raw)
        except ValidationError as error:
            faults = config_faults(error, self._config_type, raw)
            texts = [f"{dotted(fault.path)}: {fault.message}{shown(raw, fault)}" for fault in faults]
            raise TemplateError("; ".join(texts)) from None
        except Exception as error:
            raise TemplateError(f"config: {type(error).__name__}: {error}") from error


def compile_config(
    config_type: type[NodeConfig], raw: Mapping[str, Any], *, has_item: bool = True
) -> tuple[ConfigTemplate | None, tuple[ConfigProblem, ...]]:
    """Compile a config and check all of it that does not wait for an item.

    Args:
        has_item: False for a producer, which makes the items: its config can't hold templates.

    Returns:
        The template and no problems, or None and every problem. Keys of mappings are never templates.
    """
    problems: list[ConfigProblem] = []
    templated: list[KeyPath] = []
    fields = {}
    for name, value in raw.items():
        build = _compile(value, (name,), templated, problems)
        if build is not None:
            fields[name] = build
    if not has_item:
        problems = [ConfigProblem(path, NO_ITEM, "bad-template") for path in templated]
    static, faults = validate(config_type, raw, templated)
    problems.extend(faults)
    if problems:
        return None, tuple(problems)
    fixed = {name: value for name, value in raw.items() if name not in fields}
    return ConfigTemplate(config_type, fixed, fields, static), ()


def _compile(value: Any, path: KeyPath, templated: list[KeyPath], problems: list[ConfigProblem]) -> Evaluate | None:
    """Return what builds a value for an item, None if the value holds no template."""
    if isinstance(value, str):
        if not is_template(value):
            return None
        templated.append(path)
        try:
            return _named(compile_text(value), path)
        except TemplateError as error:
            problems.append(ConfigProblem(path, str(error), "bad-template"))
            return None
    if isinstance(value, Mapping):
        return _compile_parts(value.items(), dict, path, templated, problems)
    if isinstance(value, list | tuple):
        return _compile_parts(enumerate(value), lambda pairs: [each for _, each in pairs], path, templated, problems)
    return None


def _compile_parts(
    parts: Iterable[tuple[Any, Any]],
    join: Callable[[list[tuple[Any, Any]]], Any],
    path: KeyPath,
    templated: list[KeyPath],
    problems: list[ConfigProblem],
) -> Evaluate | None:
    built = [(key, each, _compile(each, (*path, key), templated, problems)) for key, each in parts]
    if all(build is None for _, _, build in built):
        return None
    return lambda values: join([(key, build(values) if build else each) for key, each, build in built])


def _named(evaluate: Evaluate, path: KeyPath) -> Evaluate:
    field = dotted(path)

    def named(values: dict[str, Any]) -> Any:
        try:
            return evaluate(values)
        except TemplateError as error:
            raise TemplateError(f"{field}: {error}") from error.__cause__

    return named


def validate(
    config_type: type[NodeConfig], raw: Mapping[str, Any], templated: list[KeyPath]
) -> tuple[NodeConfig | None, list[ConfigProblem]]:
    """Return a config, None if it cannot be made yet, and what is wrong whatever the texts at `templated` become."""
    try:
        config = config_type.model_validate(dict(raw))
    except ValidationError as error:
        faults = [fault for fault in config_faults(error, config_type, raw) if not fault.waits_for(templated)]
        return None, [ConfigProblem(fault.path, fault.message, fault.code) for fault in faults]
    except Exception as error:  # an author's validator may raise anything
        message = f"the check of this config failed: {type(error).__name__}: {error}"
        return None, [] if templated else [ConfigProblem((), message, "bad-config")]
    return None if templated else config, []
