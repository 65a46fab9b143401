"""Jinja in configs: one text becomes one function of the variables `data`, `item`, `loop` and `now`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from flowtui.model.data import NodeData
from flowtui.model.errors import TemplateError
from flowtui.model.spelling import closest

VARIABLES = ("data", "item", "loop", "now")

#: Gives the value of a template from what `variables` returns; raises TemplateError.
Evaluate = Callable[[dict[str, Any]], Any]


class _Undefined(StrictUndefined):
    """Says what is there instead."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        owner, name = self._undefined_obj, self._undefined_name
        if self._undefined_hint:
            return self._undefined_hint
        if owner is missing:
            return f"{name!r} is undefined (there are: {', '.join(VARIABLES)})"
        if not isinstance(owner, Mapping):
            return f"{name!r} is undefined in {'null' if owner is None else f'a value of type {type(owner).__name__}'}"
        place = "data" if isinstance(owner, NodeData) else "a mapping"
        keys = [str(key)[:40] for key in owner][:12] + ["…"] * (len(owner) > 12)
        return f"{name!r} is undefined in {place} ({'it has: ' + ', '.join(keys) if keys else 'it is empty'})"


class _Environment(ImmutableSandboxedEnvironment):
    """In `data.items`, a field of that name wins over the method."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, NodeData | dict):
            try:
                return obj[attribute]
            except KeyError:
                if attribute == "id" and isinstance(obj, NodeData):
                    return obj.id
        return super().getattr(obj, attribute)


_environment = _Environment(undefined=_Undefined, keep_trailing_newline=True)


def is_template(text: str) -> bool:
    """Return whether a text of a config holds anything to work out for each item."""
    return "{{" in text or "{%" in text


def variables(data: NodeData, loop: str) -> dict[str, Any]:
    """Return what templates see while one item is worked on; `now` is the same in all of them, in UTC."""
    return {**_environment.globals, "data": data, "item": data.id, "loop": loop, "now": datetime.now(UTC)}


@lru_cache(maxsize=4096)  # a file is checked, started and reloaded with the same texts
def compile_text(text: str) -> Evaluate:
    """Return the function that renders a template text.

    A text that is nothing but one `{{ expression }}` gives the expression's own value; any other gives text.

    Raises:
        TemplateError: if it does not parse, or uses a variable, filter or test that does not exist.
    """
    try:
        tree = _environment.parse(text)
        _refuse_unknown(tree)
        expression = _only_expression(tree if text == text.strip() else _environment.parse(text.strip()))
        if expression is None:
            return _guarded(_text_maker(_environment.from_string(tree)))
        path = _plain_path(expression)
        if path is not None:
            return _guarded(_path_reader(*path))
        result = nodes.Assign(nodes.Name("result", "store", lineno=1), expression, lineno=1)
        program = nodes.Template([result], lineno=1)
        program.set_environment(_environment)
        return _guarded(_value_maker(_environment.from_string(program)))
    except TemplateSyntaxError as error:
        place = f" (in its line {error.lineno})" if error.lineno > 1 else ""
        raise TemplateError(f"the template does not parse: {error.message}{place}") from None
    except RecursionError:
        raise TemplateError("the template is nested too deeply") from None


def _refuse_unknown(tree: nodes.Template) -> None:
    known = {*VARIABLES, *_environment.globals}
    if all(name.name in known for name in tree.find_all(nodes.Name)):
        return  # what follows knows which names the template sets itself, and takes ten times as long
    unknown = meta.find_undeclared_variables(tree) - known
    for name in sorted(unknown):
        close = closest(name, VARIABLES)
        hint = f"did you mean {close!r}?" if close else f"fields of the item are in `data`: data.{name}"
        raise TemplateError(f"the template uses the unknown variable {name!r} ({hint})")


def _only_expression(tree: nodes.Template) -> nodes.Expr | None:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output) or len(tree.body[0].nodes) != 1:
        return None
    expression = tree.body[0].nodes[0]
    return None if isinstance(expression, nodes.TemplateData) else expression


def _plain_path(expression: nodes.Expr) -> tuple[str, list[tuple[bool, Any]]] | None:
    """Return the variable of `data.a["b"]` and the steps from it, None if the expression is anything else."""
    steps: list[tuple[bool, Any]] = []
    while not isinstance(expression, nodes.Name):
        if isinstance(expression, nodes.Getattr):
            steps.append((True, expression.attr))
        elif isinstance(expression, nodes.Getitem) and isinstance(expression.arg, nodes.Const):
            steps.append((False, expression.arg.value))
        else:
            return None
        expression = expression.node
    return (expression.name, steps[::-1]) if expression.name in VARIABLES else None


def _path_reader(variable: str, steps: list[tuple[bool, Any]]) -> Evaluate:
    """Return what a template of that path does, at a tenth of its cost: most templates are plain paths."""
    getters = [(_environment.getattr if by_name else _environment.getitem, key) for by_name, key in steps]

    def read(values: dict[str, Any]) -> Any:
        value = values[variable]
        for get, key in getters:
            if isinstance(value, Undefined):
                break
            value = get(value, key)
        return _checked(value)

    return read


def _text_maker(template: Template) -> Evaluate:
    # `Template.render` copies all globals for each call, which takes ten times as long as the rest.
    return lambda values: "".join(template.root_render_func(template.new_context(values, shared=True)))


def _value_maker(template: Template) -> Evaluate:
    """Return what gives the variable `result` that a template sets."""

    def evaluate(values: dict[str, Any]) -> Any:
        context = template.new_context(values, shared=True)
        for _ in template.root_render_func(context):
            pass
        return _finished(context.vars["result"])

    return evaluate


def _finished(value: Any) -> Any:
    """Return a value as JSON would have it: no iterators, no marked-up text, and nothing undefined in it."""
    if isinstance(value, Iterator):
        value = list(value)
    if isinstance(value, list | tuple):
        return [_finished(each) for each in value]
    if isinstance(value, dict):
        return {key: _finished(each) for key, each in value.items()}
    return str(value) if isinstance(value, str) else _checked(value)


def _checked(value: Any) -> Any:
    if isinstance(value, Undefined):
        raise UndefinedError(value._undefined_message)
    if isinstance(value, NodeData):
        return value.payload
    if callable(value):
        raise UndefinedError(f"it is the method {getattr(value, '__name__', '')}(), not a field")
    return value


def _guarded(evaluate: Evaluate) -> Evaluate:
    def guarded(values: dict[str, Any]) -> Any:
        try:
            return evaluate(values)
        except (UndefinedError, SecurityError) as error:
            raise TemplateError(str(error)) from None
        except Exception as error:
            raise TemplateError(f"{type(error).__name__}: {error}") from error

    return guarded
