"""A config is written to its file whole or not at all, and never over what somebody else has written."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flowtui.engine.saving import save_config, undo_config
from flowtui.model.development import SavedConfig
from flowtui.model.errors import FileChanged, NotSaved
from flowtui.workflow.source import text_digest

TEXT = b"\xef\xbb\xbf# mine\r\nnodes:\r\n  it: {type: t, config: {a: 1}}  # it"
AFTER = TEXT.replace(b"a: 1", b"a: 2")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.yaml"
    path.write_bytes(TEXT)
    return path


def save(path: Path, a: int = 2) -> SavedConfig:
    return save_config(path, "it", {"a": a}, text_digest(TEXT), {})


def alone(path: Path) -> bool:
    """Whether nothing else was left in the folder."""
    return [each.name for each in path.parent.iterdir()] == [path.name]


def test_undo_gives_the_same_bytes_and_can_be_undone(file: Path) -> None:
    saved = save(file)
    assert file.read_bytes() == AFTER
    assert saved.digest == text_digest(AFTER)
    undone = undo_config(saved)
    assert file.read_bytes() == TEXT
    undo_config(undone)
    assert file.read_bytes() == AFTER
    assert alone(file)


def test_a_config_that_is_there_already_leaves_the_file_untouched(file: Path) -> None:
    before = file.stat()
    assert save(file, a=1) == SavedConfig(file, text_digest(TEXT), TEXT.decode())
    assert file.stat() == before


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_the_mode_stays_and_a_link_stays_a_link(tmp_path: Path, file: Path, mode: int) -> None:
    file.chmod(mode)
    link = tmp_path / "links" / "w.yaml"
    link.parent.mkdir()
    link.symlink_to(Path("..", "w.yaml"))
    save(link)
    assert link.is_symlink()
    assert file.read_bytes() == AFTER
    assert file.stat().st_mode & 0o777 == mode
    assert alone(link)


@pytest.mark.parametrize("a", [2, 123456789, ""], ids=["same", "longer", "other"])
def test_all_names_of_a_file_get_the_new_text(tmp_path: Path, file: Path, a: int) -> None:
    other = tmp_path / "other"
    other.hardlink_to(file)
    saved = save(file, a)
    assert other.read_bytes() == file.read_bytes() != TEXT
    undo_config(saved)
    assert other.read_bytes() == TEXT
    assert other.samefile(file)


def change(path: Path) -> None:
    path.write_bytes(b"nodes: {}\n")


@pytest.mark.parametrize(("what", "told"), [(change, "has changed since"), (Path.unlink, "is gone")])
def test_a_file_that_was_changed_or_deleted_is_not_written(file: Path, what: Callable[[Path], None], told: str) -> None:
    saved = save(file)
    what(file)
    left = file.read_bytes() if file.exists() else None
    for attempt in (lambda: save(file), lambda: undo_config(saved)):
        with pytest.raises(FileChanged, match=told):
            attempt()
    assert (file.read_bytes() if file.exists() else None) == left


@pytest.mark.parametrize("has_two_names", [False, True])
def test_what_somebody_writes_at_the_same_moment_is_not_overwritten(
    tmp_path: Path, file: Path, has_two_names: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_two_names:
        (tmp_path / "other").hardlink_to(file)
    is_writable = os.access

    def meanwhile(path: Path, mode: int) -> bool:
        change(file)
        return is_writable(path, mode)

    monkeypatch.setattr(os, "access", meanwhile)
    with pytest.raises(FileChanged, match="changed by somebody else at this moment: nothing was written"):
        save(file)
    assert file.read_bytes() == b"nodes: {}\n"
    assert alone(file) or has_two_names


@pytest.mark.parametrize("mode", [0o444, 0o555])
def test_a_read_only_file_stays_as_it_is(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(NotSaved, match="is read-only: nothing was written; make it writable first"):
        save(file)
    assert file.read_bytes() == TEXT


@pytest.mark.parametrize(("has_two_names", "step"), [(False, "fsync"), (True, "posix_fallocate"), (True, "fsync")])
def test_a_full_disk_loses_nothing(
    tmp_path: Path, file: Path, has_two_names: bool, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_two_names:
        (tmp_path / "other").hardlink_to(file)
    right, is_full = getattr(os, step), threading.Event()

    def full(*args: int) -> None:
        if not is_full.is_set():
            is_full.set()  # there is room again for what was there
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        right(*args)

    monkeypatch.setattr(os, step, full)
    with pytest.raises(NotSaved, match="can't be written: no space left on device; it is as it was"):
        save(file, 123456789)
    assert is_full.is_set()
    assert file.read_bytes() == TEXT
    assert alone(file) or has_two_names


def test_what_is_no_text_is_not_written(file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(NotSaved, match="no UTF-8 text"):
        save_config(file, "it", {}, text_digest(b"\xff"), {})


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotSaved, match="is a directory"):
        save(tmp_path)
