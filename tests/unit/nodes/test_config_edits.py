"""What becomes of a config when some of its settings are changed."""

from __future__ import annotations

import json
from typing import Annotated, Any, Self

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from flowtui import Choices, NodeConfig, ShownIf
from flowtui.model.forms import MASK, Form
from flowtui.nodes.forms import edit, form_of
from places import Place

MUNICH = {"country": "Germany", "state": "Bavaria", "city": "Munich"}


def errors(edited: Any) -> dict[str, str]:
    return {".".join(map(str, each.path)): each.message for each in edited.errors}


def choices(form: Form, *path: str) -> list[Any] | None:
    found = form.find(*path)
    assert found is not None
    return None if found.choices is None else [each.value for each in found.choices]


def visible(form: Form) -> list[str]:
    return [row.name for row in form.rows()]


def test_a_new_country_clears_and_repopulates_all_that_depends_on_it() -> None:
    after = edit(Place, MUNICH, {"country": "USA"})
    assert after.config == {"country": "USA"}
    assert after.changed == (("country",), ("state",), ("city",))
    assert after.errors == ()
    assert choices(after.form, "state") == ["Illinois", "Missouri"]
    assert choices(after.form, "city") == []
    after = edit(Place, after.config, {"state": "Illinois"})
    assert choices(after.form, "city") == ["Chicago", "Springfield"]


def test_what_was_chosen_under_another_parent_goes_even_if_the_name_is_the_same() -> None:
    config = {"country": "USA", "state": "Illinois", "city": "Springfield"}
    assert edit(Place, config, {"state": "Missouri"}).config == {"country": "USA", "state": "Missouri"}


def test_the_same_value_again_changes_nothing() -> None:
    after = edit(Place, MUNICH, {"country": "Germany"})
    assert (after.config, after.changed) == (MUNICH, ())


def test_all_levels_can_be_changed_at_once_in_any_order() -> None:
    changes = {"city": "Springfield", "state": "Missouri", "country": "USA"}
    after = edit(Place, MUNICH, changes)
    assert (after.config, after.errors) == (changes, ())


def test_a_value_that_is_no_choice_is_refused_and_the_rest_taken() -> None:
    after = edit(Place, MUNICH, {"country": "USA", "state": "Hesse", "people": 7})
    assert after.config == {"country": "USA", "people": 7}
    assert errors(after) == {"state": "it should be 'Illinois' or 'Missouri', not 'Hesse'"}
    assert after.form.find("state").error == errors(after)["state"]
    after = edit(Place, MUNICH, {"country": "Germny"})
    assert after.config == MUNICH
    assert errors(after)["country"].endswith("not 'Germny' (did you mean 'Germany'?)")


def test_a_refused_parent_leaves_its_dependants_as_they_are() -> None:
    after = edit(Place, MUNICH, {"country": "Atlantis", "city": "Augsburg"})
    assert after.config == MUNICH | {"city": "Augsburg"}


def test_templates_and_references_fit_everywhere_and_outlive_their_parents() -> None:
    config = {"country": "Germany", "state": "${STATE:Hesse}", "city": "{{ data.city }}", "people": "{{ data.n }}"}
    assert form_of(Place, config).all_errors() == ()
    after = edit(Place, config, {"country": "{{ data.country }}"})
    assert after.config == config | {"country": "{{ data.country }}"}
    assert choices(after.form, "state") is None
    assert edit(Place, after.config, {"state": "anything"}).errors == ()


def test_a_template_that_does_not_parse_and_one_without_an_item_are_refused() -> None:
    assert "unknown variable 'dta'" in errors(edit(Place, MUNICH, {"people": "{{ dta.n }}"}))["people"]
    after = edit(Place, MUNICH, {"people": "{{ data.n }}"}, has_item=False)
    assert "producer" in errors(after)["people"]
    assert edit(Place, MUNICH, {"people": "{{ data.n + ${N:1} }}"}).errors == ()


