"""`follow-files`: nothing of a log is lost or read twice."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest


async def lines(node: Any, polls: int = 2) -> list[str]:
    """Return what a node yields until it finds nothing `polls` times in a row."""
    found = []
    nothing = 0
    while nothing < polls:
        item = await node.execute()
        nothing = nothing + 1 if item is None else 0
        if item is not None:
            found.append(item["line"])
    return found


def add(path: Path, *texts: str) -> None:
    with path.open("a") as file:
        file.writelines(text + "\n" for text in texts)


def saved(node: Any) -> Any:
    """Return a node's cursor as a store gives it back."""
    return json.loads(json.dumps(node.cursor))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    add(path, "old 1", "old 2")
    return path


async def test_only_lines_that_come_after_the_first_start_are_yielded(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    assert await lines(node) == []
    add(log, "new 1", "new 2")
    assert await lines(node) == ["new 1", "new 2"]


async def test_it_may_begin_at_the_beginning(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0, start="beginning")
    item = await node.execute()
    assert item == {"path": str(log), "line": "old 1"}
    assert await lines(node) == ["old 2"]


async def test_files_that_appear_later_are_read_from_their_beginning(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    assert await lines(node) == []
    add(log.with_name("late.log"), "a", "b")
    add(log.with_name("other.txt"), "x")
    assert await lines(node) == ["a", "b"]


async def test_a_restart_goes_on_behind_the_last_committed_line(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1", "2", "3")
    assert (await node.execute())["line"] == "1"
    committed = saved(node)
    assert (await node.execute())["line"] == "2"
    node.teardown()
    add(log, "4")
    again = make("follow-files", committed, paths=["*.log"], poll=0)
    assert await lines(again) == ["2", "3", "4"]


async def test_a_restart_does_not_read_old_lines_of_files_that_were_silent(make: Any, log: Path) -> None:
    add(log.with_name("silent.log"), "old")
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1")
    assert await lines(node) == ["1"]
    add(log.with_name("silent.log"), "new")
    assert await lines(make("follow-files", saved(node), paths=["*.log"], poll=0)) == ["new"]


async def test_a_renamed_file_is_read_to_its_end_before_the_new_one(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1")
    assert await lines(node) == ["1"]
    add(log, "2")
    os.rename(log, f"{log}.1")
    add(log, "3")
    assert await lines(node) == ["2", "3"]


async def test_what_is_written_to_the_renamed_file_a_little_later_counts_as_well(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1")
    await lines(node)
    with log.open("a") as held:
        os.rename(log, f"{log}.1")
        add(log, "3")
        held.write("2a\n2b without an end")
    assert await lines(node) == ["2a", "2b without an end", "3"]


async def test_a_look_between_rename_and_new_file_loses_nothing(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1")
    assert await lines(node) == ["1"]
    add(log, "2")
    os.rename(log, f"{log}.1")
    assert await lines(node) == ["2"]
    add(log, "3")
    assert await lines(node) == ["3"]


async def test_a_rename_during_a_restart_loses_nothing(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1")
    await lines(node)
    node.teardown()
    add(log, "2")
    os.rename(log, f"{log}.1")
    add(log, "3")
    assert await lines(make("follow-files", saved(node), paths=["*.log"], poll=0)) == ["2", "3"]


async def test_a_replaced_file_whose_old_one_is_gone_is_read_from_its_beginning(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1")
    await lines(node)
    node.teardown()
    fresh = log.with_name("fresh")
    add(fresh, "2")
    os.replace(fresh, log)
    assert await lines(make("follow-files", saved(node), paths=["*.log"], poll=0)) == ["2"]


async def test_a_truncated_file_is_read_anew(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1")
    await lines(node)
    shutil.copy(log, f"{log}.1")
    os.truncate(log, 0)
    add(log, "2")
    assert await lines(node) == ["2"]


async def test_a_line_counts_when_it_is_complete(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    with log.open("a", buffering=1) as file:
        file.write("half a ")
        file.flush()
        assert await lines(node) == []
        file.write("line\n")
    assert await lines(node) == ["half a line"]


async def test_long_and_odd_lines_come_through(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    with log.open("ab") as file:
        file.write(b"\xff\x00 odd\r\n" + b"x" * 200_000 + b"\n\nend\n")
    found = await lines(node)
    assert found[0] == "\ufffd\x00 odd"
    assert "".join(found[1:-2]) == "x" * 200_000
    assert found[-2:] == ["", "end"]


async def test_more_lines_than_fit_into_one_read_keep_their_order(make: Any, log: Path) -> None:
    node = make("follow-files", paths=["*.log"], poll=0)
    texts = [f"{n} " + "x" * 100 for n in range(3000)]
    add(log, *texts)
    assert await lines(node) == texts


async def test_a_deleted_file_is_forgotten(make: Any, log: Path) -> None:
    add(log.with_name("other.log"), "x")
    node = make("follow-files", paths=["*.log"], poll=0)
    os.unlink(log)
    add(log.with_name("other.log"), "y")
    assert await lines(node) == ["y"]
    assert [*node.cursor] == [str(log.with_name("other.log"))]
    add(log, "back")
    assert await lines(node) == ["back"]


async def test_folders_and_pipes_that_match_are_left_alone(make: Any, log: Path) -> None:
    log.with_name("folder.log").mkdir()
    os.mkfifo(log.with_name("pipe.log"))
    node = make("follow-files", paths=["*.log"], poll=0)
    add(log, "1")
    assert await lines(node) == ["1"]


async def test_a_file_that_may_not_be_read_is_said_once_and_the_others_go_on(
    make: Any, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = log.with_name("secret.log")
    node = make("follow-files", paths=["*.log"], poll=0)
    add(secret, "x")
    os.chmod(secret, 0)
    if os.access(secret, os.R_OK):
        pytest.skip("this user may read everything")
    add(log, "1")
    assert await lines(node, polls=3) == ["1"]
    assert caplog.messages == [f"cannot read {secret}: Permission denied"]
