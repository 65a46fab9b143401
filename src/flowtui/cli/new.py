"""`flowtui new`: a node or a workflow to begin with, and its test."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from flowtui.cli.scaffolds import BadName, Names, check_class, node_test, node_text, workflow_test, workflow_text
from flowtui.cli.usage import Misuse, debug_option
from flowtui.graph.folder import load_folder
from flowtui.model.states import NodeKind
from flowtui.nodes.base import BaseNode, ProducerNode
from flowtui.nodes.registry import Registry, discover

_FOLDER = Path("workflows")
_KINDS = [kind.value for kind in NodeKind]
_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=_FOLDER,
    show_default=True,
    help="The workflow folder; made if need be.",
)


@click.group()
def new() -> None:
    """Make a node or a workflow to begin with, and its test.

    NAME may be written add-total, add_total or AddTotal. Nothing is overwritten.
    """


@new.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(_KINDS), default=NodeKind.BLOCKING.value, show_default=True)
@_folder
@debug_option
def node(name: str, kind: str, folder: Path) -> None:
    """Make a node class and its test.

    They are in FOLDER/nodes/ and FOLDER/tests/; flowtui itself does not look into the latter.
    """
    names = _names(name)
    try:
        check_class(names)
    except BadName as error:
        raise Misuse(str(error)) from None
    _check_folder(folder)
    _check_type(names.kebab, discover(folder))
    module, test = folder / "nodes" / f"{names.snake}.py", folder / "tests" / f"test_{names.snake}.py"
    _make({module: node_text(names, NodeKind(kind)), test: node_test(names, NodeKind(kind))})
    _tell(
        [f"made {module}: the {kind} node type {names.kebab!r}", f"made {test}"],
        [f"python -m pytest {_quoted(test)}", f"flowtui new workflow NAME --node {names.kebab}{_flag(folder)}"],
    )


@new.command()
@click.argument("name")
@click.option("--node", "types", multiple=True, metavar="TYPE", help="A node type to use in it; may be given again.")
@_folder
@debug_option
def workflow(name: str, types: tuple[str, ...], folder: Path) -> None:
    """Make a workflow file and its test.

    They are in FOLDER and FOLDER/tests/; flowtui itself does not look into the latter.
    """
    names = _names(name)
    _check_folder(folder)
    classes = _classes(types, folder)
    path, test = folder / f"{names.kebab}.yaml", folder / "tests" / f"test_{names.snake}_workflow.py"
    others = [path.with_suffix(suffix) for suffix in (".yml", ".json")]
    _check_free([*others, path, test])
    if folder.is_dir():
        same = [w for w in load_folder(folder, os.environ).workflows if w.name == names.kebab]
        if same:
            raise Misuse(f"{same[0].path} is called {names.kebab!r} already; take another name")
    _make({path: workflow_text(names.kebab, classes)})
    problems = [str(each) for each in load_folder(folder, os.environ).problems if each.path == path]
    if problems:
        path.unlink()
        raise Misuse(f"{', '.join(types)} can't be used as it is: {problems[0]}; put it into a workflow file by hand")
    _make({test: workflow_test(names.kebab, classes)})
    _tell(
        [f"made {path}", f"made {test}"],
        [
            f"python -m pytest {_quoted(test)}",
            f"flowtui run {_quoted(folder)} --headless --until-idle",
            "flowtui" if folder == _FOLDER else f"flowtui {_quoted(folder)}",
        ],
    )


def _names(text: str) -> Names:
    try:
        return Names.of(text)
    except BadName as error:
        raise Misuse(str(error)) from None


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise Misuse(f"{str(folder)!r} is a file; name a folder")


def _check_type(type: str, registry: Registry) -> None:
    found, where = registry.find(type), registry.blocked(type)
    if found is not None:
        where = f"in {found.source}" if found.source else f"from {found.cls.__module__}"
    if where is not None:
        is_ours = found is not None and found.source is None
        names = (*((f"my-{type}",) if is_ours else ()), *(f"{type}-{number}" for number in range(2, 99)))
        free = next(name for name in names if registry.find(name) is None)
        raise Misuse(f"there is a node type {type!r} already ({where}); take another name, such as {free!r}")


def _classes(types: tuple[str, ...], folder: Path) -> list[type[BaseNode]]:
    registry = discover(folder)
    classes = []
    for name in dict.fromkeys(types):
        found = registry.find(name)
        if found is None:
            close = registry.suggest(name)
            hint = f" (did you mean {close!r}?)" if close else ""
            why = registry.blocked(name) or f"to make it: flowtui new node {name}{_flag(folder)}"
            raise Misuse(f"{folder} has no node type {name!r}{hint}; {why}")
        classes.append(found.cls)
    producers = [cls.type for cls in classes if issubclass(cls, ProducerNode)]
    if len(producers) > 1:
        raise Misuse(f"{' and '.join(producers)} are producers, and each drives a loop of its own; name one of them")
    return classes


def _check_free(paths: list[Path]) -> None:
    for path in paths:
        if path.exists() or path.is_symlink():
            raise Misuse(f"{path} is there already and stays as it is; take another name, or remove it")


def _make(files: Mapping[Path, str]) -> None:
    _check_free([*files])
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _flag(folder: Path) -> str:
    return "" if folder == _FOLDER else f" --folder {_quoted(folder)}"


def _tell(made: list[str], next_steps: list[str]) -> None:
    click.echo("\n".join([*made, "", "next:", *(f"  {step}" for step in next_steps)]))
