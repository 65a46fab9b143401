"""Making, parsing and counting log lines."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest


async def test_the_demo_log_has_four_errors_in_a_hundred_lines_that_parse(make: Any, work: Any, tmp_path: Path) -> None:
    node = make("write-demo-log", path="logs/shop.log")
    parser = make("parse-log-line")
    for tick in range(1, 101):
        await work(node, {"tick": tick})
    written = (tmp_path / "logs/shop.log").read_text().splitlines()
    parsed = [await work(parser, {"path": "shop.log", "line": line}) for line in written]
    levels = [each["level"] for each in parsed]
    assert len(levels) == 100
    assert levels.count("ERROR") == 4
    assert {*levels} == {"INFO", "WARNING", "ERROR"}
    assert {each["service"] for each in parsed} == {"web", "payments", "mailer", "stock"}
    assert all(each["at"] and "{" not in each["message"] for each in parsed)


async def test_the_demo_log_is_renamed_when_it_is_full(make: Any, work: Any, tmp_path: Path) -> None:
    node = make("write-demo-log", path="shop.log", max_bytes=1000)
    for tick in range(20):
        await work(node, {"tick": tick})
    assert (tmp_path / "shop.log").stat().st_size <= 1100
    assert 1000 <= (tmp_path / "shop.log.1").stat().st_size <= 1100


@pytest.mark.parametrize(
    ("line", "level", "service", "message"),
    [
        ("2026-01-31T12:00:00.123+00:00 ERROR payments[12]: card declined", "ERROR", "payments", "card declined"),
        ("2026-01-31 12:00:00,123 WARN web: slow", "WARNING", "web", "slow"),
        ("2026-01-31T12:00:00+01:00 host cron[7]: job failed", "ERROR", "cron", "job failed"),
        ("Jan 31 12:00:00 host sshd[7]: Accepted publickey", "INFO", "sshd", "Accepted publickey"),
        ("Jan  1 12:00:00 host kernel: usb error -71", "ERROR", "kernel", "usb error -71"),
        ("anything else with a warning", "WARNING", "app", "anything else with a warning"),
        ("", "INFO", "app", ""),
    ],
)
async def test_lines_are_split(make: Any, work: Any, line: str, level: str, service: str, message: str) -> None:
    result = await work(make("parse-log-line"), {"path": "/var/log/app.log", "line": line})
    assert (result["level"], result["service"], result["message"]) == (level, service, message)


async def test_levels_are_counted_and_reported(make: Any, work: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    node = make("count-levels", report_every=4)
    results = [await work(node, {"level": level}) for level in ("INFO", "ERROR", "WARNING", "CRITICAL")]
    assert [(each["lines"], each["errors"]) for each in results] == [(1, 0), (2, 1), (3, 1), (4, 2)]
    assert caplog.messages == ["4 lines, 2 of them errors (50.0 %)"]


async def test_messages_that_differ_in_numbers_are_alike(make: Any, work: Any) -> None:
    node = make("count-alike")
    rows = [
        ("web", "took 5 ms"),
        ("web", "took 70 ms"),
        ("db", "took 5 ms"),
        ("web", "took long"),
        ("web", "took 1 ms"),
    ]
    results = [await work(node, {"service": service, "message": message}) for service, message in rows]
    assert [each["seen"] for each in results] == [1, 2, 1, 1, 3]
    assert results[0]["shape"] == "took # ms"


async def test_rare_messages_are_forgotten_in_the_end(make: Any, work: Any) -> None:
    node = make("count-alike")
    await work(node, {"service": "web", "message": "first"})
    for n in range(1000):
        await work(node, {"service": f"s{n}", "message": "x"})
    assert (await work(node, {"service": "web", "message": "first"}))["seen"] == 1
    assert (await work(node, {"service": "s999", "message": "x"}))["seen"] == 2
