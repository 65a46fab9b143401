"""Orders that arrive as JSON files."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import deque
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import Annotated, Any

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, ValidationError

from flowtui import BlockingNode, Duration, NodeConfig, NodeData, ProducerNode, Unit

from .folders import move, prune

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


class ClaimFiles(ProducerNode):
    """Take files out of an inbox, each exactly once: `{"file": its name as a claim, "text": what it holds}`.

    A file is claimed by renaming it into a folder of claims, where it gets a number. The number is the cursor, which
    is saved in the same step as what became of the file: at the next start, claims with a higher number are taken up
    again, and those up to it are known to be done with. One loop at a time may use a folder of claims.
    """

    class Config(NodeConfig):
        inbox: str = Field(min_length=1, description="The folder that files arrive in, by rename.")
        claimed: str = Field(min_length=1, description="The folder of claims, on the same disk.")
        pattern: str = Field(default="*.json", description="Which names count.")
        poll: Duration = Field(default=0.25, description="How long to wait before looking again.")

    def setup(self) -> None:
        self._inbox = self.path(self.config.inbox)
        self._claimed = self.path(self.config.claimed)
        for folder in (self._inbox, self._claimed):
            folder.mkdir(parents=True, exist_ok=True)
        committed = self.cursor if isinstance(self.cursor, int) else 0
        claims = sorted((_number(name), name) for name in os.listdir(self._claimed))
        self._again = deque(name for number, name in claims if number > committed)
        self._last = max([committed, *(number for number, _ in claims)])
        self._arrived: deque[str] = deque()

    async def execute(self) -> NodeData | None:
        name = self._again.popleft() if self._again else self._claim()
        if name is None:
            await asyncio.sleep(self.config.poll)
            return None
        payload = {"file": name, "text": ""}
        try:
            payload["text"] = (self._claimed / name).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            payload["error"] = f"cannot be read: {error.strerror}"
        self.cursor = _number(name)
        return NodeData(payload, id=name)

    def _claim(self) -> str | None:
        if not self._arrived:
            names = sorted(os.listdir(self._inbox))
            self._arrived.extend(name for name in names if name[0] != "." and fnmatch(name, self.config.pattern))
        while self._arrived:
            name = self._arrived.popleft()
            claim = f"{self._last + 1:08d}-{name}"
            try:
                os.rename(self._inbox / name, self._claimed / claim)
            except FileNotFoundError:
                continue  # somebody else took it
            self._last += 1
            return claim
        return None


def _number(claim: str) -> int:
    number = claim.partition("-")[0]
    return int(number) if number.isdecimal() else 0


class ValidateOrder(BlockingNode):
    """Read an order's JSON, check it and add the total; the file of a bad one moves to a folder of its own."""

    class Config(NodeConfig):
        claimed: str = Field(min_length=1, description="The folder that the order's file is in.")
        failed: str = Field(min_length=1, description="The folder for files with bad orders.")
        keep: Annotated[int, Unit("files")] = Field(default=200, ge=1, description="About how many bad ones to keep.")

    def execute(self, data: NodeData) -> dict[str, Any]:
        try:
            return {"file": data["file"], **_checked_order(data)}
        except ValueError:
            failed = self.path(self.config.failed)
            if move(data["file"], self.path(self.config.claimed), failed):
                prune(failed, self.config.keep)
            raise


class _OrderLine(BaseModel):
    sku: str
    quantity: PositiveInt
    price: PositiveFloat


class _Order(BaseModel):
    id: str
    customer: str = ""
    lines: list[_OrderLine]


def _checked_order(data: Mapping[str, Any]) -> dict[str, Any]:
    if "error" in data:
        raise ValueError(data["error"])
    try:
        order = _Order.model_validate_json(data["text"])
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


class MoveFile(BlockingNode):
    """Move the item's file from one folder to another; nothing happens if it is there already."""

    class Config(NodeConfig):
        source: str = Field(min_length=1, description="The folder that it is in.")
        target: str = Field(min_length=1, description="The folder that it moves to.")
        keep: Annotated[int, Unit("files")] = Field(
            default=200, ge=1, description="About how many files to keep there; the first are deleted."
        )

    def execute(self, data: NodeData) -> NodeData:
        source, target = self.path(self.config.source), self.path(self.config.target)
        if move(data["file"], source, target):
            prune(target, self.config.keep)
        elif not (target / data["file"]).exists():
            self.log.warning("%s is neither in %s nor in %s", data["file"], source, target)
        return data
