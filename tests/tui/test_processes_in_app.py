"""Loops in child processes, and a server, while the app has the terminal: descriptors 1 and 2 are the screen's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from terminal_child import Terminal

from processes import children_with, is_gone

NODES = """
import os
import signal
import subprocess
from flowtui import BlockingNode
class Loud(BlockingNode):
    def execute(self, data):
        os.write(1, b"loud on one\\n")
        subprocess.run(["sh", "-c", "echo loud on two >&2; echo loud on the terminal >/dev/tty"])
        if data["tick"] == 12:
            os.kill(os.getpid(), signal.SIGKILL)
        print("loud and clear")
        return data
"""
FLOW = """
nodes:
  start: {type: interval, config: {every: 100ms}, loop: {pool: process}}
  loud: {type: loud, needs: start}
"""


@pytest.fixture
def terminal(short_path: Path) -> Iterator[Terminal]:
    folder = short_path / "flows"
    (folder / "nodes").mkdir(parents=True)
    (folder / "nodes" / "loud.py").write_text(NODES)
    (folder / "w.yaml").write_text(FLOW)
    options = ["--store", "local", "--state-dir", str(short_path / "state")]
    terminal = Terminal([sys.executable, "-m", "flowtui", str(folder), *options], 120, 40)
    yield terminal
    terminal.close()


def _children(terminal: Terminal) -> list[psutil.Process]:
    return children_with("flowtui.engine.child", of=terminal.process.pid)


def _servers(terminal: Terminal) -> list[psutil.Process]:
    children = psutil.Process(terminal.process.pid).children(recursive=True)
    return [child for child in children if not is_gone(child) and "server" in child.name()]


def test_children_start_again_and_again_write_only_to_the_log_and_are_gone_with_the_app(terminal: Terminal) -> None:
    text = terminal.wait_for(lambda text: "loud and clear" in text.partition("was killed by SIGKILL")[2])
    assert "loud on one" in text
    assert "loud on two" in text
    assert "loud on the terminal" not in terminal.sent.decode(errors="replace")
    loud = [line for line in text.splitlines() if "loud on" in line]
    assert all(line.rstrip()[-1] == "│" for line in loud), "they are lines of the log, in its frame"
    (server,) = _servers(terminal)
    server.kill()
    terminal.wait_for(lambda _: any(each.pid != server.pid for each in _servers(terminal)))
    terminal.wait_for(lambda text: "local store, durable" in text.splitlines()[0])
    children = _children(terminal)  # one that has just died may not have a successor yet
    while not children:
        children = _children(terminal)
    terminal.type("q")
    terminal.wait_for(lambda text: "Stop and leave?" in text)
    terminal.type("\r")
    assert terminal.exit_code() == 0
    assert not [process for process in children if process.is_running()]
    assert b"\x1b[?1049l" in bytes(terminal.sent)
