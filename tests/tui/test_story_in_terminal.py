"""Orders fail, are looked at, the cause is mended and they go on; and where nobody may change anything, it is said."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal_child import Terminal

from warm_python import WarmPython

SAMPLES = Path(__file__).parents[2] / "workflows"
#: Mends the sample step by step, as a person would who sees but one cause at first.
EDITOR = """#!/bin/sh
for file; do :; done
if grep -q 'price: PositiveFloat' "$file"
then sed -i 's/price: PositiveFloat/price: float/' "$file"
else sed -i '/if not order.lines:/,+1d' "$file"
fi
"""
TEA = {"sku": "tea", "quantity": 1, "price": 4.5}
#: Lines of orders by their ids, in the order in which they are taken.
ORDERS = {
    **{f"empty-{number}": [] for number in range(3)},
    **{f"gift-{number}": [TEA | {"price": 0}] for number in range(2)},
    **{f"good-{number}": [TEA] for number in range(3)},
}
BROKEN = 5
F2, F5, F9, CTRL_S, DOWN, ESCAPE = "\x1bOQ", "\x1b[15~", "\x1b[20~", "\x13", "\x1b[B", "\x1b"


@pytest.fixture
def home(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sample whose customer orders hardly ever, and an inbox with the orders above."""
    flows, inbox = short_path / "flows", short_path / "samples" / "orders" / "inbox"
    (flows / "nodes").mkdir(parents=True)
    inbox.mkdir(parents=True)
    sample = (SAMPLES / "orders.yaml").read_text()
    assert "every: 500ms" in sample
    (flows / "orders.yaml").write_text(sample.replace("every: 500ms", "every: 1h"))
    shutil.copy(SAMPLES / "nodes" / "orders.py", flows / "nodes")
    for id, lines in ORDERS.items():
        (inbox / f"{id}.json").write_text(json.dumps({"id": id, "customer": "Ada", "lines": lines}))
    (short_path / "editor").write_text(EDITOR)
    (short_path / "editor").chmod(0o755)
    monkeypatch.setenv("FLOWTUI_SAMPLES", str(short_path / "samples"))
    monkeypatch.setenv("VISUAL", str(short_path / "editor"))
    for variable in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(short_path))
    return short_path


