"""`file-tail`, with real files: nothing of a log is lost or read twice."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowtui.nodes import tails
from flowtui.nodes.builtin.tailing import FileTail
from flowtui.nodes.templates import compile_config


async def items(node: FileTail, polls: int = 2) -> list[Any]:
    """Return what a node yields until it finds nothing `polls` times in a row."""
    found = []
    nothing = 0
    while nothing < polls:
        waiting = node._look() if not node._lines else ""
        if node._lines:
            found.append(await node.execute())
            nothing = 0
        else:
            node.waiting = waiting
            nothing += 1
    return found


async def lines(node: FileTail, polls: int = 2) -> list[str]:
    return [item["line"] for item in await items(node, polls)]


def add(path: Path, *texts: str) -> None:
    with path.open("a") as file:
        file.writelines(text + "\n" for text in texts)


def saved(node: FileTail) -> Any:
    """Return a node's cursor as a store gives it back."""
    return json.loads(json.dumps(node.cursor))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    add(path, "old 1", "old 2")
    return path


@pytest.fixture
def tail(tmp_path: Path) -> Iterator[Callable[..., FileTail]]:
    made: list[FileTail] = []

    def make(cursor: Any = None, **config: Any) -> FileTail:
        values = {"paths": ["*.log"], "poll": 0.001, **config}
        node = FileTail(FileTail.Config.model_validate(values), id="tail", loop="flow.tail", folder=tmp_path)
        node.cursor = cursor
        node.setup()
        made.append(node)
        return node

    yield make
    for node in made:
        node.teardown()


@pytest.mark.parametrize("start", ["end", "beginning"])
async def test_lines_that_come_between_the_first_start_and_the_second_are_yielded(
    start: str, tail: Any, log: Path
) -> None:
    first = tail(start=start)
    add(log, "new 1")
    add(log.with_name("other.log"), "new 2")
    second = tail(saved(first), start=start)
    assert await lines(second) == ["old 1", "old 2", "new 1", "new 2"][2 if start == "end" else 0 :]


async def test_only_lines_that_come_after_the_first_start_are_yielded(tail: Any, log: Path) -> None:
    node = tail()
    assert await lines(node) == []
    add(log, "new 1", "new 2")
    assert await lines(node) == ["new 1", "new 2"]


async def test_it_may_begin_at_the_beginning(tail: Any, log: Path) -> None:
    first, second = await items(tail(start="beginning"))
    assert first == {"line": "old 1", "path": str(log), "offset": 0}
    assert (second["line"], second["offset"]) == ("old 2", 6)


async def test_files_that_appear_later_are_read_from_their_beginning(tail: Any, log: Path) -> None:
    node = tail()
    add(log.with_name("late.log"), "a", "b")
    add(log.with_name("other.txt"), "x")
    assert await lines(node) == ["a", "b"]


async def test_a_file_that_is_not_there_yet_is_waited_for(tail: Any, tmp_path: Path) -> None:
    node = tail(paths=["sub/app.txt", "*.none"])
    assert await node.execute() is None
    assert node.waiting == "there is no file sub/app.txt, *.none yet"
    (tmp_path / "sub").mkdir()
    add(tmp_path / "sub/app.txt", "1")
    assert await lines(node) == ["1"]
    await lines(node)
    assert node.waiting == ""


async def test_a_restart_goes_on_behind_the_last_committed_line_with_the_same_ids(tail: Any, log: Path) -> None:
    node = tail()
    add(log, "1", "2", "3")
    assert (await node.execute())["line"] == "1"
    committed = saved(node)
    uncommitted = await node.execute()
    node.teardown()
    add(log, "4")
    again = await items(tail(committed))
    assert [item["line"] for item in again] == ["2", "3", "4"]
    assert again[0].id == uncommitted.id
    assert len({item.id for item in again}) == 3


async def test_a_restart_does_not_read_old_lines_of_files_that_were_silent(tail: Any, log: Path) -> None:
    add(log.with_name("silent.log"), "old")
    node = tail()
    add(log, "1")
    assert await lines(node) == ["1"]
    add(log.with_name("silent.log"), "new")
    assert await lines(tail(saved(node))) == ["new"]


