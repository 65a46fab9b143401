"""Loops that take from and send to HTTP, in a real engine: pause, stop, reload, and what the clients are told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowtui.client.door import EngineClient
from flowtui.model.states import Command, LoopState
from http_server import Answer, HttpServer, with_etag

PATIENCE_S = 20.0
HOOK = """
nodes:
  hook: {{type: webhook, config: {{port: {port}, path: {path}, answer_timeout: 15s}}}}
  number: {{type: take-number, needs: hook}}
  wait: {{type: wait, needs: number}}
  note: {{type: note, needs: wait}}
"""
TAKE_NUMBER = """
from flowtui import BlockingNode

class TakeNumber(BlockingNode):
    def execute(self, data):
        return {"n": data["body"]["n"]}
"""


class Clients:
    """Clients of a webhook, each on a thread of its own."""

    def __init__(self, port: int, threads: ThreadPoolExecutor) -> None:
        self.port = port
        self._threads = threads

    def send(self, n: Any, path: str = "/a") -> Future[httpx.Response]:
        url = f"http://127.0.0.1:{self.port}{path}"
        return self._threads.submit(httpx.post, url, json={"n": n}, trust_env=False, timeout=20)

    def status(self, n: Any, path: str = "/a") -> int:
        return self.send(n, path).result().status_code


@pytest.fixture
def clients(folder: Path) -> Iterator[Clients]:
    (folder / "nodes" / "numbers.py").write_text(TAKE_NUMBER)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ThreadPoolExecutor(8) as threads:
        yield Clients(port, threads)


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with HttpServer() as server:
        yield server


def under_way(app: Any) -> Callable[[], bool]:
    return lambda: app.loop("a.hook").in_flight == 1


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_clients_of_a_webhook_are_answered_after_the_commit_and_turned_away_in_a_pause(
    write, start, folder, clients, pool
) -> None:
    text = HOOK.format(port=clients.port, path="/a").replace("15s}}", f"15s}}, loop: {{pool: {pool}}}}}")
    write("a.yaml", text)
    app = start()
    app.until_state("a.hook", LoopState.RUNNING)
    assert clients.status(1) == 202
    assert app.done() == [1]
    # What a child process did is known a moment later: the first item must not be taken for the second.
    app.until(lambda: (app.loop("a.hook").iterations, app.loop("a.hook").in_flight) == (1, 0), "for the first to end")
    (folder / "gate").touch()
    sent = clients.send(2)
    app.until(under_way(app))
    app.tell(Command.PAUSE, "a.hook")
    app.until(lambda: clients.status(3) == 503, "to be turned away")
    assert not sent.done()
    (folder / "gate").unlink()
    assert sent.result().status_code == 202
    app.until_state("a.hook", LoopState.PAUSED)
    app.tell(Command.RESUME, "a.hook")
    app.until(lambda: clients.status(4) == 202, "to be let in again")
    assert [n for n in app.done() if n != 4] == [1, 2]


def test_a_client_whose_item_fails_is_told_that_it_is_a_dead_letter(write, start, clients) -> None:
    write("a.yaml", HOOK.format(port=clients.port, path="/a"))
    app = start()
    app.until_state("a.hook", LoopState.RUNNING)
    url = f"http://127.0.0.1:{clients.port}/a"
    answer = httpx.post(url, json={"m": 1}, trust_env=False)
    assert (answer.status_code, answer.json()["outcome"]) == (202, "dead")
    app.until(lambda: app.snapshot().dead_total == 1, "for the letter to be shown")


def test_a_webhook_that_stops_answers_all_and_one_that_was_changed_listens_on(write, start, folder, clients) -> None:
    write("a.yaml", HOOK.format(port=clients.port, path="/a"))
    app = start(watch=True)
    app.until_state("a.hook", LoopState.RUNNING)
    assert clients.status(1) == 202
    (folder / "gate").touch()
    sent = clients.send(2)
    app.until(under_way(app))
    write("a.yaml", HOOK.format(port=clients.port, path="/b"))
    app.until(lambda: clients.status(3) == 503, "to be turned away")
    (folder / "gate").unlink()
    assert sent.result().status_code == 202
    app.until(lambda: app.loop("a.hook").revision == 2)
    assert (clients.status(4, "/a"), clients.status(5, "/b")) == (404, 202)
    assert app.done() == [1, 2, 5]
    app.tell(Command.STOP, "a.hook")
    app.until_state("a.hook", LoopState.STOPPED)
    with pytest.raises(httpx.ConnectError):
        clients.status(6)


def test_a_port_that_is_taken_fails_the_loop_with_a_sentence(write, start, clients) -> None:
    with socket.create_server(("127.0.0.1", clients.port)):
        write("a.yaml", HOOK.format(port=clients.port, path="/a"))
        app = start()
        app.until_state("a.hook", LoopState.FAILED)
        assert f"port {clients.port} is in use by another program" in app.loop("a.hook").reason
    app.tell(Command.START, "a.hook")
    app.until_state("a.hook", LoopState.RUNNING)
    assert clients.status(1) == 202


def test_a_client_whose_item_a_kill_cuts_off_is_told_that_it_is_a_dead_letter(write, start, folder, clients) -> None:
    write("a.yaml", HOOK.format(port=clients.port, path="/a"))
    app = start()
    app.until_state("a.hook", LoopState.RUNNING)
    (folder / "gate").touch()
    sent = clients.send(1)
    app.until(under_way(app))
    app.tell(Command.KILL, "a.hook")
    answer = sent.result()
    assert (answer.status_code, answer.json()["outcome"]) == (202, "dead")
    app.until_state("a.hook", LoopState.STOPPED)
    client = EngineClient(app.engine)
    (letter,) = client.dead_letters().result(PATIENCE_S)
    assert (letter.error, letter.id) == ("Cancelled", answer.json()["id"])
    (folder / "gate").unlink()
    app.tell(Command.START, "a.hook")
    client.replay(letter).result(PATIENCE_S)
    app.until(app.done, "for the replay")


def test_requests_to_a_failing_server_are_tried_again_by_the_engine_until_it_is_well(write, start, http) -> None:
    http.on("/x", Answer(503), Answer(drop="before"), Answer(body={"left": 3}))
    write(
        "a.yaml",
        f"""
        nodes:
          start: {{type: count, config: {{count: 1}}}}
          ask:
            type: http-request
            needs: start
            config: {{url: "{http.url}/x", into: n}}
            retry: {{attempts: 5, delay: 1ms, on: [HttpStatusError, HttpConnectError]}}
        """,
    )
    app = start()
    app.until_idle()
    assert len(http.requests) == 3
    assert app.loop("a.start").errors == 0


def test_what_is_not_to_be_tried_again_is_a_dead_letter_that_says_why(write, start, http) -> None:
    http.on("/x", Answer(404, "no such order"))
    write(
        "a.yaml",
        f"""
        nodes:
          start: {{type: count, config: {{count: 1}}}}
          tell:
            type: http-notify
            needs: start
            config: {{url: "{http.url}/x", token: topsecret}}
            retry: {{attempts: 5, delay: 1ms, on: [HttpTimeout, HttpConnectError]}}
        """,
    )
    app = start()
    app.until_idle()
    assert len(http.requests) == 1
    error = app.node("a.start", "tell").last_error
    assert "answered 404 Not Found; check the URL: no such order" in error
    assert "topsecret" not in "".join(app.messages())


def test_a_stop_does_not_wait_for_a_server_that_does_not_answer(write, start, http) -> None:
    http.on("/x", Answer(gate=threading.Event()))
    write("a.yaml", f"nodes: {{poll: {{type: http-poll, config: {{url: '{http.url}/x', every: 1s}}}}}}")
    app = start()
    http.wait_for(1)
    app.tell(Command.PAUSE, "a.poll")
    app.until_state("a.poll", LoopState.PAUSED)
    app.tell(Command.STOP, "a.poll")
    app.until_state("a.poll", LoopState.STOPPED)


def test_a_poller_whose_server_is_away_says_so_and_goes_on_by_itself_when_it_is_back(write, start, clients) -> None:
    text = "nodes:\n  poll: {type: http-poll, config: {url: 'http://127.0.0.1:PORT/x', every: 10ms, items: ''}}\n"
    write("a.yaml", text.replace("PORT", str(clients.port)) + "  note: {type: note, needs: poll}\n")
    app = start()
    app.until(lambda: "connection refused; does the server run" in app.loop("a.poll").waiting, "for the reason")
    with HttpServer(clients.port) as http:
        http.on("/x", with_etag([{"n": n} for n in range(5)], '"a"'))
        app.until(lambda: len(app.done()) >= 5, "for the list")
        http.wait_for(3)  # it has asked again
    app.until(lambda: "connection refused" in app.loop("a.poll").waiting, "for the reason again")
    assert app.done() == [*range(5)]
    assert app.loop("a.poll").state is LoopState.RUNNING


def test_a_poller_that_was_changed_goes_on_in_its_list(write, start, http, folder) -> None:
    http.on("/x", with_etag([{"n": n} for n in range(20)], '"a"'))
    text = f"""
    nodes:
      poll: {{type: http-poll, config: {{url: "{http.url}/x", every: 10ms, items: "", id: n}}}}
      wait: {{type: wait, needs: poll}}
      note: {{type: note, needs: wait}}
    """
    write("a.yaml", text)
    (folder / "gate").touch()
    app = start(watch=True)
    app.until(lambda: app.node("a.poll", "wait").running, "for an element under way")
    write("a.yaml", text.replace("10ms", "11ms"))
    app.until(lambda: app.loop("a.poll").state is LoopState.STOPPING, "for the reload to begin")
    (folder / "gate").unlink()
    app.until(lambda: len(app.done()) >= 20, "for the rest of the list")
    assert app.loop("a.poll").revision == 2
    assert app.done() == [*range(20)]


def test_a_poller_goes_on_in_its_list_after_a_stop_and_shows_why_it_waits(write, start, http, folder) -> None:
    http.on("/x", Answer(500, "out of order"), with_etag([{"n": n} for n in range(50)], '"a"'))
    write(
        "a.yaml",
        f"""
        nodes:
          poll: {{type: http-poll, config: {{url: "{http.url}/x", every: 10ms, items: "", id: n}}}}
          wait: {{type: wait, needs: poll}}
          note: {{type: note, needs: wait}}
        """,
    )
    app = start()
    app.until(lambda: "answered 500" in app.loop("a.poll").waiting, "for the reason")
    app.until(lambda: len(app.done()) > 5)
    app.tell(Command.STOP, "a.poll")
    app.until_state("a.poll", LoopState.STOPPED)
    app.tell(Command.START, "a.poll")
    app.until(lambda: len(app.done()) >= 50)
    assert app.done() == [*range(50)]
