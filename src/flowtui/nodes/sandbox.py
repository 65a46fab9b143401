"""Where templates run: what of Jinja they may use, and how much memory and time one of them may take.

A workflow file is trusted, but the items are not: `range(data.n)` and `"x" * data.n` must not end the engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from flowtui.model.data import NodeData
from flowtui.nodes.masking import masker

VARIABLES = ("data", "env", "item", "loop", "now")
#: Characters of a text, or entries of a list, that a template may make.
MOST = 1_000_000
#: Rounds that all the loops of a template may take together while one item is worked on.
MOST_ROUNDS = 100_000
#: Bits of a whole number that a template may make.
MOST_BITS = 10_000

#: What templates are given besides `VARIABLES`, and filters of their own; no template can be written that names them.
SECRETS, BUDGET = "_secrets", "_budget"
TRACKED, JOINED, ROUNDS, OUTPUT = "_tracked", "_joined", "_rounds", "_output"

#: Numbers below this are met everywhere, so that one which has come of a secret cannot be masked.
_LEAST_NUMBER = 100_000
_TOO_BIG = f"a template may make no more than {MOST:,} characters or entries"
_WIDTH = re.compile(r"\d{6,}")
#: Filters that make as much as a number among their arguments says.
_SIZED_FILTERS = ("batch", "center", "indent", "round", "slice", "tojson", "wordwrap")


class Item(str):
    """The id of the item at hand, which knows where the item comes from."""

    __slots__ = ("_data",)
    _data: NodeData

    @classmethod
    def of(cls, data: NodeData) -> Item:
        item = cls(data.id)
        item._data = data
        return item

    @property
    def id(self) -> str:
        return str(self)

    @property
    def trace(self) -> str:
        return self._data.trace

    @property
    def origin(self) -> str:
        return self._data.meta.origin

    @property
    def attempt(self) -> int:
        return self._data.meta.attempt

    @property
    def revision(self) -> str:
        return self._data.meta.revision


_OF_ITEM = ("id", "trace", "origin", "attempt", "revision")


def undefined_message(owner: Any, name: Any, place: str = "") -> str:
    """Return that a name is undefined, where, and what is there instead; `place` is how the template calls `owner`."""
    what = f"{name!r} is undefined"
    if owner is missing:
        return f"{what} (there are: {', '.join(VARIABLES)})"
    if isinstance(owner, Item):
        return f"{what} in item (it has: {', '.join(_OF_ITEM)})"
    if isinstance(owner, Mapping):
        keys = [str(key)[:40] for key in owner][:12] + ["…"] * (len(owner) > 12)
        place = place or ("data" if isinstance(owner, NodeData) else "a mapping")
        return f"{what} in {place} ({'it has: ' + ', '.join(keys) if keys else 'it is empty'})"
    kind = "null" if owner is None else f"a value of type {type(owner).__name__}"
    return f"{what} in {f'{place}, which is {kind}' if place else kind}"


class _Undefined(StrictUndefined):
    """Says what is there instead."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return self._undefined_hint or undefined_message(self._undefined_obj, self._undefined_name)


def _refuse(size: int) -> None:
    if size > MOST:
        raise SecurityError(_TOO_BIG)


def joined(parts: Iterable[str]) -> str:
    """Return the texts as one.

    Raises:
        SecurityError: if that would be too much.
    """
    found, size = [], 0
    for part in parts:
        size += len(part)
        _refuse(size)
        found.append(part)
    return "".join(found)


