"""What the app sends to a real terminal. Bytes are exact, so the budget is asserted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from crowds import TICKS_PER_S
from terminal_child import TerminalChild

from warm_python import WarmPython


@dataclass(frozen=True)
class Budget:
    """So many bytes a second at most, and at least, while `scenario` is shown; `ticks` are hurried through."""

    scenario: str
    most: int
    least: int
    ticks: int
    preferences: dict[str, Any] = field(default_factory=dict)
    ticks_per_s: int = TICKS_PER_S


BUDGETS = {
    "at rest": Budget("rest-ticks", most=100, least=0, ticks=80),
    "fifty loops": Budget("fifty-ticks", most=15_000, least=4_000, ticks=40),
}


@pytest.fixture
def start(tmp_path: Path, warm_screen: WarmPython) -> Iterator[Any]:
    children: list[TerminalChild] = []

    def start_it(budget: Budget) -> TerminalChild:
        preferences = {"refresh": 80.0} | budget.preferences
        (tmp_path / "ticks").write_text(json.dumps({"number": budget.ticks, "preferences": preferences}))
        children.append(TerminalChild(tmp_path, budget.scenario, 120, 40, warm_screen))
        return children[0]

    yield start_it
    for child in children:
        child.close()


@pytest.mark.parametrize("name", BUDGETS)
def test_no_more_is_sent_than_a_slow_line_can_take(start: Any, tmp_path: Path, name: str) -> None:
    budget = BUDGETS[name]
    child = start(budget)
    child.wait_for(lambda text: "reserved 3 of" in text and "Nodes of" in text)
    while child.read(0.1):
        pass
    before = len(child.sent)
    (tmp_path / "go").touch()
    child.wait_for(lambda text: "loading …" in text)
    a_second = (len(child.sent) - before) / budget.ticks * budget.ticks_per_s
    assert budget.least <= a_second <= budget.most
