"""Every row of the nodes' bench runs, and is judged by its ratio; how fast a node is it is not asked here."""

from __future__ import annotations

import pytest

from bench_nodes import Cost, judge, measure
from node_costs import Row, all_rows


@pytest.mark.parametrize("row", all_rows(), ids=lambda row: row.name)
def test_a_node_is_measured_beside_the_bare_call(row: Row) -> None:
    cost = measure(row, 1, 0.002)
    assert cost.node_us > 0
    assert cost.bare_us > 0
    assert cost.ratio == pytest.approx(cost.node_us / cost.bare_us)


def test_a_node_that_takes_more_than_its_row_allows_fails(capsys: pytest.CaptureFixture[str]) -> None:
    good = Cost("log", 20.0, "logging", 10.0, 2.0, 2.0)
    assert judge([good])
    assert not judge([Cost("log", 21.0, "logging", 10.0, 2.1, 2.0), good])
    assert "FAIL  log: 21.0 µs, 2.1 times logging (10.0 µs), at most 2 wanted" in capsys.readouterr().out
