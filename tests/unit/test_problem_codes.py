"""Every code of a problem is explained in README, and README explains no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for room in ("workflow", "graph", "nodes", "engine") for path in (ROOT / "src/flowtui" / room).rglob("*.py")
]
#: What makes a problem, or a part of one; the code is the argument behind the message.
MAKERS = {
    "Problem",
    "problem",
    "report",
    "_report",
    "_damage",
    "_warn",
    "_warning",
    "TextError",
    "TextFault",
    "ConfigProblem",
    "Fault",
}
CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def codes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = node.args[1:] if name in MAKERS else []
            if name == "PydanticCustomError":
                given = node.args[:1]
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and _is_message(node.elts[0]):
            given = node.elts[1:]
        elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "code":
            given = [node.value]
        else:
            continue
        for each in given:
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and CODE.fullmatch(each.value):
                yield each.value


def _is_message(part: ast.expr) -> bool:
    return isinstance(part, ast.JoinedStr) or getattr(part, "id", "") == "message" or getattr(part, "attr", "") == "msg"


def rows() -> list[list[str]]:
    section = (ROOT / "README.md").read_text().split("## What `flowtui check` says")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_table_in_the_readme_has_every_code_once_and_no_other():
    listed = [code for cells in rows() for code in re.findall(r"`([^`]+)`", cells[0])]
    assert len(listed) == len(set(listed))
    made = {code for path in SOURCES for code in codes_in(ast.parse(path.read_text()))}
    assert set(listed) - made == set(), "README explains what is never reported"
    assert made - set(listed) == set(), "add a row to README, under 'What `flowtui check` says'"


def test_every_row_says_what_it_means_and_what_to_do():
    for cells in rows():
        assert len(cells) == 3, cells
        assert all(cells), cells


def test_a_code_that_a_new_check_reports_would_be_found():
    for text in (
        "draft.report(node, ('x',), message, 'new-code', key=True)",
        "problems.append(Problem(path, 1, 1, f'{x} is wrong', 'new-code'))",
        "return f'{x} is wrong', 'new-code'",
        "raise TextError(1, 1, 'this is wrong', 'new-code')",
    ):
        assert list(codes_in(ast.parse(text))) == ["new-code"], text
