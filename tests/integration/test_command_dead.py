"""Dead letters from the shell, on real files and a real store, with an engine running and without."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from command_line import CommandLine
from flowtui.cli.dead import dead
from flowtui.cli.usage import Misuse
from flowtui.model.errors import StoreError, UnknownLetter
from warm_python import WarmPython

#: Each part of the diamond notes what it ran for; `left` fails as long as there is a file `left.broken`.
NODES = """
import asyncio

from flowtui import BlockingNode


class Part(BlockingNode):
    async def execute(self, data):
        with (self.folder / f"{self.id}.txt").open("a") as file:
            file.write(f"{data['n']}\\n")
        if (self.folder / f"{self.id}.broken").exists():
            raise ValueError(f"\\x1b[31m{self.id} cannot take {data['n']}")
        return data | {self.id: data["n"]}
"""
DIAMOND = """
nodes:
  start: {type: sequence, config: {count: 3, resume: true}}
  in: {type: queue-writer, needs: start, config: {queue: work}}
  read: {type: queue-reader, config: {queue: work}, loop: {OPTIONS}}
  left: {type: part, needs: read}
  right: {type: part, needs: read}
  join: {type: part, needs: [left, right]}
  out: {type: queue-writer, needs: join, config: {queue: done}}
  aside: {type: queue-writer, needs: right, config: {queue: done}}
  end: {type: queue-reader, config: {queue: done}}
  note: {type: file-append, needs: end, config: {path: done.txt, record: RECORD}}
