"""`flowtui convert`: a workflow in JSON, ours or of React Flow, as YAML."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from flowtui.cli.streams import results
from flowtui.cli.tables import counted
from flowtui.cli.usage import Misuse, debug_option
from flowtui.graph.folder import LoadedWorkflow, load_file
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import FlowtuiError, Severity
from flowtui.model.printable import SHOWN
from flowtui.nodes.registry import Registry, discover
from flowtui.workflow.react_flow import from_react_flow, is_react_flow
from flowtui.workflow.source import read_source
from flowtui.workflow.writer import workflow_text

_YAML = (".yaml", ".yml")
_STDOUT = Path("-")


@click.command()
@click.argument("file", metavar="FILE.json", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="OUT.yaml",
    help="File or folder to write to; - for standard output.  [default: beside FILE.json]",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@debug_option
def convert(file: Path, output: Path | None, force: bool) -> None:
    """Write a workflow in JSON, ours or a React Flow export, as YAML that means the same.

    Node types of your own are looked for in nodes/ beside OUT.yaml, else beside FILE.json.
    """
    _check_input(file)
    target = None if output == _STDOUT else _target(file, output)
    if target is not None and target.exists() and not force:
        raise _Exists(target)
    registry = _registry(file, target)
    with results() as out:
        workflow, value = _loaded(file, registry)
        renamed, notes = _drawing(file, registry)
        text = workflow_text(value, workflow.name, _reading_order(workflow.plans, value["nodes"]), notes)
        if target is None:
            out.write(text)
        else:
            _write(target, text, force=force)
            nodes = sum(len(plan.nodes) for plan in workflow.plans)
            out.write(f"{target}: {counted(nodes, 'node')} in {counted(len(workflow.plans), 'loop')}\n")
    for old, new in renamed.items():
        click.echo(f"node '{old}' is called '{new}' now".translate(SHOWN), err=True)
    if target is not None and target.resolve().parent == file.resolve().parent:
        click.echo(f"{file} defines '{workflow.name}' as well: remove it, or move it out of the folder", err=True)


class _Exists(FlowtuiError):
    def __init__(self, target: Path) -> None:
        super().__init__(f"{target} is there already: name another file with --output, or overwrite it with --force")


def _check_input(file: Path) -> None:
    if file.suffix.lower() in _YAML:
        raise Misuse(f"{file} is YAML already: name a JSON file")
    if file.suffix.lower() != ".json":
        raise Misuse(f"{file} is no JSON file: name one that ends in .json")


def _target(file: Path, output: Path | None) -> Path:
    if output is None:
        return file.with_suffix(".yaml")
    if output.is_dir():
        return output / file.with_suffix(".yaml").name
    if output.suffix.lower() not in _YAML:
        raise Misuse(f"{output} is no name for a YAML file: let it end in .yaml")
    return output


def _registry(file: Path, target: Path | None) -> Registry:
    folders = [path.parent for path in (target, file) if path is not None]
    return discover(next((folder for folder in folders if (folder / "nodes").is_dir()), file.parent))


def _loaded(file: Path, registry: Registry) -> tuple[LoadedWorkflow, Mapping[str, Any]]:
    loaded = load_file(file, os.environ, registry)
    for problem in loaded.problems:
        click.echo(str(problem), err=True)
    if loaded.workflow is None or loaded.doc is None:
        count = sum(problem.severity is Severity.ERROR for problem in loaded.problems)
        raise FlowtuiError(f"nothing was written, as {file} has {'an error' if count == 1 else f'{count} errors'}")
    return loaded.workflow, loaded.doc.source.value


def _drawing(file: Path, registry: Registry) -> tuple[Mapping[str, str], Sequence[str]]:
    """Return the new ids of nodes, and the comments, of a React Flow export."""
    source, _ = read_source(file)
    if source is None or not is_react_flow(source):
        return {}, ()
    translation = from_react_flow(source, registry.types)
    return translation.renamed, translation.notes


def _reading_order(plans: Sequence[ExecutionPlan], in_file: Iterable[str]) -> list[list[str]]:
    """Return the ids of all nodes loop by loop, each behind what it needs.

    As a queue without a name is called after its first writer, the order of the file stays where it decides that.
    """
    loops = [[node.id for node in plan.nodes] for plan in plans]
    writers = [node.id for plan in plans for node in plan.nodes[1:] if node.queue is not None]
    return loops if writers == [id for id in in_file if id in writers] else [list(in_file)]


def _write(target: Path, text: str, *, force: bool) -> None:
    """Write a file as a whole: a flowtui that watches the folder never sees half of one."""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FlowtuiError(f"{target} can't be written: {reason}; name another file with --output") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        if force:
            os.replace(name, target)
        else:
            os.link(name, target)
    except FileExistsError:
        raise _Exists(target) from None
    finally:
        Path(name).unlink(missing_ok=True)
