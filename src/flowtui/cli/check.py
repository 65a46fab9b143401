"""`flowtui check`: every problem of every file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from flowtui.cli.options import folder_argument
from flowtui.graph.folder import LoadedFolder, load_folder


@click.command()
@folder_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(folder: Path, as_json: bool) -> int:
    """Show every problem of every workflow file in FOLDER; exit 1 if there is one."""
    loaded = load_folder(folder, os.environ)
    if as_json:
        click.echo(json.dumps(_as_json(loaded), ensure_ascii=False))
    else:
        for problem in loaded.problems:
            click.echo(str(problem))
        click.echo(_summary(loaded))
    return 1 if loaded.problems else 0


def _summary(loaded: LoadedFolder) -> str:
    plans = [plan for workflow in loaded.workflows for plan in workflow.plans]
    nodes = sum(len(plan.nodes) for plan in plans)
    what = f"{len(loaded.files)} files, {len(plans)} loops, {nodes} nodes"
    count = len(loaded.problems)
    return f"{what}: {'no problems' if not count else '1 problem' if count == 1 else f'{count} problems'}"


def _as_json(loaded: LoadedFolder) -> dict[str, object]:
    return {
        "ok": not loaded.problems,
        "files": [str(path) for path in loaded.files],
        "loops": [plan.loop for workflow in loaded.workflows for plan in workflow.plans],
        "problems": [
            {
                "file": str(problem.path),
                "line": problem.line,
                "column": problem.column,
                "severity": problem.severity,
                "code": problem.code,
                "message": problem.message,
            }
            for problem in loaded.problems
        ],
    }
