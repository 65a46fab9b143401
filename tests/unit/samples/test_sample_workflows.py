"""The sample folder as a whole, and the workflows in it that consist of built-in nodes."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowtui.graph.folder import load_folder
from flowtui.nodes.builtin import BUILTIN_TYPES
from flowtui.testing import WorkflowRun, run_workflow

SAMPLES = Path(__file__).parents[3] / "workflows"
#: Modules of built-in nodes that need a service of others, or for which another one of the same kind stands.
LEFT_OUT = {"http_poll", "llm", "mail", "records", "streams"}


def test_the_samples_have_no_problems() -> None:
    loaded = load_folder(SAMPLES, {})
    assert [str(problem) for problem in loaded.problems] == []
    assert {plan.loop for each in loaded.workflows for plan in each.plans} == {
        "host-watch.tick",
        "housekeeping.tick",
        "log-tail.pulse",
        "log-tail.follow",
        "log-tail.suspects",
        "orders.clock",
        "orders.incoming",
        "orders.fulfil",
        "report.ask",
        "web-shop.customers",
        "web-shop.post",
        "web-shop.door",
        "web-shop.book",
    }


def test_every_family_of_built_in_nodes_is_in_a_sample() -> None:
    loaded = load_folder(SAMPLES, {})
    types = {node.type.name for each in loaded.workflows for plan in each.plans for node in plan.nodes}
    families = {name: module.rpartition(".")[2] for name, module in BUILTIN_TYPES.items()}
    assert {*families.values()} - {families[each] for each in types if each in families} == LEFT_OUT


def test_the_samples_write_only_where_the_variable_says(tmp_path: Path) -> None:
    loaded = load_folder(SAMPLES, {"FLOWTUI_SAMPLES": str(tmp_path)})
    configs = [str(dict(node.config)) for each in loaded.workflows for plan in each.plans for node in plan.nodes]
    paths = {path for config in configs for path in re.findall(r"'([~/][^']*)'", config)}
    assert {path for path in paths if not path.startswith(str(tmp_path))} == {"/", "/var/log/*.log", "/sales"}


@pytest.fixture
def play(tmp_path: Path) -> Any:
    """Return a function that runs a sample on given items, its files in a folder of the test's own."""

    def run(name: str, inputs: Any, **env: str) -> WorkflowRun:
        return run_workflow(SAMPLES / f"{name}.yaml", inputs, env={"FLOWTUI_SAMPLES": str(tmp_path)} | env)

    return run


def request(n: int, **changes: Any) -> dict[str, Any]:
    sale = {"sale": f"s-{n}", "customer": f"c-{n}", "country": "IT", "product": "tea", "price": 4.5}
    return {"method": "POST", "path": "/sales", "query": {}, "headers": {}, "body": sale | changes}


def sales(folder: Path) -> list[Any]:
    with closing(sqlite3.connect(folder / "web-shop" / "sales.db")) as database:
        return database.execute("SELECT sale, country, price FROM sales ORDER BY rowid").fetchall()


def test_sales_that_fit_are_stored_once_and_the_others_are_dead_letters(play: Any, tmp_path: Path) -> None:
    sound = [request(n, country=("IT", "FR", "NO")[n % 3]) for n in range(10)]
    pressed_twice = request(100, customer="c-0")
    wrong = [request(101, price=None), request(102, price=0), request(103, country="Italy"), {"body": [1]}]
    run = play("web-shop", {"door": [*sound, pressed_twice, *wrong]})
    assert sales(tmp_path) == [(f"s-{n}", ("IT", "FR", "NO")[n % 3], 4.5) for n in range(10)]
    assert [letter.node for letter in run.dead_letters] == ["check", "check", "check", "sale"]
    assert "tea for c-2 goes through customs to NO" in run.messages
    assert "sold so far: 10 tea; 45.00 in all" in run.messages


def test_a_report_tells_what_is_low(play: Any, tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    with closing(sqlite3.connect(tmp_path / "orders" / "stock.db")) as database, database:
        database.execute("CREATE TABLE stock (sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL)")
        database.execute("INSERT INTO stock VALUES ('tea', 7), ('kettle', 300)")
    run = play("report", {"ask": [{"title": "Friday", "low": 10, "detail": "short", "remark": "Buy tea."}]})
    assert run.dead_letters == ()
    (line,) = (tmp_path / "reports" / "reports.jsonl").read_text().splitlines()
    report = json.loads(line)["report"].splitlines()
    assert re.fullmatch(r"Friday, \d{4}-\d\d-\d\d \d\d:\d\d UTC", report[0])
    assert re.fullmatch(r"1 of 2 products are low; \S+ of the disk are free\.", report[1])
    assert report[2:] == ["  tea: 7 pieces", "Buy tea."]


@pytest.mark.parametrize(("limit", "level"), [("100000", logging.INFO), ("1", logging.WARNING)])
def test_housekeeping_warns_of_files_that_have_become_large(play: Any, limit: str, level: int) -> None:
    run = play("housekeeping", {"tick": [{"tick": 1}]}, SAMPLES_LIMIT=limit)
    found = [each.level for each in run.logs if re.fullmatch(r"the samples take \d+ kB of the disk", each.message)]
    assert found == [level]
