"""Nodes over data, each beside the library that it uses."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import jinja2
import jmespath
import jsonschema

from flowtui.nodes.base import BaseNode
from flowtui.nodes.builtin.commands import Shell
from flowtui.nodes.builtin.databases import Sqlite, SqliteInsert
from flowtui.nodes.builtin.functions import Python
from flowtui.nodes.builtin.schedule import RateLimit
from flowtui.nodes.builtin.schemas import Validate
from flowtui.nodes.builtin.texts import Template, Transform
from node_costs import Row, Run, consumed, timed

TEXT = "Dear {{ data.name }}, your order {{ data.id }} has {{ data.lines | length }} lines."
EXPRESSION = "{id: id, total: sum(lines[].price)}"
SCHEMA = {
    "type": "object",
    "required": ["id", "lines"],
    "properties": {"id": {"type": "integer"}, "lines": {"type": "array", "items": {"type": "object"}}},
}
QUERY = "SELECT :id AS id, 'Zoë' AS name"
TABLE = {"path": "out.db", "table": "orders", "create": True, "columns": ["id", "name"]}


def _order(n: int) -> dict[str, Any]:
    return {"id": n, "name": "Zoë", "lines": [{"price": 1.5}, {"price": 2}, {"price": n}]}


def _node(cls: type[BaseNode], config: Mapping[str, Any]) -> Run:
    return lambda folder, count: consumed(cls, config, map(_order, range(count)), folder)


def _bare(work: Any) -> Run:
    def run(_: Path, count: int) -> float:
        orders = [_order(n) for n in range(count)]
        return timed(lambda: [work(order) for order in orders])

    return run


def _bare_awaits(_: Path, count: int) -> float:
    async def same(order: dict[str, Any]) -> dict[str, Any]:
        return order

    async def all_orders() -> float:
        orders = [_order(n) for n in range(count)]
        began = perf_counter()
        for order in orders:
            await same(order)
        return perf_counter() - began

    return asyncio.run(all_orders())


def _bare_rows(folder: Path, count: int) -> float:
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE orders (id, name)")

        def insert() -> None:
            for n in range(count):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO orders VALUES (?, ?)", (n, "Zoë"))
                connection.execute("COMMIT")

        return timed(insert)


def _query(folder: Path, count: int) -> float:
    (folder / "read.db").touch()
    return consumed(Sqlite, {"path": "read.db", "sql": QUERY}, map(_order, range(count)), folder)


def _bare_query(folder: Path, count: int) -> float:
    async def query(connection: sqlite3.Connection) -> float:
        began = perf_counter()
        for n in range(count):
            await asyncio.to_thread(lambda n=n: connection.execute(QUERY, {"id": n}).fetchmany(100))
        return perf_counter() - began

    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None, check_same_thread=False)) as connection:
        return asyncio.run(query(connection))


def _cat(order: dict[str, Any]) -> bytes:
    return subprocess.run(["cat"], input=json.dumps(order).encode(), capture_output=True, check=True).stdout


_template = jinja2.Template(TEXT)
_search = jmespath.compile(EXPRESSION).search
_validator = jsonschema.Draft202012Validator(SCHEMA)

ROWS = (
    Row("template", _node(Template, {"text": TEXT}), _bare(lambda order: _template.render(data=order)), "jinja2", 6.0),
    Row("transform", _node(Transform, {"expression": EXPRESSION}), _bare(_search), "jmespath", 3.0),
    Row("validate", _node(Validate, {"schema": SCHEMA}), _bare(_validator.is_valid), "jsonschema", 3.0),
    Row("python", _node(Python, {"function": "json:dumps", "takes": "payload"}), _bare(json.dumps), "json.dumps", 4.0),
    Row("sqlite-insert", _node(SqliteInsert, TABLE), _bare_rows, "sqlite3, a transaction a row", 4.0),
    Row("sqlite", _query, _bare_query, "sqlite3, a statement on a thread", 6.0),
    Row("shell", _node(Shell, {"command": ["cat"]}), _bare(_cat), "subprocess.run", 6.0),
    Row("rate-limit", _node(RateLimit, {"items": 100_000, "per": "1ms"}), _bare_awaits, "an awaited function", 15.0),
)  # fmt: skip
