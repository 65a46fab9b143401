"""Orders fail, are looked at, the cause is mended and they go on; where nobody may change anything, it is said; and a
person who has never seen flowtui goes once through all of its screens."""

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
#: What comes later, and is reviewed, as it is dear.
LATER = ("later-1", "later-2")
F2, F5, F7, F9, CTRL_S, DOWN, ESCAPE = "\x1bOQ", "\x1b[15~", "\x1b[18~", "\x1b[20~", "\x13", "\x1b[B", "\x1b"


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
    """Return which orders have arrived at the end, as often as they have, but for that of the sample's customer."""
    file = home / "samples" / "orders" / "fulfilled.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return sorted(order for line in lines if not (order := json.loads(line)["order"])[0].isdigit())


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


def test_a_first_time_user_goes_through_all_screens_and_leaves_nothing_behind(
    terminals: list[Terminal], home: Path, warm_screen: WarmPython
) -> None:
    store = ("--store", "local", "--state-dir", str(home / "state"))
    terminal = started(terminals, warm_screen, str(home / "flows"), *store)
    text = see(terminal, f"Problems: {BROKEN} dead", "orders.fulfil", "1–6 screens")
    assert f"{BROKEN} dead letters" in text.splitlines()[1]
    terminal.type("?")
    see(terminal, "╭ Help ", "Start the chosen loop.")
    terminal.type(ESCAPE)
    gone(terminal, "╭ Help ")

    _hold_the_last_loop(terminal)
    _put_a_copy_into_its_queue(terminal, home)
    _read_the_log(terminal)
    _save_a_broken_file_and_take_it_back(terminal, home)
    _mend_a_letter_and_replay_it(terminal)
    _let_the_last_loop_go_on(terminal)
    terminal.wait_for(lambda _: len(fulfilled(home)) >= 7)
    _find_the_mended_one(terminal)
    _choose_another_theme(terminal)

    terminal.resize(80, 24)
    see(terminal, "╭ Loops · nodes · queues · problems", "? help")
    terminal.resize(120, 40)
    text = see(terminal, "Loops", "Queues", f"Problems: {BROKEN - 1} dead")
    assert re.search(r"⇒ orders\.accepted .* 0 │", text), "none of its items is unaccounted for"
    leave(terminal)
    terminal.is_given_back()
    good = [id for id, lines in ORDERS.items() if lines and lines[0]["price"]]
    assert fulfilled(home) == sorted([*good, *LATER, LATER[0], "mended-1"])


def gone(terminal: Terminal, words: str) -> None:
    """Wait until these words are not on the screen any more."""
    terminal.wait_for(lambda text: words not in text)


def _enter_pane(terminal: Terminal, title: str) -> None:
    """Drill into a pane; its frame lights up once it has the keys."""

    def colour(text: str) -> str:
        y = next(row for row, words in enumerate(text.splitlines()) if title in words)
        return str(terminal.screen.buffer[y][text.splitlines()[y].index(title)].fg)

    before = colour(see(terminal, title))
    terminal.type("\r")
    terminal.wait_for(lambda text: colour(text) != before)


def _hold_the_last_loop(terminal: Terminal) -> None:
    """Open the screen of the last loop; pause it, let it go on, and pause it again."""
    terminal.type("G\r")
    see(terminal, "Graph of orders.fulfil", "reserve", "record")
    for word in ("paused", "waiting: no input", "paused"):
        terminal.type("p")
        terminal.wait_for(lambda text, word=word: word in text.splitlines()[2])


def _put_a_copy_into_its_queue(terminal: Terminal, home: Path) -> None:
    """Have two orders wait, look into the first one, and put the same in once more."""
    inbox = home / "samples" / "orders" / "inbox"
    for id in LATER:
        order = {"id": id, "customer": "Grace", "lines": [TEA | {"price": 400}]}
        (home / id).write_text(json.dumps(order))
        (home / id).rename(inbox / f"{id}.json")
        terminal.wait_for(lambda _, id=id: not (inbox / f"{id}.json").exists())
    terminal.type("3")
    see(terminal, "Items: in orders.accepted for orders.fulfil", "later-1", "later-2")
    _enter_pane(terminal, "╭ Items: ")
    terminal.type("\r")
    see(terminal, '"customer": "Grace"')
    terminal.type(ESCAPE)
    gone(terminal, '"customer": "Grace"')
    terminal.type("a")
    see(terminal, "Put an item into orders.accepted", '"later-1"')
    terminal.type(F5)
    terminal.wait_for(lambda text: text.count("later-1.json") == 2 and "Put an item" not in text)


