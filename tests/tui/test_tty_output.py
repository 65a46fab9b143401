"""Writing to a terminal that may be slow or gone; catching what others write."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import textwrap

import pytest

from flowtui.tui.tty_output import TerminalOutput


@pytest.fixture
def pipe() -> tuple[int, int]:
    return os.pipe()


def test_what_is_written_arrives_in_order(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    output = TerminalOutput(write_end)
    for n in range(100):
        output.write(f"{n} é\n")
    assert output.drain(10)
    assert os.read(read_end, 65536).decode().splitlines() == [f"{n} é" for n in range(100)]
    output.end()


def test_a_terminal_that_takes_nothing_never_blocks_the_writer_and_says_when_it_has_caught_up(
    pipe: tuple[int, int],
) -> None:
    read_end, write_end = pipe
    output = TerminalOutput(write_end)
    output.keep_all(False)
    for _ in range(100):
        output.write("x" * 10_000)
    assert not output.drain(0.01)
    assert not output.has_caught_up()
    got = 0
    while not output.drain(0) or select.select([read_end], [], [], 0)[0]:
        if select.select([read_end], [], [], 0.01)[0]:
            got += len(os.read(read_end, 65536))
    assert got < 1_000_000
    assert output.has_caught_up()
    assert not output.has_caught_up()
    output.end()


def test_what_gives_the_terminal_back_is_never_dropped(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    output = TerminalOutput(write_end)
    output.keep_all(False)
    for _ in range(100):
        output.write("x" * 10_000)
    output.keep_all(True)
    output.write("the end")
    data = b""
    while not data.endswith(b"the end"):
        data += os.read(read_end, 65536)
    output.end()


def test_a_terminal_that_is_gone_is_noticed_and_raises_nothing(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    os.close(read_end)
    output = TerminalOutput(write_end)
    output.write("nobody reads this")
    assert output.drain(10)
    assert output.lost
    output.write("nor this")
    output.end()


def test_the_descriptors_are_caught_line_by_line_from_children_too_and_put_back() -> None:
    # In a process of its own: the test runner has plans of its own for these two descriptors.
    code = """
        import os, subprocess, sys
        from flowtui.tui.tty_output import OutputCapture
        lines = []
        capture = OutputCapture(lines.append)
        os.write(1, b"one\\r\\ntw")
        os.write(2, b"o\\n\\xff\\n")
        subprocess.run(["echo", "from a child"], check=True)
        stays = subprocess.Popen(["sleep", "30"])
        os.write(1, b"x" * 200_000 + b"\\nlast")
        capture.restore()
        stays.kill(), stays.wait()
        assert lines[:4] == ["one", "two", "\\ufffd", "from a child"], lines[:4]
        assert sum(line.count("x") for line in lines) == 200_000
        assert lines[-1] == "last"
        os.write(1, b"back")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("back", "", 0)
