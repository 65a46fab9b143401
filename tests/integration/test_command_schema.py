"""`flowtui schema`, from outside."""

from __future__ import annotations

import json

from jsonschema import Draft7Validator

NODE = """
from flowtui import BlockingNode, NodeConfig

class Weigh(BlockingNode):
    class Config(NodeConfig):
        grams: int

    def execute(self, data):
        return data
"""


def test_the_schema_has_the_nodes_of_the_folder_and_says_which_module_is_missing(flowtui):
    flowtui.write("nodes/scales.py", NODE)
    flowtui.write("nodes/torn.py", "import nowhere\n")
    child = flowtui.run("schema", "--folder", "flows")
    schema = json.loads(child.output)
    Draft7Validator.check_schema(schema)
    types = schema["definitions"]["file.NodeDoc"]["properties"]["type"]["enum"]
    assert {"weigh", "interval"} <= set(types)
    assert child.errors.startswith("flows/nodes/torn.py:1:1: cannot be imported: ")
    assert child.errors.count("\n") == 1


def test_it_is_written_to_a_file_or_it_is_said_why_not(flowtui):
    target = flowtui.home / "flowtui.schema.json"
    written = flowtui.start("schema", "--folder", "flows", "-o", str(target))
    nowhere = flowtui.start("schema", "--folder", "flows", "-o", str(flowtui.home / "no" / "file.json"))
    assert written.end().output == ""
    assert json.loads(target.read_text())["required"] == ["nodes"]
    assert nowhere.end(1).errors.startswith("flowtui: No such file or directory: ")