@pytest.fixture
def terminals(home: Path, warm_screen: WarmPython) -> Iterator[list[Terminal]]:
    """What a test has opened."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def started(terminals: list[Terminal], warm: WarmPython, *args: str) -> Terminal:
    """Return a terminal in which flowtui begins."""
    terminals.append(Terminal([sys.executable, "-m", "flowtui", *args], 120, 40, warm))
    return terminals[-1]


def see(terminal: Terminal, *words: str) -> str:
    """Wait until all these words are on the screen."""
    return terminal.wait_for(lambda text: all(each in text for each in words))


def inspect_the_broken_orders(terminal: Terminal) -> None:
    """Go from the overview, once all orders have been looked at, to the inspector of the group of dead letters."""
    see(terminal, f"Problems: {BROKEN} dead")
    terminal.type("\t\t\ti")
    see(terminal, " check ", f"† {BROKEN} letters like this", "not run", '"name": "')


def fulfilled(home: Path) -> list[str]:
    """Return which of the orders above have arrived at the end, as often as they have."""
    file = home / "samples" / "orders" / "fulfilled.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return sorted(order for line in lines if (order := json.loads(line)["order"]) in ORDERS)


def run(terminal: Terminal, result: str, *told: str) -> None:
    """Run the node in its inspector and see how it went."""
    terminal.type(F5)
    see(terminal, result, *told)


def report(text: str) -> str:
    """Return what the inspector reports of a run, without the spaces, since it wraps where it must."""
    lines = text[text.index("Log and errors") :].splitlines()[1:]
    return "".join("".join(line.strip(" │").rpartition("││")[2].split()) for line in lines)


def mend(terminal: Terminal, revision: int) -> None:
    """Edit the code of the node, and see it taken over."""
    terminal.type(F2)
    see(terminal, f"orders r{revision}: 3 swapped")


def leave(terminal: Terminal) -> None:
    """Leave, from the overview."""
    terminal.type("q")
    see(terminal, "Stop and leave?")
    terminal.type("y")
    assert terminal.exit_code() == 0


def test_what_has_failed_is_inspected_mended_and_replayed_and_arrives_once(
    terminals: list[Terminal], home: Path, warm_screen: WarmPython
) -> None:
    store = ("--store", "local", "--state-dir", str(home / "state"))
    terminal = started(terminals, warm_screen, str(home / "flows"), *store)
    inspect_the_broken_orders(terminal)

    # The newest of them costs nothing.
    run(terminal, "✖ failed: ValueError", "ValueError: lines.0.price: Input should be greater than 0")
    frame = r'Traceback,yourowncodefirst.*/flows/nodes/orders\.py",line\d+,in'
    terminal.wait_for(lambda text: re.search(frame, report(text)) is not None)
    mend(terminal, revision=2)
    run(terminal, "✔ ran well", "price: 0.0")
    terminal.type(F9)
    see(terminal, "letter 5 as it is", f"all {BROKEN} like it")
    terminal.type(f"{DOWN}\r")
    see(terminal, f"{BROKEN} dead letters to be replayed", "† 3 letters like this")
    terminal.type(ESCAPE)
    see(terminal, "Problems: 3 dead")

    # The others have no lines, too.
    terminal.type("i")
    see(terminal, "† 3 letters like this", '"lines": []')
    run(terminal, "✖ failed: ValueError", "ValueError: order has no lines")
    mend(terminal, revision=3)
    run(terminal, "✔ ran well", "total: 0")
    terminal.type(ESCAPE)
    see(terminal, "Problems: 3 dead")
    terminal.type("R")
    see(terminal, "Run 3 dead letters of orders.incoming again, from check on?")
    terminal.type("y")
    see(terminal, "3 dead letters to be replayed", "No problems, no dead letters.")

    terminal.wait_for(lambda _: len(fulfilled(home)) >= len(ORDERS))
    leave(terminal)
    assert fulfilled(home) == sorted(ORDERS)


def test_development_begins_in_the_inspector_with_loops_that_rest(
    terminals: list[Terminal], home: Path, warm_screen: WarmPython
) -> None:
    terminal = started(terminals, warm_screen, "dev", str(home / "flows"))
    text = see(terminal, "Config: drop-order", "3 loops: 3 stopped", "not run")
    assert "DEVELOPMENT" in text.splitlines()[0]

    terminal.type(ESCAPE)
    text = see(terminal, "Loops", "Nodes of orders.clock", "s start")
    assert text.count("not started yet") == 3
    terminal.type("m")
    text = see(terminal, "flowtui dev works beside production", "for production run `flowtui FOLDER`")
    assert "DEVELOPMENT" in text.splitlines()[0]
    terminal.type("q")
    assert terminal.exit_code() == 0  # nothing runs that would have to be asked about
    assert sorted((home / "samples" / "orders" / "inbox").iterdir(), key=str) == [
        home / "samples" / "orders" / "inbox" / f"{id}.json" for id in sorted(ORDERS)
    ]


def test_who_may_only_look_is_told_so_whatever_would_change_something(
    terminals: list[Terminal], home: Path, warm_screen: WarmPython
) -> None:
    terminal = started(terminals, warm_screen, str(home / "flows"), "--read-only", "--store", "memory")
    inspect_the_broken_orders(terminal)
    assert "PRODUCTION read-only" in terminal.text.splitlines()[0]
    for key, verb in ((F5, ""), (CTRL_S, "You cannot save here: "), (F9, "You cannot replay here: ")):
        terminal.type(key)
        see(terminal, f"▌ {verb}flowtui was started")
    see(terminal, "read-only  ○ not run")

    terminal.type(ESCAPE)
    see(terminal, "Nodes of orders.clock")
    terminal.type("s")  # the newest notice is the lowest one
    terminal.wait_for(lambda text: text.rfind("▌ flowtui was started") > text.rfind("You cannot replay"))
    terminal.type("Ri")  # without a question between them
    see(terminal, f"† {BROKEN} letters like this")
