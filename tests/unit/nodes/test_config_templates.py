"""Configs: validated as early as possible, rendered for each item, errors that name setting and variable."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator, model_validator

from flowtui.model.data import NodeData
from flowtui.model.errors import TemplateError
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.fields import form_fields
from flowtui.nodes.hints import Fixed
from flowtui.nodes.templates import ConfigProblem, compile_config

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Part(BaseModel, extra="forbid"):
    size: int
    tags: list[str] = []


class Settings(NodeConfig):
    anything: Any = None
    text: str = "x"
    count: int = Field(default=1, ge=0)
    either: int | list[str] = 0
    parts: list[Part] = Field(default_factory=list)
    limit: int = 100

    @model_validator(mode="after")
    def _below_limit(self) -> Self:
        if self.count > self.limit:
            raise ValueError("count is above limit")
        return self


ITEM = NodeData({"total": 5, "name": "Ada", "lines": [{"sku": "tea"}], "nothing": None, "items": [1, 2]}, "item-7")


def render(raw: dict[str, Any], data: NodeData = ITEM) -> Settings:
    template, problems = compile_config(Settings, raw)
    assert template is not None, problems
    config = template.render(data, loop="flow.start")
    assert isinstance(config, Settings)
    return config


def value_of(text: str, data: NodeData = ITEM) -> Any:
    return render({"anything": text}, data).anything


def problems_of(raw: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    template, problems = compile_config(Settings, raw)
    assert (template is None) == bool(problems)
    return [(problem.path, problem.code) for problem in problems]


def only_problem(raw: dict[str, Any]) -> ConfigProblem:
    template, problems = compile_config(Settings, raw)
    assert template is None
    assert len(problems) == 1, problems
    return problems[0]


def failure(raw: dict[str, Any]) -> str:
    with pytest.raises(TemplateError) as caught:
        render(raw)
    return str(caught.value)


def test_a_config_without_templates_is_validated_once() -> None:
    template, _ = compile_config(Settings, {"count": 3})
    assert template is not None
    assert template.static == Settings(count=3)
    assert template.render(ITEM, loop="l") is template.static


def test_a_config_with_a_template_has_no_static_form() -> None:
    template, _ = compile_config(Settings, {"count": "{{ data.total }}"})
    assert template is not None
    assert template.static is None
    assert template.render(ITEM, loop="l") == Settings(count=5)


@given(JSON)
def test_one_expression_keeps_the_value_as_it_is(value: Any) -> None:
    data = NodeData({"x": value})
    assert value_of("{{ data.x }}", data) == value
    assert type(value_of("{{ data.x }}", data)) is type(value)
    assert value_of("{{ [data.x] }}", data) == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ data.total + 1 }}", 6),
        ("  {{ data.total > 3 }}\n", True),
        ("{{- data.total -}}", 5),
        ("{{ data.nothing }}", None),
        ("{{ data }}", ITEM.payload),
        ("{{ data.lines[0].sku }}", "tea"),
        ("{{ data['lines'][0]['sku'] }}", "tea"),
        ("{{ data.lines | map(attribute='sku') }}", ["tea"]),
        ("{{ {'a': data.total, 'b': [data.name | upper]} }}", {"a": 5, "b": ["ADA"]}),
        ("{{ data.missing | default(9) }}", 9),
        ("{{ 'yes' if data.missing is defined else 'no' }}", "no"),
        ("{{ item }}", "item-7"),
        ("{{ loop }}", "flow.start"),
        ("{{ '{{' }}", "{{"),
        ("{{ 1 }}{{ 2 }}", "12"),
        ("n={{ data.total }}\n", "n=5\n"),
        ("{% for line in data.lines %}{{ line.sku }};{% endfor %}", "tea;"),
        ("{% if data.total > 3 %}big{% endif %}", "big"),
        ("<{{ data.name }}>", "<Ada>"),
        ("{ not: a template }", "{ not: a template }"),
        (["{{ data.total }}", {"k": "{{ item }}", "fixed": 1}], [5, {"k": "item-7", "fixed": 1}]),
    ],
)
def test_templates_give(text: Any, value: Any) -> None:
    result = value_of(text)
    assert result == value
    assert type(result) is type(value)


def test_a_field_of_the_payload_wins_over_a_method_or_attribute_of_that_name() -> None:
    assert value_of("{{ data.items }}") == [1, 2]
    assert value_of("{{ data.items | sum }}") == 3
    assert value_of("{{ data.id }}", NodeData({"id": "own"}, "item-7")) == "own"
    assert value_of("{{ data.id }}") == "item-7"


def test_the_outputs_of_single_branches_are_in_data_by() -> None:
    data = NodeData({}, by={"check": NodeData({"ok": True}), "odd-name": NodeData({"n": 1})})
    assert value_of("{{ data.by.check.ok }}", data) is True
    assert value_of("{{ data.by['odd-name'].n }}", data) == 1


def test_now_is_an_aware_time_in_utc() -> None:
    before = datetime.now(UTC)
    now = value_of("{{ now }}")
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC
    assert value_of("{{ now.strftime('%Y') }}") == f"{now:%Y}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ data.totl }}", "'totl' is undefined in data (it has: total, name, lines, nothing, items)"),
        ("{{ data.totl > 1 }}", "'totl' is undefined in data (it has: total, name, lines, nothing, items)"),
        ("a {{ data.totl }}", "'totl' is undefined in data (it has: total, name, lines, nothing, items)"),
        ("{{ data['totl'] }}", "'totl' is undefined in data (it has: total, name, lines, nothing, items)"),
        ("{{ [data.totl] }}", "'totl' is undefined in data (it has: total, name, lines, nothing, items)"),
        ("{{ data.lines[0].price }}", "'price' is undefined in data.lines[0] (it has: sku)"),
        ("{{ data.lines | map(attribute='price') }}", "'price' is undefined in a mapping (it has: sku)"),
        ("{{ data.by.check }}", "'check' is undefined in data.by (it is empty)"),
        ("{{ data.nothing.x }}", "'x' is undefined in data.nothing, which is null"),
        ("{{ data.total.x }}", "'x' is undefined in data.total, which is a value of type int"),
        ("{{ data.totl.x.y }}", "'totl' is undefined in data (it has: total, name, lines, nothing, items)"),
        ("{{ data.total + data.name }}", "TypeError: unsupported operand type(s) for +: 'int' and 'str'"),
        ("{{ data.total / 0 }}", "ZeroDivisionError: division by zero"),
        ("{{ data.name.upper }}", "it is the method upper(), not a field"),
        ("{{ data.name.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ data.lines.append(1) }}", "access to attribute 'append' of 'list' object is unsafe"),
    ],
)
def test_an_error_names_setting_and_variable(text: str, said: str) -> None:
    message = failure({"anything": text})
    assert message.startswith("config.anything: ")
    assert said in message


def test_an_error_names_the_place_within_a_setting() -> None:
    assert failure({"anything": {"a": [1, {"b": "{{ data.x }}"}]}}).startswith(
        "config.anything.a[1].b: 'x' is undefined"
    )


def test_a_long_payload_is_not_listed_in_full() -> None:
    data = NodeData({f"field-{n}": n for n in range(500)} | {"k" * 500: 1})
    with pytest.raises(TemplateError) as caught:
        value_of("{{ data.x }}", data)
    assert len(str(caught.value)) < 300


def test_a_rendered_value_that_does_not_fit_says_what_it_is() -> None:
    assert failure({"count": "{{ data.name }}"}) == (
        'config.count: it should be a valid integer, unable to parse string as an integer, not "Ada"'
    )
    assert failure({"count": "{{ data.total - 6 }}"}) == "config.count: it should be greater than or equal to 0, not -1"
    assert failure({"count": "{{ data.total }}", "limit": 4}).startswith("config: count is above limit")
    assert "| string" in failure({"text": "{{ data.total }}"})


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        ({"count": -1}, [(("count",), "bad-config")]),
        ({"count": -1, "text": 4}, [(("text",), "bad-config"), (("count",), "bad-config")]),
        ({"cuont": 1}, [(("cuont",), "unknown-field")]),
        (
            {"parts": [{"size": 1}, {"sise": 2}]},
            [(("parts", 1, "size"), "bad-config"), (("parts", 1, "sise"), "unknown-field")],
        ),
        ({"either": {}}, [(("either",), "bad-config")]),
        ({"count": 200}, [((), "bad-config")]),
        ({"anything": "{{ data. }}"}, [(("anything",), "bad-template")]),
        ({"anything": [1, "{{ data.x | nonsense }}"]}, [(("anything", 1), "bad-template")]),
        ({"anything": "{% for x in data %}"}, [(("anything",), "bad-template")]),
        ({"anything": "{{ dta.x }}", "count": -1}, [(("anything",), "bad-template"), (("count",), "bad-config")]),
        ({"anything": "{{ data.x }}", "count": -1}, [(("count",), "bad-config")]),
        ({"parts": [{"size": "{{ data.n }}"}, {"size": "big"}]}, [(("parts", 1, "size"), "bad-config")]),
        ({"parts": {"size": "{{ data.n }}"}}, [(("parts",), "bad-config")]),
    ],
)
def test_all_that_waits_for_no_item_is_checked_at_load(
    raw: dict[str, Any], problems: list[tuple[tuple[str | int, ...], str]]
) -> None:
    assert problems_of(raw) == problems


@pytest.mark.parametrize(
    "raw",
    [
        {"count": "{{ data.total }}"},
        {"count": "{{ data.total }}", "limit": 0},
        {"parts": [{"size": "{{ data.total }}", "tags": ["{{ item }}"]}]},
        {"either": ["{{ item }}", "x"]},
        {"either": "{{ data.items }}"},
        {"parts": "{{ data.lines }}"},
    ],
)
def test_what_a_template_may_yet_make_right_is_no_problem_at_load(raw: dict[str, Any]) -> None:
    assert problems_of(raw) == []


def test_problems_say_what_to_do() -> None:
    assert only_problem({"cuont": 1}).message == "unknown setting 'cuont' (did you mean 'count'?)"
    assert only_problem({"zzz": 1}).message == (
        "unknown setting 'zzz' (there are: anything, text, count, either, parts, limit)"
    )
    assert only_problem({"anything": "{{ dat.x }}"}).message == (
        "the template uses the unknown variable 'dat' (did you mean 'data'?)"
    )
    assert only_problem({"anything": "{{ total }}"}).message == (
        "the template uses the unknown variable 'total' (fields of the item are in `data`: data.total)"
    )
    assert only_problem({"anything": "a\n{{ b c }}"}).message.endswith("(in its line 2)")
    assert only_problem({"either": {}}).message == "it should be a valid integer, or: it should be a valid list"


def test_a_producers_config_holds_no_template() -> None:
    raw = {"anything": ["{{ data.x }}", "{{ broken"], "count": -1}
    template, problems = compile_config(Settings, raw, has_item=False)
    assert template is None
    assert [(problem.path, problem.code) for problem in problems] == [
        (("anything", 0), "bad-template"),
        (("anything", 1), "bad-template"),
        (("count",), "bad-config"),
    ]
    assert "there is no item yet" in problems[0].message


def test_a_missing_setting_is_named_where_it_would_be() -> None:
    class Needy(NodeConfig):
        queue: str

    template, problems = compile_config(Needy, {})
    assert template is None
    assert [(problem.path, problem.message) for problem in problems] == [
        (("queue",), "the setting 'queue' is missing: add it"),
    ]


def test_an_authors_validator_may_raise_anything() -> None:
    class Odd(NodeConfig):
        x: Any = None

        @field_validator("x")
        @classmethod
        def _check(cls, value: Any) -> Any:
            return value["key"]

    template, problems = compile_config(Odd, {"x": 5})
    assert template is None
    assert problems[0].code == "bad-config"
    assert "TypeError" in problems[0].message
    template, problems = compile_config(Odd, {"x": "{{ data.total }}"})
    assert template is not None
    with pytest.raises(TemplateError, match="TypeError"):
        template.render(ITEM, loop="l")


def test_rendering_leaves_the_raw_config_and_the_payload_alone() -> None:
    raw = {"anything": {"list": ["{{ data.items }}", 1]}}
    template, _ = compile_config(Settings, raw)
    assert template is not None
    first, second = (template.render(ITEM, loop="l") for _ in range(2))
    assert raw == {"anything": {"list": ["{{ data.items }}", 1]}}
    assert first == second
    assert ITEM["items"] == [1, 2]


class Query(NodeConfig):
    sql: Annotated[str, Fixed("an item could become SQL")]
    more: Annotated[dict[str, str], Fixed("it is read at the start")] = Field(default_factory=dict)
    values: dict[str, Any] = Field(default_factory=dict)


def test_a_fixed_setting_can_hold_no_template_and_its_form_says_so() -> None:
    item = {"a": "{{ item }}"}
    _, problems = compile_config(Query, {"sql": "SELECT {{ data.x }}", "more": item, "values": item})
    assert [(each.path, each.message, each.code) for each in problems] == [
        (("sql",), "it can't hold a template: an item could become SQL", "bad-template"),
        (("more", "a"), "it can't hold a template: it is read at the start", "bad-template"),
    ]
    assert {each.name: each.template for each in form_fields(Query).fields} == {
        "sql": False, "more": False, "values": True,
    }  # fmt: skip
