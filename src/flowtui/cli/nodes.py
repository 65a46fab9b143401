"""`flowtui nodes`: which node types there are, and all about one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click

from flowtui.cli.node_texts import about, as_dict, listing
from flowtui.cli.streams import results
from flowtui.cli.tables import print_found, problem_as_dict
from flowtui.cli.usage import Folder, debug_option
from flowtui.model.errors import UnknownNodeType
from flowtui.nodes.described import place, summary
from flowtui.nodes.registry import Registry, discover

_DEFAULT_FOLDER = Path("workflows")


@click.command()
@click.argument("node_type", metavar="[TYPE]", default="")
@click.option("--folder", type=Folder(), help="The workflow folder.  [default: workflows, if it is there]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
def nodes(node_type: str, folder: Path | None, as_json: bool) -> int:
    """List the node types by kind, or show all about one TYPE.

    The types are those that are built in, those of installed packages, and those of nodes/*.py in the folder. What is
    wrong with any of them is told on standard error, with exit code 1.
    """
    with results() as out:
        registry = discover(folder or _DEFAULT_FOLDER)
        if node_type:
            _tell_one(out, registry, node_type, as_json)
            return 0
        problems = [problem_as_dict(problem) for problem in registry.problems]
        told = {"types": [_in_list(registry, name) for name in sorted(registry.types)], "problems": problems}
        width = shutil.get_terminal_size().columns if out.isatty() else None
        print_found(out, as_json, told, listing(registry, width))
    _tell_problems(registry)
    return 1 if registry.problems else 0


def _in_list(registry: Registry, name: str) -> dict[str, Any]:
    found = registry.types[name]
    return {"name": name, "kind": found.cls.kind, "summary": summary(found.cls), "file": place(found)[0]}


def _tell_one(out: Any, registry: Registry, name: str, as_json: bool) -> None:
    found = registry.find(name)
    if found is not None:
        width = shutil.get_terminal_size().columns
        print_found(out, as_json, as_dict(found), about(found, width))
        return
    _tell_problems(registry)
    blocked = registry.blocked(name)
    if blocked:
        raise UnknownNodeType(f"node type {name!r} cannot be used: {blocked}")
    close = registry.suggest(name)
    hint = f"did you mean {close!r}?" if close else "for a list of all: flowtui nodes"
    if Path(name).is_dir():
        hint = f"for those of a folder: flowtui nodes --folder {name}"
    raise UnknownNodeType(f"there is no node type {name!r} ({hint})")


def _tell_problems(registry: Registry) -> None:
    for problem in registry.problems:
        click.echo(str(problem), err=True)
