"""The user's editor gets the whole terminal, and the app gets it back, in a real terminal."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from terminal_child import Terminal

NODES = """
from flowtui import BlockingNode


class Loud(BlockingNode):
    def execute(self, data):
        print("old words", data["tick"])
        with (self.folder / "seen").open("a") as file:
            file.write(".")
        return data
"""
FLOW = """
nodes:
  start: {type: interval, config: {every: 50ms}}
  loud: {type: loud, needs: start}
"""
#: Asks for the new words if it is given a node's code; else it fails, or never ends if there is a file `stay`.
EDITOR = """#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >>asked
[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo "EDITOR HERE, $(stty size)"
case "$*" in
  *loud.py) read words; sed -i "s/old words/$words/" flows/nodes/loud.py;;
  *) [ -e stay ] && exec sleep 60; exit 3;;
esac
"""
PATIENCE_S = 20.0


@pytest.fixture
def home(short_path: Path) -> Path:
    flows = short_path / "flows"
    (flows / "nodes").mkdir(parents=True)
    (flows / "nodes" / "loud.py").write_text(NODES)
    (flows / "w.yaml").write_text(FLOW)
    (short_path / "nano").write_text(EDITOR)
    (short_path / "nano").chmod(0o755)
    return short_path


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    options = ["--store", "memory", "--state-dir", str(home / "state")]
    command = [sys.executable, "-m", "flowtui", str(home / "flows"), *options]
    terminal = Terminal(command, 100, 30, VISUAL="", EDITOR=str(home / "nano"))
    terminal.wait_for(lambda text: "old words 2" in text)
    yield terminal
    terminal.close()


def until(terminal: Terminal, condition: Callable[[], object]) -> None:
    """Read what is sent until something is so that no one tells of."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, terminal.text
        terminal.read(0.02)


def test_the_editor_types_reads_and_stops_as_in_a_shell_and_the_loop_goes_on_with_what_it_saved(
    terminal: Terminal, home: Path
) -> None:
    terminal.type("\r")
    terminal.wait_for(lambda text: "Graph of w.start" in text)
    terminal.type("je")
    terminal.wait_for(lambda text: "EDITOR HERE, 30 100" in text)
    assert (home / "asked").read_text().split() == ["+5", str(home / "flows" / "nodes" / "loud.py")]

    seen, sent = (home / "flows" / "seen").stat().st_size, len(terminal.sent)
    until(terminal, lambda: (home / "flows" / "seen").stat().st_size > seen + 3)
    assert terminal.sent[sent:] == b""  # the loop goes on, and what its node prints goes into the log

    app = psutil.Process(terminal.process.pid)
    editor = next(child for child in app.children() if "sh" in child.name() or "nano" in child.name())
    editor.send_signal(signal.SIGSTOP)  # as ctrl+z does
    until(terminal, lambda: app.status() == psutil.STATUS_STOPPED)
    os.killpg(app.pid, signal.SIGCONT)  # as fg does
    until(terminal, lambda: psutil.STATUS_STOPPED not in (app.status(), editor.status()))

    terminal.type("new words\r")
    text = terminal.wait_for(lambda text: "new words" in text and "Graph of w.start" in text and "1 swapped" in text)
    assert "EDITOR HERE" not in text


def test_an_editor_that_fails_is_told_and_ends_with_the_app(terminal: Terminal, home: Path) -> None:
    terminal.type("e")
    terminal.wait_for(lambda text: "nano ended with exit code 3" in text)
    assert (home / "asked").read_text().split() == ["+3", str(home / "flows" / "w.yaml")]

    (home / "stay").touch()
    terminal.type("e")
    terminal.wait_for(lambda text: "EDITOR HERE" in text)
    until(terminal, lambda: "sleep" in [child.name() for child in psutil.Process(terminal.process.pid).children()])
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.exit_code() == 0
    assert bytes(terminal.sent).rstrip().endswith(b"flowtui: stopping 1 loop \xe2\x80\xa6")
