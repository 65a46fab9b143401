"""`NodeData.to_json`: what a queue carries, whatever an author puts into a payload."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.model.data import NodeData

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


@settings(max_examples=30)
@given(st.dictionaries(st.text() | st.integers() | st.none() | st.booleans(), VALUES))
def test_it_is_what_the_standard_library_writes(payload: dict[Any, Any]) -> None:
    assert NodeData(payload).to_json() == json.dumps(payload, separators=(",", ":")).encode()


def test_any_mapping_can_be_a_payload() -> None:
    assert NodeData(MappingProxyType({"a": 1})).to_json() == b'{"a":1}'


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), {1, 2}, object(), {(1, 2): 3}])
def test_what_json_has_no_form_for_is_refused_each_time(value: object) -> None:
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            NodeData({"value": value}).to_json()


def test_a_payload_that_holds_itself_is_refused_and_the_next_one_is_written() -> None:
    ring: dict[str, Any] = {}
    ring["self"] = ring
    with pytest.raises(RecursionError):
        NodeData(ring).to_json()
    assert NodeData({"a": [1]}).to_json() == b'{"a":[1]}'
