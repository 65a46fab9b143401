"""What nodes talk to, each in one shape: a test can hold it up, let it go, and read which items it has got."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from http_server import Answer, HttpServer, Request
from mail_server import MailServer


class OtherSide(ABC):
    """The other side of one node, for which `{"n": number}` is an item.

    Attributes:
        node: type and config of a node that talks to it, as a part of YAML.
    """

    node: str

    @abstractmethod
    def hold(self) -> None:
        """Let whatever is asked of it wait from now on."""

    def is_asked(self) -> bool:
        """Tell whether something waits here, as far as that can be known."""
        return True

    @abstractmethod
    def let_go(self) -> None:
        """Answer all that waits, and what comes."""

    @abstractmethod
    def got(self) -> list[tuple[str, int]]:
        """Return id and number of each item that it has got, as often as it has got it."""

    def numbers(self) -> list[int]:
        return [n for _, n in self.got()]


class Web(OtherSide):
    """A web server; it has got an item as soon as the request is there."""

    _BODIES: ClassVar = {
        "http-request": 'url: "URL/x", method: POST, json: {id: "{{ item }}", n: "{{ data.n }}"}, trust_env: false',
        "http-notify": 'url: "URL/x", method: POST, json: {id: "{{ item }}", n: "{{ data.n }}"}, trust_env: false',
        "llm": 'base_url: "URL/v1", model: m, prompt: "{{ item }} {{ data.n }}", trust_env: false',
    }

    def __init__(self, type: str, http: HttpServer) -> None:
        self.node = f"type: {type}, config: {{{self._BODIES[type].replace('URL', f'{http.url}/{type}')}}}"
        self._http = http
        self._paths = (f"/{type}/x", f"/{type}/v1/chat/completions")
        self._gate = threading.Event()
        self._gate.set()
        self._before = 0
        for path in self._paths:
            http.on(path, self._answer)

    def _answer(self, request: Request) -> Answer:
        return Answer(body={"choices": [{"message": {"content": "well"}}]}, gate=self._gate)

    def hold(self) -> None:
        self._gate.clear()
        self._before = len(self.got())

    def is_asked(self) -> bool:
        return len(self.got()) > self._before

    def let_go(self) -> None:
        self._gate.set()

    def got(self) -> list[tuple[str, int]]:
        bodies = [each.json for each in self._http.requests if each.path in self._paths]
        asked = [body["messages"][0]["content"].split() if "messages" in body else body.values() for body in bodies]
        return [(id, int(n)) for id, n in asked]


class Mailbox(OtherSide):
    """A mail server; it has got an item when it has taken the mail, whether the sender still hears of that or not."""

    def __init__(self, server: MailServer) -> None:
        self.node = (
            f"type: email, config: {{host: 127.0.0.1, port: {server.port}, security: none, from: a@example.org, "
            'to: [b@example.org], subject: "{{ item }} {{ data.n }}", text: hello}'
        )
        self._server = server

    def hold(self) -> None:
        self._server.gate.clear()

    def is_asked(self) -> bool:
        return self._server.held > 0

    def let_go(self) -> None:
        self._server.gate.set()

    def got(self) -> list[tuple[str, int]]:
        subjects = [mail["Subject"].split() for _, mail in self._server.mails]
        return [(id, int(n)) for id, n in subjects]


class Table(OtherSide):
    """A table that another program holds locked."""

    _BODIES: ClassVar = {
        "sqlite": "sql: 'INSERT INTO rows VALUES (:id, :n)', values: {id: '{{ item }}', n: '{{ data.n }}'}",
        "sqlite-insert": "table: rows, columns: {id: '{{ item }}', n: '{{ data.n }}'}",
    }

    def __init__(self, type: str, folder: Path) -> None:
        path = folder / f"{type}.db"
        self.node = f"type: {type}, config: {{path: {path}, busy_timeout: 30s, {self._BODIES[type]}}}"
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("CREATE TABLE rows (id TEXT, n INTEGER)")

    def hold(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def got(self) -> list[tuple[str, int]]:
        return self._connection.execute("SELECT id, n FROM rows").fetchall()

    def close(self) -> None:
        self._connection.close()


class File(OtherSide):
    """A file that another program holds locked."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "got.jsonl"
        record = '["{{ item }}", "{{ data.n }}"]'
        self.node = f"type: file-append, config: {{path: {self._path}, record: {record}}}"
        self._file = os.open(self._path, os.O_RDONLY | os.O_CREAT)

    def hold(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def let_go(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def got(self) -> list[tuple[str, int]]:
        whole = self._path.read_text().rpartition("\n")[0]
        return [(id, n) for id, n in map(json.loads, whole.splitlines())]

    def close(self) -> None:
        os.close(self._file)


#: Types of nodes that have another side.
TYPES = ("http-request", "http-notify", "llm", "email", "sqlite", "sqlite-insert", "file-append")


class OtherSides:
    """Opens other sides, on demand, and closes them all in the end."""

    def __init__(self, folder: Path, closing: contextlib.ExitStack) -> None:
        """`folder` is an empty one for their files."""
        self._folder = folder
        self._closing = closing
        self._http: HttpServer | None = None

    def open(self, type: str) -> OtherSide:
        """Return the other side of a node of that type."""
        if type == "email":
            return Mailbox(self._closing.enter_context(MailServer()))
        if type == "file-append":
            return self._closing.enter_context(contextlib.closing(File(self._folder)))
        if type.startswith("sqlite"):
            return self._closing.enter_context(contextlib.closing(Table(type, self._folder)))
        if self._http is None:
            self._http = self._closing.enter_context(HttpServer())
        return Web(type, self._http)


@contextlib.contextmanager
def other_sides(folder: Path) -> Iterator[OtherSides]:
    """Give what opens other sides; their files are in `folder`."""
    with contextlib.ExitStack() as closing:
        yield OtherSides(folder, closing)
