"""`flowtui doctor` on real servers, well and badly set up."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import stat
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import CommandLine
from flowtui.cli.doctor import doctor
from flowtui.storage.opening import open_store
from user_server import PATIENCE_S, UserServer

Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserServer]:
    with UserServer(tmp_path_factory.mktemp("s")) as server:
        yield server


@pytest.fixture
def well(server: UserServer) -> UserServer:
    """A server that is set up as it should be, and empty."""
    with server.client() as client:
        client.replicaof("NO", "ONE")
        client.flushall()
        for name, value in (("appendonly", "yes"), ("appendfsync", "always"), ("save", ""), ("maxmemory", "0")):
            client.config_set(name, value)
        client.config_set("maxmemory-policy", "noeviction")
    return server


def text_of(*args: object, code: int = 0) -> str:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowtui.cli.doctor.results", lambda: contextlib.nullcontext(out))
        patch.setenv("XDG_CONFIG_HOME", "/nowhere")  # whoever runs the tests has preferences of their own
        assert doctor.main([str(arg) for arg in args], standalone_mode=False) == code, out.getvalue()
    return out.getvalue()


@pytest.fixture
def examined(tmp_path: Path):
    """Return the checks by what they are of; `state` and `disk` are those of the test's own folder."""

    def examined(store: str, *args: object, code: int = 0, folder: Path = tmp_path) -> Found:
        where = ["--folder", folder, "--state-dir", tmp_path / "state", "--store", store]
        told = json.loads(text_of(*where, *args, "--json", code=code))
        assert told["ok"] is (code == 0)
        return {check["what"]: check for check in told["checks"]}

    return examined


def url(server: UserServer, user: str = "") -> str:
    return f"unix://{user}{server.socket_path}"


def verdicts(found: Found, *names: str) -> list[str]:
    return [found[name]["verdict"] for name in names]


def test_a_server_that_is_set_up_well_has_no_error_and_stays_as_it_is(well, examined):
    found = examined(url(well))
    assert {name: check for name, check in found.items() if check["verdict"] in ("error", "warning")} == {}
    assert found["server"]["found"].startswith("Redis 7.")
    assert "nothing acknowledged is lost" in found["persistence"]["found"]
    assert found["data"]["found"] == "flowtui has stored nothing here yet; 0 keys in this database"
    with well.client() as client:
        assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("settings", "what", "verdict", "words"),
    [
        ({"appendonly": "no"}, "persistence", "error", "all is lost when the server ends"),
        ({"appendonly": "no", "save": "3600 1"}, "persistence", "error", "since its last snapshot"),
        ({"appendfsync": "everysec"}, "persistence", "warning", "the last second or two"),
        ({"appendfsync": "no"}, "persistence", "warning", "half a minute"),
        ({"maxmemory-policy": "allkeys-lru"}, "eviction", "warning", "without effect"),
        ({"maxmemory-policy": "allkeys-lru", "maxmemory": "1gb"}, "eviction", "error", "drops data, queues among them"),
        ({"maxmemory-policy": "volatile-ttl", "maxmemory": "1gb"}, "eviction", "error", "drops data"),
        ({"maxmemory": "100"}, "memory", "error", "nothing more can be stored"),
    ],
)
def test_a_setting_that_may_lose_items_is_told_with_what_to_do(well, examined, settings, what, verdict, words):
    with well.client() as client:
        for name, value in settings.items():
            client.config_set(name, value)
    found = examined(url(well), code=1 if verdict == "error" else 0)
    assert (found[what]["verdict"], words in found[what]["found"]) == (verdict, True), found[what]
    assert found[what]["advice"]
    others = {name for name, check in found.items() if check["verdict"] in ("error", "warning")}
    assert others == {what}


