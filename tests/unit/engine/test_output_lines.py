from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from flowtui.engine import output_lines
from flowtui.engine.output_lines import OutputLines


@dataclass
class Pipe:
    """A pipe whose lines are collected."""

    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        reading_end, self.writing_end = os.pipe()
        self.output = OutputLines(reading_end, self.said.append)

    def write(self, data: bytes) -> None:
        os.write(self.writing_end, data)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.writing_end)


def test_a_line_is_said_when_it_is_whole_and_whatever_its_bytes_are(pipe: Pipe) -> None:
    pipe.write(b"one\r\ntw")
    assert pipe.output.read()
    assert pipe.said == ["one"]
    pipe.write(b"o\n\xff\n\n")
    assert pipe.output.read()
    assert pipe.said == ["one", "two", "�", ""]
    assert pipe.output.last == "�"
    assert pipe.output.read(), "nothing there is not its end"
    pipe.output.close()


def test_the_last_words_are_said_though_somebody_still_holds_the_pipe_open(pipe: Pipe) -> None:
    pipe.write(b"a whole line\nhalf a line")
    pipe.output.close()
    assert pipe.said == ["a whole line", "half a line"]


def test_a_pipe_that_nobody_writes_to_any_more_has_ended() -> None:
    pipe = Pipe()
    pipe.write(b"bye")
    os.close(pipe.writing_end)
    assert pipe.output.read()
    assert not pipe.output.read()
    assert pipe.said == ["bye"]
    pipe.output.close()


def test_a_text_without_an_end_is_cut(pipe: Pipe) -> None:
    for _ in range(4):
        pipe.write(b"x" * 40_000)
        pipe.output.read()
    assert pipe.said == ["x" * 80_000, "x" * 80_000]
    pipe.output.close()


def test_of_a_flood_only_so_much_is_said_and_how_much_is_missing(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(output_lines.time, "monotonic", lambda: now)
    for _ in range(5):
        pipe.write(b"drop\n" * 1000)
        pipe.output.read()
    assert pipe.said == ["drop"] * 2000
    now = 101.0
    pipe.write(b"the next second\n")
    pipe.output.read()
    assert pipe.said[2000:] == ["… 3000 more lines were written than can be shown", "the next second"]
    pipe.output.close()
