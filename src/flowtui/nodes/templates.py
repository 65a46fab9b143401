"""A node's config: what of it is fixed, what comes with the start, what with each item, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from flowtui.model.data import NodeData
from flowtui.model.errors import TemplateError
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.config_faults import Fault, KeyPath, config_faults, dotted, shown
from flowtui.nodes.expressions import GLOBALS, Evaluate, compile_text, is_template, variables
from flowtui.nodes.hints import Fixed
from flowtui.nodes.masking import masker
from flowtui.nodes.sandbox import SECRETS
from flowtui.nodes.secrets import NO_VALUES, has_reference, secret_names, with_secrets
from flowtui.nodes.settings import settings_of

NO_ITEM = (
    "a producer's config can't hold a template, because there is no item yet; ${NAME} reads the environment, "
    "${secret:NAME} a secret"
)


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """Something wrong in a config.

    Attributes:
        path: keys and list places from the config down; that of a missing setting is where it would be.
        code: `bad-config`, `unknown-field`, `bad-template` or `unset-variable`.
    """

    path: KeyPath
    message: str
    code: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}"


@dataclass(slots=True)
class _Parts:
    """What the texts of a config hold: paths of templates and of secrets, and what the templates use."""

    templated: list[KeyPath] = field(default_factory=list)
    secret: list[KeyPath] = field(default_factory=list)
    names: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    env: dict[str, str] = field(default_factory=dict)
    problems: list[ConfigProblem] = field(default_factory=list)

    @property
    def waiting(self) -> list[KeyPath]:
        """The paths of all values that are not known at load."""
        return [*self.templated, *self.secret]


class ConfigTemplate:
    """A node's raw config, compiled once.

    Attributes:
        static: the validated config; None if it holds templates, so that each item has its own, or secrets, which
            `started` puts in.
        secrets: names of the secrets in it.
        env: the environment variables that its templates read, as far as they are set.
    """

    __slots__ = ("_at_start", "_config_type", "_constants", "_fields", "_parts", "_raw", "env", "secrets", "static")

    def __init__(
        self,
        config_type: type[NodeConfig],
        raw: Mapping[str, Any],
        fields: Mapping[str, Evaluate],
        at_start: Mapping[str, Evaluate],
        parts: _Parts,
        static: NodeConfig | None,
    ) -> None:
        """`fields` make settings for each item, `at_start` those that are known once the secrets are."""
        self.static = static
        self.secrets = parts.names
        self.env = parts.env
        self._config_type = config_type
        self._raw = raw
        self._fields = fields
        self._at_start = at_start
        self._parts = parts
        self._constants: dict[str, Any] = {**GLOBALS, "env": parts.env}

    def started(self, secrets: Mapping[str, str] = NO_VALUES) -> ConfigTemplate:
        """Return the config with its secrets in it; there are none left to be put into what is returned.

        Raises:
            TemplateError: naming the setting, if a value does not fit.
        """
        if not self.secrets:
            return self
        if missing := ", ".join(sorted(self.secrets - secrets.keys())):
            raise TemplateError(f"config: no value was given for the secret {missing}")
        values = {SECRETS: secrets}
        raw = {**self._raw, **{name: build(values) for name, build in self._at_start.items()}}
        static = None if self._fields else self._validated(raw)
        done = ConfigTemplate(self._config_type, raw, self._fields, {}, self._parts, static)
        done.secrets = frozenset()
        done._constants |= values
        return done

    def render(self, data: NodeData, *, loop: str) -> NodeConfig:
        """Return the config for one item.

        Raises:
            TemplateError: naming the setting, if a template cannot be worked out or its value does not fit.
        """
        if self.static is not None:
            return self.static
        values = variables(self._constants, self._parts.uses, data, loop)
        return self._validated({**self._raw, **{name: build(values) for name, build in self._fields.items()}})

    def _validated(self, raw: dict[str, Any]) -> NodeConfig:
        try:
            return self._config_type.model_validate(raw)
        except ValidationError as error:
            faults = config_faults(error, self._config_type, raw)
            texts = [f"{dotted(fault.path)}: {fault.message}{self._shown(raw, fault)}" for fault in faults]
            raise TemplateError(masker.mask("; ".join(texts))) from None
        except Exception as error:
            text = masker.mask(f"config: {type(error).__name__}: {error}")
            raise TemplateError(text) from (None if self._parts.names else error)

    def _shown(self, raw: dict[str, Any], fault: Fault) -> str:
        return "" if fault.concerns(self._parts.secret) else shown(raw, fault)


def compile_config(
    config_type: type[NodeConfig],
    raw: Mapping[str, Any],
    *,
    has_item: bool = True,
    env: Mapping[str, str] = NO_VALUES,
) -> tuple[ConfigTemplate | None, tuple[ConfigProblem, ...]]:
    """Compile a config and check all of it that waits neither for an item nor for a secret.

    Args:
        has_item: False for a producer, which makes the items: its config can't hold templates.
        env: where `env.NAME` comes from.

    Returns:
        The template and no problems, or None and every problem. Keys of mappings are never templates.
    """
    parts = _Parts()
    compiler = _Compiler(env, parts)
    fields: dict[str, Evaluate] = {}
    at_start: dict[str, Evaluate] = {}
    for name, value in raw.items():
        before = len(parts.templated)
        build = compiler.value(value, (name,))
        if build is not None:
            (fields if len(parts.templated) > before else at_start)[name] = build
    problems = parts.problems
    if not has_item:
        problems = [ConfigProblem(path, NO_ITEM, "bad-template") for path in parts.templated]
    raw = {**raw, **{name: build(_NO_SECRETS) for name, build in at_start.items() if not secret_names(raw[name])}}
    static, faults = validate(config_type, raw, parts.waiting)
    problems = [*problems, *faults, *_fixed_faults(config_type, parts.templated)]
    if problems:
        return None, tuple(problems)
    return ConfigTemplate(config_type, raw, fields, at_start, parts, static), ()


def _fixed_faults(config_type: type[NodeConfig], templated: list[KeyPath]) -> list[ConfigProblem]:
    """Return what is wrong with templates in settings that can't hold any."""
    if not templated:
        return []
    fixed = {each.key: each.shape.hint(Fixed) for each in settings_of(config_type).values()}
    return [
        ConfigProblem(path, f"it can't hold a template: {hint.reason}", "bad-template")
        for path in templated
        if (hint := fixed.get(str(path[0])))
    ]


