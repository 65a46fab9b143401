"""Which store and which state directory a run uses, and what it says if it cannot."""

from __future__ import annotations

import os
import socket

import pytest
import redis

THREE = """
nodes:
  start: {type: sequence, config: {count: 3, resume: true}}
  out: {type: queue-writer, needs: start, config: {queue: three}}
  end: {type: queue-reader, config: {queue: three}}
  tell: {type: log, needs: end, config: {message: "got {{ data.n }}"}}
"""
ENDLESS = "nodes:\n  tick: {type: interval, config: {every: 10ms}}\n  tell: {type: log, needs: tick}\n"
GOT = ["got 0", "got 1", "got 2"]


@pytest.fixture
def cli(flowtui):
    flowtui.write("three.yaml", THREE)
    return flowtui


def test_a_server_that_cannot_be_used_ends_the_run_with_one_sentence(cli):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        stores = {
            "redis://:secret@127.0.0.1:1": "the store at redis://127.0.0.1:1/0 does not answer",
            f"redis://127.0.0.1:{port}": f"the store at redis://127.0.0.1:{port}/0 does not answer",
        }
        children = [
            (cli.headless("--store", store, "--state-dir", str(cli.home / f"state-{number}")), sentence)
            for number, (store, sentence) in enumerate(stores.items())
        ]
        for child, sentence in children:
            child.end(1)
            assert child.errors.startswith(f"flowtui: {sentence}")
            assert child.errors.count("\n") == 1
            assert "secret" not in child.errors + child.output
            assert child.summary["loops"] == {}


def test_the_environment_names_the_server(cli, redis_url):
    cli.env["FLOWTUI_REDIS_URL"] = redis_url
    namespace = f"named-{os.getpid()}"
    child = cli.headless("--until-idle", "--namespace", namespace).end()
    assert child.messages == GOT
    with redis.Redis.from_url(redis_url) as server:
        assert all(namespace in key.decode() for key in server.scan_iter(f"*{namespace}*"))
        assert server.exists(f"{{{namespace}}}:format")
    assert not (cli.state_dir / "store").exists()
    again = cli.headless("--until-idle", "--namespace", namespace).end()
    assert (again.messages, again.summary["loops"]["three.start"]["iterations"]) == ([], 0)


def test_in_memory_nothing_is_kept(cli):
    # Nor is it shared: both run at once.
    for child in [cli.headless("--until-idle", "--store", "memory") for _ in range(2)]:
        assert child.end().messages == GOT
    assert not cli.state_dir.exists()


def test_one_state_directory_belongs_to_one_engine(cli):
    cli.write("endless.yaml", ENDLESS)
    first = cli.headless()
    first.until(lambda: first.output, "its first line")
    second = cli.headless("--until-idle").end(1)
    assert second.output == ""
    assert second.errors == (
        f"flowtui: another flowtui (process {first.process.pid}) already runs with the state directory "
        f"{cli.state_dir}; leave that one first, or choose another directory with --state-dir\n"
    )
    (cli.folder / "endless.yaml").unlink()
    elsewhere = cli.headless("--until-idle", "--state-dir", str(cli.home / "other")).end()
    assert elsewhere.messages == GOT
    first.process.kill()
    first.process.wait()
    assert cli.headless("--until-idle").end().summary["dead_letters"] == 0


def test_a_state_directory_that_the_user_named_must_be_usable_and_one_of_our_own_need_not(cli):
    (cli.home / "file").write_text("")
    below = cli.home / "file" / "state"
    named = cli.headless("--until-idle", "--state-dir", str(below)).end(1)
    assert named.errors == (
        f"flowtui: cannot use the state directory {below}: Not a directory; choose another with --state-dir\n"
    )
    del cli.env["FLOWTUI_STATE_DIR"]
    cli.env["XDG_STATE_HOME"] = str(below)
    warning, *messages = cli.headless("--until-idle").end().messages
    assert warning.startswith("what waits in queues is lost at the end, the store is in memory: the state directory")
    told = ("log lines can't be written to files", "the text of three.yaml is kept in memory only")
    assert [message for message in messages if not message.startswith(told)] == GOT
    local = cli.headless("--until-idle", "--store", "local").end(1)
    assert local.errors.startswith("flowtui: cannot use the state directory")
