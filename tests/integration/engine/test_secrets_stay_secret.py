"""A node may do with its secret what it likes: no log, snapshot, store, file or export of flowtui shows the value."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis

from flowtui.model.states import Command, LoopState

LOCAL = "local"
TOKEN = 'sk-"q7/Zr3 +Wm9&Xv'
CHANGED = TOKEN.replace("-", "_").replace("7", "seven")

NODES = '''
import base64
import hashlib
import json
import logging
import os
import sys
import threading
from urllib.parse import quote

from flowtui import BlockingNode, NodeConfig, ProducerNode
from pydantic import SecretStr


class Leak(BlockingNode):
    """Tells its secret in all the ways there are, and hands it on."""
    class Config(NodeConfig):
        key: SecretStr
        headers: dict[str, list[str]]
        changed: str = ""
        deep: str = ""
    async def setup(self):
        print("set up with", self.config_of_all())
    def config_of_all(self):
        return "nothing" if self._static_config is None else repr(self.config)
    async def execute(self, data):
        key = self.config.key.get_secret_value()
        assert self.config.headers == {"auth": [f"Bearer {key}", "${secret:TOKEN} as text"]}
        self.log.info("the key is %s", key)
        self.log.warning("%s", {"config": self.config, "key": key, "bytes": key.encode()})
        logging.getLogger("library").error("reversed %s, upper %s", key[::-1], key.upper())
        print("printed", key, self.config.changed, flush=True)
        print(json.dumps({"key": key}), repr(key), file=sys.stderr, flush=True)
        self.log.info("GET /?key=%s", quote(key))
        self.log.info("basic %s", base64.b64encode(f"user:{key}".encode()).decode())
        for piece in (key[:5], key[5:]):
            print(piece, end="")
        print()
        thread = threading.Thread(target=print, args=("bare thread", key))
        thread.start()
        thread.join()
        if threading.current_thread() is threading.main_thread():  # in a child process
            os.write(1, f"straight to one: {key}\\n".encode())
        try:
            raise KeyError(key)
        except KeyError:
            self.log.exception("caught")
        self.log.info("changed %s", self.config.changed)
        self.log.info("shown whole: done")
        return data | {"token": key, "list": [f"<{key}>", 1], "auth": base64.b64encode(key.encode()).decode()}


class Raise(BlockingNode):
    """Fails with what it was given, as long as there is a file `broken`."""
    async def execute(self, data):
        if (self.folder / "broken").exists():
            try:
                raise RuntimeError(f"inner {data['token']}")
            except RuntimeError as error:
                raise ValueError(f"refused {data['token']}") from error
        digest = hashlib.sha256(json.dumps(data.payload).encode()).hexdigest()
        (self.folder / "seen.txt").write_text(digest)
        return data


class FailingSource(ProducerNode):
    class Config(NodeConfig):
        key: str
    async def execute(self):
        raise OSError(f"no connection with {self.config.key}")


class Port(BlockingNode):
    class Config(NodeConfig):
        port: int
    async def execute(self, data):
        return data
'''

FLOW = """
nodes:
  start:
    type: count
    config: {count: 1}
    loop: {pool: POOL}
  leak:
    type: leak
    needs: start
    cache: {ttl: 1h}
    config:
      key: ${secret:TOKEN}
      headers: {auth: ["Bearer ${secret:TOKEN}", "$${secret:TOKEN} as text"]}
      changed: "{{ '${secret:TOKEN}' | replace('-', '_') | replace('7', 'seven') }}"
      deep: "n={{ data.n }} ${secret:TOKEN}"
  raise: {type: raise, needs: leak}
  source:
    type: failing-source
    config: {key: "${secret:TOKEN}"}
    loop: {pool: POOL}
