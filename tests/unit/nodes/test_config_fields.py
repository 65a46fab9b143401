"""What a form says about each kind of setting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, StringConstraints

from flowtui import Choices, Duration, MultiLine, NodeConfig, Unit
from flowtui.model.forms import MASK, Choice, FieldError, FieldKind, Form
from flowtui.nodes.builtin import BUILTIN_TYPES
from flowtui.nodes.fields import form_fields
from flowtui.nodes.registry import built_in


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Retry(BaseModel):
    attempts: int = Field(default=3, ge=1, description="How often\n  in all.")
    token: SecretStr | None = None


class Tree(BaseModel):
    name: str
    below: list[Tree] = []
    beside: Tree | None = None


class Login(BaseModel):
    password: SecretStr


class Everything(NodeConfig):
    text: str = Field(description="A text.", min_length=1, max_length=9, pattern="a+")
    body: Annotated[str, MultiLine()] = ""
    max_bytes: Annotated[int, Unit("bytes")] | None = Field(default=None, ge=1, le=10)
    ratio: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.5, title="The ratio")
    price: Decimal = Field(default=Decimal("1.5"), ge=Decimal(1))
    flag: bool = False
    wait: Duration = Field(default=0.25, ge=0.1)
    pause: Duration | None = None
    level: Literal["low", "high"] = "low"
    colour: Colour = Colour.RED
    size: Size | Literal["none"] | None = None
    names: list[Annotated[str, StringConstraints(min_length=2)]] = Field(default_factory=list, max_length=3)
    rows: tuple[int, ...] = ()
    weights: dict[str, float] = Field(default={})
    anything: Any = None
    many: Sequence[Any] = ()
    either: int | str = 1
    amount: int | float = 1
    path: Path = Path("x")
    day: date | None = None
    secret: SecretStr = SecretStr("hidden")
    json_: dict[str, Any] = Field(default={}, alias="json")
    retry: Retry = Retry(attempts=5)
    tree: Tree | None = None
    odd: type = int


BLANK = form_fields(Everything)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("text", {"kind": "text", "required": True, "min_length": 1, "max_length": 9, "pattern": "a+"}),
        ("body", {"kind": "text", "multi_line": True, "default": "", "label": "Body"}),
        ("max_bytes", {"kind": "integer", "unit": "bytes", "minimum": 1, "maximum": 10, "nullable": True}),
        ("ratio", {"kind": "number", "above": 0, "below": 1, "default": 0.5, "label": "The ratio"}),
        ("price", {"kind": "number", "minimum": 1.0, "default": "1.5"}),
        ("flag", {"kind": "boolean", "type": "true or false", "default": False}),
        ("wait", {"kind": "duration", "minimum": 0.1, "default": 0.25}),
        ("pause", {"kind": "duration", "nullable": True}),
        ("colour", {"kind": "choice", "default": "red"}),
        ("names", {"kind": "list", "type": "list of text", "max_length": 3, "default": []}),
        ("rows", {"kind": "list", "type": "list of integer"}),
        ("weights", {"kind": "mapping", "type": "mapping to number"}),
        ("anything", {"kind": "json", "type": "any value", "nullable": True}),
        ("many", {"kind": "list", "type": "list"}),
        ("either", {"kind": "json", "type": "integer or text"}),
        ("amount", {"kind": "number"}),
        ("path", {"kind": "text", "default": "x"}),
        ("day", {"kind": "text", "nullable": True}),
        ("secret", {"kind": "text", "secret": True}),
        ("json", {"kind": "mapping", "label": "Json"}),
        ("retry", {"kind": "object"}),
        ("odd", {"kind": "json"}),
    ],
)
def test_a_field_says_what_its_annotation_says(name: str, told: dict[str, Any]) -> None:
    field = BLANK.find(name)
    assert field is not None
    found = field.to_json()
    assert {key: found.get(key) for key in told} == told


def test_literals_enums_and_unions_of_them_are_choices() -> None:
    choices = {name: BLANK.find(name).choices for name in ("level", "colour", "size")}
    assert choices["level"] == (Choice("low", "low"), Choice("high", "high"))
    assert [each.value for each in choices["colour"]] == ["red", "blue"]
    assert choices["size"] == (Choice(1, "1"), Choice(2, "2"), Choice("none", "none"))


def test_nested_settings_are_fields_with_the_defaults_of_the_outer_one() -> None:
    attempts = BLANK.find("retry", "attempts")
    assert (attempts.default, attempts.minimum, attempts.help) == (5, 1, "How often in all.")
    given = form_fields(Everything, {"retry": {"token": "${secret:T}"}})
    assert given.find("retry", "attempts").default == 3
    assert given.find("retry", "token").value == "${secret:T}"


def test_each_element_of_a_list_or_mapping_is_a_field_of_its_own() -> None:
    form = form_fields(Everything, {"names": ["ab", "cd"], "weights": {"x": 1}})
    assert [field.value for field in form.find("names").fields] == ["ab", "cd"]
    assert form.find("names", 1).min_length == 2
    assert form.find("weights", "x").kind is FieldKind.NUMBER
    assert form.find("names").element.kind is FieldKind.TEXT


def test_a_class_within_itself_ends_where_its_values_end() -> None:
    tree = {"name": "a", "below": [{"name": "b", "below": []}], "beside": {"name": "c"}}
    form = form_fields(Everything, {"tree": tree})
    assert form.find("tree", "below", 0, "name").value == "b"
    assert form.find("tree", "beside", "name").value == "c"
    assert len(list(BLANK.find("tree").walk())) < 10


def test_a_secret_in_clear_is_masked_wherever_it_stands() -> None:
    class Config(NodeConfig):
        one: SecretStr
        many: list[SecretStr] = Field(default=[])
        inner: Login | None = None
        either: Login | Retry | None = None

    values = {"one": "s3", "many": ["s3", "${A}"], "inner": {"password": "s3"}, "either": {"token": "s3"}}
    form = form_fields(Config, values)
    assert "s3" not in json.dumps(form.to_json())
    assert form.find("many").value == [MASK, "${A}"]
    assert form.find("inner").value == {"password": MASK}
    assert "hidden" not in json.dumps(BLANK.to_json())


def test_a_form_survives_json() -> None:
    values = {"text": "aaa", "names": ["ab"], "anything": {"deep": [None, 1.5]}, "tree": {"name": "x"}, "flag": None}
    form = form_fields(Everything, values).with_errors([FieldError(("text",), "bad"), FieldError((), "worse")])
    assert Form.from_json(json.loads(json.dumps(form.to_json()))) == form


def test_an_error_stands_at_the_closest_field_there_is() -> None:
    errors = [FieldError(("anything", "a", 0), "deep"), FieldError(("names", 7), "far"), FieldError(("new",), "none")]
    form = form_fields(Everything, {"anything": {"a": [1]}}).with_errors(errors)
    assert form.find("anything").error == "a[0]: deep"
    assert form.find("names").error == "[7]: far"
    assert form.errors == (FieldError(("new",), "none"),)
    assert [error.path for error in form.all_errors()] == [("names",), ("anything",), ("new",)]


def test_only_visible_fields_are_rows() -> None:
    class Config(NodeConfig):
        retry: Retry = Retry()
        last: int = 1

    form = form_fields(Config)
    assert [row.path for row in form.rows()] == [("retry",), ("retry", "attempts"), ("retry", "token"), ("last",)]


def test_choices_of_a_list_are_those_of_its_elements() -> None:
    class Config(NodeConfig):
        colours: Annotated[list[str], Choices(lambda: iter([Colour.RED, Colour.RED, Colour.BLUE]))] = Field(default=[])

    field = form_fields(Config, {"colours": ["red", "green"]}).find("colours")
    assert field.kind is FieldKind.LIST
    assert [choice.value for choice in field.choices] == ["red", "blue"]
    assert field.error == "it should be 'red' or 'blue', not 'green'"


def test_every_setting_of_every_built_in_type_has_a_field_that_an_editor_can_offer() -> None:
    for name in BUILTIN_TYPES:
        for field in form_fields(built_in(name).cls.Config).walk():
            assert field.help, (name, field.path)
            assert field.kind is not FieldKind.JSON or field.nullable, (name, field.path)
