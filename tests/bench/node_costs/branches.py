"""Nodes that do next to nothing: `if`, `switch`, `log`, `delay` without a delay."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import jinja2

from flowtui.nodes.base import BaseNode
from flowtui.nodes.builtin.branches import If, Switch
from flowtui.nodes.builtin.output import Log
from flowtui.nodes.builtin.schedule import Delay
from node_costs import Row, Run, consumed, timed

_LOGGER = "node.bench.start.node"
_LINE = "order {{ data.id }} of {{ data.country }}"
_CASES = {"value": "{{ data.country }}", "cases": {"home": "DE", "abroad": "FR"}}


def _order(n: int) -> dict[str, Any]:
    return {"id": n, "country": "FR", "total": n % 2000}


def _node(cls: type[BaseNode], config: Mapping[str, Any]) -> Run:
    return lambda folder, count: consumed(cls, config, map(_order, range(count)), folder)


def _bare(work: Callable[[dict[str, Any]], object]) -> Run:
    def run(_: Path, count: int) -> float:
        orders = [_order(n) for n in range(count)]
        return timed(lambda: [work(order) for order in orders])

    return run


class _Sink(logging.Handler):
    """Makes the text of a line and forgets it."""

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage()


@contextlib.contextmanager
def _logging() -> Iterator[logging.Logger]:
    """Let lines of the node's logger go nowhere but through a handler."""
    logger, sink = logging.getLogger(_LOGGER), _Sink()
    logger.addHandler(sink)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield logger
    finally:
        logger.removeHandler(sink)
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def _log(folder: Path, count: int) -> float:
    with _logging():
        return _node(Log, {"message": _LINE})(folder, count)


def _bare_log(folder: Path, count: int) -> float:
    with _logging() as logger:
        return _bare(lambda order: logger.info("%s", _line.render(data=order)))(folder, count)


def _bare_sleeps(_: Path, count: int) -> float:
    async def sleep() -> float:
        began = perf_counter()
        for _ in range(count):
            await asyncio.sleep(0)
        return perf_counter() - began

    return asyncio.run(sleep())


_environment = jinja2.Environment()
_line = _environment.from_string(_LINE)
_is_big = _environment.compile_expression("data.total > 1000")
_country = _environment.compile_expression("data.country")

ROWS = (
    Row(
        "if",
        _node(If, {"when": "{{ data.total > 1000 }}"}),
        _bare(lambda order: _is_big(data=order)),
        "the same expression, compiled by jinja2",
        3.0,
    ),
    Row(
        "switch",
        _node(Switch, _CASES),
        _bare(lambda order: _country(data=order) in ("DE", "FR")),
        "the same expression, compiled by jinja2",
        3.0,
    ),
    Row("log", _log, _bare_log, "jinja2 and logging", 3.0),
    Row("delay, of 0", _node(Delay, {"seconds": 0}), _bare_sleeps, "asyncio.sleep(0)", 3.0),
)