def test_a_replica_is_an_error_and_nothing_is_written_to_it(well, examined):
    with contextlib.closing(open_store(url(well), state_dir=Path(), namespace="flowtui", url=None)):
        pass
    with well.client() as client:
        client.replicaof("127.0.0.1", "1")
    found = examined(url(well), code=1)
    assert verdicts(found, "role", "data", "items") == ["error", "ok", "unknown"]
    assert "takes no writes" in found["role"]["found"]


def test_what_a_user_may_not_ask_is_unknown_and_what_it_lacks_is_named(well, examined):
    advice = "ACL SETUSER bob on >pw ~{flowtui}:* ~{flowtui} &{flowtui}:* +@all -@dangerous"
    with well.client() as client:
        client.execute_command(*advice.split())
    found = examined(url(well, "bob:pw@"))
    silent = [name for name, check in found.items() if check["found"] == "the server does not tell"]
    assert silent == ["server", "role", "persistence", "writing", "eviction", "memory"]
    assert verdicts(found, "store", "scripts", *silent) == ["ok", "ok", *["unknown"] * 6]
    with well.client() as client:
        client.execute_command("ACL", "SETUSER", "bob", "+info", "resetchannels")
    found = examined(url(well, "bob:pw@"), code=1)
    assert verdicts(found, "server", "role", "persistence", "scripts") == ["ok", "ok", "unknown", "error"]
    assert "does not tell appendfsync" in found["persistence"]["found"]
    assert "'&{flowtui}:*'" in found["scripts"]["advice"]


def test_a_server_that_does_not_answer_or_wants_another_password_is_an_error(well, examined, tmp_path):
    with well.client() as client:
        client.execute_command("ACL", "SETUSER", "bob", "on", ">pw")
    found = examined(url(well, "bob:secret@"), code=1)
    assert "wants another password" in found["store"]["found"]
    assert "secret" not in str(found)
    found = examined(f"unix://{tmp_path}/nobody", code=1)
    assert "does not answer" in found["store"]["found"]
    assert "role" not in found
    found = examined("rubbish", code=1)
    assert "cannot be read" in found["store"]["found"]


def test_data_of_another_format_are_an_error(well, examined):
    with well.client() as client:
        client.set("{flowtui}:format", "1")
    found = examined(url(well), code=1)
    assert found["data"]["verdict"] == "error"
    assert "another --namespace" in found["data"]["advice"]
    assert examined(url(well), "--namespace", "other")["data"]["verdict"] == "ok"


def test_items_that_are_not_accounted_for_are_an_error_that_names_their_queue(well, examined, tmp_path):
    async def fill(store):
        await store.queue_admin().inject("flow.work", {"n": 1})
        await store.release()

    store = open_store(url(well), state_dir=tmp_path, namespace="flowtui", url=None)
    with contextlib.closing(store):
        asyncio.run(fill(store))
        with well.client() as client:
            assert examined(url(well))["items"]["found"] == "1 queue, 0 items unaccounted"
            client.hincrby("{flowtui}:q:flow.work:count", "pushed", 1)
        found = examined(url(well), code=1)
    assert found["items"]["verdict"] == "error"
    assert "flow.work" in found["items"]["found"]


def test_a_private_server_is_looked_at_whether_an_engine_runs_or_not(examined, short_path):
    state_dir = short_path / "state"

    def told() -> Found:
        return examined("auto", "--state-dir", state_dir, folder=short_path)

    assert "nothing yet" in told()["store"]["found"]
    with contextlib.closing(open_store("local", state_dir=state_dir, namespace="flowtui", url=None)) as store:
        store.enlist(short_path)
        deadline = time.monotonic() + PATIENCE_S
        while (running := told())["engines"]["found"] == "none runs":
            assert time.monotonic() < deadline
    stopped = told()
    assert running["engines"]["found"].endswith(f":{os.getpid()} on {short_path}")
    assert stopped["engines"]["found"] == "none runs"
    well = ("store", "role", "persistence", "eviction", "data", "items", "letters", "state")
    assert [verdicts(found, *well) for found in (running, stopped)] == [["ok"] * len(well)] * 2
    assert running["server"]["found"].startswith(("Valkey", "Redis"))
    state_dir.chmod(0o755)
    assert told()["state"]["advice"] == f"chmod 700 {state_dir}"


