from __future__ import annotations

import asyncio
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flowtui.engine.logs import Attribution, LogBuffer, LogCapture, Place, attributed_to, current_place


@contextmanager
def captured() -> Iterator[LogBuffer]:
    """Capture within a test: pytest changes the streams between a fixture and its test."""
    buffer = LogBuffer(capacity=100)
    capture = LogCapture(buffer, logging.INFO)
    capture.install()
    try:
        yield buffer
    finally:
        capture.remove()


def lines(buffer: LogBuffer) -> list[tuple[str, str, str]]:
    return [(line.loop, line.node, line.message) for line in buffer.since(0, 1000).lines]


def inside_node(call) -> None:
    with attributed_to(Attribution("orders.incoming", "check")):
        call()


def test_what_a_node_prints_becomes_its_lines() -> None:
    with captured() as buffer:
        inside_node(lambda: print("first\nsecond"))
        assert lines(buffer) == [("orders.incoming", "check", "first"), ("orders.incoming", "check", "second")]


def test_a_line_printed_in_pieces_is_one_line() -> None:
    with captured() as buffer:

        def pieces() -> None:
            print("a", end="")
            print("b", end="")
            print("c")

        inside_node(pieces)
        assert lines(buffer) == [("orders.incoming", "check", "abc")]


def test_flushing_shows_an_unfinished_line() -> None:
    with captured() as buffer:
        inside_node(lambda: print("password: ", end="", flush=True))
        assert lines(buffer) == [("orders.incoming", "check", "password: ")]


def test_a_stream_that_is_closed_behind_it_is_not_flushed_any_more() -> None:
    behind, before = io.StringIO(), sys.stdout
    sys.stdout = behind
    try:
        with captured():
            stream = sys.stdout
    finally:
        sys.stdout = before
    behind.close()
    stream.flush()  # as Python does when it forgets the object


def test_text_without_end_cannot_grow_without_bound() -> None:
    with captured() as buffer:
        inside_node(lambda: [print("x" * 5000, end="") for _ in range(2)])
        assert [len(message) for _, _, message in lines(buffer)] == [10_000]


def test_stdlib_logging_of_any_library_is_attributed_to_the_node_that_called_it() -> None:
    with captured() as buffer:
        inside_node(lambda: logging.getLogger("some.library").warning("slow answer from %s", "db"))
        line = buffer.since(0, 10).lines[0]
        assert (line.loop, line.node, line.level) == ("orders.incoming", "check", logging.WARNING)
        assert line.message == "slow answer from db"


def test_a_format_string_that_does_not_fit_is_shown_and_raises_nothing() -> None:
    with captured() as buffer:
        inside_node(lambda: logging.getLogger("x").error("%d orders", "many"))
        assert "many" in lines(buffer)[0][2]


def test_python_warnings_are_lines_too() -> None:
    with captured() as buffer:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            inside_node(lambda: warnings.warn("old call", DeprecationWarning, stacklevel=1))
        assert "old call" in lines(buffer)[0][2]


def test_what_no_node_prints_passes_through(capsys: pytest.CaptureFixture[str]) -> None:
    with captured() as buffer:
        print("not a node's")
        assert lines(buffer) == []


async def test_attribution_follows_tasks_and_threads_and_never_mixes() -> None:
    with captured() as buffer:

        async def node(name: str) -> None:
            current_place.set(Place(Attribution("w.p", name), f"item-{name}"))
            for _ in range(3):
                await asyncio.sleep(0)
                print(name)
                await asyncio.to_thread(print, name)

        await asyncio.gather(*(node(name) for name in "abc"))
        found = buffer.since(0, 1000).lines
        assert len(found) == 18
        assert all(line.message == line.node and line.item == f"item-{line.node}" for line in found)


def test_removing_the_capture_gives_the_streams_back() -> None:
    before = (sys.stdout, sys.stderr, logging.getLogger().handlers[:])
    capture = LogCapture(LogBuffer(), logging.INFO)
    capture.install()
    assert sys.stdout is not before[0]
    capture.remove()
    assert (sys.stdout, sys.stderr, logging.getLogger().handlers[:]) == before


def test_removing_leaves_streams_alone_that_somebody_else_has_taken_since(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = LogCapture(LogBuffer(), logging.INFO)
    capture.install()
    ours, somebody_elses = sys.stdout, object()
    monkeypatch.setattr(sys, "stdout", somebody_elses)
    capture.remove()
    assert sys.stdout is somebody_elses
    assert sys.stdout is not ours


def test_a_reader_is_told_how_many_lines_it_missed() -> None:
    buffer = LogBuffer(capacity=10)
    for number in range(25):
        buffer.add(logging.INFO, str(number))
    batch = buffer.since(3, 1000)
    assert [line.message for line in batch.lines] == [str(n) for n in range(15, 25)]
    assert batch.dropped == 12
    assert buffer.since(batch.next_seq, 1000).lines == ()


def test_a_batch_has_at_most_the_lines_asked_for_and_the_next_one_goes_on_there() -> None:
    buffer = LogBuffer(capacity=10)
    for number in range(10):
        buffer.add(logging.INFO, str(number))
    first = buffer.since(0, 4)
    second = buffer.since(first.next_seq, 100)
    assert [line.message for line in first.lines + second.lines] == [str(n) for n in range(10)]
    assert second.dropped == 0


def test_lines_of_another_process_keep_their_time_and_get_a_number_and_a_loop() -> None:
    there, here = LogBuffer(), LogBuffer()
    there.add(logging.INFO, "of a node", loop="orders.incoming", node="check", item="4711")
    there.add(logging.WARNING, "of nobody")
    sent = there.since(0, 10).lines
    here.add(logging.INFO, "before")
    here.take_over(sent, loop="orders.incoming")
    _, *taken = here.since(0, 10).lines
    assert [line.seq for line in taken] == [2, 3]
    assert [(line.loop, line.node, line.item) for line in taken] == [
        ("orders.incoming", "check", "4711"),
        ("orders.incoming", "", ""),
    ]
    assert [(line.time, line.message) for line in taken] == [(line.time, line.message) for line in sent]
