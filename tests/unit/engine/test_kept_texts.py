"""Which texts of a file are kept, in which order, and what becomes of them on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowtui.engine.kept_texts import MOST_GONE, MOST_TEXTS, KeptTexts


def texts(kept: KeptTexts, name: str = "w.yaml") -> list[bytes | None]:
    return [kept.read(name, each.digest) for each in kept.of(name)]


@pytest.fixture(params=["memory", "disk"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "texts" if request.param == "disk" else None


def test_the_newest_text_comes_first_and_each_is_kept_once(place: Path | None) -> None:
    kept = KeptTexts(place)
    for text in (b"1", b"2", b"2", b"3", b"1"):
        kept.keep("w.yaml", text, is_good=True)
    assert texts(kept) == [b"1", b"3", b"2"]
    if place is not None:
        assert texts(KeptTexts(place)) == [b"1", b"3", b"2"]


def test_only_the_last_few_are_kept(place: Path | None) -> None:
    kept = KeptTexts(place)
    for number in range(MOST_TEXTS + 3):
        kept.keep("nodes/own.py", b"%d" % number, is_good=True)
    assert texts(kept, "nodes/own.py") == [b"%d" % number for number in range(MOST_TEXTS + 2, 2, -1)]
    if place is not None:
        assert len([path for path in place.rglob("*") if path.is_file()]) == MOST_TEXTS
        assert KeptTexts(place).names() == ("nodes/own.py",)


def test_a_text_that_was_broken_is_good_once_it_loads_and_stays_so(place: Path | None) -> None:
    kept = KeptTexts(place)
    kept.keep("w.yaml", b"1", is_good=False)
    assert not kept.of("w.yaml")[0].is_good
    kept.keep("w.yaml", b"1", is_good=True, revision=4)
    kept.keep("w.yaml", b"1", is_good=False)
    assert [(each.is_good, each.revision) for each in kept.of("w.yaml")] == [(True, 4)]


def test_of_deleted_files_those_that_changed_last_are_kept(place: Path | None) -> None:
    kept = KeptTexts(place)
    names = [f"{number:02}%2F.yaml" for number in range(MOST_GONE + 2)]
    for name in names:
        kept.keep(name, b"1", is_good=True)
    kept.forget_gone({names[0]})
    assert kept.names() == (names[0], *names[2:])


def test_a_text_that_somebody_has_changed_on_disk_is_none(tmp_path: Path) -> None:
    kept = KeptTexts(tmp_path)
    kept.keep("w.yaml", b"1", is_good=True)
    (path,) = (each for each in tmp_path.rglob("*") if each.is_file())
    path.write_bytes(b"2")
    assert texts(kept) == [None]
    path.unlink()
    assert texts(kept) == [None]


def test_where_nothing_can_be_written_texts_are_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "texts").touch()
    kept = KeptTexts(tmp_path / "texts")
    kept.keep("w.yaml", b"1", is_good=True)
    kept.keep("w.yaml", b"2", is_good=True)
    assert texts(kept) == [b"2", b"1"]
