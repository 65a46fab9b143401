"""What a test case does not compare, and how it finds the rest."""

from __future__ import annotations

from typing import Any

import pytest

from flowtui.workflow.ignored import query_fault, without

VALUE = {"at": 1, "lines": [{"sku": "tea", "at": 2}, {"sku": "pot", "at": 3}], "a b": 4}


@pytest.mark.parametrize(
    ("queries", "left"),
    [
        ((), VALUE),
        (("at",), {key: value for key, value in VALUE.items() if key != "at"}),
        (("$..at",), {"lines": [{"sku": "tea"}, {"sku": "pot"}], "a b": 4}),
        (("lines[*].sku", "$['a b']", "at"), {"lines": [{"at": 2}, {"at": 3}]}),
        (("lines[0]", "nowhere.at"), {**VALUE, "lines": ["(ignored)", VALUE["lines"][1]]}),
        (("lines[?@.sku == 'pot'].at", "lines"), {"at": 1, "a b": 4}),
        (("lines", "$..sku"), {"at": 1, "a b": 4}),
        (("$",), "(ignored)"),
    ],
)
def test_what_queries_find_is_taken_out(queries: tuple[str, ...], left: Any) -> None:
    assert without(VALUE, queries) == left
    assert VALUE["at"] == 1


def test_no_output_stays_none() -> None:
    assert without(None, ("at",)) is None


@pytest.mark.parametrize("query", ["", "lines[", "a b", "$.["])
def test_what_is_no_query_is_told_in_one_line(query: str) -> None:
    assert query_fault(query)
    assert "\n" not in query_fault(query)
