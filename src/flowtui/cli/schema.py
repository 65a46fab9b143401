"""`flowtui schema`: what editors need to help with workflow files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from flowtui.cli.streams import results
from flowtui.cli.usage import Folder, debug_option
from flowtui.nodes.registry import discover
from flowtui.workflow.editor_schema import workflow_schema


@click.command()
@click.option(
    "--folder",
    type=Folder(),
    default="workflows",
    show_default=True,
    help="The workflow folder whose own node types to include.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write it to.")
@debug_option
def schema(folder: Path, output: Path | None) -> int:
    """Print a JSON Schema (draft 7) of workflow files, for completion and checks in an editor.

    It knows the node types that are there now, so make it again when nodes change. An editor with yaml-language-server
    takes it for files that begin with the line: # yaml-language-server: $schema=PATH
    """
    with results() as out:
        registry = discover(folder)
        for problem in registry.problems:
            click.echo(str(problem), err=True)
        text = json.dumps(workflow_schema(registry), indent=2, ensure_ascii=False) + "\n"
        if output is None:
            out.write(text)
        else:
            output.write_text(text, encoding="utf-8")
    return 0
