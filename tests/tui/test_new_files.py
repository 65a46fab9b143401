"""Files that a person has something written to."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowtui.model.errors import FlowtuiError
from flowtui.tui.files import write_new


def test_a_file_that_cannot_be_written_to_its_end_leaves_nothing_behind(tmp_path: Path) -> None:
    def lines() -> Iterator[str]:
        yield "a line\n" * 10_000
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "lines.log"
    with pytest.raises(FlowtuiError, match="is not written: No space left on device"):
        write_new(str(path), lines())
    assert not path.exists()


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "there.log"
    path.write_text("mine")
    with pytest.raises(FlowtuiError, match=r"there\.log is not written: File exists"):
        write_new(str(path), ["yours"])
    assert path.read_text() == "mine"
