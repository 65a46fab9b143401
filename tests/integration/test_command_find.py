"""`flowtui find` tells where an item is, and `run --on-alert` calls a program; on real files and a real store."""

from __future__ import annotations

import contextlib
import json

import pytest

FLOWS = """
nodes:
  start: {type: sequence, config: {items: [{order: 4710}, {order: 4711}, {order: 4712}], resume: true}}
  tell: {type: log, needs: start, config: {message: "order {{ data.order }}"}}
  out: {type: queue-writer, needs: tell, config: {queue: orders}}
  read: {type: queue-reader, config: {queue: orders}, loop: {autostart: READS, on_error: stop}}
  fail: {type: validate, needs: read, config: {schema: {required: [lines]}}}
"""
WHERE = ("--folder", "flows")


@pytest.fixture
def cli(flowtui):
    flowtui.write("flow.yaml", FLOWS.replace("READS", "false"))
    return flowtui


def places(cli) -> list[str]:
    with contextlib.suppress(AssertionError):  # there is no store at first
        return [hit["place"] for hit in cli.run("find", "4711", *WHERE, "--json").events[0]["hits"]]
    return []


def test_an_item_is_found_with_an_engine_running_and_without_and_nowhere_is_exit_1(cli):
    child = cli.headless()
    child.until(lambda: "order 4712" in child.messages, "all orders")
    child.until(
        lambda: cli.run("queues", *WHERE, "--json").events[0]["queues"]["flow.orders"]["pushed"] == 3, "a queue"
    )
    # A line is told a moment before it stands in the file of the log.
    child.until(lambda: "order 4712" in [line["message"] for line in cli.run("logs", *WHERE, "--json").events], "a log")
    (told,) = cli.run("find", "4711", *WHERE, "--json").events
    places = [(hit["where"], hit["place"]) for hit in told["hits"] if hit["where"] != "passed"]
    assert places == [
        ("waiting", "flow.orders, which nobody reads yet, 1 before it"),
        ("logged", "flow.start tell, info"),
    ]
    child.process.terminate()
    child.end()
    waiting, logged = (hit for hit in told["hits"] if hit["where"] != "passed")
    assert json.loads(waiting["text"])["order"] == 4711
    assert waiting["trace"] == logged["id"], "its trace is the id of the item that it was made of"
    text = cli.run("find", logged["id"], *WHERE, "--limit", "1").output
    assert "waiting" in text.splitlines()[1]
    assert f"(trace {logged['id']})" in text.splitlines()[2]
    assert "more places, which --limit" in text
    nowhere = cli.run("find", "9999", *WHERE, code=1).output.splitlines()
    assert nowhere[0] == "9999 is nowhere"
    assert nowhere[-1].startswith("looked at 3 items in queues, 0 dead letters, 5 nodes' samples and ")
    assert "say what to look for" in cli.run("find", " ", *WHERE, code=2).errors


def test_without_a_screen_a_program_is_called_when_a_loop_fails(cli):
    cli.write("flow.yaml", FLOWS.replace("READS", "true"))
    cli.headless("--until-idle", "--on-alert", "sh -c 'cat > told.json; echo \"$1\"' sh").end(1)
    told = json.loads((cli.folder.parent / "told.json").read_text())
    assert (told["kind"], told["loop"]) == ("loop failed", "flow.read")
    assert told["text"].startswith("flow.read failed ")
    lines = [line["message"] for line in cli.run("logs", *WHERE, "--json").events]
    assert f"on_alert: {told['text']}" in lines
    assert "is no command" in cli.run("run", "flows", "--headless", "--on-alert", "sh '", code=2).errors
    assert "go with --headless" in cli.run("run", "flows", "--on-alert", "sh", code=2).errors
