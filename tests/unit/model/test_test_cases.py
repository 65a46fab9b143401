"""A run of a node becomes a test case that can be run again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowtui.model.cases import Expected, TestCase, case_of
from flowtui.model.development import DevRun, NodeFailure, NodeInput, Origin, Stored
from flowtui.model.errors import NotRepeatable

GIVEN = NodeInput(Origin.SAMPLE, Stored({"a": 1}, id="i-1"), "before")
RUN = DevRun("r", "shop.once", "add", 0.0, 1.0, {"tax": 2, "unit": "kg"}, (GIVEN,), Stored({"a": 2}), port="yes")


def case(run: DevRun, *upstream: str, **written: object) -> TestCase:
    return case_of(run, "it adds", written, upstream or ("before",))


def test_a_good_run_expects_its_output_and_port_of_its_input() -> None:
    found = case(RUN, tax=2, unit="kg")
    expected = Expected(has_output=True, output={"a": 2}, port="yes")
    assert found == TestCase("it adds", "shop", "add", expected, input={"a": 1}, item="i-1")
    assert found.given(("before",)) == GIVEN.data


def test_a_run_that_handed_on_nothing_expects_just_that() -> None:
    assert case(replace(RUN, output=None, port="")).expect == Expected(has_output=True)


def test_a_failed_run_expects_its_error() -> None:
    failed = replace(RUN, output=None, port="", failure=NodeFailure("ValueError", "no lines", " (x.py:1 in f)"))
    assert case(failed).expect == Expected(error="ValueError: no lines")


def test_the_case_holds_the_settings_that_are_not_those_of_the_file() -> None:
    assert case(RUN, tax=1, unit="kg", colour="red").config == {"tax": 2, "colour": None}


def test_what_each_branch_of_a_join_gave_is_kept_in_the_order_of_its_needs() -> None:
    right, left = (NodeInput(Origin.MOCK, Stored({"x": name, name: 1}), name) for name in ("right", "left"))
    found = case(replace(RUN, inputs=(right, left)), "left", "right")
    assert (found.input, [*found.inputs]) == (None, ["left", "right"])
    given = found.given(("left", "right"))
    assert given is not None
    assert (given.payload, [*given.by]) == ({"x": "right", "left": 1, "right": 1}, ["left", "right"])


def test_an_edited_payload_of_a_join_is_kept_beside_its_branches() -> None:
    whole = NodeInput(Origin.LETTER, Stored({"x": "edited"}, {"left": Stored({"x": 1}), "right": Stored({"x": 2})}))
    found = case(replace(RUN, inputs=(whole,)), "left", "right")
    assert found.given(("left", "right")) == whole.data


def test_a_producer_takes_nothing() -> None:
    found = case_of(replace(RUN, inputs=()), "it makes one", RUN.config, ())
    assert (found.input, found.inputs, found.given(())) == (None, {}, None)


def test_a_run_of_which_not_all_was_kept_makes_no_case() -> None:
    with pytest.raises(NotRepeatable, match="the output of this run was too big to be kept"):
        case(replace(RUN, cut=("output",)))