def test_the_memory_is_a_warning(examined):
    found = examined("memory")
    assert verdicts(found, "store") == ["warning"]
    assert "all is lost" in found["store"]["found"]


def test_a_machine_without_a_server_is_a_warning_and_an_error_where_one_is_needed(examined, monkeypatch):
    monkeypatch.setattr("flowtui.cli.doctor.find_server", lambda: None)
    assert verdicts(examined("auto"), "store") == ["warning"]
    assert verdicts(examined("local", code=1), "store") == ["error"]


def test_a_state_directory_that_cannot_be_used_is_an_error(examined, tmp_path, monkeypatch):
    assert "will be made" in examined("memory")["state"]["found"]
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    found = examined("memory", code=1)
    assert f"can't be made in {tmp_path}" in found["state"]["found"]
    (tmp_path / "state").mkdir(mode=0o700)
    found = examined("memory", code=1)
    assert "can't be written" in found["state"]["found"]


def test_a_disk_that_is_full_or_nearly_so_is_told(examined, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=5_000_000))
    found = examined("memory", code=1)
    assert (found["disk"]["verdict"], found["disk"]["found"][:11]) == ("error", "5.0 MB free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=500_000_000))
    assert examined("memory")["disk"]["verdict"] == "warning"


def test_what_a_killed_server_has_left_is_named(examined, tmp_path):
    folder = tmp_path / "state" / "store"
    folder.mkdir(parents=True)
    (folder / "socket").write_text(str(tmp_path / "left"))
    os.mknod(tmp_path / "left", stat.S_IFSOCK | 0o600)
    assert str(tmp_path / "left") in examined("memory")["socket"]["found"]


def test_each_check_is_one_line_with_a_sign_a_word_and_what_to_do_below(tmp_path):
    text = text_of("--folder", tmp_path, "--state-dir", tmp_path, "--store", "memory")
    line = next(line for line in text.splitlines() if "in memory" in line)
    assert line.split()[:3] == ["!", "warning", "store"]
    after = text.splitlines()[text.splitlines().index(line) + 1]
    assert after.strip() == "-> leave out --store memory"
    assert text.splitlines()[-1].startswith("1 warning")


def test_the_command_itself_looks_at_the_terminal(flowtui: CommandLine):
    tmux = flowtui.home / "bin" / "tmux"
    tmux.parent.mkdir()
    tmux.write_text("#!/bin/sh\necho external\n")
    tmux.chmod(0o755)
    flowtui.env |= {"TERM": "xterm", "LC_ALL": "C", "TMUX": "x", "PATH": f"{tmux.parent}:{os.environ['PATH']}"}
    flowtui.env.pop("COLORTERM", None)
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 70))
    try:
        done = flowtui.run("doctor", "--store", "memory", "--json", stderr=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    found = {check["what"]: check for check in done.events[0]["checks"]}
    assert verdicts(found, "terminal", "size", "letters", "clipboard") == ["warning"] * 4
    assert "TERM=xterm, 8 colours, in tmux" in found["terminal"]["found"]
    assert found["clipboard"]["advice"] == "tmux set -s set-clipboard on"


def test_what_is_wrong_in_the_preferences_is_listed(examined, tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    monkeypatch.setenv("FLOWTUI_CONFIG", str(path))
    path.write_text("theme: light")
    assert examined("memory")["config"]["found"] == str(path)
    path.write_text("theme: lihgt")
    found = examined("memory")["config"]
    assert found["verdict"] == "warning"
    assert found["found"].startswith(f"{path}:1:8: there is no theme 'lihgt' (did you mean 'light'?)")
