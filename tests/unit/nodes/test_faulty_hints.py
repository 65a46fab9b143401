"""What an author's hints get wrong is said when the module loads; a value that is no choice is warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowtui.graph.folder import load_folder
from flowtui.model.errors import Severity
from flowtui.nodes.registry import discover

HEAD = """\
from typing import Annotated
from flowtui import BlockingNode, Choices, NodeConfig, ShownIf
from pydantic import BaseModel
{before}
class Go(BlockingNode):
    def execute(self, data): return data

    class Config(NodeConfig):
        first: str = ""
"""
LINE = HEAD.count("\n") + 1


def discovered(folder: Path, settings: str, before: str = "") -> list[str]:
    (folder / "nodes").mkdir(exist_ok=True)
    lines = "".join(f"        {line}\n" for line in settings.splitlines())
    (folder / "nodes" / "go.py").write_text(HEAD.format(before=before) + lines)
    found = discover(folder).problems
    assert all(each.code == "bad-node" for each in found)
    return [str(each).removeprefix(f"{folder}/nodes/go.py:").removesuffix(" [bad-node]") for each in found]


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ('Choices(list, of="frist")', "Choices of 'a' depends on 'frist', which is no setting beside it (did you mean"),
        ('Choices(["x"], of="first")', "Choices of 'a' depend on first, so they need a function"),
        ('Choices("text")', "Choices of 'a' must be a list, not a text"),
        ('Choices(lambda: [], of="first")', "the function in Choices of 'a' must take first"),
        ("Choices(lambda one: [])", "the function in Choices of 'a' must take no arguments"),
        ('ShownIf(True, of="first")', "ShownIf of 'a' needs a function of first"),
        ("ShownIf(bool, of=())", "ShownIf of 'a' must say on which settings it depends: of=…"),
        ('ShownIf(bool, of="a")', "the settings depend on each other in a circle: a → a"),
    ],
)
def test_a_hint_that_cannot_work_is_reported_at_its_setting(tmp_path: Path, hint: str, said: str) -> None:
    (found,) = discovered(tmp_path, f'other: str = ""\na: Annotated[str, {hint}] = ""')
    assert found.startswith(f"{LINE + 1}:9: {said}")


def test_an_async_function_is_refused(tmp_path: Path) -> None:
    (found,) = discovered(
        tmp_path, 'a: Annotated[str, Choices(ask, of="first")] = ""', "async def ask(first): return []"
    )
    assert "the function in Choices of 'a' must be a plain def, not async" in found


def test_a_circle_names_all_its_settings_in_order(tmp_path: Path) -> None:
    settings = "\n".join(f'{name}: Annotated[str, Choices(list, of="{of}")] = ""' for name, of in ("ab", "bc", "ca"))
    (found,) = discovered(tmp_path, settings)
    circle = found.partition("in a circle: ")[2].split(" → ")
    assert circle[0] == circle[-1]
    assert "".join(circle) in "abcabc"


def test_a_setting_that_may_be_hidden_needs_a_default(tmp_path: Path) -> None:
    (found,) = discovered(tmp_path, 'a: Annotated[str, ShownIf(bool, of="first")]')
    assert found == f"{LINE}:9: 'a' is not always shown, so it needs a default"


def test_hints_of_nested_settings_are_checked_too(tmp_path: Path) -> None:
    inner = 'class Inner(BaseModel):\n    x: Annotated[str, Choices(list, of="first")] = ""\n'
    (found,) = discovered(tmp_path, "a: list[Inner] | None = None", inner)
    assert "Choices of 'x' depends on 'first', which is no setting beside it" in found


def test_a_configured_value_that_is_no_choice_is_a_warning_and_the_workflow_runs(tmp_path: Path) -> None:
    settings = (
        'country: Annotated[str, Choices(["Italy", "Peru"])]\n'
        'city: Annotated[str, Choices(lambda country: {"Italy": ["Rome"]}[country], of="country")] = ""'
    )
    assert discovered(tmp_path, settings) == []
    (tmp_path / "flow.yaml").write_text(
        "nodes:\n"
        "  start: {type: sequence, config: {count: 1}}\n"
        "  wrong: {type: go, needs: start, config: {country: Italy, city: Rom}}\n"
        '  later: {type: go, needs: start, config: {country: Italy, city: "{{ data.city }}"}}\n'
        "  raises: {type: go, needs: start, config: {country: Peru, city: Lima}}\n"
    )
    loaded = load_folder(tmp_path, {})
    (problem,) = loaded.problems
    assert (problem.line, problem.code, problem.severity) == (3, "not-a-choice", Severity.WARNING)
    assert problem.message == "config.city: it should be 'Rome', not 'Rom' (did you mean 'Rome'?)"
    assert len(loaded.workflows) == 1
