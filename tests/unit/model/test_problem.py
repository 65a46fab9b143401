from __future__ import annotations

from pathlib import Path

from flowtui.model.errors import Problem


def test_a_problem_is_one_line_and_sends_nothing_to_the_terminal_but_text():
    problem = Problem(Path("odd\x1b.yaml"), 3, 0, "unknown field 'a\nb\x1b[31m\udcff' für 日本", "unknown-field")
    assert problem.message == r"unknown field 'a\nb\x1b[31m\udcff' für 日本"
    assert str(problem) == rf"odd\x1b.yaml:3:1: {problem.message} [unknown-field]"
