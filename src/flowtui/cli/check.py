"""`flowtui check`: every problem of every file."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import click

from flowtui.cli.streams import results
from flowtui.cli.tables import counted, problem_as_dict
from flowtui.cli.usage import debug_option, folder_argument
from flowtui.graph.folder import LoadedFolder, load_folder
from flowtui.model.errors import in_file_order
from flowtui.nodes.secrets import Secrets
from flowtui.workflow.secret_lint import secret_problems


@click.command()
@folder_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--no-secrets", is_flag=True, help="Do not look whether the secrets are set on this machine.")
@debug_option
def check(folder: Path, as_json: bool, no_secrets: bool) -> int:
    """Show every problem of every workflow file in FOLDER; exit 1 if there is one."""
    with results() as out:
        loaded = load_folder(folder, os.environ)
        if not no_secrets:
            found = secret_problems(loaded.secrets, Secrets(os.environ))
            loaded = replace(loaded, problems=in_file_order((*loaded.problems, *found)))
        lines = [json.dumps(_as_json(loaded))] if as_json else [*map(str, loaded.problems), _summary(loaded)]
        out.writelines(f"{line}\n" for line in lines)
    return 1 if loaded.problems else 0


def _summary(loaded: LoadedFolder) -> str:
    plans = [plan for workflow in loaded.workflows for plan in workflow.plans]
    nodes = sum(len(plan.nodes) for plan in plans)
    what = ", ".join((counted(len(loaded.files), "file"), counted(len(plans), "loop"), counted(nodes, "node")))
    return f"{what}: {counted(len(loaded.problems), 'problem') if loaded.problems else 'no problems'}"


def _as_json(loaded: LoadedFolder) -> dict[str, object]:
    return {
        "ok": not loaded.problems,
        "files": [str(path) for path in loaded.files],
        "loops": [plan.loop for workflow in loaded.workflows for plan in workflow.plans],
        "problems": [problem_as_dict(problem) for problem in loaded.problems],
    }
