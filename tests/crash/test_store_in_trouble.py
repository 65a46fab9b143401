"""A store that is away, or answers and yet cannot serve: the loops wait, say why, do not spin, and go on."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
import redis

from crash_chain import CHAIN, FIRST, LAST, POOLS, made_and_arrived
from fault_proxy import FaultProxy
from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.model.states import Command, LoopState
from flowtui.storage.opening import open_store
from user_server import UserServer

PATIENCE_S = 40.0
#: Seconds during which calls are counted.
STRETCH_S = 1.5
#: Calls and connections a second that keep the engine informed while it waits; one that spins makes thousands.
MOST_CALLS = 100


@dataclass(frozen=True)
class Trouble:
    """What happens to the server, how that is mended, and what a loop must say of it."""

    begins: Callable[[UserServer, redis.Redis], object]
    ends: Callable[[UserServer, redis.Redis], object]
    words: str


def change_password(client: redis.Redis, password: str) -> None:
    client.config_set("requirepass", password)
    for kind in ("normal", "pubsub"):  # who is in stays in
        client.client_kill_filter(_type=kind, skipme=True)


TROUBLES = {
    "killed": Trouble(lambda server, _: server.kill(), lambda server, _: server.start(), "does not answer"),
    "read-only": Trouble(
        lambda _, client: client.replicaof("127.0.0.1", "1"),
        lambda _, client: client.replicaof("NO", "ONE"),
        "cannot serve now: it is a read-only replica",
    ),
    "full": Trouble(
        lambda _, client: client.config_set("maxmemory", "1"),
        lambda _, client: client.config_set("maxmemory", "0"),
        "cannot serve now: its memory is full, as maxmemory says",
    ),
    "password": Trouble(
        lambda _, client: change_password(client, "secret"),
        lambda _, client: change_password(client, ""),
        "cannot serve now: it wants a password",
    ),
}


class App:
    """An engine on the chain, its server, and the proxy between them."""

    def __init__(self, client: EngineClient, proxy: FaultProxy, redis: redis.Redis) -> None:
        self.client = client
        self.proxy = proxy
        self.redis = redis

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}: {self.waiting()} {self.messages()[-20:]}"
            time.sleep(0.01)

    def until_moved(self, count: int) -> None:
        enough = self.redis.llen(LAST) + count
        self.until(lambda: self.redis.llen(LAST) >= enough, f"{count} more items")

    def waiting(self) -> list[str]:
        return [loop.waiting for loop in self.client.snapshot().loops]

    def messages(self) -> list[str]:
        return [line.message for line in self.client.logs(0, 10_000).lines]

    def traffic(self) -> int:
        return self.proxy.calls.total() + self.proxy.connections

    def finish(self) -> int:
        """End the source, let everything come through, and check the last queue."""
        self.client.command(Command.STOP, "chain.start").result(PATIENCE_S)
        self.until(lambda: self.client.snapshot().loops[0].state is LoopState.STOPPED, "the source to end")
        self.until(lambda: self.redis.llen(LAST) == int(self.redis.hget(f"{FIRST}:count", "pushed")), "all items")
        return made_and_arrived(self.redis)


@pytest.fixture
def server(short_path) -> Iterator[UserServer]:
    with UserServer(short_path) as server:
        yield server


@pytest.fixture
def app(server, short_path) -> Iterator[App]:
    folder = short_path / "flows"
    folder.mkdir()
    text = CHAIN.replace("COUNT", "1000000").replace("LOOP", POOLS["asyncio"]).replace("AUTOSTART", "true")
    # Slower than its source, so that there is always something for it to fetch.
    (folder / "chain.yaml").write_text(text.replace("0.001", "0.004"))
    with FaultProxy(server.socket_path) as proxy, closing(server.client()) as client:
        opener = functools.partial(open_store, proxy.url, state_dir=short_path, namespace="flowtui", url=None)
        engine = EngineClient(FlowEngine(folder, opener, env={}, watch=False))
        engine.start()
        with closing(engine):
            yield App(engine, proxy, client)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("name", TROUBLES)
def test_loops_wait_for_a_store_in_trouble_say_why_do_not_spin_and_go_on(app, server, name):
    trouble = TROUBLES[name]
    app.until_moved(20)
    trouble.begins(server, app.redis)
    app.until(lambda: all("store: " in text and trouble.words in text for text in app.waiting()), "the loops to wait")
    app.until(lambda: trouble.words in app.client.snapshot().store.trouble, "the store to show it")
    before, began = app.traffic(), time.monotonic()
    while time.monotonic() < began + STRETCH_S:
        assert trouble.words in app.client.snapshot().store.trouble, "it flickers"
        time.sleep(0.01)
    rate = (app.traffic() - before) / (time.monotonic() - began)
    assert rate < MOST_CALLS, app.proxy.calls
    assert all(trouble.words in text for text in app.waiting())
    trouble.ends(server, app.redis)
    app.until_moved(20)
    app.until(lambda: not any("store: " in text for text in app.waiting()), "the loops to go on")
    app.until(lambda: not app.client.snapshot().store.trouble, "the store to be well")
    assert app.finish() > 0
