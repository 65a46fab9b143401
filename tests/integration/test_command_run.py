"""`flowtui run --headless`, from outside: what it prints, when it ends, and its exit code."""

from __future__ import annotations

import subprocess

import pytest

#: `Note` appends the item's number to a file; `Trip` and `Slow` are what their names say.
NODES = """
import asyncio, subprocess
from flowtui import BlockingNode, ConditionalNode, NonBlockingNode

print("printed while it was imported")

class Note(BlockingNode):
    class Config(BlockingNode.Config):
        file: str = "done.txt"
    def execute(self, data):
        with (self.folder / self.config.file).open("a") as file:
            file.write(f"{data['n']}\\n")
        return data

class Trip(BlockingNode):
    class Config(BlockingNode.Config):
        on: int
    async def execute(self, data):
        if data["n"] == self.config.on:
            raise ValueError(f"tripped on {self.config.on}")
        return data

class Slow(NonBlockingNode):
    async def execute(self, data):
        await asyncio.sleep(0.1)
        return data

class Loud(BlockingNode):
    async def execute(self, data):
        print("printed", data["n"])
        subprocess.run(["echo", "from a child"], check=True)
        self.log.info("a bell \\a and a line\\nbreak")
        return data

class Again(ConditionalNode):
    ports = ("again", "enough")
    async def execute(self, data):
        return ("again" if data.get("turn", 0) < 3 else "enough"), data | {"turn": data.get("turn", 0) + 1}

class Unwilling(BlockingNode):
    def setup(self):
        raise OSError("no licence")
    def execute(self, data): ...
"""

#: Three loops, two queues: what one reads another one wrote.
CHAIN = """
nodes:
  start: {type: sequence, config: {count: 20}}
  out: {type: queue-writer, needs: start, config: {queue: first}}
  middle: {type: queue-reader, config: {queue: first}}
  trip: {type: trip, needs: middle, config: {on: 7}}
  slow: {type: slow, needs: trip}
  on: {type: queue-writer, needs: slow, config: {queue: second}}
  end: {type: queue-reader, config: {queue: second}}
  tail: {type: slow, needs: end}
  note: {type: note, needs: tail}
"""

#: The reader of `waiting` starts only if STARTS says so.
WAITING = """
nodes:
  start: {type: sequence, config: {count: 5, resume: true}}
  out: {type: queue-writer, needs: start, config: {queue: waiting}}
  end: {type: queue-reader, config: {queue: waiting}, loop: {autostart: STARTS}}
  note: {type: note, needs: end}
"""

ENDLESS = """
nodes:
  tick: {type: interval, config: {every: 5ms}}
  tell: {type: log, needs: tick, config: {message: "tick {{ data.tick }}"}}
"""


@pytest.fixture
def cli(flowtui):
    flowtui.write("nodes/testing.py", NODES)
    return flowtui


def test_until_idle_ends_when_the_last_item_of_a_chain_is_done_and_sums_up_what_was(cli):
    cli.write("chain.yaml", CHAIN)
    child = cli.headless("--until-idle").end()
    assert sorted(map(int, cli.lines("done.txt"))) == [n for n in range(20) if n != 7]
    loops = {id: (loop["state"], loop["iterations"], loop["errors"]) for id, loop in child.summary["loops"].items()}
    assert loops == {
        "chain.start": ("completed", 20, 0),
        "chain.middle": ("stopped", 20, 1),
        "chain.end": ("stopped", 19, 0),
    }
    empty = {"depth": 0, "in_flight": 0}
    assert child.summary["queues"] == {"chain.first": empty, "chain.second": empty}
    assert child.summary["dead_letters"] == 1
    failed, _ = child.events
    assert (failed["level"], failed["loop"], failed["node"]) == ("error", "chain.middle", "trip")
    assert "tripped on 7" in failed["message"]


def test_until_idle_ends_when_a_ring_of_queues_is_empty(cli):
    cli.write(
        "ring.yaml",
        """\
        nodes:
          start: {type: sequence, config: {count: 5}}
          in: {type: queue-writer, needs: start, config: {queue: b-side}}
          there: {type: queue-reader, config: {queue: b-side}}
          again: {type: again, needs: there}
          go: {type: queue-writer, needs: again.again, config: {queue: a-side}}
          note: {type: note, needs: again.enough}
          back: {type: queue-reader, config: {queue: a-side}}
          slow: {type: slow, needs: back}
          return: {type: queue-writer, needs: slow, config: {queue: b-side}}
        """,
    )
    child = cli.headless("--until-idle", "--store", "memory").end()
    assert sorted(map(int, cli.lines("done.txt"))) == [0, 1, 2, 3, 4]
    assert child.summary["loops"]["ring.there"]["iterations"] == 20


