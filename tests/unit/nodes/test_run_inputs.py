"""Inputs of a trigger: a form, and what a run begins with."""

from __future__ import annotations

from typing import Any

import pytest

from flowtui.model.errors import BadInput
from flowtui.model.forms import FieldKind
from flowtui.nodes.builtin.trigger import Trigger
from flowtui.nodes.inputs import checked_input, input_form

INPUTS = Trigger.Config.model_validate(
    {
        "inputs": {
            "city": {"type": "choice", "choices": ["Rome", 2, True], "required": True, "help": "Where"},
            "max days": {"type": "integer", "default": 3, "label": "Days"},
            "share": {"type": "number"},
            "urgent": {"type": "boolean"},
            "notes": {"multi_line": True},
            "extra": {"type": "json"},
        }
    }
).inputs


def check(**values: Any) -> dict[str, Any]:
    return checked_input(INPUTS, values, "the input of w.ask")


def test_a_run_begins_with_every_input_that_is_declared():
    assert check(city="Rome") == {
        "city": "Rome",
        "max days": 3,
        "share": None,
        "urgent": None,
        "notes": None,
        "extra": None,
    }
    given = {"city": 2, "max days": 0, "share": 0.5, "urgent": False, "notes": "a\nb", "extra": [{"n": None}]}
    assert check(**given) == given


def test_without_declared_inputs_any_object_will_do():
    assert checked_input({}, {"n": [1]}, "the input") == {"n": [1]}
    with pytest.raises(BadInput, match="the input must be a JSON object"):
        checked_input({}, [1], "the input")


@pytest.mark.parametrize(
    ("values", "name", "said"),
    [
        ({}, "city", "it is required"),
        ({"city": "Oslo"}, "city", "it should be 'Rome', 2 or True, not \"Oslo\""),
        ({"city": 2, "max days": "many"}, "max days", 'not "many"'),
        ({"city": 2, "notes": 1}, "notes", "it should be a valid string, not 1"),
        ({"city": 2, "cty": 1}, "", "unknown input 'cty' (did you mean 'city'?)"),
    ],
)
def test_what_does_not_fit_is_told_by_field(values, name, said):
    with pytest.raises(BadInput, match=r"the input of w\.ask does not fit") as caught:
        check(**values)
    assert caught.value.faults[name].endswith(said)
    form = input_form(INPUTS, values)
    shown = [field.error for field in form.fields if field.name == name] or [error.message for error in form.errors]
    assert shown[0].endswith(said)


def test_the_form_says_what_each_input_is():
    fields = {field.name: field for field in input_form(INPUTS, {"city": 2}).fields}
    assert {name: field.kind for name, field in fields.items()} == {
        "city": FieldKind.CHOICE,
        "max days": FieldKind.INTEGER,
        "share": FieldKind.NUMBER,
        "urgent": FieldKind.BOOLEAN,
        "notes": FieldKind.TEXT,
        "extra": FieldKind.JSON,
    }
    city, days = fields["city"], fields["max days"]
    assert (city.label, city.help, city.required, city.value) == ("City", "Where", True, 2)
    assert [choice.value for choice in city.choices or ()] == ["Rome", 2, True]
    assert (days.label, days.default, days.current) == ("Days", 3, 3)
    assert fields["notes"].multi_line
