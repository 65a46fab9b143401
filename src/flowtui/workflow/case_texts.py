"""A test case as text: a new file of cases, or one more in a file, of which all else stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowtui.model.cases import Expected, TestCase
from flowtui.model.errors import NotSaved
from flowtui.workflow.cases import parse_cases
from flowtui.workflow.edits import MARK, reach, read_layout
from flowtui.workflow.writer import block_text


def new_file(path: Path, case: TestCase) -> str:
    """Return the text of a file with this case alone."""
    head = f"# Test cases of the workflow {case.workflow}; to run them: flowtui test\n"
    return _checked(path, head + block_text({"cases": [_document(case, path)]}), case)


def with_case(path: Path, text: str, case: TestCase) -> str:
    """Return the text of a file of cases with one more, behind the others; comments, order and line ends stay.

    Raises:
        NotSaved: if the file has problems, or a case of that name.
    """
    cases, problems = parse_cases(path, text.encode())
    if problems:
        raise NotSaved(f"nothing was written, as the file of test cases has a problem: {problems[0]}")
    for other in cases:
        if (other.case.workflow, other.case.name) == (case.workflow, case.name):
            raise NotSaved(f"{path}:{other.line} has a case {case.name!r} already: give this one another name")
    mark = MARK if text.startswith(MARK) else ""
    layout = read_layout(path, text.removeprefix(MARK))
    wanted = {**layout.value, "cases": [*(layout.value["cases"] or []), _document(case, path)]}
    return _checked(path, mark + reach(path, layout, wanted, ("cases", len(cases))).text, case)


def _checked(path: Path, text: str, case: TestCase) -> str:
    """Make sure that what is written is what would be run."""
    cases, problems = parse_cases(path, text.encode())
    if problems or not cases or cases[-1].case != case:
        why = problems[0].message if problems else "it would say something else there"
        raise NotSaved(f"the case {case.name!r} can't be written into {path}: {why}")
    return text


def _document(case: TestCase, path: Path) -> dict[str, Any]:
    """Return a case as its file says it; what says nothing is left out."""
    document: dict[str, Any] = {"name": case.name}
    if case.workflow != path.stem:
        document["workflow"] = case.workflow
    document["node"] = case.node
    if case.config:
        document["config"] = dict(case.config)
    if case.input is not None:
        document["input"] = dict(case.input)
    if case.inputs:
        document["inputs"] = {need: dict(payload) for need, payload in case.inputs.items()}
    if case.item:
        document["id"] = case.item
    document["expect"] = _expected(case.expect)
    if case.ignore:
        document["ignore"] = list(case.ignore)
    return document


def _expected(expect: Expected) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if expect.has_output:
        told["output"] = None if expect.output is None else dict(expect.output)
    if expect.port:
        told["port"] = expect.port
    if expect.error:
        told["error"] = expect.error
    return told