def test_text_output_shows_lines_of_nodes_and_a_table(cli):
    cli.write("loud.yaml", "nodes:\n  one: {type: sequence, config: {count: 1}}\n  two: {type: loud, needs: one}\n")
    args = ("--headless", "--until-idle", "--store", "memory")
    text, as_json = cli.start("run", "flows", *args), cli.start("run", "flows", "--json", *args)
    lines = text.end().output.splitlines()
    assert lines[0].split(None, 1)[1].split() == ["info", "loud.one", "two", "printed", "0"]
    assert lines[1].endswith(r" a bell \x07 and a line")
    assert lines[2] == "break"
    assert [line.split() for line in lines if line.startswith("loud.one")] == [["loud.one", "completed", "1", "0"]]
    assert lines[-1] == "0 dead letters"
    # Whatever children and modules print must not come between lines of JSON.
    assert as_json.end().messages == ["printed 0", "a bell \a and a line\nbreak"]
    for child in (text, as_json):
        assert child.errors == "printed while it was imported\nfrom a child\n"


def test_a_run_without_end_ends_in_time(cli):
    cli.write("endless.yaml", ENDLESS)
    child = cli.headless("--until-idle", "--for", "600ms", "--store", "memory").end()
    assert child.summary["loops"]["endless.tick"]["state"] == "stopped"
    assert child.summary["loops"]["endless.tick"]["iterations"] == len(child.messages) > 10


def test_what_cannot_be_loaded_fails_the_run_but_stops_nothing_else(cli):
    cli.write("broken.yaml", "nodes:\n  one: {type: sequenec}\n")
    cli.write("chain.yaml", CHAIN)
    child = cli.headless("--until-idle", "--store", "memory").end(1)
    assert len(cli.lines("done.txt")) == 19
    assert child.messages[0].startswith("flows/broken.yaml:2:15: unknown node type 'sequenec'")
    assert child.errors.splitlines()[-1] == (
        "flowtui: 1 problem keeps something from running; to see all: flowtui check flows"
    )


def test_failed_and_paused_loops_fail_the_run_and_the_others_go_on(cli):
    reader = """
nodes:
  start: {{type: sequence, config: {{count: 6}}}}
  out: {{type: queue-writer, needs: start, config: {{queue: six}}}}
  end: {{type: queue-reader, config: {{queue: six}}, loop: {{on_error: {}}}}}
  last: {{type: {}, needs: end, config: {{{}}}}}
"""
    cli.write("chain.yaml", CHAIN)
    cli.write("pauses.yaml", reader.format("pause", "trip", "on: 2"))
    cli.write("stops.yaml", reader.format("stop", "trip", "on: 1"))
    cli.write("unwilling.yaml", reader.format("dead_letter", "unwilling", ""))
    child = cli.headless("--until-idle", "--store", "memory").end(1)
    assert len(cli.lines("done.txt")) == 19
    states = {id: loop["state"] for id, loop in child.summary["loops"].items() if id.endswith(".end")}
    assert states == {
        "chain.end": "stopped",
        "pauses.end": "paused",
        "stops.end": "failed",
        "unwilling.end": "failed",
    }
    depths = {name: queue["depth"] for name, queue in child.summary["queues"].items() if name.endswith(".six")}
    assert depths == {"pauses.six": 3, "stops.six": 4, "unwilling.six": 6}
    assert child.summary["dead_letters"] == 3
    assert child.errors.splitlines()[1:] == [
        "flowtui: pauses.end is paused with 3 items in its queue: ValueError at last: tripped on 2",
        "flowtui: stops.end failed: ValueError at last: tripped on 1",
        "flowtui: unwilling.end failed: OSError: no licence (testing.py:42 in setup)",
    ]


def test_what_waits_is_still_there_at_the_next_start(cli):
    cli.write("waiting.yaml", WAITING.replace("STARTS", "false"))
    first = cli.headless("--until-idle").end()
    assert first.summary["queues"] == {"waiting.waiting": {"depth": 5, "in_flight": 0}}
    assert cli.lines("done.txt") == []
    cli.write("waiting.yaml", WAITING.replace("STARTS", "true"))
    second = cli.headless("--until-idle").end()
    assert cli.lines("done.txt") == ["0", "1", "2", "3", "4"]
    assert second.summary["loops"]["waiting.start"]["iterations"] == 0
    assert second.summary["queues"] == {"waiting.waiting": {"depth": 0, "in_flight": 0}}


def test_if_the_reader_of_the_output_goes_away_nothing_is_lost(cli):
    cli.write("chain.yaml", CHAIN)
    cli.write("endless.yaml", ENDLESS)
    child = cli.start("run", "flows", "--headless", stdout=subprocess.PIPE)
    child.process.stdout.readline()
    child.process.stdout.close()
    child.end(1)
    assert child.errors == "printed while it was imported\n"
    (cli.folder / "endless.yaml").unlink()
    child = cli.headless("--until-idle").end()
    numbers = {int(line) for line in cli.lines("done.txt")}
    assert numbers == set(range(20)) - {7}