""".replace("RECORD", "\"{{ data.left | default('-') }} {{ data.right }}\"")
LOOP = "diamond.read"


class Shell(CommandLine):
    """`flowtui dead` in this process, which is much quicker than in one of its own; `run` starts a real one."""

    def text(self, command: str, *args: str, code: int | None = None) -> str:
        where = ("--folder", str(self.folder), "--state-dir", str(self.state_dir))
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("flowtui.cli.dead.results", lambda: contextlib.nullcontext(out))
            assert dead.main([command, *where, *args], standalone_mode=False) == code
        return out.getvalue()

    def told(self, *args: str, code: int | None = None) -> Any:
        return json.loads(self.text(*args, "--json", code=code))


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def write(cli: CommandLine, options: str = "breaker: 0") -> None:
    cli.write("nodes/parts.py", NODES)
    cli.write("diamond.yaml", DIAMOND.replace("OPTIONS", options))


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory, warm_engine: WarmPython) -> Path:
    """A folder and a state directory after a run that has left three letters of one group."""
    cli = CommandLine(tmp_path_factory.mktemp("f"), warm_engine)
    write(cli)
    (cli.folder / "left.broken").touch()
    assert cli.headless("--until-idle").end().summary["dead_letters"] == 3
    (cli.folder / "left.broken").unlink()
    return cli.home


@pytest.fixture
def cli(failed: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch, warm_engine: WarmPython) -> Iterator[Shell]:
    """A shell where these three letters are."""
    monkeypatch.delenv("FLOWTUI_REDIS_URL", raising=False)
    shell = Shell(short_path, warm_engine)
    shutil.copytree(failed / "flows", shell.folder, dirs_exist_ok=True)
    data = Path("state", "store", "appendonlydir")
    shutil.copytree(failed / data, shell.home / data)
    yield shell
    shell.close()


def test_letters_are_listed_shown_and_exported_and_do_what_they_want_to_nobodys_terminal(cli):
    (group,) = cli.told("list")["groups"]
    assert (group["loop"], group["node"], group["error"], group["count"]) == (LOOP, "left", "ValueError", 3)
    assert group["first_at"] <= group["last_at"]
    letters = cli.told("list", "--group", group["fingerprint"])["letters"]
    assert [letter["payload"] for letter in letters] == [{"n": 2}, {"n": 1}, {"n": 0}]
    numbers = [letter["number"] for letter in letters]
    assert [each["number"] for each in cli.told("list", "--letters", "--limit", "2")["letters"]] == numbers[:2]
    assert [each["number"] for each in cli.told("list", "--before", "3")["letters"]] == numbers[1:]
    assert cli.told("list", "--loop", "diamond.end") == {"groups": []}

    shown = cli.told("show", "3")
    assert shown == letters[0]
    assert shown["upstream"] == {"right": {"payload": {"n": 2, "right": 2}}}
    assert 'raise ValueError(f"' in shown["traceback"]
    assert [json.loads(line) for line in cli.text("export").splitlines()] == letters[::-1]

    for command in (("list",), ("list", "--letters"), ("show", "3")):
        text = cli.text(*command)
        assert "ValueError: \\x1b[31mleft cannot take 2" in text
        assert "\x1b" not in text


def test_without_an_engine_a_replay_waits_until_one_runs_and_then_runs_only_what_had_not_run(cli):
    answer = cli.run("dead", "replay", "--folder", "flows", "--loop", LOOP, "--yes").output
    assert answer == (
        "3 dead letters are queued to be replayed: a running engine begins at once, else it is done when one starts\n"
    )
    assert {letter["replaying"] for letter in cli.told("list", "--letters")["letters"]} == {True}
    again = cli.told("replay", "1", code=1)
    assert again["refused"] == ["letter 1 is being replayed: wait until that has ended, or purge it"]
    child = cli.headless("--until-idle").end()
    assert child.summary["dead_letters"] == 0
    assert f"{LOOP}: 3 dead letters were run again" in child.messages
    assert {file: sorted(cli.lines(f"{file}.txt")) for file in ("left", "right", "join")} == {
        "left": ["0", "0", "1", "1", "2", "2"],
        "right": ["0", "1", "2"],
        "join": ["0", "1", "2"],
    }
    # What `right` had handed on went its way with the letters, and has not come again.
    assert sorted(cli.lines("done.txt")) == sorted([f'"- {n}"' for n in range(3)] + [f'"{n} {n}"' for n in range(3)])


@pytest.mark.parametrize("pool", ["thread", "process"])
def test_a_running_engine_replays_at_once_even_for_a_loop_that_is_paused(flowtui, pool):
    write(flowtui, f"pool: {pool}, on_error: pause, max_in_flight: 1")
    (flowtui.folder / "left.broken").touch()
    child = flowtui.headless()
    child.until(lambda: [m for m in child.messages if "left cannot take 0" in m], "the first failure")
    (flowtui.folder / "left.broken").unlink()
    replay = flowtui.run("dead", "replay", "1", "--folder", "flows", "--json")
    assert json.loads(replay.output) == {"queued": 1, "requeued": 0, "refused": [], "revisions": []}
    child.until(lambda: f"{LOOP}: 1 dead letter was run again" in child.messages, "the replay")
    assert (flowtui.lines("join.txt"), flowtui.lines("left.txt")) == (["0"], ["0", "0"])
    child.process.terminate()
    summary = child.end(1).summary
    assert (summary["loops"][LOOP]["state"], summary["dead_letters"]) == ("paused", 0)


def test_from_the_queue_all_runs_again_and_the_answer_says_so(cli):
    answer = cli.text("replay", "--all", "--from-queue", "--yes", code=0)
    assert answer == (
        "3 dead letters are back at the end of the queue: all of the iteration runs again, also what had succeeded\n"
    )
    assert cli.told("list") == {"groups": []}
    cli.headless("--until-idle").end()
    assert sorted(cli.lines("right.txt")) == ["0", "0", "1", "1", "2", "2"]
    assert len(cli.lines("done.txt")) == 9


def test_an_edited_letter_is_replayed_as_it_is_then(cli, monkeypatch):
    text = cli.text("edit", "2", "--set", "n=20", "--set", 'why={"by": "hand"}')
    assert text == "letter 2 is changed; to run it: flowtui dead replay 2\n"
    assert cli.told("show", "2")["payload"] == {"n": 20, "why": {"by": "hand"}}
    payload = cli.home / "payload.json"
    payload.write_text('{"n": 30}')
    assert cli.told("edit", "3", "--payload", f"@{payload}")["payload"] == {"n": 30}
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"n": 40}'))
    whole = cli.told("edit", "1", "--payload", "-", "--item", "--set", "text=plain")
    assert (whole["payload"], whole["item"]) == ({"n": 0}, {"n": 40, "text": "plain"})
    cli.text("replay", "2", "3", "--yes", code=0)
    cli.headless("--until-idle").end()
    assert sorted(cli.lines("left.txt")) == ["0", "1", "2", "20", "30"]
    with pytest.raises(UnknownLetter, match="there is no dead letter 2; it may have been replayed or purged"):
        cli.text("edit", "2", "--set", "n=1")


def test_what_concerns_many_letters_is_done_only_if_one_says_so(cli, monkeypatch):
    refused = cli.run("dead", "purge", "--folder", "flows", "--all", code=2)
    assert refused.errors == "flowtui: this would purge 3 dead letters: say --yes if that is what you want\n"
    with pytest.raises(Misuse, match="this would replay 3 dead letters"):
        cli.text("replay", "--all")
    for answer, count in (("n", 3), ("y", 0)):
        monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
        with pytest.raises(click.Abort) if answer == "n" else contextlib.nullcontext():
            cli.text("purge", "--loop", LOOP)
        assert len(cli.told("list", "--letters")["letters"]) == count


def test_purged_letters_are_gone(cli):
    assert cli.told("purge", "1") == {"purged": 1}
    assert cli.told("purge", "--loop", "diamond.end", "--yes") == {"purged": 0}
    assert cli.text("purge", "--all", "--yes") == "2 dead letters removed\n"
    assert cli.text("list") == "no dead letters\n"


@pytest.fixture
def no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWTUI_REDIS_URL", raising=False)
    monkeypatch.setattr("flowtui.cli.dead.results", lambda: contextlib.nullcontext(io.StringIO()))


@pytest.mark.usefixtures("no_output")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("replay",), "say which letters: their numbers, --loop, --group or --all"),
        (("purge", "1", "--all"), "name letters by their numbers, or by --loop and --group, or take --all"),
        (("purge", "--loop", "x", "--all"), "--all stands for itself: leave out --loop and --group"),
        (("edit", "1"), "say what to change, with --set KEY=VALUE or --payload @file"),
        (("edit", "1", "--set", "n"), "write --set KEY=VALUE, not 'n'"),
        (("edit", "1", "--payload", "[1]"), "the payload must be a JSON object"),
        (("edit", "1", "--payload", "{"), "the payload is no JSON: "),
        (("list", "--store", "memory"), "a store in memory belongs to one process"),
    ],
)
def test_a_wrong_use_is_one_sentence_that_says_what_to_do(arguments, sentence):
    with pytest.raises(Misuse, match=sentence):
        dead.main(list(arguments), standalone_mode=False)


@pytest.mark.usefixtures("no_output")
def test_a_state_directory_without_a_store_is_left_as_it_is(tmp_path):
    with pytest.raises(StoreError, match=r"no flowtui has stored anything in .*name its folder with --folder"):
        dead.main(["list", "--state-dir", str(tmp_path / "state")], standalone_mode=False)
    assert not (tmp_path / "state").exists()


def test_a_loop_that_has_changed_runs_its_letters_if_it_can_and_both_revisions_are_named(cli):
    write(cli, "max_in_flight: 3")
    (sentence,) = cli.told("replay", "1", code=0)["revisions"]
    revision = cli.told("show", "2")["revision"]
    assert sentence.startswith(f"{LOOP} failed in revision {revision} and runs now in revision ")
    child = cli.headless("--until-idle").end()
    (line,) = [message for message in child.messages if message.startswith("letter 1 failed in revision")]
    assert revision in line

    cli.write("diamond.yaml", DIAMOND.replace("OPTIONS", "").replace("left", "other"))
    refused = cli.told("replay", "2", "3", "--yes", code=1)["refused"]
    assert refused == [
        f"letter {number}: {LOOP} has no node left any more; replay it from the start, or give a node that name again"
        for number in (2, 3)
    ]
    cli.write("other.yaml", "nodes:\n  tick: {type: interval, config: {every: 1s}}\n")
    (cli.folder / "diamond.yaml").unlink()
    refused = cli.told("replay", "2", code=1)["refused"]
    assert refused == [f"letter 2: there is no loop {LOOP} any more that could run it"]
    assert len(cli.told("list", "--letters")["letters"]) == 2


def test_letters_on_a_server_of_the_users_own_need_no_folder(flowtui, redis_url):
    write(flowtui)
    flowtui.env["FLOWTUI_REDIS_URL"] = redis_url
    namespace = ("--namespace", f"dead-{os.getpid()}")
    (flowtui.folder / "left.broken").touch()
    flowtui.headless("--until-idle", *namespace).end()
    (flowtui.folder / "left.broken").unlink()
    replay = flowtui.run("dead", "replay", "1", "--folder", "nowhere", *namespace)
    assert replay.output.startswith("1 dead letter is queued to be replayed")
    assert flowtui.headless("--until-idle", *namespace).end().summary["dead_letters"] == 2
