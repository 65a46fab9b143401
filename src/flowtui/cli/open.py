"""`flowtui FOLDER`: the app."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowtui.cli.engines import make_client
from flowtui.cli.options import Flags, engine_options
from flowtui.cli.usage import DEFAULT_COMMAND, Misuse, folder_argument
from flowtui.tui.app import run_app


@click.command(DEFAULT_COMMAND)
@folder_argument
@engine_options
def open_app(folder: Path, flags: Flags) -> int:
    """Open the app on the workflow files in FOLDER (default: workflows/)."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Misuse("the app needs a terminal; without one use: flowtui run FOLDER --headless")
    return run_app(make_client(folder, flags))
