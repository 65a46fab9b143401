"""An engine that reads files and a Redis stream is killed: each file, line and entry is in the queue once."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from command_line import Child, CommandLine
from flowtui.storage.records import decode
from user_server import UserServer

FLOW = """
nodes:
  watch: {type: directory-watch, config: {path: inbox, read: text, settle: 0}}
  files: {type: queue-writer, needs: watch, config: {queue: files, max_items: 0}}
  tail: {type: file-tail, config: {paths: [app.log], start: beginning, poll: 5ms}}
  lines: {type: queue-writer, needs: tail, config: {queue: lines, max_items: 0}}
  stream: {type: redis-stream, config: {url: "unix://SOCKET", stream: orders, start: begin}}
  entries: {type: queue-writer, needs: stream, config: {queue: entries, max_items: 0}}
"""
QUEUES = ("files", "lines", "entries")
KILLS = 2
_ROTATE_AT = 400


def put(inbox: Path, name: str) -> None:
    (inbox / f".{name}").write_text(name)
    (inbox / f".{name}").rename(inbox / name)


class World:
    """Drops files into the inbox, adds entries to a stream and lines to a log that is rotated, until it is stopped."""

    def __init__(self, folder: Path, client: redis.Redis) -> None:
        self.files = self.lines = self.entries = 0
        self._folder = folder
        self._client = client
        self.may_rotate = threading.Event()  # what is renamed before the very first look is not followed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._turn)
        (folder / "inbox").mkdir()

    def _turn(self) -> None:
        log = self._folder / "app.log"
        while not self._stop.wait(0.004):
            put(self._folder / "inbox", f"{self.files:06d}.txt")
            self.files += 1
            self._client.xadd("orders", {"n": self.entries})
            self.entries += 1
            with log.open("a") as file:
                for _ in range(5):
                    file.write(f"line {self.lines}\n")
                    self.lines += 1
            if self.lines % _ROTATE_AT == 0 and self.may_rotate.is_set():
                log.rename(log.with_name(f"app.log-{self.lines:06d}"))

    @contextmanager
    def turning(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


class Queues:
    """What has arrived in the queues, read from outside."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def count(self, queue: str) -> int:
        return int(self._client.llen(f"{{flowtui}}:q:files.{queue}:backlog"))

    def payloads(self, queue: str) -> list[dict[str, Any]]:
        items = self._client.lrange(f"{{flowtui}}:q:files.{queue}:backlog", 0, -1)
        return [json.loads(decode(each).item.payload) for each in items]


def until_more(child: Child, queues: Queues, count: int) -> None:
    for queue in QUEUES:
        enough = queues.count(queue) + count
        child.until(lambda queue=queue, enough=enough: queues.count(queue) >= enough, f"{count} more {queue}")


def test_each_file_line_and_entry_is_in_the_queue_once_though_the_engine_is_killed(flowtui: CommandLine) -> None:
    inbox = flowtui.folder / "inbox"
    with UserServer(flowtui.home) as server, server.client() as client, server.client() as of_world:
        flowtui.write("files.yaml", FLOW.replace("SOCKET", server.socket_path))
        queues, world = Queues(client), World(flowtui.folder, of_world)
        store = f"unix://{server.socket_path}"
        with world.turning():
            for _ in range(KILLS):
                child = flowtui.headless("--store", store)
                until_more(child, queues, 50)
                world.may_rotate.set()
                child.process.kill()
                child.process.wait()
            child = flowtui.headless("--store", store)
            until_more(child, queues, 50)
        child.until(lambda: queues.count("lines") >= world.lines, "all lines")
        child.until(lambda: queues.count("entries") >= world.entries, "all entries")
        child.until(lambda: queues.count("files") >= world.files, "all files")
        child.until(lambda: len(os.listdir(inbox / "done")) >= world.files, "all files to be put away")
        child.process.terminate()
        child.end()
        assert [each["line"] for each in queues.payloads("lines")] == [f"line {n}" for n in range(world.lines)]
        assert [int(each["fields"]["n"]) for each in queues.payloads("entries")] == [*range(world.entries)]
        names = Counter(each["name"] for each in queues.payloads("files"))
        assert names == {f"{n:06d}.txt": 1 for n in range(world.files)}
        assert all(each["text"] == each["name"] for each in queues.payloads("files"))
        assert sorted(os.listdir(inbox / "done")) == sorted(names)
        assert os.listdir(inbox / "claimed") == []
