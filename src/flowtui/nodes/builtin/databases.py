"""Nodes over an SQLite file: `sqlite`, `sqlite-insert`."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.nodes.base import BlockingNode, NodeConfig, NonBlockingNode
from flowtui.nodes.durations import Duration
from flowtui.nodes.hints import Fixed, MultiLine, ShownIf, Unit
from flowtui.nodes.sqlite_file import SqliteFile

_BUSY = "How long to wait while another program holds the file."


class _Config(NodeConfig):
    path: Annotated[str, Fixed("a loop has one database; give each its node")] = Field(
        min_length=1, description="The file, relative to the workflow folder; ~ is the home directory."
    )
    busy_timeout: Duration = Field(default=5.0, description=_BUSY)


class Sqlite(BlockingNode):
    """Run one SQL statement on an SQLite file and take its rows into a field.

    `:name` in the statement stands for `values.name`, without `values` for the item's field `name`: so nothing that an
    item holds can become SQL. Each row is an object; a blob becomes base64 text. A statement without rows gives
    `{"changed": rows, "last_id": id}`. It is a transaction of its own, and after a crash the item comes again: write
    statements that may run twice, such as `INSERT … ON CONFLICT DO NOTHING`, with `"{{ item }}"`, the item's id.
    """

    example: ClassVar = {
        "path": "shop.db",
        "sql": "SELECT name, price FROM products WHERE id = :id",
        "values": {"id": "{{ data.product }}"},
        "one": True,
        "into": "product",
    }

    class Config(_Config):
        sql: Annotated[str, MultiLine(), Fixed("an item could become SQL; write :name and give `values`")] = Field(
            min_length=1, description="One statement, with :name for each value."
        )
        values: dict[str, Any] | None = Field(default=None, description="The values by name; without it the payload.")
        into: str = Field(default="rows", min_length=1, description="The field that gets the rows.")
        one: bool = Field(default=False, description="Whether it gets the first row alone, or null if there is none.")
        max_rows: Annotated[int, Unit("rows"), ShownIf(lambda one: not one, of="one")] = Field(
            default=1000, ge=1, description="More rows than this are an error."
        )

    def setup(self) -> None:
        self._file = SqliteFile(self.id, create=False)

    async def teardown(self) -> None:
        if hasattr(self, "_file"):
            await self._file.close()

    async def execute(self, data: NodeData) -> NodeData:
        config = self.config
        values = data if config.values is None else config.values
        bound = {name: _stored(value) for name, value in values.items()}

        def work(connection: sqlite3.Connection) -> Any:
            cursor = connection.execute(config.sql, bound)
            if cursor.description is None:
                return {"changed": max(cursor.rowcount, 0), "last_id": cursor.lastrowid}
            names = [column[0] for column in cursor.description]
            most = 1 if config.one else config.max_rows
            found = cursor.fetchmany(most + (not config.one))
            cursor.close()
            if len(found) > most:
                raise NodeError(
                    f"{self.id}: there are more than {most} rows: put a LIMIT into `sql`, or raise `max_rows`"
                )
            rows = [dict(zip(names, map(_json, row), strict=True)) for row in found]
            return (rows[0] if rows else None) if config.one else rows

        return data | {config.into: await self._file.run(self.path(config.path), config.busy_timeout, work)}


class SqliteInsert(NonBlockingNode):
    """Insert the item as a row into a table of an SQLite file, and hand it on unchanged.

    Without `columns` each field goes into the column of its name; objects and lists are stored as JSON text. Of a
    batch, `{"items": […]}`, each element is a row, all in one transaction. A row is on the disk before its item is
    acknowledged. If the engine dies between the two, the item comes again: with `key: [id]` and `conflict: ignore` its
    row is there once, if `id` is something that tells items apart, such as `"{{ item }}"`, which stays the same.
    """

    example: ClassVar = {
        "path": "shop.db",
        "table": "orders",
        "columns": {"id": "{{ item }}", "total": "{{ data.total }}"},
        "key": ["id"],
        "conflict": "ignore",
        "create": True,
    }

    class Config(_Config):
        table: Annotated[str, Fixed("a loop fills one table; give each its node")] = Field(
            min_length=1, description="The table."
        )
        columns: dict[str, Any] | list[str] | None = Field(
            default=None,
            description="Columns and their values, or the fields to store, which a batch needs; without it all fields.",
        )
        key: list[str] = Field(
            default_factory=list, description="The columns that tell rows apart; the table has them as its key."
        )
        conflict: Literal["error", "ignore", "replace"] = Field(
            default="error", description="What to do with a row whose key is there already."
        )
        create: bool = Field(
            default=False, description="Whether to make a missing table, with columns that fit the first item."
        )

        @field_validator("columns")
        @classmethod
        def _has_columns(cls, columns: Any) -> Any:
            if columns is not None and not columns:
                raise ValueError("there is no column in it; leave it out to store all fields")
            return columns

        @model_validator(mode="after")
        def _has_key(self) -> Self:
            if self.conflict == "replace" and not self.key:
                raise ValueError("`conflict: replace` needs `key`, the columns that tell rows apart")
            return self

    def setup(self) -> None:
        self._file = SqliteFile(self.id, create=True)

    async def teardown(self) -> None:
        if hasattr(self, "_file"):
            await self._file.close()

    async def execute(self, data: NodeData) -> NodeData:
        config = self.config
        rows = self._rows(data, config.columns)
        names = list(dict.fromkeys(name for row in rows for name in row))
        if not names:
            if rows:
                raise NodeError(f"{self.id}: the item has no fields, so there is nothing to insert")
            return data
        values = [[_stored(row.get(name)) for name in names] for row in rows]
        missing = [name for name in config.key if name not in names]
        if missing:
            raise NodeError(f"{self.id}: the item has no field for the key column {missing[0]!r}")
        statement = insert_statement(config.table, names, config.key, config.conflict)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            if config.create:
                connection.execute(create_statement(config.table, names, rows, config.key))
            connection.executemany(statement, values)
            connection.execute("COMMIT")

        await self._file.run(self.path(config.path), config.busy_timeout, work)
        return data

    def _rows(self, data: NodeData, columns: Any) -> list[Mapping[str, Any]]:
        items = data.get("items")
        is_batch = len(data) == 1 and isinstance(items, list) and all(isinstance(each, dict) for each in items)
        if isinstance(columns, dict):
            if is_batch:
                raise NodeError(f"{self.id}: of a batch each element is a row: give `columns` as a list of fields")
            return [columns]
        rows: list[Mapping[str, Any]] = items if is_batch and items is not None else [data]
        return rows if columns is None else [{name: row.get(name) for name in columns} for row in rows]


def insert_statement(table: str, names: Sequence[str], key: Sequence[str], conflict: str) -> str:
    """Return the statement that inserts a row with these columns, whatever characters their names hold."""
    marks = ", ".join("?" for _ in names)
    text = f"INSERT INTO {_quoted(table)} ({_listed(names)}) VALUES ({marks})"
    if conflict == "error":
        return text
    rest = [name for name in names if name not in key]
    if conflict == "ignore" or not rest:
        return f"{text} ON CONFLICT {f'({_listed(key)}) ' if key else ''}DO NOTHING"
    changes = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in rest)
    return f"{text} ON CONFLICT ({_listed(key)}) DO UPDATE SET {changes}"


def create_statement(table: str, names: Sequence[str], rows: Iterable[Mapping[str, Any]], key: Sequence[str]) -> str:
    """Return the statement that makes a table for rows like these unless it exists."""
    samples: dict[str, Any] = {}
    for row in rows:
        samples |= {name: value for name, value in row.items() if value is not None and name not in samples}
    columns = [f"{_quoted(name)} {_type(samples.get(name))}".rstrip() for name in names]
    if key:
        columns.append(f"PRIMARY KEY ({_listed(key)})")
    return f"CREATE TABLE IF NOT EXISTS {_quoted(table)} ({', '.join(columns)})"


def _quoted(name: str) -> str:
    if "\0" in name:
        raise NodeError("a name in SQL can't hold a NUL character")
    return '"' + name.replace('"', '""') + '"'


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_quoted, names))


def _type(value: Any) -> str:
    if value is None:
        return ""
    return "INTEGER" if isinstance(value, int) else "REAL" if isinstance(value, float) else "TEXT"


def _stored(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _json(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
