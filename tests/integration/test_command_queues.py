"""Queues from the shell, on real files and a real store, with an engine running and without."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import CommandLine
from flowtui.cli.queues import queues
from flowtui.cli.usage import Misuse
from flowtui.model.errors import StoreError
from warm_python import WarmPython

FLOW = """
nodes:
  start: {type: sequence, config: {count: 6, resume: true}}
  out: {type: queue-writer, needs: start, config: {queue: work}}
  read: {type: queue-reader, config: {queue: work}, loop: {autostart: false}}
  on: {type: queue-writer, needs: read, config: {queue: kept}}
"""


class Shell(CommandLine):
    """`flowtui queues` in this process, which is much quicker than in one of its own."""

    def text(self, *args: str, code: int | None = None) -> str:
        where = ["--folder", str(self.folder), "--state-dir", str(self.state_dir)]
        name, rest = (args[:1], args[1:]) if args and not args[0].startswith("-") else ((), args)
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("flowtui.cli.queues.results", lambda: contextlib.nullcontext(out))
            assert queues.main([*name, *where, *rest], standalone_mode=False) == code
        return out.getvalue()

    def told(self, *args: str, code: int | None = None) -> Any:
        return json.loads(self.text(*args, "--json", code=code))


@pytest.fixture
def shell(short_path: Path, warm_engine: WarmPython) -> Iterator[Shell]:
    shell = Shell(short_path, warm_engine)
    shell.write("flow.yaml", FLOW)
    yield shell
    shell.close()


def listed(shell: Shell) -> dict[str, Any]:
    found: dict[str, Any] = shell.told(code=0)["queues"]
    return found


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory, warm_engine: WarmPython) -> Path:
    """A state directory after a run that has left six items."""
    shell = Shell(tmp_path_factory.mktemp("q"), warm_engine)
    shell.write("flow.yaml", FLOW)
    child = shell.headless()
    child.until(lambda: child_queues(shell), "a queue")
    child.process.terminate()
    child.end()
    return shell.state_dir


@pytest.fixture
def stopped(shell: Shell, six: Path) -> Shell:
    """Six items wait in `flow.work`, which its reader has never read; no engine runs."""
    data = Path("store", "appendonlydir")
    shutil.copytree(six / data, shell.state_dir / data)
    return shell


def test_a_folder_that_never_ran_has_no_queues(shell):
    with pytest.raises(StoreError, match="no flowtui has stored anything"):
        shell.text()


def test_queues_are_listed_with_an_engine_running_and_without(shell):
    child = shell.headless()
    child.until(lambda: child_queues(shell), "a queue")
    running = listed(shell)
    child.process.terminate()
    child.end()
    assert listed(shell)["flow.work"]["pushed"] == 6
    assert set(running) == {"flow.work"}


def child_queues(shell: Shell) -> dict[str, Any]:
    with contextlib.suppress(StoreError):
        found = listed(shell)
        return found if found.get("flow.work", {}).get("pushed") == 6 else {}
    return {}


def test_the_list_says_who_reads_and_that_all_is_accounted_for(stopped):
    head, row, total = stopped.text(code=0).splitlines()
    assert head.split()[:3] == ["QUEUE", "READ", "BY"]
    assert row.split()[:5] == ["flow.work", "nobody", "yet", "6", "0"]
    assert total == "0 unaccounted"
    assert listed(stopped)["flow.work"]["backlog"] == 6


def test_peek_shows_items_in_order_and_leaves_them(stopped):
    found = stopped.told("peek", "flow.work", "--limit", "2", "--after", "1")["items"]
    assert [json.loads(item["payload"])["n"] for item in found] == [1, 2]
    assert '{"n":0}' in stopped.text("peek", "flow.work").splitlines()[0]
    assert listed(stopped)["flow.work"]["backlog"] == 6


def test_an_injected_item_waits_behind_the_others(stopped):
    id = stopped.told("inject", "flow.work", "--payload", '{"n": 99}')["id"]
    last = stopped.told("peek", "flow.work", "--after", "6")["items"]
    assert [(item["id"], item["payload"]) for item in last] == [(id, '{"n": 99}')]
    assert listed(stopped)["flow.work"]["injected"] == 1


def test_many_items_are_dropped_only_if_that_is_said(stopped):
    with pytest.raises(Misuse, match="say --yes"):
        stopped.text("purge", "flow.work")
    assert stopped.text("purge", "flow.work", "--yes") == "6 items of flow.work dropped\n"
    assert stopped.text("purge", "flow.work") == "0 items of flow.work dropped\n"
    assert listed(stopped)["flow.work"]["unaccounted"] == 0


def test_an_orphan_is_named_its_items_move_and_it_goes(shell):
    shell.write("flow.yaml", FLOW.replace("autostart: false", "autostart: true"))
    shell.headless("--until-idle").end()
    shell.write("flow.yaml", FLOW.replace("  read:", "  heir:").replace("needs: read", "needs: heir"))
    shell.told("inject", "flow.work", "--payload", "{}")
    assert "flow.read (orphan)" in shell.text(code=0)
    assert listed(shell)["flow.work"]["groups"]["flow.read"]["orphan"] is True
    with pytest.raises(StoreError, match="purge or move them first"):
        shell.text("forget", "flow.work", "flow.read")
    assert shell.told("move", "flow.work", "--to", "flow.kept", "--yes") == {"moved": 1}
    shell.text("forget", "flow.work", "flow.read")
    found = listed(shell)
    assert found["flow.work"]["groups"] == {}
    assert (found["flow.kept"]["backlog"], found["flow.kept"]["moved_in"]) == (7, 1)


def test_a_queue_or_group_that_is_not_there_is_an_error_that_names_those_that_are(stopped):
    with pytest.raises(StoreError, match=r"no queue 'flow\.wrok' in this store; known are: flow\.work"):
        stopped.text("purge", "flow.wrok", "--yes")
    with pytest.raises(StoreError, match=r"no queue 'nowhere'"):
        stopped.text("move", "flow.work", "--to", "nowhere", "--yes")
    with pytest.raises(StoreError, match=r"flow\.nobody has never read flow\.work"):
        stopped.text("peek", "flow.work", "--group", "flow.nobody")
    with pytest.raises(Misuse, match="no JSON"):
        stopped.text("inject", "flow.work", "--payload", "{")
    assert listed(stopped)["flow.work"]["backlog"] == 6


def test_a_store_whose_folder_has_gone_can_still_be_seen(stopped):
    shutil.rmtree(stopped.folder)
    assert "(orphan)" not in stopped.text(code=0)
    assert listed(stopped)["flow.work"]["backlog"] == 6


def test_the_command_itself_prints_and_exits_as_told(stopped):
    done = stopped.run("queues", "--folder", str(stopped.folder), "--state-dir", str(stopped.state_dir), "--json")
    assert done.events[0]["queues"]["flow.work"]["backlog"] == 6
