"""`flowtui nodes`, from outside."""

from __future__ import annotations

import pytest

SHIP = '''
from typing import Annotated
from flowtui import BlockingNode, Choices, NodeConfig, Unit
from pydantic import BaseModel

class Box(BaseModel):
    width: Annotated[int, Unit("cm")] = 10

class Ship(BlockingNode):
    """Ship an order, e.g. by sea. Never
    by air. \x1b[31m"""

    class Config(NodeConfig):
        to: Annotated[str, Choices(["Rome", "Oslo"])]
        street: Annotated[str, Choices(lambda to: [f"{to} road"], of="to")]
        box: Box = Box()

    def execute(self, data):
        return data
'''


def test_types_are_listed_by_kind_and_what_cannot_be_imported_is_named(flowtui):
    flowtui.write("nodes/ship.py", SHIP)
    flowtui.write("nodes/raiser.py", "print('printed')\nraise RuntimeError('boom')\n")
    plain = flowtui.start("nodes", "--folder", "flows")
    listed = flowtui.start("nodes", "--folder", "flows", "--json")
    lines = plain.end(1).output.splitlines()
    titles = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert titles == ["Producers", "Blocking", "Conditional", "Non-blocking"]
    assert any(" ".join(line.split()) == "ship Ship an order, e.g. by sea" for line in lines)
    assert any(line.startswith("  interval ") for line in lines[: lines.index("")])
    assert plain.errors.splitlines()[-1].startswith("flows/nodes/raiser.py:2:1: cannot be imported: RuntimeError: boom")
    (told,) = listed.end(1).events
    assert {each["name"]: each["kind"] for each in told["types"]}["ship"] == "blocking"
    assert [problem["code"] for problem in told["problems"]] == ["node-import"]


def test_all_about_one_type_is_printed(flowtui):
    path = flowtui.write("nodes/ship.py", SHIP)
    plain = flowtui.start("nodes", "ship", "--folder", "flows", env=flowtui.env | {"COLUMNS": "100"})
    told = flowtui.start("nodes", "ship", "--folder", "flows", "--json")
    output = plain.end().output
    assert output.startswith("ship (blocking node)\n\nShip an order, e.g. by sea. Never by air. \\x1b[31m\n")
    assert "source  flows/nodes/ship.py:9\n" in output
    assert "pool    thread, as execute() is a plain def\n" in output
    table = output[output.index("SETTING") :].splitlines()
    assert table[0].split() == ["SETTING", "TYPE", "DEFAULT", "UNIT", "DESCRIPTION"]
    assert table[1].split(maxsplit=3) == ["to", "text", "required", "One of: Rome, Oslo."]
    assert table[2].split(maxsplit=3) == ["street", "text", "required", "Depends on to."]
    assert table[4].split() == ["box.width", "integer", "10", "cm"]
    assert output.endswith("    config:\n      to: Rome\n      street: Rome road\n      box:\n        width: 10\n")
    (about,) = told.end().events
    assert (about["file"], about["line"], about["pool"]) == ("flows/nodes/ship.py", 9, "thread")
    assert [field["path"] for field in about["config"]["fields"]] == [["to"], ["street"], ["box"]]
    assert path.exists()


def test_what_is_no_type_is_one_sentence_and_says_what_to_do(flowtui):
    flowtui.write("nodes/broken.py", "import nowhere\n" + SHIP)
    misspelt, blocked = flowtui.start("nodes", "queue-wirter"), flowtui.start("nodes", "ship", "--folder", "flows")
    assert misspelt.end(1).errors == "flowtui: there is no node type 'queue-wirter' (did you mean 'queue-writer'?)\n"
    problem, sentence = blocked.end(1).errors.splitlines()
    assert problem.startswith("flows/nodes/broken.py:1:1: cannot be imported: ModuleNotFoundError")
    assert sentence == "flowtui: node type 'ship' cannot be used: nodes/broken.py cannot be imported"
    assert misspelt.output == blocked.output == ""


@pytest.mark.parametrize("args", [["--help"], ["nodes", "if"]])
def test_neither_help_nor_nodes_load_the_screen_or_the_engine(flowtui, args):
    flowtui.program = ["-X", "importtime", "-m", "flowtui"]
    child = flowtui.start(*args)
    assert child.process.wait(30) == 0
    loaded = {line.rpartition("|")[2].strip() for line in child.errors.splitlines()}
    assert "flowtui.cli.main" in loaded
    unwanted = {"textual", "rich", "redis", "jinja2", "fakeredis", "watchfiles", "flowtui.engine", "flowtui.storage"}
    if args == ["--help"]:
        unwanted |= {"pydantic", "ruamel.yaml", "flowtui.nodes"}
    assert loaded & unwanted == set()
