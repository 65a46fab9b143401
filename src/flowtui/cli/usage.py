"""What all commands have in common: the folder, `--debug`, and how they are misused. Imports nothing of the engine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

#: The command that `flowtui FOLDER` stands for.
DEFAULT_COMMAND = "open"


class Misuse(click.UsageError):
    """A usage error whose text says what to do."""


class Folder(click.ParamType[Path]):
    """An existing folder."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if path.is_dir():
            return path
        if path.exists():
            raise Misuse(f"{str(path)!r} is a file; name the folder that it is in", ctx)
        if ctx is not None and ctx.info_name == DEFAULT_COMMAND:
            raise Misuse(f"there is no folder or command {str(path)!r}; name a folder, or see: flowtui --help", ctx)
        raise Misuse(f"there is no folder {str(path)!r}; name an existing one, or make it with: mkdir {path}", ctx)


folder_argument = click.argument("folder", type=Folder(), default="workflows")

#: Looked at in `flowtui.cli.main`, where errors leave the program.
debug_option = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks of flowtui itself.")


def confirm(deed: str, *, yes: bool) -> None:
    """Have a person at the terminal agree to a deed, such as `purge 12 items of shop.orders`, unless `yes`.

    Raises:
        Misuse: if there is no terminal.
        click.Abort: if the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misuse(f"this would {deed}: say --yes if that is what you want")
    click.confirm(f"{deed}?", abort=True, err=True)


def json_object(text: str, what: str = "payload") -> dict[str, Any]:
    """Return the JSON object that an option holds or, as `@file` or `-`, names.

    Raises:
        Misuse: if it is none.
    """
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        payload = json.loads(text)
    except OSError as error:
        raise Misuse(f"the {what} cannot be read: {text[1:]}: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, RecursionError) as error:
        raise Misuse(f"the {what} is no JSON: {error}") from None
    if not isinstance(payload, dict):
        raise Misuse(f"the {what} must be a JSON object")
    return payload
