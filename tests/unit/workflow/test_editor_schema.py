"""The JSON Schema of workflow files: draft 7, takes what the loader takes, refuses what a schema can refuse."""

from __future__ import annotations

import json
import re
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from corpus import of_edges, of_fields
from corpus.broken import MUTATIONS, spread
from corpus.outline import Good
from corpus.types import GOOD_FILES, JSON_FILE, every_type
from flowtui import BlockingNode, NodeConfig, ProducerNode
from flowtui.nodes.registry import NodeType, Registry
from flowtui.workflow.editor_schema import workflow_schema
from flowtui.workflow.source import parse_source

#: Keywords of later drafts and of OpenAPI, which an editor would not see.
LATER = {"$defs", "prefixItems", "unevaluatedProperties", "dependentRequired", "discriminator"}
#: What of the loader's rules a schema knows.
KNOWN = {"unknown-node", "unknown-field", "missing-field", "bad-value", "bad-id", "bad-name", "loop-on-consumer"}
KNOWN |= {"no-retry", "no-cache", "bad-config"}


@pytest.fixture(scope="module")
def validator():
    schema = workflow_schema(every_type())
    Draft7Validator.check_schema(schema)
    return Draft7Validator(json.loads(json.dumps(schema)))


def validator_of(*classes):
    schema = workflow_schema(Registry({cls.type: NodeType(cls.type, cls, None, "") for cls in classes}))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def document(text: str, name: str = "w.yaml") -> Any:
    source, problems = parse_source(Path(name), text.encode())
    assert source is not None, problems
    return source.value


def faults(validator: Draft7Validator, config: Any, type_name: str = "probe") -> list[list[str | int]]:
    nodes = {"n": {"type": type_name, "config": config}}
    return [list(error.absolute_path)[3:] for error in validator.iter_errors({"nodes": nodes})]


