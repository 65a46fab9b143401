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


def put(folder: Path, *files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).write_text(name)


async def claims(node: Any) -> list[str]:
    found = []
    while (item := await node.execute()) is not None:
        found.append(item["file"])
    return found


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


async def test_files_are_claimed_in_the_order_of_their_names(make: Any, tmp_path: Path) -> None:
    put(tmp_path / "inbox", "b.json", "a.json", ".c.json", "d.txt")
    node = make("claim-files", inbox="inbox", claimed="claimed", poll=0)
    item = await node.execute()
    assert item == {"file": "00000001-a.json", "text": "a.json"}
    assert item.id == "00000001-a.json"
    assert await claims(node) == ["00000002-b.json"]
    assert names(tmp_path / "inbox") == [".c.json", "d.txt"]
    assert names(tmp_path / "claimed") == ["00000001-a.json", "00000002-b.json"]


async def test_a_restart_takes_up_exactly_the_claims_that_were_not_committed(make: Any, tmp_path: Path) -> None:
    put(tmp_path / "inbox", "a.json", "b.json", "c.json")
    node = make("claim-files", inbox="inbox", claimed="claimed", poll=0)
    await node.execute()
    committed = node.cursor
    assert await claims(node) == ["00000002-b.json", "00000003-c.json"]
    put(tmp_path / "inbox", "0.json")
    again = make("claim-files", committed, inbox="inbox", claimed="claimed", poll=0)
    assert await claims(again) == ["00000002-b.json", "00000003-c.json", "00000004-0.json"]


async def test_without_a_cursor_all_claims_are_taken_up_again(make: Any, tmp_path: Path) -> None:
    put(tmp_path / "claimed", "00000007-a.json", "00000012-b.json")
    put(tmp_path / "inbox", "c.json")
    node = make("claim-files", inbox="inbox", claimed="claimed", poll=0)
    assert await claims(node) == ["00000007-a.json", "00000012-b.json", "00000013-c.json"]


async def test_numbers_go_on_behind_the_cursor_though_all_claims_have_moved_on(make: Any, tmp_path: Path) -> None:
    put(tmp_path / "inbox", "a.json")
    node = make("claim-files", 41, inbox="inbox", claimed="claimed", poll=0)
    assert await claims(node) == ["00000042-a.json"]
    assert node.cursor == 42


async def test_a_file_that_another_process_took_is_passed_over(make: Any, tmp_path: Path) -> None:
    put(tmp_path / "inbox", "a.json", "b.json", "c.json")
    node = make("claim-files", inbox="inbox", claimed="claimed", poll=0)
    await node.execute()
    (tmp_path / "inbox" / "b.json").unlink()
    assert await claims(node) == ["00000002-c.json"]


async def test_a_claim_that_cannot_be_read_becomes_an_item_that_says_so(make: Any, work: Any, tmp_path: Path) -> None:
    (tmp_path / "inbox" / "a.json").mkdir(parents=True)
    node = make("claim-files", inbox="inbox", claimed="claimed", poll=0)
    item = await node.execute()
    assert item["error"] == "cannot be read: Is a directory"
    with pytest.raises(ValueError, match="cannot be read"):
        await work(make("validate-order", claimed="claimed", failed="failed"), dict(item))


async def validate(make: Any, work: Any, text: str) -> Any:
    return await work(make("validate-order", claimed="claimed", failed="failed"), {"file": "1-a.json", "text": text})


async def test_a_good_order_gets_its_total_and_stays_claimed(make: Any, work: Any, tmp_path: Path) -> None:
    put(tmp_path / "claimed", "1-a.json")
    result = await validate(make, work, json.dumps(GOOD))
    assert result == {
        "file": "1-a.json",
        "order": "A-1",
        "customer": "Ada",
        "lines": [{"sku": "tea", "quantity": 2, "price": 4.5}],
        "total": 9.0,
    }
    assert names(tmp_path / "claimed") == ["1-a.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps(GOOD | {"lines": []}), "order has no lines"),
        (
            json.dumps(GOOD | {"lines": [{"sku": "tea", "quantity": 0, "price": 1}]}),
            "lines.0.quantity: .*greater than 0",
        ),
        (json.dumps(GOOD | {"lines": [{"sku": "tea", "quantity": 1}]}), "lines.0.price: Field required"),
        ("[1]", "order: "),
        ("{broken", "order: Invalid JSON"),
        ("", "order: Invalid JSON"),
    ],
)
async def test_a_bad_order_moves_aside_and_raises(make: Any, work: Any, tmp_path: Path, text: str, said: str) -> None:
    put(tmp_path / "claimed", "1-a.json")
    with pytest.raises(ValueError, match=said):
        await validate(make, work, text)
    assert names(tmp_path / "claimed") == []
    assert names(tmp_path / "failed") == ["1-a.json"]


async def test_a_bad_order_that_comes_a_second_time_raises_the_same(make: Any, work: Any) -> None:
    with pytest.raises(ValueError, match="order has no lines"):
        await validate(make, work, json.dumps(GOOD | {"lines": []}))


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


async def test_a_file_is_moved_once(make: Any, work: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path / "claimed", "1-a.json")
    node = make("move-file", source="claimed", target="done")
    for _ in range(2):
        assert await work(node, {"file": "1-a.json"}) == {"file": "1-a.json"}
    assert names(tmp_path / "done") == ["1-a.json"]
    assert caplog.messages == []
    await work(node, {"file": "gone.json"})
    assert "gone.json is neither in" in caplog.messages[0]


async def test_only_the_last_files_are_kept(make: Any, work: Any, tmp_path: Path) -> None:
    files = [f"{n:08d}-a.json" for n in range(60)]
    put(tmp_path / "claimed", *files)
    node = make("move-file", source="claimed", target="done", keep=5)
    for name in files[:55]:
        await work(node, {"file": name})
    assert names(tmp_path / "done") == files[:55]
    await work(node, {"file": files[55]})
    assert names(tmp_path / "done") == files[51:56]
