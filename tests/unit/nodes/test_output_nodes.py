"""`log` and `file-append`, with real files."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.errors import TemplateError
from flowtui.nodes.builtin.output import FileAppend, Log, append
from flowtui.nodes.templates import compile_config


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_log_writes_its_message_and_hands_the_item_on(work: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    result = await work(Log, {"message": "total 100% {{ data.total }}", "level": "warning"}, {"total": 5})
    assert result == {"total": 5}
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("node.flow.start.node", "WARNING", "total 100% 5")
    ]


async def test_log_shows_the_payload_if_it_has_no_message(work: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await work(Log, {}, {"name": "Zoë"})
    await work(Log, {}, {"text": "x" * 1000})
    assert caplog.messages[0] == '{"name": "Zoë"}'
    assert len(caplog.messages[1]) == 500


@pytest.mark.parametrize(("value", "line"), [(5, "5"), (None, "null"), ([1], "[1]"), ("", '{"x": ""}'), ("a", "a")])
async def test_a_message_that_is_no_text_is_shown_as_json(
    work: Any, caplog: pytest.LogCaptureFixture, value: Any, line: str
) -> None:
    caplog.set_level(logging.DEBUG)
    await work(Log, {"message": "{{ data.x }}"}, {"x": value})
    assert caplog.messages == [line]


async def test_file_append_writes_one_line_of_json_an_item(work: Any, tmp_path: Path) -> None:
    for n in range(2):
        assert await work(FileAppend, {"path": "a/b/out.jsonl"}, {"n": n, "text": "Zoë\n"}) == {"n": n, "text": "Zoë\n"}
    assert lines(tmp_path / "a/b/out.jsonl") == [{"n": 0, "text": "Zoë\n"}, {"n": 1, "text": "Zoë\n"}]


async def test_file_append_writes_the_record_if_it_has_one(work: Any, tmp_path: Path) -> None:
    config = {"path": "out-{{ data.n }}.jsonl", "record": {"id": "{{ item }}", "fixed": 1}}
    await work(FileAppend, config, {"n": 3})
    assert lines(tmp_path / "out-3.jsonl") == [{"id": "item-1", "fixed": 1}]


async def test_a_path_may_be_absolute_or_in_the_home_directory(
    work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    await work(FileAppend, {"path": str(tmp_path / "elsewhere" / "x.jsonl")})
    await work(FileAppend, {"path": "~/y.jsonl"})
    assert (tmp_path / "elsewhere" / "x.jsonl").exists()
    assert (tmp_path / "home" / "y.jsonl").exists()


async def test_a_payload_cannot_lead_out_of_the_folder(work: Any, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"`\.\.` is not allowed"):
        await work(FileAppend, {"path": "out/{{ data.name }}.jsonl"}, {"name": "../../evil"})
    assert os.listdir(tmp_path) == []
    assert compile_config(FileAppend.Config, {"path": "../x"})[1][0].path == ("path",)


async def test_what_is_no_json_is_an_error_and_writes_nothing(work: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        await work(FileAppend, {"path": "out.jsonl"}, {"x": object()})
    with pytest.raises(ValueError, match="JSON"):
        await work(FileAppend, {"path": "out.jsonl"}, {"x": float("nan")})
    assert not (tmp_path / "out.jsonl").exists()


async def test_a_folder_in_the_place_of_the_file_is_an_error(work: Any, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        await work(FileAppend, {"path": "."})


@pytest.fixture
def small_files() -> Iterator[int]:
    """Let no file of this process grow beyond the size yielded: a write then is short, as on a full disk."""
    limit = 1000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_does_not_fit_leaves_nothing_behind(tmp_path: Path, small_files: int) -> None:
    path = tmp_path / "out.jsonl"
    line = b"x" * 399 + b"\n"
    append(path, line)
    append(path, line)
    with pytest.raises(OSError, match=r"only 200 of 400 bytes could be written to .*out\.jsonl; is the disk full"):
        append(path, line)
    append(path, b"short\n")
    assert path.read_bytes() == line * 2 + b"short\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        append(Path("/dev/full"), b"x\n")


def test_a_file_that_would_outgrow_its_limit_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for n in range(7):
        append(path, b"%d23456789\n" % n, max_bytes=25)
    assert path.read_bytes() == b"623456789\n"
    assert Path(f"{path}.1").read_bytes() == b"423456789\n523456789\n"


def test_as_many_renamed_files_are_kept_as_wanted(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for n in range(6):
        append(path, b"%d\n" % n, max_bytes=2, keep=3)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {
        "out.jsonl": b"5\n",
        "out.jsonl.1": b"4\n",
        "out.jsonl.2": b"3\n",
        "out.jsonl.3": b"2\n",
    }


@pytest.mark.parametrize("max_bytes", [None, 30, 10])
def test_a_line_that_a_crash_has_torn_is_ended_first(tmp_path: Path, max_bytes: int | None) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"n":1}\n{"n"')
    append(path, b'{"n":2}\n', max_bytes)
    found = path.read_bytes()
    if max_bytes == 10:
        assert (found, Path(f"{path}.1").read_bytes()) == (b'{"n":2}\n', b'{"n":1}\n{"n"')
    else:
        assert found == b'{"n":1}\n{"n"\n{"n":2}\n'


async def test_a_synced_line_is_on_the_disk_with_the_name_of_its_file(
    work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.readlink(f"/proc/self/fd/{file}")))
    for _ in range(2):
        await work(FileAppend, {"path": "out.jsonl", "sync": True}, {"n": 1})
    assert synced == [f"{tmp_path}/out.jsonl", f"{tmp_path}", f"{tmp_path}/out.jsonl"]
    await work(FileAppend, {"path": "out.jsonl"}, {"n": 1})
    assert len(synced) == 3


async def test_half_a_character_is_written_as_an_escape(work: Any, tmp_path: Path) -> None:
    await work(FileAppend, {"path": "out.jsonl"}, {"name": "a\udcff", "text": "Zoë"})
    assert lines(tmp_path / "out.jsonl") == [{"name": "a\udcff", "text": "Zoë"}]


def test_a_line_above_the_limit_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    append(path, b"x" * 100, max_bytes=10)
    append(path, b"y" * 100, max_bytes=10)
    assert path.read_bytes() == b"y" * 100


def test_many_writers_of_one_file_lose_and_tear_no_line(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"

    def write(writer: int) -> None:
        for n in range(200):
            append(path, json.dumps([writer, n]).encode() + b"\n", max_bytes=1_000, keep=20)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line for each in tmp_path.iterdir() for line in lines(each)) == [
        [writer, n] for writer in range(4) for n in range(200)
    ]
