"""`if` and `switch`."""

from __future__ import annotations

from typing import Any

import pytest

from flowtui.model.errors import TemplateError
from flowtui.nodes.builtin.branches import If, Switch
from flowtui.nodes.templates import compile_config


@pytest.mark.parametrize(
    ("value", "port"),
    [
        *((value, "yes") for value in (True, 1, -1, 0.5, "true", "Yes", " ON ", "1", [0], {"a": 0})),
        *((value, "no") for value in (False, 0, 0.0, "", " ", "false", "No", "OFF", "0", None, [], {})),
    ],
)
async def test_if_takes_the_branch_of_the_values_truth(work: Any, value: Any, port: str) -> None:
    assert await work(If, {"when": "{{ data.x }}"}, {"x": value}) == port
    assert await work(If, {"when": value}) == port


async def test_if_compares(work: Any) -> None:
    assert await work(If, {"when": "{{ data.total > 1000 }}"}, {"total": 1001}) == "yes"
    assert await work(If, {"when": "{{ data.total > 1000 }}"}, {"total": 1000}) == "no"


def test_a_condition_without_braces_is_a_problem_at_load() -> None:
    _, problems = compile_config(If.Config, {"when": "data.total > 1000"})
    assert [problem.path for problem in problems] == [("when",)]
    assert "neither yes nor no" in problems[0].message


async def test_a_half_rendered_comparison_is_an_error_not_a_yes(work: Any) -> None:
    with pytest.raises(TemplateError, match="'5 > 1000' is neither yes nor no"):
        await work(If, {"when": "{{ data.total }} > 1000"}, {"total": 5})


SWITCH = {"value": "{{ data.x }}", "cases": {"one": 1, "text": "1", "true": True, "again": 1, "list": [1, "a"]}}


@pytest.mark.parametrize(
    ("value", "port"),
    [(1, "one"), (1.0, "one"), ("1", "text"), (True, "true"), ([1, "a"], "list"), (2, "default"), (None, "default")],
)
async def test_switch_takes_the_first_case_that_equals_the_value(work: Any, value: Any, port: str) -> None:
    assert await work(Switch, SWITCH, {"x": value}) == port


async def test_a_case_may_be_a_template(work: Any) -> None:
    config = {"value": "{{ data.x }}", "cases": {"same": "{{ data.y }}"}}
    assert await work(Switch, config, {"x": 3, "y": 3}) == "same"
    assert await work(Switch, config, {"x": 3, "y": 4}) == "default"


def test_the_branches_of_a_switch_come_from_its_cases() -> None:
    assert Switch.ports_for(SWITCH) == ("one", "text", "true", "again", "list", "default")
    assert Switch.ports_for({}) == ("default",)
    assert Switch.ports_for({"cases": "{{ data.x }}"}) == ("default",)


@pytest.mark.parametrize(
    ("cases", "said"),
    [({}, "at least 1 item"), ({"default": 1}, "can't be called 'default'"), ({"a.b": 1}, "may hold only letters")],
)
def test_cases_that_make_no_branches_are_a_problem(cases: dict[str, Any], said: str) -> None:
    _, problems = compile_config(Switch.Config, {"value": 1, "cases": cases})
    assert [problem.path for problem in problems] == [("cases",)]
    assert said in problems[0].message
