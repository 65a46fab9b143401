"""The app in a real terminal: what is on the screen, and that the terminal comes back however the app ends."""

from __future__ import annotations

import array
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminal_child import LEAVE_ALTERNATE_SCREEN, TerminalChild

from warm_python import WarmPython

Open = Callable[..., TerminalChild]


@pytest.fixture
def open_terminal(tmp_path: Path, warm_screen: WarmPython) -> Iterator[Open]:
    children: list[TerminalChild] = []

    def open_it(scenario: str = "busy", columns: int = 120, lines: int = 40, **env: str) -> TerminalChild:
        children.append(TerminalChild(tmp_path, scenario, columns, lines, warm_screen, **env))
        return children[-1]

    yield open_it
    for child in children:
        child.close()


def test_all_panes_are_seen_on_a_large_terminal(open_terminal: Open) -> None:
    text = open_terminal().wait_for(lambda text: "following" in text and "reserved 3 of" in text)
    for seen in (
        "PRODUCTION",
        "local store, durable",
        "1 failed",
        "sync.poll",
        "Nodes of sync.poll",
        "Queues",
        "orders.accepted",
    ):
        assert seen in text
    assert "✖ sync.poll failed 3 min ago: ConnectError at fetch" in text.splitlines()[1]


def test_a_small_terminal_shows_loops_and_log_and_tab_brings_the_others(open_terminal: Open) -> None:
    child = open_terminal(columns=80, lines=24)
    text = child.wait_for(lambda text: "Loops" in text and "reserved 3 of" in text)
    assert "DEPTH" not in text
    child.type("\t\t")
    text = child.wait_for(lambda text: "DEPTH" in text)
    assert "reserved 3 of" in text
    assert "LAST MINUTE" not in text


def test_the_frame_of_every_line_is_unbroken_with_wide_and_control_characters(open_terminal: Open) -> None:
    text = open_terminal().wait_for(lambda text: "日" in text and "reserved 3 of" in text)
    log = [line for line in text.splitlines() if "reserved 3" in line or "with ␛[31mcolours␛[0m" in line]
    assert any("␛" in line for line in log)
    # pyte keeps an empty cell behind a wide character, so every row of the screen counts 120.
    assert {line.rstrip()[-1] for line in log} == {"│"}


@pytest.mark.parametrize("env", [{"TERM": "screen", "COLORTERM": ""}, {"NO_COLOR": "1"}], ids=["sixteen", "none"])
def test_states_are_words_where_colours_are_few(open_terminal: Open, env: dict[str, str]) -> None:
    child = open_terminal(**env)
    child.wait_for(lambda text: "failed 3 min" in text and "paused 12 min" in text)
    assert b"38;2;" not in bytes(child.sent)
    if "NO_COLOR" in env:
        assert b"\x1b[31m" not in bytes(child.sent)


def test_resizing_lays_out_anew(open_terminal: Open) -> None:
    child = open_terminal()
    child.wait_for(lambda text: "DEPTH" in text)
    child.resize(80, 24)
    child.wait_for(lambda text: "LAST MINUTE" in text and "DEPTH" not in text and "? help" in text.splitlines()[23])
    child.resize(30, 8)
    child.wait_for(lambda text: "terminal too small" in text)
    child.resize(120, 40)
    child.wait_for(lambda text: "DEPTH" in text and "? help" in text.splitlines()[39])


def is_the_right_picture(child: TerminalChild) -> None:
    """Check that what is seen is what the app would paint anew."""
    while child.read(0.2):
        pass
    seen = still(child.text)
    child.type("\x0c")
    while child.read(0.2):
        pass
    assert still(child.text) == seen


def still(text: str) -> str:
    """Return what is seen without how much is sent: painting anew is much."""
    return re.sub(r"\s*[\d.]+ k?B/s \^", " B/s ^", text)


def test_after_a_storm_of_resizes_the_picture_is_right(open_terminal: Open) -> None:
    child = open_terminal()
    child.wait_for(lambda text: "DEPTH" in text)
    for number in range(100):
        child.resize(20 + number * 37 % 231, 5 + number * 23 % 76)
        child.read(0.01)
    child.resize(80, 24)
    child.wait_for(lambda text: "LAST MINUTE" in text and "? help" in text.splitlines()[23])
    is_the_right_picture(child)
    assert child.process.poll() is None


def test_a_terminal_that_stood_still_shows_the_right_picture_when_it_goes_on(
    open_terminal: Open, tmp_path: Path
) -> None:
    ticks = 100
    (tmp_path / "ticks").write_text(json.dumps({"number": ticks, "preferences": {"refresh": 100.0}}))
    child = open_terminal("fifty-ticks")
    child.wait_for(lambda text: "reserved 3 of" in text)
    before = len(child.sent)
    (tmp_path / "go").touch()
    while not (tmp_path / "cpu").exists():  # nobody reads; the app goes on looking at the engine nevertheless
        time.sleep(0.05)
    child.wait_for(lambda text: "loading …" in text)
    is_the_right_picture(child)
    assert len(child.sent) - before < ticks * 2200, "frames that nobody could see were left out"


