"""A shop that is polled, checked, branched, queued and stored, with a server in trouble and kills in between."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from typing import Any

import pytest

import short_lease
from command_line import CommandLine
from crash_chain import crashes, seeded
from http_server import Answer, HttpServer, Request, real_life

#: The list names all orders so far again and again; each is then asked for, checked, and stored by another loop.
SHOP = """
nodes:
  poll: {type: http-poll, config: {url: "URL/orders", every: 20ms, items: orders, trust_env: false}}
  new: {type: dedupe, needs: poll, config: {key: id}}
  ask:
    type: http-request
    needs: new
    config: {url: "URL/order", params: {id: "{{ data.id }}"}, response: json, into: answer, trust_env: false}
    retry: {attempts: 20, delay: 5ms, max_delay: 50ms}
  order: {type: transform, needs: ask, config: {expression: answer.json}}
  check:
    type: validate
    needs: order
    config:
      schema:
        required: [id, state, total]
        properties:
          id: {type: integer}
          state: {enum: [paid, cancelled, draft]}
          total: {type: number, minimum: 0}
  state:
    type: switch
    needs: check
    config: {value: "{{ data.state }}", cases: {paid: paid, cancelled: cancelled}}
  to-paid: {type: queue-writer, needs: state.paid, config: {queue: paid}}
  to-cancelled: {type: queue-writer, needs: state.cancelled, config: {queue: cancelled}}

  paid: {type: queue-reader, config: {queue: paid}, loop: {batch: {size: 8, age: 30ms}, max_deliveries: 100}}
  keep-paid:
    type: sqlite-insert
    needs: paid
    config: {path: shop.db, table: paid, columns: [id, total], key: [id], conflict: ignore, create: true}
  cancelled: {type: queue-reader, config: {queue: cancelled}, loop: {max_deliveries: 100}}
  keep-cancelled:
    type: sqlite-insert
    needs: cancelled
    config:
      path: shop.db
      table: cancelled
      columns: {id: "{{ data.id }}", total: "{{ data.total }}"}
      key: [id]
      conflict: ignore
      create: true
"""
ORDERS = 90
BY_DEFAULT = 3
#: In seconds: a loop of which only one may run waits so long for one that was killed.
LEASE_S = "0.5"


def order(id: int) -> dict[str, Any]:
    """Return what the shop says about an order: most are paid; some cancelled, some no order at all, some drafts."""
    if id % 10 == 3:
        return {"id": id, "state": "paid", "total": "much"}
    if id % 10 == 6:
        return {"id": id, "state": "lost"}
    state = "cancelled" if id % 4 == 0 else "draft" if id % 7 == 0 else "paid"
    return {"id": id, "state": state, "total": id / 2}


#: What each table shall hold, and the orders that are none.
SOUND = {
    state: [(id, id / 2) for id in range(ORDERS) if order(id) == {"id": id, "state": state, "total": id / 2}]
    for state in ("paid", "cancelled")
}
WRONG = [id for id in range(ORDERS) if id % 10 in (3, 6)]


class Shop:
    """A server in trouble whose list of orders grows with each answer."""

    def __init__(self, http: HttpServer, chance: random.Random) -> None:
        self.url = http.url
        self._chance = random.Random(chance.random())
        self._listed = 0
        http.on("/orders", real_life(self._list, chance.randrange(1000), errors=0.1, drops=0.05))
        http.on("/order", real_life(self._one, chance.randrange(1000), delay=0.005))

    def _list(self, request: Request) -> Answer:
        tag = f'"{self._listed}"'
        if self._listed == ORDERS and request.headers.get("if-none-match") == tag:
            return Answer(304)
        self._listed = min(ORDERS, self._listed + self._chance.randrange(3, 15))
        orders = [{"id": id} for id in range(self._listed)]
        return Answer(body={"orders": orders}, headers={"ETag": f'"{self._listed}"'})

    def _one(self, request: Request) -> Answer:
        return Answer(body=order(int(request.query["id"][0])))


def stored(cli: CommandLine) -> dict[str, list[tuple[int, float]]]:
    """Return the rows of each table; none of one that is not there yet."""
    path = cli.folder / "shop.db"
    if not path.exists():
        return {table: [] for table in SOUND}
    with closing(sqlite3.connect(path)) as database:
        there = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        return {
            table: database.execute(f"SELECT id, total FROM {table} ORDER BY id").fetchall() if table in there else []
            for table in SOUND
        }


def rows(cli: CommandLine) -> int:
    return sum(map(len, stored(cli).values()))


def told(cli: CommandLine, *args: str) -> list[Any]:
    """Return the lines of JSON that a command prints."""
    return [json.loads(line) for line in cli.run(*args, "--folder", "flows", "--json").output.splitlines()]


@pytest.mark.timeout(60 + 10 * crashes(BY_DEFAULT))
def test_each_order_of_a_shop_in_trouble_is_stored_once_though_the_engine_is_killed(flowtui: CommandLine) -> None:
    chance, kills = seeded(), crashes(BY_DEFAULT)
    flowtui.program = [short_lease.__file__, LEASE_S]
    with HttpServer() as http:
        shop = Shop(http, chance)
        flowtui.write("shop.yaml", SHOP.replace("URL", shop.url))
        for kill in range(kills):
            child, enough = flowtui.headless(), rows(flowtui) + chance.randrange(ORDERS // (2 * kills))
            child.until(lambda enough=enough: rows(flowtui) > enough, f"what comes before kill {kill + 1}")
            child.process.kill()
            child.process.wait()
            http.forget_connections()
        child = flowtui.headless()
        child.until(lambda: rows(flowtui) == sum(map(len, SOUND.values())), "all orders to be stored")
        child.process.terminate()
        child.end()
    flowtui.program = ["-m", "flowtui"]
    assert stored(flowtui) == SOUND
    letters = told(flowtui, "dead", "export")
    assert sorted(each["payload"]["id"] for each in letters) == WRONG
    assert {(each["node"], each["loop"]) for each in letters} == {("check", "shop.poll")}
    (queues,) = told(flowtui, "queues")
    for state, orders in SOUND.items():
        queue = queues["queues"][f"shop.{state}"]
        assert {name: queue[name] for name in ("pushed", "depth", "in_flight", "unaccounted")} == {
            "pushed": len(orders),
            "depth": 0,
            "in_flight": 0,
            "unaccounted": 0,
        }
