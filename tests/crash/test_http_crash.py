"""SIGKILL of a loop that polls and one that is called: nothing is lost, and what comes twice has the same id."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections import Counter

import httpx

import short_lease
from command_line import PATIENCE_S, Child, CommandLine
from http_server import Answer, HttpServer, real_life

COUNT = 100
#: In seconds: a loop of which only one may run waits so long for one that was killed.
LEASE_S = "0.5"
POLL = """
nodes:
  poll: {type: http-poll, config: {url: "URL", every: 5ms, items: orders, id: id, trust_env: false}}
  slow: {type: delay, needs: poll, config: {seconds: 2ms}}
  out: {type: queue-writer, needs: slow, config: {queue: found}}
  in: {type: queue-reader, config: {queue: found}}
  note: {type: file-append, needs: in, config: {path: done.txt, record: ["{{ item }}", "{{ data.id }}"]}}
"""
HOOK = """
nodes:
  hook: {type: webhook, config: {port: PORT}}
  slow: {type: delay, needs: hook, config: {seconds: 2ms}}
  out: {type: queue-writer, needs: slow, config: {queue: found}}
  in: {type: queue-reader, config: {queue: found}}
  note: {type: file-append, needs: in, config: {path: done.txt, record: ["{{ item }}", "{{ data.body.n }}"]}}
"""


def kill(child: Child) -> None:
    child.process.send_signal(signal.SIGKILL)
    child.process.wait(PATIENCE_S)


def noted(cli: CommandLine) -> list[tuple[str, int]]:
    return [(id, n) for id, n in map(json.loads, cli.lines("done.txt"))]


def test_a_killed_poller_goes_on_in_its_list_from_a_server_in_trouble(flowtui):
    flowtui.program = [short_lease.__file__, LEASE_S]
    kills = 1
    orders = {"orders": [{"id": n} for n in range(COUNT)]}
    with HttpServer() as http:
        url = http.on("/orders", real_life(Answer(body=orders, headers={"ETag": '"1"'}), seed=4, delay=0.005))
        flowtui.write("a.yaml", POLL.replace("URL", url))
        for _ in range(kills):
            child, before = flowtui.headless(), len(noted(flowtui))
            child.until(lambda before=before: len(noted(flowtui)) > before + 20, "some of the list")
            kill(child)
        child = flowtui.headless()
        child.until(lambda: {n for _, n in noted(flowtui)} == {*range(COUNT)}, "all of the list")
        kill(child)
    ids = {(id, n) for id, n in noted(flowtui)}
    assert len(ids) == COUNT, "an element came again under another id"
    # What each crash has found between the file and the commit is written again.
    assert len(noted(flowtui)) - COUNT <= 256 * kills
    assert max(Counter(n for _, n in noted(flowtui)).values()) <= kills + 1


def test_what_a_killed_webhook_has_promised_is_there_and_a_client_that_asks_again_gets_the_same_id(flowtui):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flowtui.write("a.yaml", HOOK.replace("PORT", str(port)))
    child, asked_again = flowtui.headless(), 0
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for n in range(60):
            deadline = time.monotonic() + PATIENCE_S
            while True:
                if n == 30 and child.process.poll() is None and not asked_again:
                    kill(child)
                    child = flowtui.headless()
                try:
                    answer = client.post("/", json={"n": n}, headers={"Idempotency-Key": f"key-{n}"})
                except httpx.TransportError:
                    answer = None
                if answer is not None and answer.status_code == 202:
                    break
                asked_again += 1
                assert time.monotonic() < deadline, child.told()
                time.sleep(0.02)
    child.until(lambda: len({n for _, n in noted(flowtui)}) == 60, "all that was promised")
    kill(child)
    assert asked_again
    assert len({id for id, _ in noted(flowtui)}) == 60, "a request came again under another id"
