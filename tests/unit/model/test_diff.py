"""What the structural diff says of two JSON values."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.model.diff import Change, ChangeKind, count_leaves, differences, same, shown_path

ADDED, REMOVED, CHANGED, MOVED = ChangeKind


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2.0], "a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["changed a"]),
        ({"a": "1"}, {"a": 1}, ["changed a"]),
        ({"a": None}, {}, ["removed a"]),
        ({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, ["changed a.b", "added a.c"]),
        ({"a": {}}, {"a": []}, ["changed a"]),
        ({"l": [1, 2, 3]}, {"l": [0, 1, 2, 3]}, ["added l[0]"]),
        ({"l": [1, 2, 3]}, {"l": [1, 3]}, ["removed l[1]"]),
        ({"l": [1, 2, 3]}, {"l": [3, 1, 2]}, ["moved l[0]"]),
        ({"l": [1, 1, 1]}, {"l": [1, 1]}, ["removed l[2]"]),
        ({"l": [1, 5, 3]}, {"l": [1, 6, 3]}, ["changed l[1]"]),
        ({"l": [{"id": 1, "n": 1}]}, {"l": [{"id": 2, "n": 0}, {"id": 1, "n": 2}]}, ["added l[0]", "changed l[1].n"]),
        ({"l": [{"n": 1}]}, {"l": [{"n": 2}, {"n": 3}]}, ["changed l[0].n", "added l[1]"]),
        ([1], {"a": 1}, ["changed ."]),
    ],
)
def test_each_difference_is_told_once_with_its_path(old: Any, new: Any, said: list[str]) -> None:
    assert [f"{each.kind} {shown_path(each.path)}" for each in differences(old, new)] == said
    assert same(old, new) == (not said)


def test_a_moved_element_says_where_it_was() -> None:
    assert differences(["a", "b", "c"], ["b", "c", "a"]) == (Change(MOVED, (2,), "a", "a", 0),)


def test_paths_are_read_as_they_are_written_and_odd_keys_are_quoted() -> None:
    assert shown_path(("lines", 2, "price")) == "lines[2].price"
    assert shown_path(("a b", "", "c.d", "é")) == '["a b"][""]["c.d"].é'


def test_leaves_are_scalars_and_what_is_empty() -> None:
    assert count_leaves({"a": 1, "b": [], "c": [1, {"d": None, "e": {}}]}) == 5


def test_ten_thousand_equal_elements_take_no_time_that_grows_with_their_square() -> None:
    old = [0] * 10_000
    assert [each.path for each in differences(old, [*old[:5000], 1, *old[5000:]])] == [(5000,)]
    assert len(differences(list(range(10_000)), list(range(9_999, -1, -1)))) == 9_999


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(("id", "a", "b")), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_nothing_differs_exactly_from_itself_and_every_change_is_where_it_says(old: Any, new: Any) -> None:
    assert differences(old, copy.deepcopy(old)) == ()
    changes = differences(old, new)
    assert same(old, new) == same(new, old) == (not changes)
    for each in changes:
        value = old if each.kind is REMOVED and len(each.path) == 1 else new
        if each.kind in (ADDED, CHANGED, MOVED):
            for key in each.path:
                value = value[key]
            assert value == each.new
