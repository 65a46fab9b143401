"""`sqlite` and `sqlite-insert`, with real files."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.errors import NodeError
from flowtui.nodes.builtin.databases import Sqlite, SqliteInsert
from node_at_work import at_work, faults

INSERT = {"path": "shop.db", "table": "orders", "create": True}


def ask(folder: Path, sql: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        found = connection.execute(sql, values).fetchall()
        connection.commit()
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    ask(tmp_path, "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price REAL, picture BLOB)")
    ask(tmp_path, "INSERT INTO products VALUES (1, 'apple', 0.5, x'00ff'), (2, 'pear', 0.75, NULL)")
    return tmp_path


@pytest.mark.parametrize(
    ("config", "payload", "result"),
    [
        ({"sql": "SELECT name FROM products ORDER BY id"}, {}, [{"name": "apple"}, {"name": "pear"}]),
        ({"sql": "SELECT name FROM products WHERE id = :id"}, {"id": 2}, [{"name": "pear"}]),
        ({"sql": "SELECT :x AS x", "values": {"x": "{{ data.id }}"}, "one": True}, {"id": 1}, {"x": 1}),
        ({"sql": "SELECT 1 WHERE 0", "one": True}, {}, None),
        ({"sql": "SELECT picture FROM products WHERE id = 1", "one": True}, {}, {"picture": "AP8="}),
        ({"sql": "UPDATE products SET price = 1"}, {}, {"changed": 2, "last_id": 0}),
        ({"sql": "INSERT INTO products (name) VALUES (:name)"}, {"name": ["a"]}, {"changed": 1, "last_id": 3}),
        ({"sql": "DELETE FROM products WHERE id = 1 RETURNING name"}, {}, [{"name": "apple"}]),
    ],
)  # fmt: skip
async def test_a_statement_gives_its_rows(config: Any, payload: Any, result: Any, shop: Path) -> None:
    async with at_work(Sqlite, {"path": "shop.db", "into": "found", **config}, shop) as node:
        assert await node.run(payload) == {**payload, "found": result}


async def test_what_an_item_holds_never_becomes_sql(shop: Path) -> None:
    evil = "1; DROP TABLE products"
    async with at_work(
        Sqlite, {"path": "shop.db", "sql": "SELECT name FROM products WHERE name = :name"}, shop
    ) as node:
        assert (await node.run({"name": evil}))["rows"] == []
    sql = faults(Sqlite, {"path": "x", "sql": "SELECT {{ data.x }}"})
    assert sql == {"sql": "it can't hold a template: an item could become SQL; write :name and give `values`"}


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM produkts", "no such table: produkts"),
        ("SELECT :missing", "did not supply a value for binding"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT a.id FROM products a, products b, products c", "there are more than 7 rows: "),
        ("INSERT INTO products (id) VALUES (1)", "UNIQUE constraint failed: products.id"),
        ("SELEKT", 'near "SELEKT": syntax error'),
    ],
)
async def test_a_statement_that_fails_is_a_sentence_and_the_next_one_works(sql: str, message: str, shop: Path) -> None:
    async with at_work(Sqlite, {"path": "shop.db", "sql": sql, "max_rows": 7}, shop) as node:
        for _ in range(2):
            with pytest.raises(NodeError, match=message):
                await node.run({})
    assert len(ask(shop, "SELECT * FROM products")) == 2


async def test_a_missing_database_is_not_made_by_a_question(tmp_path: Path) -> None:
    async with at_work(Sqlite, {"path": "shop.db", "sql": "SELECT 1"}, tmp_path) as node:
        with pytest.raises(NodeError, match=r"there is no database .*shop.db"):
            await node.run({})
        assert os.listdir(tmp_path) == []
        ask(tmp_path, "CREATE TABLE a (b)")
        assert (await node.run({}))["rows"] == [{"1": 1}]


async def test_a_statement_without_end_ends_when_its_node_is_cancelled(shop: Path) -> None:
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"
    async with at_work(Sqlite, {"path": "shop.db", "sql": endless}, shop) as node:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await node.run({})


async def test_a_row_has_the_fields_of_its_item(tmp_path: Path) -> None:
    async with at_work(SqliteInsert, INSERT, tmp_path) as node:
        item = {"id": 1, "total": 2.5, "name": "Zoë", "paid": True, "lines": [{"a": None}], "note": None}
        assert await node.run(item) == item
        await node.run({"name": "Bo", "id": 2})
        with pytest.raises(NodeError, match=r"has no column named (?s:.)*extra"):
            await node.run({"extra": 1})
    assert ask(tmp_path, "SELECT * FROM orders") == [
        (1, 2.5, "Zoë", 1, '[{"a": null}]', None),
        (2, None, "Bo", None, None, None),
    ]
    kinds = ask(tmp_path, "SELECT name, type FROM pragma_table_info('orders')")
    assert kinds == [
        ("id", "INTEGER"), ("total", "REAL"), ("name", "TEXT"), ("paid", "INTEGER"), ("lines", "TEXT"), ("note", ""),
    ]  # fmt: skip


async def test_columns_choose_what_is_stored(tmp_path: Path) -> None:
    async with at_work(
        SqliteInsert, {**INSERT, "columns": {"id": "{{ item }}", "n": "{{ data.n * 2 }}"}}, tmp_path
    ) as node:
        await node.run({"n": 1}, id="i1")
    async with at_work(SqliteInsert, {**INSERT, "columns": ["n"]}, tmp_path) as node:
        await node.run({"n": 7, "more": 1})
    assert ask(tmp_path, "SELECT id, n FROM orders") == [("i1", 2), (None, 7)]


KEYED = {**INSERT, "key": ["id"]}


@pytest.mark.parametrize(("conflict", "stored"), [("ignore", [(1, "a"), (2, "b")]), ("replace", [(1, "c"), (2, "b")])])
async def test_an_item_that_comes_again_is_a_row_once(conflict: str, stored: Any, tmp_path: Path) -> None:
    async with at_work(SqliteInsert, {**KEYED, "conflict": conflict}, tmp_path) as node:
        for id, name in ((1, "a"), (2, "b"), (1, "c")):
            await node.run({"id": id, "name": name})
    assert ask(tmp_path, "SELECT * FROM orders") == stored


async def test_a_conflict_that_is_an_error_leaves_nothing_of_its_batch(tmp_path: Path) -> None:
    async with at_work(SqliteInsert, KEYED, tmp_path) as node:
        await node.run({"items": [{"id": 1}, {"id": 2, "more": "x"}]})
        with pytest.raises(NodeError, match=r"UNIQUE constraint failed: orders.id"):
            await node.run({"items": [{"id": 3}, {"id": 1}]})
        with pytest.raises(NodeError, match="no field for the key column 'id'"):
            await node.run({"name": "x"})
        assert await node.run({"items": []}) == {"items": []}
    assert ask(tmp_path, "SELECT * FROM orders") == [(1, None), (2, "x")]


async def test_a_batch_needs_its_columns_as_a_list(tmp_path: Path) -> None:
    async with at_work(SqliteInsert, {**INSERT, "columns": ["a"]}, tmp_path) as node:
        await node.run({"items": [{"a": 1, "b": 2}, {"b": 3}]})
    assert ask(tmp_path, "SELECT * FROM orders") == [(1,), (None,)]
    async with at_work(SqliteInsert, {**INSERT, "columns": {"a": 1}}, tmp_path) as node:
        with pytest.raises(NodeError, match="give `columns` as a list"):
            await node.run({"items": [{"a": 1}]})


async def test_names_may_hold_anything(tmp_path: Path) -> None:
    name = 'a"; DROP TABLE x; --\n'
    async with at_work(SqliteInsert, {**INSERT, "table": name, "key": [name]}, tmp_path) as node:
        await node.run({name: 1, "select": 2})
    quoted = '"' + name.replace('"', '""') + '"'
    assert ask(tmp_path, f"SELECT * FROM {quoted}") == [(1, 2)]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"conflict": "replace"}, ""),
        ({"columns": []}, "columns"),
        ({"table": "{{ data.x }}"}, "table"),
        ({"path": "{{ data.x }}"}, "path"),
    ],
)
def test_a_config_that_cannot_work_is_refused(change: Any, key: str) -> None:
    assert list(faults(SqliteInsert, {**INSERT, **change})) == [key]


async def test_a_file_that_another_program_holds_is_waited_for_and_then_an_error(tmp_path: Path) -> None:
    async with at_work(SqliteInsert, {**INSERT, "busy_timeout": "50ms"}, tmp_path) as node:
        await node.run({"n": 1})
        with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(NodeError, match=r"another program holds .*shop\.db and did not let go in time"):
                await node.run({"n": 2})
            other.execute("COMMIT")
        await node.run({"n": 3})
    assert ask(tmp_path, "SELECT n FROM orders") == [(1,), (3,)]


@pytest.mark.parametrize("cls", [Sqlite, SqliteInsert])
async def test_a_wait_for_a_file_that_another_program_holds_ends_when_its_node_is_cancelled(
    cls: type[Sqlite | SqliteInsert], shop: Path
) -> None:
    own = {"sql": "DELETE FROM products"} if cls is Sqlite else {"table": "products", "columns": {"name": "x"}}
    async with at_work(cls, {"path": "shop.db", "busy_timeout": "1h", **own}, shop) as node:
        with closing(sqlite3.connect(shop / "shop.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            before = other.execute("SELECT * FROM products").fetchall()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await node.run({})
            other.execute("COMMIT")
    assert ask(shop, "SELECT * FROM products") == before


async def test_an_item_that_is_cancelled_does_not_break_off_another_one(shop: Path) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) AS i FROM n"
    async with at_work(Sqlite, {"path": "shop.db", "sql": many, "one": True}, shop) as node:
        first = asyncio.create_task(node.run({}, "first"))
        second = asyncio.create_task(node.run({}, "second"))
        await asyncio.sleep(0)  # both have asked
        second.cancel()
        assert (await first)["rows"] == {"i": 100_000}
        with pytest.raises(asyncio.CancelledError):
            await second


async def test_a_file_that_is_replaced_is_opened_anew(tmp_path: Path) -> None:
    async with at_work(SqliteInsert, INSERT, tmp_path) as node:
        await node.run({"n": 1})
        for name in os.listdir(tmp_path):
            os.rename(tmp_path / name, tmp_path / f"old-{name}")
        await node.run({"n": 2})
    assert ask(tmp_path, "SELECT n FROM orders") == [(2,)]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no database at all, but text" * 100, "is no SQLite database"), (None, "cannot be opened; is it a file")],
)
async def test_rubbish_in_the_place_of_the_file_is_an_error(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "shop.db"
    path.mkdir() if content is None else path.write_bytes(content)
    async with at_work(SqliteInsert, INSERT, tmp_path) as node:
        with pytest.raises(NodeError, match=message):
            await node.run({"n": 1})
    assert content is None or path.read_bytes() == content


async def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    async with at_work(SqliteInsert, INSERT, tmp_path) as node:
        await node.run({"items": [{"n": "x" * 500} for _ in range(100)]})
    with (tmp_path / "shop.db").open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(30_000))
    async with at_work(SqliteInsert, INSERT, tmp_path) as node:
        with pytest.raises(NodeError, match=r"shop\.db is damaged .*malformed"):
            await node.run({"n": 1})


async def test_a_full_disk_is_an_error_that_stores_nothing(tmp_path: Path) -> None:
    async with at_work(SqliteInsert, INSERT, tmp_path) as node:
        await node.run({"n": 0})

        def fill(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA max_page_count = 3")  # as far as SQLite can tell, a full disk

        await node.node._file.run(tmp_path / "shop.db", 5.0, fill)
        with pytest.raises(NodeError, match=r"the disk of .* is full; nothing was written"):
            await node.run({"n": "x" * 50_000})
    assert ask(tmp_path, "SELECT n FROM orders") == [(0,)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_file_that_may_only_be_read_is_an_error(shop: Path) -> None:
    os.chmod(shop / "shop.db", 0o444)
    async with at_work(SqliteInsert, {**INSERT, "table": "products"}, shop) as node:
        with pytest.raises(NodeError, match="may only be read"):
            await node.run({"name": "x"})


async def test_a_number_beyond_64_bits_is_an_error(tmp_path: Path) -> None:
    async with at_work(SqliteInsert, INSERT, tmp_path) as node:
        with pytest.raises(NodeError, match="too large for SQLite"):
            await node.run({"n": 2**64})
