"""The nodes of the orders sample, with real folders and a real database."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

GOOD = {"id": "A-1", "customer": "Ada", "lines": [{"sku": "tea", "quantity": 2, "price": 4.5}]}


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


async def test_one_order_in_fifty_has_no_lines(make: Any, work: Any, tmp_path: Path) -> None:
    node = make("drop-order", inbox="inbox")
    for tick in range(1, 101):
        await work(node, {"tick": tick})
    orders = [json.loads((tmp_path / "inbox" / name).read_text()) for name in names(tmp_path / "inbox")]
    assert len({order["id"] for order in orders}) == 100
    assert sum(not order["lines"] for order in orders) == 2
    assert all(name.endswith(".json") for name in names(tmp_path / "inbox"))


async def test_a_full_inbox_gets_no_more_orders(make: Any, work: Any, tmp_path: Path) -> None:
    node = make("drop-order", inbox="inbox", most=2)
    results = [await work(node, {"tick": tick}) for tick in range(3)]
    assert [result is None for result in results] == [False, False, True]
    assert len(names(tmp_path / "inbox")) == 2


async def validate(make: Any, work: Any, content: Any) -> Any:
    return await work(make("validate-order"), {"name": "a.json", "json": content})


async def test_a_good_order_gets_its_total(make: Any, work: Any) -> None:
    assert await validate(make, work, GOOD) == {
        "file": "a.json",
        "order": "A-1",
        "customer": "Ada",
        "lines": [{"sku": "tea", "quantity": 2, "price": 4.5}],
        "total": 9.0,
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD | {"lines": []}, "order has no lines"),
        (GOOD | {"lines": [{"sku": "tea", "quantity": 0, "price": 1}]}, "lines.0.quantity: .*greater than 0"),
        (GOOD | {"lines": [{"sku": "tea", "quantity": 1}]}, "lines.0.price: Field required"),
        ([1], "order: "),
        (None, "order: "),
    ],
)
async def test_a_bad_order_raises(make: Any, work: Any, content: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        await validate(make, work, content)


def on_hand(path: Path) -> dict[str, int]:
    database = sqlite3.connect(path)
    stock = dict(database.execute("SELECT sku, on_hand FROM stock").fetchall())
    database.close()
    return stock


async def test_stock_is_taken_once_though_the_item_comes_twice(make: Any, work: Any, tmp_path: Path) -> None:
    node = make("reserve-stock", database="stock.db", refill=10)
    lines = [{"sku": "tea", "quantity": 4}, {"sku": "kettle", "quantity": 12}]
    first = await work(node, {"lines": lines}, id="one")
    assert first["refilled"] == ["tea", "kettle"]
    assert await work(node, {"lines": lines}, id="one") == first
    assert on_hand(tmp_path / "stock.db") == {"tea": 6, "kettle": 0}
    second = await work(node, {"lines": lines[:1]}, id="two")
    third = await work(node, {"lines": lines[:1]}, id="three")
    assert (second["refilled"], third["refilled"]) == ([], ["tea"])
    assert on_hand(tmp_path / "stock.db") == {"tea": 8, "kettle": 0}


async def test_stock_survives_a_restart(make: Any, work: Any, tmp_path: Path) -> None:
    lines = [{"sku": "tea", "quantity": 4}]
    for item in ("one", "two"):
        await work(make("reserve-stock", database="db/stock.db", refill=10), {"lines": lines}, id=item)
    assert on_hand(tmp_path / "db/stock.db") == {"tea": 2}
