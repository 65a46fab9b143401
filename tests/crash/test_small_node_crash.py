"""An engine that counts, branches and keeps times is killed: each item takes its branch and each second comes, once."""

from __future__ import annotations

import json
from datetime import datetime

import redis

from command_line import CommandLine
from flowtui.storage.records import decode
from user_server import UserServer

FLOW = """
nodes:
  row: {type: sequence, config: {count: COUNT, resume: true}}
  fit: {type: validate, needs: row, config: {schema: {properties: {n: {type: integer}}}}}
  text: {type: template, needs: fit, config: {text: "item {{ data.n }}"}}
  pace: {type: delay, needs: text, config: {seconds: 2ms}}
  third: {type: if, needs: pace, config: {when: "{{ data.n % 3 == 0 }}"}}
  rest: {type: switch, needs: third.no, config: {value: "{{ data.n % 3 }}", cases: {one: 1}}}
  zero: {type: queue-writer, needs: third.yes, config: {queue: zero, max_items: 0}}
  one: {type: queue-writer, needs: rest.one, config: {queue: one, max_items: 0}}
  two: {type: queue-writer, needs: rest.default, config: {queue: two, max_items: 0}}
  tick: {type: cron, config: {expression: "* * * * * *", missed: all}}
  ticks: {type: queue-writer, needs: tick, config: {queue: ticks, max_items: 0}}
"""
COUNT = 300
KILLS = 1
BRANCHES = ["zero", "one", "two"]


def key(queue: str) -> str:
    return f"{{flowtui}}:q:small.{queue}:backlog"


def payloads(client: redis.Redis, queue: str) -> list[dict]:
    return [json.loads(decode(each).item.payload) for each in client.lrange(key(queue), 0, -1)]


def test_each_item_takes_its_branch_once_and_each_second_comes_once(flowtui: CommandLine) -> None:
    flowtui.write("small.yaml", FLOW.replace("COUNT", str(COUNT)))
    with UserServer(flowtui.home) as server, server.client() as client:

        def moved() -> int:
            return sum(client.llen(key(queue)) for queue in BRANCHES)

        for kill in range(KILLS):
            child = flowtui.headless("--store", f"unix://{server.socket_path}")
            enough, ticks = COUNT * (kill + 1) // (KILLS + 1), client.llen(key("ticks"))
            child.until(lambda enough=enough: moved() >= enough, f"{enough} items")
            child.until(lambda ticks=ticks: client.llen(key("ticks")) > ticks, "another second")
            child.process.kill()
            child.process.wait()
        child = flowtui.headless("--store", f"unix://{server.socket_path}")
        child.until(lambda: moved() >= COUNT, "all items")
        ticks = client.llen(key("ticks"))
        child.until(lambda: client.llen(key("ticks")) > ticks, "another second")
        child.process.terminate()
        child.end()
        for rest, queue in enumerate(BRANCHES):
            expected = [{"n": n, "text": f"item {n}"} for n in range(rest, COUNT, 3)]
            assert payloads(client, queue) == expected
        seconds = [datetime.fromisoformat(each["scheduled"]).timestamp() for each in payloads(client, "ticks")]
        assert seconds == [seconds[0] + n for n in range(len(seconds))]
