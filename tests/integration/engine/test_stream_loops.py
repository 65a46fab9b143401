"""A loop that reads a Redis stream, in a real engine: its server dies, hangs and comes back; pause, stop and reload."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.states import Command, LoopState
from user_server import UserServer

READ = "w.read"
FLOW = """
nodes:
  read: {{type: redis-stream, config: {{url: "unix://{socket}", stream: orders, start: begin, json_field: data}}}}
  wait: {{type: wait, needs: read}}
  out: {{type: queue-writer, needs: wait, config: {{queue: orders}}}}
  in: {{type: queue-reader, config: {{queue: orders}}}}
  note: {{type: note, needs: in}}
"""


class Stream:
    """A stream on a server of its own, and a loop that reads it."""

    def __init__(self, server: UserServer, start: Callable[[], Any], write: Callable[[str, str], Path]) -> None:
        self.server = server
        self._write = write
        self._added = 0
        self.save()
        self.app = start()

    def save(self, more: str = "") -> None:
        self._write("w.yaml", FLOW.format(socket=self.server.socket_path) + more)

    def add(self, count: int) -> None:
        """Add the next numbers."""
        with self.server.client() as client:
            for _ in range(count):
                client.xadd("orders", {"data": json.dumps({"n": self._added})})
                self._added += 1

    def until_all_came(self) -> None:
        """Wait until each number has come, and check that it has once, in order."""
        self.app.until(lambda: len(self.app.done()) >= self._added, "for all entries")
        assert self.app.done() == [*range(self._added)]

    def tell(self, command: Command, state: LoopState) -> None:
        self.app.tell(command, READ)
        self.app.until_state(READ, state)


@pytest.fixture
def stream(short_path: Path, start: Any, write: Callable[[str, str], Path]) -> Iterator[Stream]:
    with UserServer(short_path) as server:
        yield Stream(server, lambda: start(watch=True), write)


def test_a_server_that_dies_is_named_and_waited_for_and_each_entry_comes_once(stream: Stream) -> None:
    app = stream.app
    stream.add(20)
    stream.until_all_came()
    stream.server.kill()
    app.until(lambda: "does not answer" in app.loop(READ).waiting, "for the reason")
    assert f"read failed: NodeError: read: the server {stream.server.socket_path} does not answer" in (
        app.loop(READ).waiting
    )
    assert app.loop(READ).state is LoopState.RUNNING
    stream.server.start()
    stream.add(120)  # more than are read at once
    stream.until_all_came()
    assert app.loop(READ).waiting == ""


def test_a_pause_a_stop_and_a_reload_amid_the_entries_neither_lose_nor_double_one(stream: Stream, folder: Path) -> None:
    app, gate = stream.app, folder / "gate"
    for command, state, again in (
        (Command.PAUSE, LoopState.PAUSED, Command.RESUME),
        (Command.STOP, LoopState.STOPPED, Command.START),
        (Command.KILL, LoopState.STOPPED, Command.START),
    ):
        gate.touch()
        stream.add(30)
        app.until(lambda: app.node(READ, "wait").running, "for an entry under way")
        app.tell(command, READ)
        if command is not Command.KILL:
            gate.unlink()
        app.until_state(READ, state)
        gate.unlink(missing_ok=True)
        app.tell(again, READ)
        stream.until_all_came()
    gate.touch()
    stream.add(30)
    app.until(lambda: app.node(READ, "wait").running, "for an entry under way")
    stream.save("  tell: {type: log, needs: wait}\n")
    app.until(lambda: app.loop(READ).state is LoopState.STOPPING, "for the reload to begin")
    gate.unlink()
    app.until(lambda: app.loop(READ).revision == 2, "for the second revision")
    stream.until_all_came()


def test_a_server_that_hangs_holds_up_neither_a_pause_nor_a_stop(stream: Stream) -> None:
    stream.add(5)
    stream.until_all_came()
    with stream.server.hanging():
        stream.tell(Command.PAUSE, LoopState.PAUSED)
        stream.tell(Command.RESUME, LoopState.RUNNING)
        stream.tell(Command.STOP, LoopState.STOPPED)
    stream.add(5)
    stream.tell(Command.START, LoopState.RUNNING)
    stream.until_all_came()
