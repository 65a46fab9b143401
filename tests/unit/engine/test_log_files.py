"""Log lines in files: nothing is lost without a word, old files make room, and what is written can be read back."""

from __future__ import annotations

import errno
import logging
import os
import threading
from pathlib import Path

import pytest

from flowtui.engine import log_files
from flowtui.engine.log_files import LogFiles, LogReader
from flowtui.engine.logs import LogBuffer


@pytest.fixture
def buffer() -> LogBuffer:
    return LogBuffer(1_000)


def write_all(folder: Path, buffer: LogBuffer, **limits: int) -> None:
    """Write what is in the buffer and end."""
    files = LogFiles(folder, buffer, **limits)
    files.start()
    files.close()


def messages(folder: Path) -> list[str]:
    return [line.message for line in LogReader(folder).past()]


def test_what_was_logged_is_read_back_as_it_was(tmp_path, buffer):
    buffer.add(logging.INFO, "good\n[b]day[/b] \x1b ü \ud800", loop="orders.incoming", node="check", item="4711")
    buffer.add(logging.ERROR, "", loop="orders.incoming")
    write_all(tmp_path / "logs", buffer)
    first, second = LogReader(tmp_path / "logs").past()
    kept = buffer.since(0, 10).lines
    assert first.message == kept[0].message
    assert (first.loop, first.node, first.item, first.level) == ("orders.incoming", "check", "4711", logging.INFO)
    assert (second.message, second.node, second.level, second.time) == ("", "", logging.ERROR, kept[1].time)
    (file,) = (tmp_path / "logs").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().count(b"\n") == 2


def test_full_files_are_followed_by_new_ones_and_the_oldest_make_room(tmp_path, buffer):
    files = LogFiles(tmp_path, buffer, file_bytes=2_000, most_files=3)
    for number in range(60):
        buffer.add(logging.INFO, f"{number:>90}")
        files._try()  # as its thread does, a line at a time
    files.start()
    files.close()
    names = [path.name for path in log_files.log_files(tmp_path)]
    assert len(names) == 3
    assert names == sorted(os.listdir(tmp_path))
    kept = [int(message) for message in messages(tmp_path)]
    assert kept == list(range(kept[0], 60))
    assert 20 <= len(kept) < 60
    assert all(path.stat().st_size < 2_300 for path in tmp_path.iterdir())


def test_lines_that_came_too_fast_are_counted_in_the_file(tmp_path, buffer):
    for number in range(1_500):
        buffer.add(logging.INFO, str(number))
    write_all(tmp_path, buffer)
    first, *others = messages(tmp_path)
    assert first == "500 log lines came too fast and are not kept"
    assert others == [str(number) for number in range(500, 1_500)]


def test_a_full_disk_keeps_no_line_from_being_written_later_and_is_told_once(tmp_path, buffer, monkeypatch):
    files = LogFiles(tmp_path, buffer)
    buffer.add(logging.INFO, "before")
    files._try()
    real, full = os.write, [True]

    def write(file: int, text: bytes) -> int:
        if not full[0]:
            return real(file, text)
        if len(text) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, text[: len(text) // 2])  # as a disk does that becomes full just then

    monkeypatch.setattr(log_files.os, "write", write)
    told: list[str] = []
    monkeypatch.setattr(log_files._log, "error", lambda text, *args: told.append(text % args))
    buffer.add(logging.INFO, "meanwhile")
    files._try()
    files._try()
    assert [line for line in told if "No space left on device" in line] == told
    assert len(told) == 1
    assert messages(tmp_path) == ["before"]
    full[0] = False
    files._try()
    assert messages(tmp_path) == ["before", "meanwhile"]


def test_a_file_that_somebody_removed_is_begun_anew(tmp_path, buffer):
    files = LogFiles(tmp_path, buffer)
    buffer.add(logging.INFO, "first")
    files._try()
    for path in tmp_path.iterdir():
        path.unlink()
    buffer.add(logging.INFO, "second")
    files._try()
    assert messages(tmp_path) == ["second"]


def test_a_folder_that_cannot_be_made_does_not_hold_up_the_end(tmp_path, buffer):
    (tmp_path / "logs").write_text("a file")
    buffer.add(logging.INFO, "lost")
    ended = threading.Thread(target=write_all, args=(tmp_path / "logs", buffer), daemon=True)
    ended.start()
    ended.join(20)
    assert not ended.is_alive()


def test_the_files_of_several_engines_are_read_in_the_order_of_time_and_half_a_line_is_passed_over(tmp_path):
    line = '{{"time":{},"level":"info","loop":"","node":"","item":"","message":"{}"}}\n'
    (tmp_path / "20260101T000000-1-0001.jsonl").write_text(line.format(1, "a") + line.format(4, "d"))
    (tmp_path / "20260101T000000-1-0002.jsonl").write_text(line.format(5, "e") + '{"time":6,"lev')
    (tmp_path / "20260101T000002-2-0001.jsonl").write_text(line.format(2, "b") + "rubbish\n[]\n" + line.format(3, "c"))
    (tmp_path / "notes.txt").write_text("not ours")
    assert messages(tmp_path) == ["a", "b", "c", "d", "e"]
    assert [each.message for each in LogReader(tmp_path).past(since=3.5)] == ["d", "e"]


def test_a_reader_tells_what_comes_each_line_once_whole_lines_only_and_of_new_files_too(tmp_path):
    line = '{{"time":1,"level":"info","loop":"","node":"","item":"","message":"{}"}}\n'
    first = tmp_path / "20260101T000000-1-0001.jsonl"
    first.write_text(line.format("old"))
    reader = LogReader(tmp_path)
    with first.open("a") as file:
        file.write(line.format("new")[:20])
    assert [each.message for each in reader.past()] == ["old"]
    assert reader.new() == []
    with first.open("a") as file:
        file.write(line.format("new")[20:])
    (tmp_path / "20260101T000009-2-0001.jsonl").write_text(line.format("other"))
    assert sorted(each.message for each in reader.new()) == ["new", "other"]
    assert reader.new() == []
