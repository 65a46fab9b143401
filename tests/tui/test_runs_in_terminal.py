"""A person runs a workflow once, in the app in a real terminal: the form, the run layer by layer, and its end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal_child import Terminal

NODES = """
import asyncio
from flowtui import BlockingNode

class Gate(BlockingNode):
    '''Waits as long as a file of its own name is there.'''
    async def execute(self, data):
        while (self.folder / self.id).exists():
            await asyncio.sleep(0.005)
        return {self.id: data["days"], "city": data["city"]}

class Book(BlockingNode):
    async def execute(self, data):
        if data["hotel"] > 9:
            raise ValueError(f"no room for {data['hotel']} days")
        return data | {"booked": True}
"""
FLOW = """
nodes:
  ask:
    type: trigger
    config:
      inputs:
        city: {type: text, required: true, help: Where to go.}
        days: {type: integer, default: 3}
        class: {type: choice, choices: [first, second], default: second}
  hotel: {type: gate, needs: ask}
  train: {type: gate, needs: ask}
  book: {type: book, needs: [hotel, train]}
"""
F5, ESCAPE, BACKSPACE = "\x1b[15~", "\x1b", "\x7f"


@pytest.fixture
def folder(short_path: Path) -> Path:
    folder = short_path / "flows"
    (folder / "nodes").mkdir(parents=True)
    (folder / "nodes" / "trip_nodes.py").write_text(NODES)
    (folder / "trip.yaml").write_text(FLOW)
    return folder


@pytest.fixture
def terminal(folder: Path, short_path: Path) -> Iterator[Terminal]:
    options = ["--store", "local", "--state-dir", str(short_path / "state")]
    terminal = Terminal([sys.executable, "-m", "flowtui", str(folder), *options], 120, 40)
    yield terminal
    terminal.close()


def line(terminal: Terminal, words: str) -> str:
    """Return the first line on the screen with these words, empty if there is none."""
    return next((line for line in terminal.text.splitlines() if words in line), "")


def see(terminal: Terminal, lines: dict[str, str]) -> None:
    """Wait until each of these lines, named by how it begins, shows what it shall."""
    terminal.wait_for(lambda _: all(words in line(terminal, name) for name, words in lines.items()))


def replace_days(terminal: Terminal, days: int) -> None:
    """Go from City to Days and type a number there instead of a digit, as a person does, who looks at each step."""
    terminal.type("\t")
    terminal.wait_for(lambda _: bar(terminal, "Days") != bar(terminal, "Class"))
    terminal.type(BACKSPACE)
    see(terminal, {"Days": "▌ "})
    terminal.type(str(days))
    see(terminal, {"Days": f"▌{days} "})


def bar(terminal: Terminal, label: str) -> str:
    """Return the colour of the bar before a field, which is another one where the focus is."""
    row = next(y for y, text in enumerate(terminal.screen.display) if label in text)
    return next(cell.fg for _, cell in sorted(terminal.screen.buffer[row].items()) if cell.data == "▌")


def test_a_run_is_asked_for_with_a_form_and_followed_to_its_result_and_the_next_one_to_its_failure(
    terminal: Terminal, folder: Path
) -> None:
    for node in ("hotel", "train"):
        (folder / node).touch()
    terminal.wait_for(lambda text: "waiting: no input" in text)

    terminal.type("T")
    see(
        terminal,
        {"Run": "Run trip.ask once", "City": "▌ ", "Days": "▌3 ", "Class": "▌second ", "Where": "Where to go."},
    )
    terminal.type(F5)
    terminal.wait_for(lambda text: "it is required" in text)
    terminal.type("Oslo")
    see(terminal, {"City": "▌Oslo "})
    replace_days(terminal, 4)
    terminal.type(F5)

    see(terminal, {"state": "running", "1  hotel": "▶ running", "1  train": "▶ running", "2  book": "○ waiting"})
    (folder / "hotel").unlink()
    see(terminal, {"1  hotel": "● done", "1  train": "▶ running", "2  book": "○ waiting"})
    (folder / "train").unlink()
    see(terminal, {"state": "done in", "1  hotel": "● done", "1  train": "● done", "2  book": "● done"})
    result, given = ('"hotel": 4', '"booked": true'), ('"city": "Oslo"', '"class": "second"')
    terminal.wait_for(lambda text: all(told in text for told in (*result, *given)))

    terminal.type("a")
    see(terminal, {"City": "▌Oslo ", "Days": "▌4 ", "Class": "▌second "})
    terminal.wait_for(lambda _: bar(terminal, "City") != bar(terminal, "Class"))
    replace_days(terminal, 12)
    terminal.type(F5)
    see(terminal, {"state": "failed in", "1  hotel": "● done", "1  train": "● done", "2  book": "✖ failed"})
    told = ("book: ValueError: no room for 12 days", "1 dead letter kept: number 1", '"days": 12')
    terminal.wait_for(lambda text: all(each in text for each in told))

    terminal.type(ESCAPE)
    terminal.wait_for(lambda text: "layer by layer" not in text and "ValueError" in text)  # among the problems
    terminal.type("q")
    terminal.wait_for(lambda text: "Stop and leave?" in text)
    terminal.type("y")
    assert terminal.exit_code() == 0