_NO_SECRETS: dict[str, Any] = {SECRETS: NO_VALUES}


class _Compiler:
    """Makes functions of the values of a config that are not what they are yet."""

    def __init__(self, env: Mapping[str, str], parts: _Parts) -> None:
        self._env = env
        self._parts = parts

    def value(self, value: Any, path: KeyPath) -> Evaluate | None:
        """Return what builds a value, None if it stays as it is."""
        if isinstance(value, str):
            if is_template(value):
                return self._template(value, path)
            return self._text(value, path) if has_reference(value) else None
        if isinstance(value, Mapping):
            return self._several(value.items(), dict, path)
        if isinstance(value, list | tuple):
            return self._several(enumerate(value), lambda pairs: [each for _, each in pairs], path)
        return None

    def _text(self, text: str, path: KeyPath) -> Evaluate:
        self._note_secrets(secret_names(text), path)
        return lambda values: with_secrets(text, values[SECRETS])

    def _template(self, text: str, path: KeyPath) -> Evaluate | None:
        parts = self._parts
        parts.templated.append(path)
        try:
            expression = compile_text(text)
        except TemplateError as error:
            parts.problems.append(ConfigProblem(path, str(error), "bad-template"))
            return None
        parts.uses |= expression.uses
        self._note_secrets(expression.secrets, path)
        for name, is_optional in expression.env.items():
            if name in self._env:
                parts.env[name] = self._env[name]
            elif not is_optional:
                example = f"{{{{ env.{name} | default('…') }}}}"
                message = f"variable {name} is not set: set it, or give a default like {example}"
                parts.problems.append(ConfigProblem(path, message, "unset-variable"))
        return _named(expression.evaluate, path)

    def _note_secrets(self, names: frozenset[str], path: KeyPath) -> None:
        if names:
            self._parts.secret.append(path)
            self._parts.names |= names

    def _several(
        self, children: Iterable[tuple[Any, Any]], join: Callable[[list[tuple[Any, Any]]], Any], path: KeyPath
    ) -> Evaluate | None:
        built = [(key, each, self.value(each, (*path, key))) for key, each in children]
        if all(build is None for _, _, build in built):
            return None
        return lambda values: join([(key, build(values) if build else each) for key, each, build in built])


def _named(evaluate: Evaluate, path: KeyPath) -> Evaluate:
    name = dotted(path)

    def named(values: dict[str, Any]) -> Any:
        try:
            return evaluate(values)
        except TemplateError as error:
            raise TemplateError(f"{name}: {error}") from error.__cause__

    return named


def validate(
    config_type: type[NodeConfig], raw: Mapping[str, Any], waiting: list[KeyPath]
) -> tuple[NodeConfig | None, list[ConfigProblem]]:
    """Return a config, None if it cannot be made yet, and what is wrong whatever the texts at `waiting` become."""
    try:
        config = config_type.model_validate(dict(raw))
    except ValidationError as error:
        faults = [fault for fault in config_faults(error, config_type, raw) if not fault.waits_for(waiting)]
        return None, [ConfigProblem(fault.path, fault.message, fault.code) for fault in faults]
    except Exception as error:  # an author's validator may raise anything
        message = f"the check of this config failed: {type(error).__name__}: {error}"
        return None, [] if waiting else [ConfigProblem((), message, "bad-config")]
    return None if waiting else config, []
