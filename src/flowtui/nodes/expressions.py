"""Jinja in configs: one text becomes one function of the variables `data`, `env`, `item`, `loop` and `now`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError

from flowtui.model.data import NodeData
from flowtui.model.errors import TemplateError
from flowtui.model.spelling import closest
from flowtui.nodes.masking import masker
from flowtui.nodes.rewriting import env_names, rewritten
from flowtui.nodes.sandbox import BUDGET, VARIABLES, Budget, Item, Sandbox, joined, undefined_message
from flowtui.nodes.secrets import has_reference, secret_names

#: Gives the value of a template from what `variables` returns; raises TemplateError.
Evaluate = Callable[[dict[str, Any]], Any]

_sandbox = Sandbox()
#: What every template sees, whatever the item.
GLOBALS: dict[str, Any] = dict(_sandbox.globals)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled template text.

    Attributes:
        evaluate: gives its value for one item.
        uses: the variables that it uses, and `BUDGET` if it has loops.
        env: the environment variables that it reads; True for those that it can do without.
        secrets: names of the secrets in it.
    """

    evaluate: Evaluate
    uses: frozenset[str]
    env: dict[str, bool]
    secrets: frozenset[str]


def is_template(text: str) -> bool:
    """Return whether a text of a config holds anything to work out for each item."""
    return "{{" in text or "{%" in text


def variables(constants: dict[str, Any], uses: frozenset[str], data: NodeData, loop: str) -> dict[str, Any]:
    """Return what templates that use these names see while one item is worked on; `now` is in UTC."""
    values = {**constants, "data": data, "loop": loop}
    if "item" in uses:
        values["item"] = Item.of(data)
    if "now" in uses:
        values["now"] = datetime.now(UTC)
    if BUDGET in uses:
        values[BUDGET] = Budget()
    return values


@lru_cache(maxsize=4096)  # a file is checked, started and reloaded with the same texts
def compile_text(text: str) -> Expression:
    """Compile a template text.

    A text that is nothing but one `{{ expression }}` gives the expression's own value; any other gives text.

    Raises:
        TemplateError: if it does not parse, or uses a variable, filter or test that does not exist or is not allowed.
    """
    try:
        tree = _sandbox.parse(text)
        found = list(tree.find_all(nodes.Node))
        _refuse_unknown(tree, found)
        env = env_names(found)
        uses = {each.name for each in found if isinstance(each, nodes.Name)} & set(VARIABLES)
        if any(isinstance(each, nodes.For) for each in found):
            uses.add(BUDGET)
        secrets = secret_names(text)
        is_changed = BUDGET in uses or has_reference(text) or any(isinstance(each, nodes.Concat) for each in found)
        evaluate = _evaluation(text, tree, rewritten if is_changed else lambda tree: tree)
        return Expression(_guarded(evaluate, hide=bool(secrets)), frozenset(uses), env, secrets)
    except TemplateSyntaxError as error:
        place = f" (in its line {error.lineno})" if error.lineno > 1 else ""
        hint = ""
        if "unexpected char '$'" in (error.message or ""):
            hint = "; within braces a reference is a text, in quotes: '${secret:NAME}'"
        raise TemplateError(f"the template does not parse: {error.message}{hint}{place}") from None
    except RecursionError:
        raise TemplateError("the template is nested too deeply") from None


def _evaluation(text: str, tree: nodes.Template, rewrite: Callable[[nodes.Template], nodes.Template]) -> Evaluate:
    expression = _only_expression(tree if text == text.strip() else _sandbox.parse(text.strip()))
    if expression is None:
        return _text_maker(_sandbox.from_string(rewrite(tree)))
    path = _plain_path(expression)
    if path is not None:
        return _path_reader(*path)
    result = nodes.Assign(nodes.Name("result", "store", lineno=1), expression, lineno=1)
    program = nodes.Template([result], lineno=1)
    program.set_environment(_sandbox)
    return _value_maker(_sandbox.from_string(rewrite(program)))


def _refuse_unknown(tree: nodes.Template, found: list[nodes.Node]) -> None:
    for each in found:
        if isinstance(each, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
            raise TemplateError(f"the template uses '{type(each).__name__.lower()}', but there are no other templates")
        if isinstance(each, nodes.Filter) and each.name.startswith("_"):
            raise TemplateError(f"the template does not parse: No filter named {each.name!r}.")
    known = {*VARIABLES, *GLOBALS}
    if all(each.name in known for each in found if isinstance(each, nodes.Name)):
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
        elif isinstance(expression, nodes.Getitem) and _is_plain_key(expression.arg):
            steps.append((False, expression.arg.value))  # type: ignore[attr-defined]
        else:
            return None
        expression = expression.node
    return (expression.name, steps[::-1]) if expression.name in VARIABLES else None


def _is_plain_key(key: nodes.Node) -> bool:
    return isinstance(key, nodes.Const) and not has_reference(str(key.value))


def _path_reader(variable: str, steps: list[tuple[bool, Any]]) -> Evaluate:
    """Return what a template of that path does, at a tenth of its cost: most templates are plain paths."""
    getters = [(_sandbox.getattr if by_name else _sandbox.getitem, key) for by_name, key in steps]

    def read(values: dict[str, Any]) -> Any:
        value = values[variable]
        for place, (get, key) in enumerate(getters):
            owner, value = value, get(value, key)
            if isinstance(value, Undefined):
                if value._undefined_hint is None:
                    raise UndefinedError(undefined_message(owner, key, _written(variable, steps[:place])))
                break
        return _checked(value)

    return read


def _written(variable: str, steps: list[tuple[bool, Any]]) -> str:
    return variable + "".join(f".{key}" if by_name else f"[{key!r}]" for by_name, key in steps)


def _text_maker(template: Template) -> Evaluate:
    # `Template.render` copies all globals for each call, which takes ten times as long as the rest.
    return lambda values: joined(template.root_render_func(template.new_context(values, shared=True)))


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
    return _checked(value)


def _checked(value: Any) -> Any:
    if isinstance(value, str):
        return value if type(value) is str else str(value)
    if isinstance(value, Undefined):
        raise UndefinedError(value._undefined_message)
    if isinstance(value, NodeData):
        return value.payload
    if callable(value):
        raise UndefinedError(f"it is the method {getattr(value, '__name__', '')}(), not a field")
    return value


def _guarded(evaluate: Evaluate, *, hide: bool) -> Evaluate:
    """Return `evaluate` so that it raises TemplateError only; with `hide` the error may quote a secret."""

    def guarded(values: dict[str, Any]) -> Any:
        try:
            return evaluate(values)
        except (UndefinedError, SecurityError) as error:
            raise TemplateError(masker.mask(str(error))) from None
        except Exception as error:
            if hide:
                raise TemplateError(f"{type(error).__name__} in a template that uses a secret") from None
            raise TemplateError(f"{type(error).__name__}: {error}") from error

    return guarded