class Budget:
    """What is left to one template for one item: rounds of its loops, characters that these put out."""

    def __init__(self) -> None:
        self._rounds = MOST_ROUNDS
        self._size = MOST

    def rounds(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield what a loop runs over."""
        for value in values:
            self._rounds -= 1
            if self._rounds < 0:
                raise SecurityError(f"the loops of a template may take no more than {MOST_ROUNDS:,} rounds together")
            yield value

    def output(self, value: Any) -> Any:
        """Return what is put out; blocks gather all of it before they join it."""
        self._size -= _size(value)
        if self._size < 0:
            raise SecurityError(_TOO_BIG)
        return value


# Filters, as the call of a method takes ten times as long in a sandbox.
@pass_context
def _rounds(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    budget: Budget = context.parent[BUDGET]
    return budget.rounds(values)


@pass_context
def _output(context: Context, value: Any) -> Any:
    budget: Budget = context.parent[BUDGET]
    return budget.output(value)


def _tracked(value: Any, name: str) -> Any:
    """Have what a template has made of a secret masked like the secret."""
    if isinstance(value, str) or (isinstance(value, int | float) and abs(value) >= _LEAST_NUMBER):
        masker.learn_derived(name, str(value))
    elif isinstance(value, list | tuple):
        for each in value:
            _tracked(each, name)
    elif isinstance(value, Iterator):
        return _tracked(list(value), name)
    return value


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple) else 0


def _check_format(text: str, values: Iterable[Any]) -> None:
    if _WIDTH.search(text) or ("*" in text and any(_is_big(value) for value in values)):
        raise SecurityError(_TOO_BIG)


def _is_big(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > MOST


def _sized(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter_)
    def checked(*args: Any, **options: Any) -> Any:
        if any(_is_big(value) for value in (*args, *options.values())):
            raise SecurityError(_TOO_BIG)
        return filter_(*args, **options)

    return checked


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja for configs. In `data.items`, a field of that name wins over the method."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(joined)

    def __init__(self) -> None:
        super().__init__(undefined=_Undefined, keep_trailing_newline=True)
        del self.globals["lipsum"]
        for name in _SIZED_FILTERS:
            self.filters[name] = _sized(self.filters[name])
        self.filters["join"] = _limited_join(self.filters["join"])
        self.filters["replace"] = _limited_replace(self.filters["replace"])
        self.filters["format"] = _limited_format(self.filters["format"])
        self.filters |= {TRACKED: _tracked, ROUNDS: _rounds, OUTPUT: _output}
        self.filters[JOINED] = lambda values: joined(map(str, values))

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, NodeData | dict):
            try:
                return obj[attribute]
            except KeyError:
                if attribute == "id" and isinstance(obj, NodeData):
                    return obj.id
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int):
            _check_number(operator, left, right)
        elif operator == "+":
            _refuse(_size(left) + _size(right))
        elif operator == "*":
            for value, times in ((left, right), (right, left)):
                if isinstance(times, int):
                    _refuse(_size(value) * times)
        elif operator == "%" and isinstance(left, str):
            _check_format(left, right if isinstance(right, tuple) else (right,))
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as in Jinja
        method = getattr(__obj, "__wrapped__", __obj)  # Jinja wraps `format`
        owner, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
        if isinstance(owner, str | bytes | int):
            if any(_is_big(value) for value in (*args, *kwargs.values())):
                raise SecurityError(_TOO_BIG)
            if name == "replace" and len(args) >= 2:
                _refuse(_replaced_size(owner, args[0], args[1]))
            elif name == "join" and args:
                args = (_counted_texts(args[0], _size(owner)), *args[1:])
            elif name in ("format", "format_map"):
                _check_format(str(owner), ())
        return super().call(__context, __obj, *args, **kwargs)


def _check_number(operator: str, left: int, right: int) -> None:
    bits = {"*": left.bit_length() + right.bit_length(), "**": left.bit_length() * abs(right)}.get(operator, 0)
    if bits > MOST_BITS:
        raise SecurityError(f"a template may make no number of more than {MOST_BITS:,} bits")


def _replaced_size(text: Any, old: Any, new: Any) -> int:
    if not (isinstance(text, str) and isinstance(old, str) and isinstance(new, str)):
        return 0
    return len(text) + text.count(old) * max(0, len(new) - len(old))


def _counted_texts(values: Iterable[Any], between: int) -> list[Any]:
    found, size = [], 0
    for value in values:
        size += between + _size(value)
        _refuse(size)
        found.append(value)
    return found


def _limited_join(join: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(join)
    def limited(eval_ctx: Any, value: Any, d: str = "", attribute: Any = None) -> Any:
        return join(eval_ctx, _counted_texts(value, len(d)), d, attribute)

    return limited


def _limited_replace(replace: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(replace)
    def limited(eval_ctx: Any, s: Any, old: str, new: str, count: int | None = None) -> Any:
        _refuse(_replaced_size(str(s), old, new))
        return replace(eval_ctx, s, old, new, count)

    return limited


def _limited_format(format_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(format_)
    def limited(value: Any, *args: Any, **kwargs: Any) -> Any:
        _check_format(str(value), (*args, *kwargs.values()))
        return format_(value, *args, **kwargs)

    return limited
