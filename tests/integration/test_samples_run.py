"""All samples together, as a newcomer runs them."""

from __future__ import annotations

import socket
from pathlib import Path

from command_line import CommandLine

SAMPLES = Path(__file__).parents[2] / "workflows"


def test_the_samples_run_together_and_only_what_is_broken_on_purpose_fails(flowtui: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        flowtui.env["SHOP_PORT"] = str(free.getsockname()[1])
    flowtui.env["FLOWTUI_SAMPLES"] = str(flowtui.home / "files")
    child = flowtui.start("run", str(SAMPLES), "--headless", "--json")
    child.until((flowtui.home / "files" / "orders" / "fulfilled.jsonl").exists, "the first order")
    asked = ("report", "--folder", str(SAMPLES), "--input", '{"title": "Friday"}', "--wait", "--json")
    report = flowtui.run("trigger", *asked).events[-1]["result"]["report"]
    assert report.startswith("Friday, ")
    child.until(lambda: "sold so far: " in child.output, "sales in the books")
    child.process.terminate()
    summary = child.end().summary
    assert {name: loop["state"] for name, loop in summary["loops"].items() if loop["state"] != "stopped"} == {}
    assert {name for name, loop in summary["loops"].items() if loop["errors"]} <= {"orders.incoming"}
    assert not [message for message in child.messages if "HTTP Request" in message]