"""


def told_forms() -> list[str]:
    whole = [TOKEN, TOKEN[::-1], TOKEN.upper(), CHANGED, quote(TOKEN), json.dumps(TOKEN)[1:-1]]
    inner = base64.b64encode(f"user:{TOKEN}".encode()).decode()
    return [*whole, inner, base64.b64encode(TOKEN.encode()).decode()]


def everything_in(client: redis.Redis) -> Iterator[bytes]:
    for key in client.scan_iter("*"):
        yield key
        kind = client.type(key).decode()
        commands = {
            "string": ("GET", key),
            "list": ("LRANGE", key, 0, -1),
            "hash": ("HGETALL", key),
            "set": ("SMEMBERS", key),
            "zset": ("ZRANGE", key, 0, -1),
        }
        yield repr(client.execute_command(*commands[kind])).encode()


def assert_nothing_told(where: str, content: str | bytes) -> None:
    text = content.decode("utf-8", "backslashreplace") if isinstance(content, bytes) else content
    assert [form for form in told_forms() if form in text] == [], where


def letters(running: Any) -> int:
    return running.engine.ask(lambda rooms: rooms.letters.count("", "")).result(20)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "secrets.yaml"
    file.touch(0o600)
    file.write_text(json.dumps({"TOKEN": TOKEN}))
    return {"FLOWTUI_SECRETS_FILE": str(file)}


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_what_a_node_does_with_its_secret_shows_it_nowhere(
    pool: str,
    write: Callable[[str, str], Path],
    start: Callable[..., Any],
    folder: Path,
    tmp_path: Path,
    env: dict[str, str],
) -> None:
    (folder / "nodes" / "leaky.py").write_text(NODES)
    (folder / "broken").touch()
    write("leaks.yaml", FLOW.replace("POOL", pool))
    running = start(LOCAL, env=env)
    running.until_state("leaks.start", LoopState.COMPLETED)
    running.until(lambda: letters(running) == 1, "for the letter")
    running.until(lambda: running.node("leaks.source", "source").errors, "for the source to fail")

    log = "\n".join(running.messages())
    assert "the key is ***TOKEN***" in log
    assert "printed ***TOKEN*** ***TOKEN***" in log
    assert "shown whole: done" in log
    assert ("straight to one: ***TOKEN***" in log) == (pool == "process")
    assert_nothing_told("log", log)
    assert running.node("leaks.source", "source").last_error == "OSError: no connection with ***TOKEN***"
    assert_nothing_told("snapshot", repr(running.snapshot()))

    with redis.Redis(unix_socket_path=str(tmp_path / "state" / "store" / "server.sock")) as client:
        content = b"\n".join(everything_in(client))
        cached = list(client.scan_iter("*cache*"))
    assert b"refused ***TOKEN***" in content
    assert cached == []
    assert_nothing_told("store", content)
    state = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert any(b"refused" in path.read_bytes() for path in state)
    for path in state:
        assert_nothing_told(str(path), path.read_bytes())

    letter = running.engine.ask(lambda rooms: rooms.letters.page("", "", None, 1)).result(20)[0]
    assert letter.payload == {"n": 0, "token": "***TOKEN***", "list": ["<***TOKEN***>", 1], "auth": "***TOKEN***"}
    (folder / "broken").unlink()
    answer = running.engine.ask(lambda rooms: rooms.letters.replay([letter], from_start=False)).result(20)
    assert answer.queued == 1, answer
    running.until(lambda: letters(running) == 0, "for the replay")
    whole = {"n": 0, "token": TOKEN, "list": [f"<{TOKEN}>", 1], "auth": base64.b64encode(TOKEN.encode()).decode()}
    assert (folder / "seen.txt").read_text() == hashlib.sha256(json.dumps(whole).encode()).hexdigest()
    assert_nothing_told("log after the replay", "\n".join(running.messages()))


def test_a_loop_without_its_secret_fails_and_says_so_and_the_others_run(
    write: Callable[[str, str], Path], start: Callable[..., Any], folder: Path, env: dict[str, str]
) -> None:
    (folder / "nodes" / "leaky.py").write_text(NODES)
    write(
        "flow.yaml",
        """
        nodes:
          a: {type: count}
          unset: {type: port, needs: a, config: {port: "${secret:NOWHERE}"}}
          b: {type: count, loop: {pool: process}}
          absent: {type: port, needs: b, config: {port: "${secret:NOWHERE}"}}
          c: {type: count}
          unfit: {type: port, needs: c, config: {port: "${secret:TOKEN}"}}
          d: {type: count, config: {count: 1}}
          fit: {type: port, needs: d, config: {port: "${secret:PORT}"}}
        """,
    )
    running = start("memory", env=env | {"FLOWTUI_SECRET_PORT": "80"})
    running.until_state("flow.d", LoopState.COMPLETED)
    for loop in ("flow.a", "flow.b"):
        running.until_state(loop, LoopState.FAILED)
        assert running.loop(loop).reason.startswith(
            "the secret NOWHERE is not set: set FLOWTUI_SECRET_NOWHERE, or write 'NOWHERE: …' into "
        )
    assert [line for line in running.messages() if line.startswith("flow.a cannot start: the secret NOWHERE")]
    running.until_state("flow.c", LoopState.FAILED)
    assert running.loop("flow.c").reason.endswith(
        "config of unfit does not fit: config.port: it should be a valid integer, unable to parse string as an integer"
    )
    assert "flow.d: the secret PORT has fewer than 4 characters: it is not masked" in running.messages()


def test_a_changed_secret_counts_from_the_next_start_on(
    write: Callable[[str, str], Path], start: Callable[..., Any], folder: Path, env: dict[str, str]
) -> None:
    (folder / "nodes" / "leaky.py").write_text(NODES)
    write(
        "flow.yaml",
        """
        nodes:
          a: {type: count, config: {every: 0.01}}
          port: {type: port, needs: a, config: {port: "${secret:PORT}"}}
        """,
    )
    file = Path(env["FLOWTUI_SECRETS_FILE"])
    file.write_text("PORT: '55555'")
    running = start("memory", env=env)
    running.until(lambda: running.loop("flow.a").iterations, "for an item")
    revision = running.loop("flow.a").revision
    file.write_text("PORT: no number any more")
    running.tell(Command.RESTART, "flow.a")
    running.until_state("flow.a", LoopState.FAILED)
    file.write_text("PORT: '66666'")
    running.tell(Command.START, "flow.a")
    running.until_state("flow.a", LoopState.RUNNING)
    assert running.loop("flow.a").revision == revision