def parts(schema: Any):
    """Every mapping in a schema."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from parts(part)


@pytest.mark.parametrize("path", [*GOOD_FILES, JSON_FILE], ids=lambda path: path.name)
def test_a_good_file_fits(validator, path):
    errors = [error.message for error in validator.iter_errors(document(path.read_text(), path.name))]
    assert errors == []


@pytest.mark.parametrize("name", [name for name, make in MUTATIONS.items() if make.__module__.endswith("fields")])
def test_a_file_with_a_broken_field_does_not_fit(validator, name):
    assert of_fields
    for path in GOOD_FILES:
        for broken in spread(list(MUTATIONS[name](Good(path)))):
            codes = {fault.code for fault in broken.faults}
            if codes <= KNOWN:
                assert not validator.is_valid(document(broken.text)), f"{path.name}: {broken.what}"


@pytest.mark.parametrize(
    "name", ["a_loop_at_a_node_that_is_no_producer", "a_retry_where_it_has_no_use", "an_id_with_a_dot"]
)
def test_a_field_at_the_wrong_kind_of_node_does_not_fit(validator, name):
    assert of_edges
    found = [broken for path in GOOD_FILES for broken in spread(list(MUTATIONS[name](Good(path))))]
    assert found
    for broken in found:
        assert not validator.is_valid(document(broken.text)), broken.what


def test_it_is_all_of_draft_7_and_every_reference_leads_somewhere(validator):
    schema = validator.schema
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    for part in parts(schema):
        assert not LATER & part.keys(), part
        if "$ref" in part:
            assert len(part) == 1, "draft 7 looks at nothing beside a $ref"
            assert part["$ref"].removeprefix("#/definitions/") in schema["definitions"]


def test_an_editor_shows_what_each_type_and_each_setting_is_for(validator):
    parts = validator.schema["definitions"]
    types = parts["file.NodeDoc"]["properties"]["type"]
    about = dict(zip(types["enum"], types["enumDescriptions"], strict=True))
    assert about["queue-reader"] == "producer: Read items from a queue, each once, in order."
    setting = parts["queue-writer"]["properties"]["max_items"]
    assert setting["description"] == "Most items that may wait there; 0 for any number."
    assert setting["markdownDescription"].endswith("\n\nDefault: `10000`")
    assert setting["default"] == 10_000
    loop = parts["file.LoopOptions"]["properties"]
    assert all(option["description"] for option in loop.values())
    assert loop["on_error"]["enum"] == ["dead_letter", "pause", "stop"]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int
    below: list[Leaf] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Probe(BlockingNode):
    class Config(NodeConfig):
        number: float = Field(default=0.5, ge=0, description="How `much`.")
        flag: bool = False
        code: str = Field(default="a", pattern="^[a-z]$")
        colour: Colour = Colour.RED
        pair: tuple[int, str] = (1, "a")
        tree: Leaf | None = None
        pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
        prices: dict[str, float] = Field(default_factory=dict)
        day: date | None = None
        anything: Any = None
        odd: Annotated[object, PlainValidator(lambda value: value)] = object()
        loud: str = Field(default="a", pattern=r"(?i)\Aa+\z")

    def execute(self, data):
        return data


def test_a_template_or_a_variable_may_stand_for_any_value():
    validator = validator_of(Probe)
    for text in ("{{ data.x }}", "${X:1}", "a {% if data.x %}b{% endif %}"):
        for name in Probe.Config.model_fields:
            assert faults(validator, {name: text}) == [], name
        assert faults(validator, {"pair": [text, text], "prices": {"a": text}}) == []
        assert faults(validator, {"tree": {"size": text, "below": [{"size": 1}, text]}}) == []
        assert faults(validator, {"pet": {"kind": "cat", "lives": text}}) == []


def test_other_values_of_a_wrong_kind_are_refused():
    validator = validator_of(Probe)
    good = {"number": 1, "flag": True, "code": "b", "colour": "blue", "pair": [1, "x"], "prices": {"a": 1.5}}
    assert faults(validator, good) == []
    wrong = {"number": -1, "flag": "maybe", "code": "bb", "colour": "green", "pair": ["x", 1], "prices": {"a": "dear"}}
    for name, value in wrong.items():
        assert faults(validator, {name: value})[0][0] == name
    assert faults(validator, {"pair": [1, "x", 2]})
    assert faults(validator, {"tree": {"size": 1, "below": [{"size": "big"}]}})
    assert faults(validator, {"tree": {"size": 1, "colour": 3}})
    assert faults(validator, {"pet": {"kind": "cow", "lives": 1}})
    assert faults(validator, {"numbr": 1}) == [[]]
    assert faults(validator, {"odd": 3, "loud": "b", "anything": [1]}) == []


class Source(ProducerNode):
    class Config(NodeConfig):
        count: int = 1

    def execute(self):
        return {}


class Broken(BlockingNode):
    class Config(NodeConfig):
        model_config = ConfigDict(json_schema_extra=lambda schema: schema["nothing"]["there"])
        size: int = 1

    def execute(self, data):
        return data


def test_a_producer_has_no_item_to_make_a_template_of():
    validator = validator_of(Source)
    assert faults(validator, {"count": "${X}"}, "source") == []
    assert faults(validator, {"count": "{{ data.x }}"}, "source") == [["count"]]


def test_a_class_that_spoils_its_own_schema_does_not_spoil_that_of_others():
    validator = validator_of(Broken, Source)
    assert faults(validator, {"whatever": 1}, "broken") == []
    assert faults(validator, {"whatever": 1}, "source") == [[]]


def test_type_names_may_hold_anything_but_blanks():
    names = ["a/b~c%d", "file.NodeDoc", "template", "a_b~c%d"]
    classes = [type(f"C{index}", (Probe,), {"type": name, "__doc__": None}) for index, name in enumerate(names)]
    validator = validator_of(*classes)
    for name in names:
        assert faults(validator, {"number": 1}, name) == []
        assert faults(validator, {"number": "x"}, name) == [["number"]]


def test_a_string_with_a_pattern_that_editors_cannot_read_is_left_to_the_loader():
    schema = workflow_schema(Registry({"probe": NodeType("probe", Probe, None, "")}))
    patterns = [part["pattern"] for part in parts(schema) if isinstance(part.get("pattern"), str)]
    assert patterns
    assert not [pattern for pattern in patterns if re.search(r"\(\?i|\\[Az]", pattern)]