def _read_the_log(terminal: Terminal) -> None:
    """Hide what needs no attention, and open the last of the other lines."""
    terminal.type("4")
    see(terminal, "big order later-2 of Grace", "order has no lines")
    terminal.type("/!big order .* of \\w+")
    see(terminal, "order has no lines")
    gone(terminal, "big order later-2")
    terminal.type("\r")
    see(terminal, "Log /!big order")
    terminal.type("k")
    see(terminal, "f follows")
    terminal.type("\r")
    see(terminal, "╭ Log line", "time ")
    terminal.type(ESCAPE)
    gone(terminal, "╭ Log line")
    terminal.type(ESCAPE)
    see(terminal, "big order later-2")


def _save_a_broken_file_and_take_it_back(terminal: Terminal, home: Path) -> None:
    """Break the workflow file: it is told where, what ran goes on, and the file is rolled back."""
    file = home / "flows" / "orders.yaml"
    good = file.read_text()
    file.write_text(good.replace("type: if", "type: iff"))
    line = good[: good.index("type: if")].count("\n") + 1
    see(terminal, f"✖ orders.yaml:{line}:11 unknown node type 'iff'")
    terminal.type("6")
    text = see(
        terminal, "broken, r1 still runs: 2 running, 1 paused", "Problems of orders.yaml", "type: iff", "b gives"
    )
    rows = text.splitlines()
    wrong = next(row for row, words in enumerate(rows) if "type: iff" in words)
    assert rows[wrong + 1].index("^") == rows[wrong].index("iff")
    terminal.type("b")
    see(terminal, "Roll back orders.yaml", "+     type: if ")
    terminal.type("y")
    see(terminal, "No problems in orders.yaml", "what runs goes on")
    assert file.read_text() == good


def _mend_a_letter_and_replay_it(terminal: Terminal) -> None:
    """Give the newest letter lines, and run it again."""
    terminal.type("5")
    see(terminal, f"Dead letters: {BROKEN} in 1 group", "Letter 5 ")
    _enter_pane(terminal, "╭ Letters of orders.incoming, check ")
    terminal.type("E")
    see(terminal, "Payload of letter 5, the input of check")
    payload = {"name": "mended.json", "json": {"id": "mended-1", "customer": "Ada", "lines": [TEA]}}
    terminal.type(F7)
    terminal.type(f"\x1b[200~{json.dumps(payload)}\x1b[201~")
    see(terminal, '"mended-1"')
    terminal.type(CTRL_S)
    see(terminal, "edited")
    gone(terminal, "Payload of letter 5, the input of check")
    terminal.type("R")
    see(terminal, "Replay letter 5", "a queue's item goes to its end")
    terminal.type("\r")
    see(terminal, f"Dead letters: {BROKEN - 1} in 1 group", "Letter 4 ")


def _let_the_last_loop_go_on(terminal: Terminal) -> None:
    terminal.type("1")
    see(terminal, "Nodes of orders.fulfil", "paused")
    terminal.type("p")
    see(terminal, "3 loops: 3 running")


def _find_the_mended_one(terminal: Terminal) -> None:
    """Look for it by its id, and go where it was seen."""
    terminal.type("F")
    see(terminal, "Type an id or a piece of a payload")
    terminal.type("mended-1\r")
    see(terminal, "with mended-1", "passed", "enter goes to the inspector")
    terminal.type("\r")
    see(terminal, "Config: ", '"mended-1"')
    terminal.type(ESCAPE)
    see(terminal, "Nodes of orders.fulfil")


def _choose_another_theme(terminal: Terminal) -> None:
    """Run the palette's command, and choose the light one of the themes."""
    before = terminal.screen.buffer[10][1].bg
    terminal.type(":")
    see(terminal, "Search for commands")
    terminal.type("theme")
    see(terminal, "Choose colours")
    terminal.type("\r")
    see(terminal, "dark text on white")
    terminal.type(f"{DOWN}\r")
    gone(terminal, "dark text on white")
    terminal.wait_for(lambda _: terminal.screen.buffer[10][1].bg != before)
