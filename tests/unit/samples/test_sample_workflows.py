"""The sample folder as a whole."""

from __future__ import annotations

import re
from pathlib import Path

from flowtui.graph.folder import load_folder

SAMPLES = Path(__file__).parents[3] / "workflows"


def test_the_samples_have_no_problems() -> None:
    loaded = load_folder(SAMPLES, {})
    assert [str(problem) for problem in loaded.problems] == []
    assert {plan.loop for each in loaded.workflows for plan in each.plans} == {
        "host-watch.tick",
        "log-tail.pulse",
        "log-tail.follow",
        "log-tail.suspects",
        "orders.clock",
        "orders.incoming",
        "orders.fulfil",
    }


def test_the_samples_write_only_where_the_variable_says(tmp_path: Path) -> None:
    loaded = load_folder(SAMPLES, {"FLOWTUI_SAMPLES": str(tmp_path)})
    configs = [str(dict(node.config)) for each in loaded.workflows for plan in each.plans for node in plan.nodes]
    paths = {path for config in configs for path in re.findall(r"'([~/][^']*)'", config)}
    assert {path for path in paths if not path.startswith(str(tmp_path))} == {"/", "/var/log/*.log"}
