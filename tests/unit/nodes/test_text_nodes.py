"""`template`, `transform` and `validate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.errors import NodeError
from flowtui.nodes.builtin.schemas import Validate
from flowtui.nodes.builtin.texts import Template, Transform
from node_at_work import at_work, faults


async def test_a_template_writes_its_text_into_a_field(work: Any) -> None:
    text = "Dear {{ data.name }},\n{% for line in data.lines %}- {{ line }}\n{% endfor %}"
    result = await work(Template, {"text": text, "into": "letter"}, {"name": "Zoë", "lines": [1, 2]})
    assert result == {"name": "Zoë", "lines": [1, 2], "letter": "Dear Zoë,\n- 1\n- 2\n"}


async def test_a_template_that_is_one_value_is_written_as_json(work: Any) -> None:
    assert (await work(Template, {"text": "{{ data.lines }}"}, {"lines": [1, None]}))["text"] == "[1, null]"
    assert (await work(Template, {"text": "{{ data.name }}"}, {"name": "7"}))["text"] == "7"


@pytest.mark.parametrize(
    ("config", "payload", "result"),
    [
        (
            {"expression": "{id: id, total: sum(lines[].price)}"},
            {"id": 1, "lines": [{"price": 2}]},
            {"id": 1, "total": 2},
        ),
        ({"expression": "lines[?price > `1`].name", "into": "dear"}, {"lines": [{"price": 2, "name": "a"}]}, ["a"]),
        ({"expression": "missing", "into": "found"}, {}, None),
        ({"expression": "order"}, {"order": {"a": 1}}, {"a": 1}),
    ],
)
async def test_transform_makes_a_payload_or_a_field(config: Any, payload: Any, result: Any, tmp_path: Path) -> None:
    async with at_work(Transform, config, tmp_path) as node:
        expected = {**payload, config["into"]: result} if "into" in config else result
        assert await node.run(payload) == expected
        assert await node.run(payload) == expected


@pytest.mark.parametrize(
    ("expression", "payload", "message"),
    [
        ("lines", {"lines": [1]}, "'lines' gave a list and a payload must be an object"),
        ("missing.id", {}, "gave nothing \\(null\\)"),
        ("sum(names)", {"names": ["a"]}, "'sum\\(names\\)' does not work on this item: .*sum.*expected.*number"),
        ("nothing(id)", {}, "'nothing\\(id\\)' does not work on this item: Unknown function: nothing"),
    ],
)
async def test_a_transform_that_fails_names_its_expression(
    expression: str, payload: Any, message: str, tmp_path: Path
) -> None:
    async with at_work(Transform, {"expression": expression}, tmp_path) as node:
        with pytest.raises(NodeError, match=message):
            await node.run(payload)


def test_an_expression_that_does_not_parse_is_a_problem_at_load() -> None:
    assert faults(Transform, {"expression": "lines[?price >"})["expression"].startswith("it is no JMESPath: ")
    assert (
        "can't hold a template: the payload is what" in faults(Transform, {"expression": "{{ data.x }}"})["expression"]
    )


ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "day": {"type": "string", "format": "date"},
        "lines": {"type": "array", "items": {"properties": {"price": {"minimum": 0}}}},
    },
}


async def test_validate_hands_on_what_fits_and_names_all_that_does_not(tmp_path: Path) -> None:
    async with at_work(Validate, {"schema": ORDER}, tmp_path) as node:
        good = {"id": 1, "day": "2026-02-28", "lines": [{"price": 0}]}
        assert await node.run(good) == good
        with pytest.raises(NodeError) as caught:
            await node.run({"day": "2026-02-30", "lines": [{"price": 1}, {"price": -1}]})
    assert str(caught.value) == (
        "node: the item does not fit the schema: 'id' is a required property; day: '2026-02-30' is not a 'date'; "
        "lines/1/price: -1 is less than the minimum of 0"
    )


async def test_many_and_long_faults_are_cut(tmp_path: Path) -> None:
    async with at_work(Validate, {"schema": {"additionalProperties": {"type": "integer"}}}, tmp_path) as node:
        with pytest.raises(NodeError) as caught:
            await node.run({f"n{n}": "x" * 10_000 for n in range(1000)})
    assert str(caught.value).endswith("and more")
    assert len(str(caught.value)) < 20 * 250


async def test_a_schema_may_be_a_file_and_of_an_older_draft(tmp_path: Path) -> None:
    old = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"n": {"maximum": 3, "exclusiveMaximum": True}},
    }
    (tmp_path / "order.json").write_text(json.dumps(old))
    async with at_work(Validate, {"file": "order.json"}, tmp_path) as node:
        assert await node.run({"n": 2}) == {"n": 2}
        with pytest.raises(NodeError, match="n: 3 is greater than or equal to the maximum of 3"):
            await node.run({"n": 3})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is no JSON"),
        ("[]", "must be an object"),
        ('{"type": 1}', "is no JSON Schema"),
    ],
)
async def test_a_file_that_holds_no_schema_fails_at_the_start(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "order.json").write_text(text)
    with pytest.raises(NodeError, match=message):
        async with at_work(Validate, {"file": "order.json"}, tmp_path):
            pass


def test_a_schema_is_checked_at_load() -> None:
    assert faults(Validate, {"schema": {"type": "integr"}})["schema"].startswith("it is no JSON Schema: type: 'integr'")
    assert (
        faults(Validate, {}) == faults(Validate, {"schema": {}, "file": "x"}) == {"": "give either `schema` or `file`"}
    )


@pytest.mark.parametrize("ref", ["http://127.0.0.1:9/order.json", "#/missing", "other.json"])
async def test_a_reference_out_of_the_schema_is_an_error_and_nothing_is_fetched(ref: str, tmp_path: Path) -> None:
    async with at_work(Validate, {"schema": {"$ref": ref}}, tmp_path) as node:
        with pytest.raises(NodeError, match=r"the schema refers to '.*', which is not in it"):
            await node.run({})


async def test_a_schema_that_refers_to_itself_without_end_fails_the_item_only(tmp_path: Path) -> None:
    async with at_work(Validate, {"schema": {"$ref": "#"}}, tmp_path) as node:
        with pytest.raises(NodeError, match="refers to itself"):
            await node.run({})