def test_what_is_not_shown_is_cleared_along_the_chain_and_cannot_be_set() -> None:
    config = MUNICH | {"notify": True, "how": "mail", "text": "hello"}
    assert visible(form_of(Place, config))[-3:] == ["notify", "how", "text"]
    after = edit(Place, config, {"notify": False})
    assert after.config == MUNICH | {"notify": False}
    assert visible(after.form)[-1] == "notify"
    assert set(after.changed) == {("notify",), ("how",), ("text",)}
    after = edit(Place, after.config, {"text": "hello"})
    assert after.config == MUNICH | {"notify": False}
    assert errors(after) == {"text": "it has no use with how as now"}
    assert edit(Place, config, {"how": "phone"}).config == MUNICH | {"notify": True, "how": "phone"}


def test_a_level_that_a_place_does_not_have_is_skipped() -> None:
    after = edit(Place, MUNICH, {"country": "Monaco"})
    assert "state" not in visible(after.form)
    assert choices(after.form, "city") == ["Monte Carlo"]


def test_a_hidden_setting_that_a_file_gives_is_shown() -> None:
    assert "text" in visible(form_of(Place, {"country": "Monaco", "text": "by hand"}))


def test_only_what_is_named_or_changed_is_complained_about() -> None:
    config = {"country": "Atlantis", "people": "many", "bogus": 1}
    after = edit(Place, config, {"notify": True})
    assert after.errors == ()
    assert after.config == config | {"notify": True}
    assert [each.path for each in after.form.all_errors()] == [("country",), ("people",), ("bogus",)]
    cleared = edit(Place, MUNICH, {"country": None})
    assert cleared.config == {}
    assert errors(cleared) == {"country": "the setting 'country' is missing: add it"}


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"people": "x"}, "people", 'it should be a valid integer, unable to parse string as an integer, not "x"'),
        ({"people": float("nan")}, "people", "it must be JSON, not nan"),
        ({"people": {1, 2}}, "people", "it must be JSON, not {1, 2}"),
        ({"cuontry": "USA"}, "cuontry", "unknown setting 'cuontry' (did you mean 'country'?)"),
        ({"state": ["Hesse"]}, "state", 'it should be a valid string, not ["Hesse"]'),
        ({"text": None}, None, None),
        ([1], "", "the changes must be a mapping of settings to values"),
    ],
)
def test_bad_input_is_an_error_at_its_field_and_changes_nothing(changes: Any, path: str | None, said: str) -> None:
    after = edit(Place, MUNICH, changes)
    assert after.config == MUNICH
    assert errors(after) == ({} if path is None else {path: said})
    json.dumps(after.to_json())


def test_a_function_that_raises_is_an_error_at_its_field_alone() -> None:
    def broken(country: str) -> list[str]:
        raise ConnectionError("no network")

    class Config(NodeConfig):
        country: str = "x"
        state: Annotated[str, Choices(broken, of="country")] = ""
        shown: Annotated[str, ShownIf(broken, of="country")] = ""
        text: Annotated[str, Choices(lambda: "text")] = ""

    after = edit(Config, {}, {"state": "Hesse", "country": "y", "shown": "z"})
    assert after.config == {"state": "Hesse", "country": "y", "shown": "z"}
    assert errors(after) == {
        "state": "its choices cannot be worked out: ConnectionError: no network",
        "shown": "whether it is shown cannot be worked out: ConnectionError: no network",
    }
    assert "not a text" in after.form.find("text").error


def test_a_function_is_asked_once_for_the_same_values() -> None:
    asked = []

    def states(country: str) -> list[str]:
        asked.append(country)
        return [country + "a"]

    class Config(NodeConfig):
        country: str
        state: Annotated[str, Choices(states, of="country")] = ""
        city: Annotated[str, Choices(lambda state: [state], of="state")] = ""

    edit(Config, {"country": "x", "state": "xa", "city": "xa"}, {"country": "y"})
    assert asked == ["x", "y"]


