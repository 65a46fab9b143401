"""Orders that arrive as JSON files."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, ValidationError

from flowtui import BlockingNode, NodeConfig, NodeData, Unit

_PRODUCTS = (("tea", 4.5), ("coffee", 8.9), ("kettle", 39.0), ("grinder", 89.0), ("espresso-machine", 349.0))
_CUSTOMERS = ("Ada", "Blaise", "Charles", "Dorothy", "Edsger", "Frances", "Grace")
_BROKEN_EVERY = 50
_KEPT_RESERVATIONS = 10_000


class DropOrder(BlockingNode):
    """Put a made-up order into an inbox; one in 50 is broken: it has no lines. Rests while the inbox is full."""

    class Config(NodeConfig):
        inbox: str = Field(min_length=1, description="The folder to put it in.")
        most: Annotated[int, Unit("files")] = Field(
            default=200, ge=1, description="At this many waiting files the inbox is full."
        )

    def execute(self, data: NodeData) -> NodeData | None:
        inbox = self.path(self.config.inbox)
        inbox.mkdir(parents=True, exist_ok=True)
        if len(os.listdir(inbox)) >= self.config.most:
            return None
        order = _demo_order(int(data["tick"]), datetime.now(UTC))
        # A rename shows the file at once as a whole; names with a dot in front are nobody's business until then.
        draft = inbox / f".{order['id']}.tmp"
        draft.write_text(json.dumps(order), encoding="utf-8")
        os.replace(draft, inbox / f"{order['id']}.json")
        return data | {"order": order["id"]}


def _demo_order(tick: int, now: datetime) -> dict[str, Any]:
    count = 0 if tick % _BROKEN_EVERY == 4 else 1 + tick % 3
    chosen = [_PRODUCTS[(tick * 7 + place * 3) % len(_PRODUCTS)] for place in range(count)]
    return {
        "id": f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-{tick}",
        "customer": _CUSTOMERS[tick % len(_CUSTOMERS)],
        "lines": [{"sku": sku, "quantity": 1 + tick % 2, "price": price} for sku, price in chosen],
    }


class ValidateOrder(BlockingNode):
    """Check an order that came as a file of JSON, and add the total."""

    async def execute(self, data: NodeData) -> dict[str, Any]:
        return {"file": data["name"], **_checked_order(data["json"])}


class _OrderLine(BaseModel):
    sku: str
    quantity: PositiveInt
    price: PositiveFloat


class _Order(BaseModel):
    id: str
    customer: str = ""
    lines: list[_OrderLine]


def _checked_order(content: Any) -> dict[str, Any]:
    try:
        order = _Order.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(key) for key in first["loc"]) or "order"
        raise ValueError(f"{place}: {first['msg']}") from None
    if not order.lines:
        raise ValueError("order has no lines")
    total = round(sum(line.quantity * line.price for line in order.lines), 2)
    lines = [line.model_dump() for line in order.lines]
    return {"order": order.id, "customer": order.customer, "lines": lines, "total": total}


class ReserveStock(BlockingNode):
    """Take an order's lines out of stock, once, even if the item comes twice; what ran out is bought anew."""

    class Config(NodeConfig):
        database: str = Field(min_length=1, description="SQLite file with the stock; made if need be.")
        refill: Annotated[int, Unit("pieces")] = Field(
            default=500, ge=1, description="How many of a product to buy at a time."
        )

    def setup(self) -> None:
        path = self.path(self.config.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = path
        with closing(self._connect()) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS stock (sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL)")
            database.execute("CREATE TABLE IF NOT EXISTS reservations (item TEXT PRIMARY KEY, refilled TEXT NOT NULL)")

    def execute(self, data: NodeData) -> NodeData:
        with closing(self._connect()) as database, database:
            # The item's id is the same at a second delivery, which makes the reservation happen once.
            new = database.execute("INSERT OR IGNORE INTO reservations VALUES (?, '[]')", (data.id,)).rowcount
            if new:
                refilled = [line["sku"] for line in data["lines"] if self._take(database, line)]
                database.execute("UPDATE reservations SET refilled = ? WHERE item = ?", (json.dumps(refilled), data.id))
                database.execute(
                    "DELETE FROM reservations WHERE rowid <= (SELECT max(rowid) FROM reservations) - ?",
                    (_KEPT_RESERVATIONS,),
                )
            row = database.execute("SELECT refilled FROM reservations WHERE item = ?", (data.id,)).fetchone()
        return data | {"refilled": json.loads(row[0])}

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=10, isolation_level="IMMEDIATE")

    def _take(self, database: sqlite3.Connection, line: Mapping[str, Any]) -> bool:
        """Reserve one line; return whether the product had to be bought first."""
        sku, quantity = line["sku"], line["quantity"]
        take = "UPDATE stock SET on_hand = on_hand - ? WHERE sku = ? AND on_hand >= ?"
        if database.execute(take, (quantity, sku, quantity)).rowcount:
            return False
        bought = max(self.config.refill, quantity)
        database.execute(
            "INSERT INTO stock VALUES (?, ?) ON CONFLICT (sku) DO UPDATE SET on_hand = on_hand + excluded.on_hand",
            (sku, bought),
        )
        database.execute(take, (quantity, sku, quantity))
        return True