def test_rubbish_on_the_keyboard_does_no_harm(open_terminal: Open) -> None:
    child = open_terminal()
    child.wait_for(lambda text: "sync.poll" in text)
    child.type(b"\x00\x1b[200~paste\x1b[201~\x1b[999;999R\xff\xfe\x1bO\x1b[1;1\x1b]0;x\x07\x1b[<999;1;1M\xc3(" * 20)
    child.type(b"\x1b\x1b\x1b")
    child.read(0.5)
    child.type("\x0c?")
    child.wait_for(lambda text: "Help" in text or "Stop and leave" in text or "flowtui" in text)
    assert child.process.poll() is None


def test_q_and_y_stop_the_engine_and_leave(open_terminal: Open, tmp_path: Path) -> None:
    child = open_terminal()
    child.wait_for(lambda text: "sync.poll" in text)
    child.type("q")
    child.wait_for(lambda text: "Stop and leave?" in text)
    child.type("y")
    assert child.exit_code() == 0
    assert (tmp_path / "closed").exists()
    child.is_given_back()
    assert "back on the terminal" in child.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back_and_closes_the_engine(
    open_terminal: Open, tmp_path: Path, number: signal.Signals
) -> None:
    child = open_terminal()
    child.wait_for(lambda text: "sync.poll" in text)
    child.process.send_signal(number)
    assert child.exit_code() == 0
    assert (tmp_path / "closed").exists()
    child.is_given_back()
    assert "flowtui: stopping 5 loops" in child.text


def test_leaving_again_while_the_engine_closes_leaves_at_once(open_terminal: Open, tmp_path: Path) -> None:
    child = open_terminal("stuck")
    child.wait_for(lambda text: "sync.poll" in text)
    child.type("\x03")
    child.wait_for(lambda text: "Stop and leave?" in text)
    child.type("\x03")
    child.wait_for(lambda text: "stopping 5 loops" in text)
    child.type("\x03")
    assert child.exit_code() == 130
    assert (tmp_path / "closing").exists()
    assert not (tmp_path / "closed").exists()
    child.is_given_back()


@pytest.mark.parametrize("where", ["crash", "crash-drawing"])
def test_a_crash_gives_the_terminal_back_says_why_and_exits_non_zero(
    open_terminal: Open, tmp_path: Path, where: str
) -> None:
    child = open_terminal(where)
    child.wait_for(lambda text: "sync.poll" in text)
    child.type("z")
    assert child.exit_code() == 1
    assert (tmp_path / "closed").exists()
    child.is_given_back()
    behind = bytes(child.sent).rpartition(LEAVE_ALTERNATE_SCREEN)[2]
    assert b"broke on purpose" in behind


def test_when_the_terminal_vanishes_the_engine_is_closed_and_the_process_ends(
    open_terminal: Open, tmp_path: Path
) -> None:
    child = open_terminal("moving")
    child.wait_for(lambda text: "sync.poll" in text)
    child.hang_up()
    assert child.process.wait(20) == 0
    assert (tmp_path / "closed").exists()


def test_a_terminal_that_takes_nothing_holds_up_neither_signals_nor_the_end(
    open_terminal: Open, tmp_path: Path
) -> None:
    child = open_terminal("fifty")
    child.wait_for(lambda text: "flow0" in text)
    # Nobody reads from here on: the kernel's buffer fills, and every further write blocks.
    child.type("\t" * 200 + "zzzzzzzz?")
    while _bytes_waiting(child) < 4000:
        time.sleep(0.01)  # the kernel tells nobody that a buffer is full
    child.process.send_signal(signal.SIGTERM)
    assert child.process.wait(20) == 0
    assert (tmp_path / "closed").exists()


def _bytes_waiting(child: TerminalChild) -> int:
    waiting = array.array("i", [0])
    fcntl.ioctl(child.master, termios.FIONREAD, waiting)
    return waiting[0]


def test_what_others_write_to_the_terminal_becomes_log_lines(open_terminal: Open, tmp_path: Path) -> None:
    child = open_terminal("loose")
    text = child.wait_for(lambda text: "sync.poll" in text)
    assert "loose output" not in text
    child.type("q")
    child.wait_for(lambda text: "Stop and leave?" in text)
    child.type("\r")
    assert child.exit_code() == 0
    assert (tmp_path / "output").read_text().splitlines()[:2] == ["loose output", "and half a line"]


def test_without_a_terminal_it_says_what_to_use(tmp_path: Path) -> None:
    child = Path(__file__).with_name("child_app.py")
    done = subprocess.run(
        [sys.executable, str(child), str(tmp_path), "busy"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "TERM": "xterm"},
        check=False,
    )
    assert done.returncode != 0
    assert "run --headless" in done.stderr