class Line(BaseModel):
    country: Annotated[str, Choices(["A", "B"])]
    state: Annotated[str, Choices(lambda country: [f"{country}1", f"{country}2"], of="country")] = ""


class Order(NodeConfig):
    ship: Line | None = None
    bill: Line = Line(country="A", state="A2")
    lines: list[Line] = Field(default=[])
    least: int = Field(default=0, ge=0)
    most: int | None = 5
    key: SecretStr | None = None

    @field_validator("least")
    @classmethod
    def _not_thirteen(cls, least: int) -> int:
        if least == 13:
            raise ValueError("thirteen is bad luck")
        return least

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.most is not None and self.least > self.most:
            raise ValueError("`least` is above `most`")
        return self


def test_nested_settings_are_merged_and_depend_on_those_beside_them() -> None:
    after = edit(Order, {"ship": {"country": "A", "state": "A1"}}, {"ship": {"country": "B"}})
    assert after.config == {"ship": {"country": "B"}}
    assert choices(after.form, "ship", "state") == ["B1", "B2"]
    after = edit(Order, after.config, {"ship": {"state": "A1"}})
    assert errors(after) == {"ship.state": "it should be 'B1' or 'B2', not 'A1'"}
    assert edit(Order, after.config, {"ship": None}).config == {}
    assert edit(Order, {}, {"ship": {"contry": "A"}}).errors[0].message.endswith("(did you mean 'country'?)")


def test_what_a_nested_change_does_not_name_keeps_the_value_that_counted() -> None:
    after = edit(Order, {}, {"bill": {"state": "A1"}})
    assert after.config == {"bill": {"country": "A", "state": "A1"}}


def test_lists_are_replaced_and_their_elements_checked_against_their_choices() -> None:
    good = [{"country": "A", "state": "A1"}, {"country": "B"}]
    assert edit(Order, {}, {"lines": good}).config == {"lines": good}
    after = edit(Order, {}, {"lines": [{"country": "A", "state": "B1"}]})
    assert after.config == {}
    assert errors(after)["lines"].startswith("it should be 'A1' or 'A2', not 'B1'")


def test_null_is_a_value_only_where_it_means_something_else_than_the_default() -> None:
    assert edit(Order, {"least": 3}, {"least": None}).config == {}
    assert edit(Order, {}, {"most": None}).config == {"most": None}
    after = edit(Order, {"most": None, "bill": {"country": "B"}}, {}, reset=[("most",), ("bill",), ("lines", 0)])
    assert after.config == {}
    assert errors(after) == {"lines.0": "unknown setting 'lines.0'"}


def test_authors_validators_have_their_say() -> None:
    after = edit(Order, {}, {"least": 13})
    assert (after.config, errors(after)) == ({}, {"least": "thirteen is bad luck, not 13"})
    after = edit(Order, {}, {"least": 9})
    assert after.config == {"least": 9}
    assert [each.message for each in after.form.errors] == ["`least` is above `most`"]


def test_secrets_stay_hidden_and_a_mask_that_comes_back_changes_nothing() -> None:
    after = edit(Order, {"key": "s3cret"}, {"key": MASK, "least": 1})
    assert after.config == {"key": "s3cret", "least": 1}
    assert "s3cret" not in json.dumps(after.to_json())
    refused = edit(Order, {}, {"key": ["s3cret"]})
    assert "s3cret" not in json.dumps(refused.to_json())
    assert refused.errors[0].path == ("key",)


def test_an_edit_leaves_the_config_that_it_was_given_alone() -> None:
    config = {"ship": {"country": "A", "state": "A1"}, "lines": [{"country": "A"}]}
    before = json.dumps(config)
    edit(Order, config, {"ship": {"country": "B"}, "lines": []})
    assert json.dumps(config) == before
