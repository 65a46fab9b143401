"""`flowtui test`: run the test cases of a folder of workflows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from flowtui.cli.streams import results
from flowtui.cli.tables import counted, frames, problem_as_dict
from flowtui.cli.usage import Misuse, debug_option, folder_argument
from flowtui.engine.cases import CaseResult, CaseRunner
from flowtui.engine.dev_process import DevProcesses
from flowtui.engine.development import Development
from flowtui.engine.processes import fork
from flowtui.graph.folder import LoadedFolder, load_folder
from flowtui.model.cases import CASES_FOLDER
from flowtui.model.diff import Change, ChangeKind, shown_path
from flowtui.model.errors import Problem, in_file_order
from flowtui.nodes.secrets import Secrets
from flowtui.workflow.cases import PlacedCase, case_files, load_cases

#: Longest value that is shown of what differs, in characters.
_LONGEST = 300


@click.command()
@folder_argument
@click.option("-k", "wanted", default="", metavar="TEXT", help="Only cases whose workflow, node or name hold this.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
def test(folder: Path, wanted: str, as_json: bool) -> int:
    """Run the test cases in FOLDER/tests/*.yaml: each runs one node and compares what comes of it.

    No store is needed, and nothing is kept. Exit 0 if all cases passed, 1 if one has not, 2 if a case cannot be run at
    all: then none is.
    """
    with results() as out:
        loaded = load_folder(folder, os.environ)
        cases, problems = _cases(folder)
        if not (cases or problems):
            raise Misuse(f"there are no test cases in {folder / CASES_FOLDER}: F10 in the app's inspector saves one")
        with contextlib.closing(DevProcesses(start=fork)) as processes:
            processes.warm()  # while there are no threads
            runner = CaseRunner(loaded, _development(loaded, processes))
            problems += runner.problems(cases)
            if problems:
                return _refuse(out, in_file_order(problems), as_json=as_json)
            chosen = [each for each in cases if wanted.casefold() in _name(each).casefold()]
            if not chosen:
                raise Misuse(f"none of {counted(len(cases), 'case')} has {wanted!r} in its workflow, node or name")
            done = asyncio.run(_run(runner, chosen, None if as_json else out))
        if as_json:
            out.write(f"{json.dumps(_as_json(done), ensure_ascii=False)}\n")
        else:
            out.write(f"{_summary(done)}\n")
    return 0 if all(each.ok for each in done) else 1


def _cases(folder: Path) -> tuple[list[PlacedCase], list[Problem]]:
    cases: list[PlacedCase] = []
    problems: list[Problem] = []
    for path in case_files(folder):
        found, wrong = load_cases(path)
        cases += found
        problems += wrong
    return cases, problems


def _development(loaded: LoadedFolder, processes: DevProcesses) -> Development:
    plans = {plan.loop: plan for workflow in loaded.workflows for plan in workflow.plans}
    return Development(lambda: plans, loaded.folder, Secrets(os.environ), None, processes=processes)


async def _run(runner: CaseRunner, cases: Sequence[PlacedCase], out: TextIO | None) -> list[CaseResult]:
    done = []
    for placed in cases:
        result = await runner.run(placed)
        done.append(result)
        if out is not None:
            out.writelines(f"{line}\n" for line in _lines(result))
            out.flush()
    return done


def _refuse(out: TextIO, problems: Sequence[Problem], *, as_json: bool) -> int:
    if as_json:
        told = {"ok": False, "cases": [], "problems": [problem_as_dict(each) for each in problems]}
        out.write(f"{json.dumps(told, ensure_ascii=False)}\n")
        return 2
    out.writelines(f"{problem}\n" for problem in problems)
    out.write(f"{counted(len(problems), 'problem')}: no case was run\n")
    return 2


def _name(placed: PlacedCase) -> str:
    case = placed.case
    return f"{case.workflow}.{case.node}: {case.name}"


def _lines(result: CaseResult) -> list[str]:
    placed, run = result.placed, result.run
    took = "" if run.ms is None else f" ({run.ms:.1f} ms)"
    if result.ok:
        return [f"✔ passed  {_name(placed)}{took}"]
    lines = [f"✖ failed  {_name(placed)}{took}", f"    {placed.file}:{placed.line}"]
    lines += [f"    {line}" for change in result.differences for line in _differs(change)]
    if run.failure is not None and not placed.case.expect.error:
        lines += [f"  {line}" for line in frames(run.failure.traceback)]
    return lines


def _differs(change: Change) -> list[str]:
    place = shown_path(change.path)
    if change.kind is ChangeKind.MOVED:
        return [f"{place}: {_text(change.new)} was expected at place {change.was}"]
    expected = "nothing" if change.kind is ChangeKind.ADDED else _text(change.old)
    got = "nothing" if change.kind is ChangeKind.REMOVED else _text(change.new)
    one_line = f"{place}: expected {expected}, got {got}"
    if len(one_line) <= 120 and "\n" not in one_line:
        return [one_line]
    return [f"{place}:", f"  expected {expected}", f"  got      {got}"]


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def _summary(done: Sequence[CaseResult]) -> str:
    failed = sum(not each.ok for each in done)
    return f"{counted(len(done), 'case')}: {len(done) - failed} passed, {failed} failed"


def _as_json(done: Sequence[CaseResult]) -> dict[str, Any]:
    return {"ok": all(each.ok for each in done), "cases": [_case_as_json(each) for each in done], "problems": []}


def _case_as_json(result: CaseResult) -> dict[str, Any]:
    case, run = result.placed.case, result.run
    return {
        "file": str(result.placed.file),
        "line": result.placed.line,
        "workflow": case.workflow,
        "node": case.node,
        "name": case.name,
        "ok": result.ok,
        "duration_ms": run.ms,
        "error": None if run.failure is None else f"{run.failure.error}: {run.failure.message}{run.failure.place}",
        "differences": [
            {"path": shown_path(each.path), "kind": each.kind, "expected": each.old, "got": each.new}
            for each in result.differences
        ],
    }
