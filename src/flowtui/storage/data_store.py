"""`DataStore`: an open store; owns all that belongs to it, and closes it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from flowtui.model.snapshot import Instance
from flowtui.storage.cache_store import CACHE_TIMEOUT_S, CacheStore
from flowtui.storage.calls import StoreCalls
from flowtui.storage.connection import Connector
from flowtui.storage.dev_store import DevStore, ProductionView
from flowtui.storage.doorbell import Doorbells, Listener
from flowtui.storage.health import Health
from flowtui.storage.instances import introduce
from flowtui.storage.item_search import ItemSearch
from flowtui.storage.lease import Keeper, process_name
from flowtui.storage.letter_store import LetterStore
from flowtui.storage.queue_admin import QueueAdmin
from flowtui.storage.queue_store import QueueStore
from flowtui.storage.request_list import RequestList
from flowtui.storage.run_store import RunStore
from flowtui.storage.sample_store import SampleStore
from flowtui.storage.server_report import ServerReport, server_report


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


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """All that another process of this machine needs to use the same store. May hold a password."""

    info: StoreInfo
    connector: Connector = field(repr=False)
    namespace: str
    lease_s: float
    instance: str
    production: str = ""


class OwnServer(Protocol):
    """A server that ends with the store; `trouble` is empty while it runs, else one sentence."""

    trouble: str

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Room:
    """What one event loop uses of a store; nothing is connected before it is used."""

    calls: StoreCalls
    queues: QueueStore
    queue_admin: QueueAdmin
    item_search: ItemSearch
    letters: LetterStore
    production_letters: LetterStore | None
    requests: RequestList
    cache: CacheStore
    runs: RunStore
    dev: DevStore
    production: ProductionView
    samples: SampleStore


class DataStore:
    """One open store; safe to use from any thread. Made by `open_store`, or by `attach` in a child process."""

    def __init__(
        self,
        info: StoreInfo,
        connector: Connector,
        namespace: str,
        server: OwnServer | None,
        lease_s: float,
        instance: str = "",
        production: str = "",
    ) -> None:
        """Make it of an open server.

        Args:
            info: tells people which it is.
            connector: connects to it.
            namespace: what all keys begin with.
            server: to be closed with the store, None if it is somebody else's.
            lease_s: how long an owner that is not heard of keeps its items, in seconds.
            instance: name of the engine that has opened the store, for its child processes; else a new one.
            production: the namespace of production, if this store is for development beside it: it is only read.
        """
        self.info = info
        #: Its name among the engines on the store, if it becomes one of them by `enlist`.
        self.instance = instance or process_name()
        self._connector = connector
        self._namespace = namespace
        self._lease_s = lease_s
        self._production = production
        self._server = server
        self._health = Health()
        self._bells = Doorbells()
        self._lock = threading.Lock()
        self._rooms: dict[asyncio.AbstractEventLoop, _Room] = {}
        # While the memory is not shared with child processes nobody else pushes.
        self._listener = Listener(connector, namespace, self._bells) if info.kind != "memory" or instance else None
        self._keeper = Keeper(
            connector,
            namespace,
            lease_s=lease_s,
            health=self._health,
            ring=self._bells.ring,
            recovered=self._recovered,
            instance=self.instance,
        )
        self._keeper.start()
        if self._listener is not None:
            self._listener.start()

    @classmethod
    def attach(cls, access: StoreAccess) -> DataStore:
        """Use a store that the parent process has opened and keeps open; nothing is asked of it yet."""
        return cls(
            access.info, access.connector, access.namespace, None, access.lease_s, access.instance, access.production
        )

    def access(self) -> StoreAccess:
        """Return what a child process needs to `attach`; from any thread."""
        connector = self._connector.shared()
        with self._lock:
            if self._listener is None:
                self._listener = Listener(self._connector, self._namespace, self._bells)
                self._listener.start()
        return StoreAccess(self.info, connector, self._namespace, self._lease_s, self.instance, self._production)

    @property
    def trouble(self) -> str:
        """Empty while the store answers, else one sentence."""
        if self._server is not None and self._server.trouble:
            return self._server.trouble
        return self._health.trouble

    def enlist(self, folder: Path) -> None:
        """Show this process to others as an engine that runs `folder`, until the store is closed; returns at once."""
        self._keeper.enlist(introduce(self.instance, folder))

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The engines on the store as they were at the last heartbeat, the oldest first; none before `enlist`."""
        return self._keeper.instances

    def queues(self) -> QueueStore:
        """Return the `QueueStore` of the running event loop, the same one each time."""
        return self._room().queues

    def queue_admin(self) -> QueueAdmin:
        """Return what a person uses to change queues, for the running event loop, the same one each time."""
        return self._room().queue_admin

    def item_search(self) -> ItemSearch:
        """Return what looks for a text in queues, for the running event loop, the same one each time."""
        return self._room().item_search

    def cache(self) -> CacheStore:
        """Return the `CacheStore` of the running event loop, the same one each time."""
        return self._room().cache

    def dead_letters(self) -> LetterStore:
        """Return the `LetterStore` of the running event loop, the same one each time."""
        return self._room().letters

    def production_letters(self) -> LetterStore | None:
        """Return the dead letters of the production beside which this store is, only to be read; None without one."""
        return self._room().production_letters

    def requests(self) -> RequestList:
        """Return the `RequestList` of the running event loop, the same one each time."""
        return self._room().requests

    def runs(self) -> RunStore:
        """Return the `RunStore` of the running event loop, the same one each time."""
        return self._room().runs

    def samples(self) -> SampleStore:
        """Return the `SampleStore` of the running event loop, the same one each time."""
        return self._room().samples

    def development(self) -> DevStore:
        """Return the `DevStore` of the running event loop, the same one each time."""
        return self._room().dev

    def production(self) -> ProductionView:
        """Return what development may read of production, for the running event loop, the same one each time."""
        return self._room().production

    async def release(self) -> None:
        """Close the running event loop's connections; to be called in each loop that used the store, before it ends."""
        loop = asyncio.get_running_loop()
        with self._lock:
            room = self._rooms.pop(loop, None)
        self._bells.forget(loop)
        if room is not None:
            await room.calls.close()
            await room.cache.close()

    def server_report(self) -> ServerReport:
        """Return what the store's server tells of itself; blocks.

        Raises:
            StoreUnavailable, StoreError: if it does not answer, or refuses even a ping.
        """
        return server_report(self._connector, self._namespace, private=self.info.kind != "redis")

    def end_owner(self, owner: str) -> None:
        """Treat an owner as dead: its items go back to their queues, with one more try. Blocks; never raises.

        If the store does not answer now, its lease runs out as it is no longer renewed.
        """
        self._keeper.end(owner)

    def end_dead_processes(self) -> None:
        """Treat every owner as dead whose process on this machine is gone. Blocks; never raises.

        If the store does not answer now, their leases run out.
        """
        self._keeper.end_dead_processes(private=self.info.kind != "redis")

    def close(self) -> None:
        """End the owners that have not left, the threads and the private server; blocks. From any thread, once."""
        self._keeper.close()
        if self._listener is not None:
            self._listener.close()
        self._connector.close()
        if self._server is not None:
            self._server.close()

    def _room(self) -> _Room:
        loop = asyncio.get_running_loop()
        with self._lock:
            room = self._rooms.get(loop)
            if room is None:
                room = self._rooms[loop] = self._new_room()
        return room

    def _new_room(self) -> _Room:
        connector = self._connector
        calls = StoreCalls(connector, self._namespace, self._bells, self._health)
        queues = QueueStore(calls, self._keeper)
        of_production = calls.within(self._production) if self._production else calls
        letters = LetterStore(of_production, of_production=bool(self._production))
        samples = SampleStore(calls, of_production if self._production else None)
        return _Room(
            calls,
            queues,
            QueueAdmin(calls, queues),
            ItemSearch(calls, queues),
            LetterStore(calls),
            letters if self._production else None,
            RequestList(calls, self.instance),
            CacheStore(connector.async_client(CACHE_TIMEOUT_S), connector.address, self._namespace),
            RunStore(calls),
            DevStore(of_production),
            ProductionView(of_production, QueueStore(of_production, self._keeper), letters, samples),
            samples,
        )

    def _recovered(self) -> None:
        if self._listener is not None:
            self._listener.reconnect()
        self._bells.ring_all()