async def test_a_renamed_file_is_read_to_its_end_before_the_new_one(tail: Any, log: Path) -> None:
    node = tail()
    add(log, "1")
    assert await lines(node) == ["1"]
    add(log, "2")
    os.rename(log, f"{log}.1")
    add(log, "3")
    assert await lines(node) == ["2", "3"]


async def test_while_the_new_file_is_empty_its_writer_may_go_on_with_the_old_one(tail: Any, log: Path) -> None:
    node = tail()
    await lines(node)
    with log.open("a") as held:
        os.rename(log, f"{log}.1")
        add(log)
        held.write("2 and")
        held.flush()
        assert await lines(node) == []
        held.write(" the rest\n3 without an end")
    assert await lines(node) == ["2 and the rest"]
    add(log, "4")
    assert await lines(node) == ["3 without an end", "4"]


async def test_a_look_between_rename_and_new_file_loses_nothing(tail: Any, log: Path) -> None:
    node = tail()
    add(log, "1")
    assert await lines(node) == ["1"]
    add(log, "2")
    os.rename(log, f"{log}.1")
    assert await lines(node) == ["2"]
    assert node.waiting == ""
    add(log, "3")
    assert await lines(node) == ["3"]


async def test_rotations_during_a_restart_lose_nothing(tail: Any, log: Path) -> None:
    node = tail()
    add(log, "1")
    await lines(node)
    node.teardown()
    add(log, "2")
    for n, (older, text) in enumerate([("app.log.2", "3"), ("app.log.1", "4")]):
        os.utime(log, (n, n))  # much faster than any real rotation, the clock may stand still
        os.rename(log, log.with_name(older))
        add(log, text)
    add(log.with_name("app.log.1.bak"), "no")
    add(log.with_name("app.log.1.gz"), "no")
    again = tail(saved(node))
    found = await items(again)
    assert [item["line"] for item in found] == ["2", "3", "4"]
    assert {item["path"] for item in found} == {str(log)}


