"""Templates as they are run: with secrets put in, what is made of these tracked, and loops and texts within limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from flowtui.model.errors import TemplateError
from flowtui.nodes.sandbox import JOINED, OUTPUT, ROUNDS, SECRETS, TRACKED
from flowtui.nodes.secrets import VARIABLE_PREFIX, secret_names, split_references

#: What comes of a secret is only yes or no.
_ONLY_YES_OR_NO = (nodes.Compare, nodes.Test, nodes.Not)
#: What comes of a secret is masked already, by its parts, of which some may be no secret.
_OF_KNOWN_PARTS = (
    nodes.Concat, nodes.Add, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.And,
    nodes.Or,
)  # fmt: skip
_DEFAULT = ("default", "d")


def env_names(nodes_of: Sequence[nodes.Node]) -> dict[str, bool]:
    """Return which environment variables a template of these nodes reads; True for those that it can do without.

    Raises:
        TemplateError: if that depends on the item, or one of them is a secret.
    """
    found: dict[str, bool] = {}
    named: set[int] = set()
    optional = {id(node.node) for node in _of_type(nodes_of, nodes.Filter, nodes.Test) if _is_guard(node)}
    for node in _of_type(nodes_of, nodes.Getattr, nodes.Getitem):
        name = _env_name(node)
        if name is None:
            continue
        if name.startswith(VARIABLE_PREFIX):
            raise TemplateError(f"env.{name} is a secret: write ${{secret:{name.removeprefix(VARIABLE_PREFIX)}}}")
        named.add(id(node.node))
        found[name] = found.get(name, True) and id(node) in optional
    for node in _of_type(nodes_of, nodes.Name):
        if node.name == "env" and node.ctx == "load" and id(node) not in named:
            raise TemplateError("a template may read only variables that it names, as env.NAME")
    return found


def _is_guard(node: nodes.Node) -> bool:
    names = _DEFAULT if isinstance(node, nodes.Filter) else ("defined", "undefined")
    return getattr(node, "name", "") in names


def _of_type(found: Sequence[nodes.Node], *types: type[nodes.Node]) -> list[Any]:
    return [node for node in found if isinstance(node, types)]


def _env_name(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if not (isinstance(node.node, nodes.Name) and node.node.name == "env"):
        return None
    if isinstance(node, nodes.Getattr):
        return node.attr
    is_plain = isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str)
    return node.arg.value if is_plain else None  # type: ignore[attr-defined]


def rewritten(tree: nodes.Template) -> nodes.Template:
    """Return the tree of a template as it is to be compiled; the tree itself is changed.

    Raises:
        TemplateError: if it could not be told what of the result has come of a secret.
    """
    for block in _of_type(list(tree.find_all(nodes.Stmt)), nodes.FilterBlock, nodes.CallBlock):
        if any(_secret_of(each, {}) is not None for each in block.body):
            raise TemplateError("a '{% filter %}' or '{% call %}' block can't hold a secret: use it in a '{{ }}'")
    result: nodes.Template = _Rewriting(_tainted(tree), tree.find(nodes.For) is not None).visit(tree)
    assert tree.environment is not None
    result.set_environment(tree.environment)
    return result


class _Rewriting(NodeTransformer):
    def __init__(self, tainted: dict[str, str], has_loops: bool) -> None:
        self._tainted = tainted
        self._has_loops = has_loops

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        secret = _secret_of(node, self._tainted) if _is_tracked(node) else None
        done = super().generic_visit(node, *args, **kwargs)
        if secret is None:
            return done
        assert isinstance(done, nodes.Expr)
        return _filtered(TRACKED, done, [nodes.Const(secret, lineno=node.lineno)])

    def visit_Const(self, node: nodes.Const) -> nodes.Node:  # noqa: N802 - as in Jinja
        if not (isinstance(node.value, str) and "${secret:" in node.value):
            return node
        return _joined(_parts(node.value, node.lineno), node.lineno)

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802 - as in Jinja
        found: list[nodes.Expr] = []
        for each in node.nodes:
            if isinstance(each, nodes.TemplateData) and "${secret:" in each.data:
                found += _parts(each.data, each.lineno)
            elif self._has_loops and not isinstance(each, nodes.TemplateData):
                found.append(_filtered(OUTPUT, self.visit(each)))
            else:
                found.append(self.visit(each))
        return nodes.Output(found, lineno=node.lineno)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - as in Jinja
        return _joined([self.visit(each) for each in node.nodes], node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - as in Jinja
        super().generic_visit(node)
        node.iter = _filtered(ROUNDS, node.iter)
        return node


def _filtered(name: str, value: Any, args: Sequence[nodes.Expr] = ()) -> nodes.Expr:
    return nodes.Filter(value, name, list(args), [], None, None, lineno=value.lineno)


def _is_tracked(node: nodes.Node) -> bool:
    is_default = isinstance(node, nodes.Filter) and node.name in _DEFAULT
    is_target = isinstance(node, nodes.Name) and node.ctx != "load"
    is_known = isinstance(node, (*_ONLY_YES_OR_NO, *_OF_KNOWN_PARTS)) or is_default or is_target
    return isinstance(node, nodes.Expr) and not is_known


def _joined(parts: list[nodes.Expr], line: int) -> nodes.Expr:
    return _filtered(JOINED, nodes.List(parts, lineno=line))


def _parts(text: str, line: int) -> list[nodes.Expr]:
    """Return what a text with references is made of."""
    found: list[nodes.Expr] = []
    for part, is_secret in split_references(text):
        if is_secret:
            secrets = nodes.Name(SECRETS, "load", lineno=line)
            found.append(nodes.Getitem(secrets, nodes.Const(part, lineno=line), "load", lineno=line))
        else:
            found.append(nodes.Const(part, lineno=line))
    return found


def _tainted(tree: nodes.Template) -> dict[str, str]:
    """Return the names that the template itself gives to what comes of a secret, each with that secret."""
    found: dict[str, str] = {}
    while True:
        before = len(found)
        for node in tree.find_all((nodes.Assign, nodes.AssignBlock, nodes.For, nodes.With)):
            for target, source in _assignments(node):
                secret = _secret_of(source, found)
                if secret is not None:
                    found |= {name.name: secret for name in _names(target)}
        if len(found) == before:
            return found


def _assignments(node: nodes.Node) -> list[tuple[nodes.Node, nodes.Node]]:
    if isinstance(node, nodes.With):
        return list(zip(node.targets, node.values, strict=True))
    if isinstance(node, nodes.AssignBlock):
        return [(node.target, each) for each in node.body]
    if isinstance(node, nodes.For):
        return [(node.target, node.iter)]
    assert isinstance(node, nodes.Assign)
    return [(node.target, node.node)]


def _names(target: nodes.Node) -> list[Any]:
    """Return the names that an assignment sets; with `ns.x` all of `ns`."""
    if isinstance(target, nodes.Name | nodes.NSRef):
        return [target]
    return list(target.find_all((nodes.Name, nodes.NSRef)))


def _secret_of(node: nodes.Node, tainted: dict[str, str]) -> str | None:
    """Return the name of a secret from which the value of an expression comes, None if from none."""
    if isinstance(node, _ONLY_YES_OR_NO):
        return None
    if isinstance(node, nodes.Name):
        return tainted.get(node.name)
    text = node.value if isinstance(node, nodes.Const) else getattr(node, "data", None)
    if isinstance(text, str):
        return min(secret_names(text), default=None)
    children = [node.expr1, node.expr2] if isinstance(node, nodes.CondExpr) else node.iter_child_nodes()
    found = (_secret_of(child, tainted) for child in children if child is not None)
    return next((secret for secret in found if secret is not None), None)