async def test_a_replaced_file_whose_old_one_is_gone_is_read_from_its_beginning_and_said(
    tail: Any, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = tail()
    add(log, "1")
    await lines(node)
    node.teardown()
    fresh = log.with_name("fresh")
    add(fresh, "2")
    os.replace(fresh, log)
    assert await lines(tail(saved(node))) == ["2"]
    assert caplog.messages == [f"whatever followed byte 14 of {log} is gone: the file was deleted, cut or compressed"]


async def test_another_file_with_the_same_inode_is_not_mistaken_for_the_old_one(tail: Any, log: Path) -> None:
    node = tail(start="beginning")
    await lines(node)
    node.teardown()
    os.truncate(log, 0)
    add(log, "new 1", "new 2", "new 3")  # the inode stays, as when the system gives it to the next file
    assert await lines(tail(saved(node))) == ["new 1", "new 2", "new 3"]


async def test_a_file_that_is_copied_and_cut_is_read_anew(tail: Any, log: Path) -> None:
    node = tail()
    add(log, "1")
    await lines(node)
    shutil.copy(log, f"{log}.1")
    os.truncate(log, 0)
    add(log, "2")
    assert await lines(node) == ["2"]


async def test_a_file_that_was_cut_and_has_outgrown_its_old_length_is_read_anew(tail: Any, log: Path) -> None:
    node = tail(start="beginning")
    assert await lines(node) == ["old 1", "old 2"]
    os.truncate(log, 0)
    add(log, *(f"new {n}" for n in range(5)))
    assert await lines(node) == [f"new {n}" for n in range(5)]


async def test_a_line_counts_when_it_is_complete(tail: Any, log: Path) -> None:
    node = tail()
    with log.open("a", buffering=1) as file:
        file.write("half a ")
        file.flush()
        assert await lines(node) == []
        file.write("line\n")
    assert await lines(node) == ["half a line"]


async def test_odd_bytes_are_shown_and_long_lines_come_in_parts(tail: Any, log: Path) -> None:
    node = tail(max_line=20_000)
    with log.open("ab") as file:
        file.write(b"\xff\x00 odd\r\n" + "ë".encode() * 25_001 + b"\n\nend\n")
    found = await items(node)
    texts = [item["line"] for item in found]
    assert texts[0] == "\\xff\x00 odd"
    assert texts[1:-2] == ["ë" * 10_000, "ë" * 10_000, "ë" * 5_001]
    assert [item.get("cut", False) for item in found] == [False, True, True, False, False, False]
    assert texts[-2:] == ["", "end"]


async def test_a_line_longer_than_one_read_comes_in_parts_before_its_end_is_there(tail: Any, log: Path) -> None:
    node = tail()
    with log.open("ab") as file:
        file.write(b"x" * 600_000)
    found = await items(node)
    assert {item.get("cut") for item in found} == {True}
    with log.open("ab") as file:
        file.write(b"y\n")
    found += await items(node)
    assert "".join(item["line"] for item in found) == "x" * 600_000 + "y"
    assert "cut" not in found[-1]


async def test_more_lines_than_fit_into_one_read_keep_their_order(tail: Any, log: Path) -> None:
    node = tail()
    texts = [f"{n} " + "x" * 100 for n in range(6000)]
    add(log, *texts)
    found = await items(node)
    assert [item["line"] for item in found] == texts
    with log.open("rb") as file:
        file.seek(found[4321]["offset"])
        assert file.readline() == texts[4321].encode() + b"\n"


async def test_lines_that_begin_no_record_belong_to_the_one_before(
    tail: Any, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = tail(multiline=r"^\d")
    add(log, "1 error", "  at a", "  at b", "2 fine", "3 error", "  at c")
    assert await lines(node) == ["1 error\n  at a\n  at b", "2 fine"]
    committed = saved(node)
    add(log, "  at d")
    assert await lines(node) == []
    monkeypatch.setattr(tails, "_QUIET_S", 0.0)
    (record,) = await items(node)
    assert record["line"] == "3 error\n  at c\n  at d"
    node.teardown()
    assert await lines(tail(committed, multiline=r"^\d")) == [record["line"]]


def test_what_is_no_regular_expression_is_refused_at_load() -> None:
    _, problems = compile_config(FileTail.Config, {"paths": ["x"], "multiline": "("})
    assert "this is no regular expression" in problems[0].message


async def test_a_deleted_file_is_forgotten_in_the_end(tail: Any, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(log.with_name("other.log"), "x")
    node = tail()
    await lines(node)
    with log.open("a") as held:
        os.unlink(log)
        held.write("last\nwords")
    assert await lines(node) == ["last"]
    monkeypatch.setattr(tails, "_GONE_S", 0.0)
    assert await lines(node) == ["words"]
    add(log.with_name("other.log"), "y")
    assert await lines(node) == ["y"]
    assert [*node.cursor] == [str(log.with_name("other.log"))]
    add(log, "back")
    assert await lines(node) == ["back"]


async def test_folders_and_pipes_that_match_are_left_alone(tail: Any, log: Path) -> None:
    log.with_name("folder.log").mkdir()
    os.mkfifo(log.with_name("pipe.log"))
    node = tail()
    add(log, "1")
    assert await lines(node) == ["1"]


async def test_names_that_are_no_utf8_are_followed_and_shown(tail: Any, tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff \n.log")
    node = tail()
    add(tmp_path / name, "1", "2")
    first = await node.execute()
    assert first["path"] == f"{tmp_path}/a\\xff \n.log"
    json.loads(first.to_json())
    assert await lines(tail(saved(node))) == ["2"]


async def test_a_file_that_may_not_be_read_is_said_and_the_others_go_on(
    tail: Any, log: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = log.with_name("secret.log")
    node = tail()
    add(secret, "x")
    really_open = os.open

    def strict(path: Any, *args: Any, **options: Any) -> int:
        if str(path) == str(secret):
            raise PermissionError(13, "Permission denied")
        return really_open(path, *args, **options)

    monkeypatch.setattr(tails.os, "open", strict)
    add(log, "1")
    assert await lines(node, polls=3) == ["1"]
    assert node.waiting == ""
    os.unlink(log)
    node._tails.pop(str(log)).close()
    await lines(node)
    assert node.waiting == f"cannot read {secret}: Permission denied"
    assert caplog.messages == [f"cannot read {secret}: Permission denied"]
    monkeypatch.undo()
    assert await lines(node) == ["x"]
    assert node.waiting == ""
