"""`flowtui FOLDER`: the app."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowtui.cli.engines import make_client
from flowtui.cli.options import Flags, engine_options
from flowtui.cli.screen_options import screen_options
from flowtui.cli.usage import DEFAULT_COMMAND, Misuse, folder_argument
from flowtui.model.access import READ_ONLY, USUAL
from flowtui.model.preferences import Preferences
from flowtui.tui.app import run_app


@click.command(DEFAULT_COMMAND)
@folder_argument
@click.option("--read-only", is_flag=True, help="Only look: the app changes, starts, stops and replays nothing.")
@screen_options
@engine_options
def open_app(folder: Path, flags: Flags, preferences: Preferences, *, read_only: bool) -> int:
    """Open the app on the workflow files in FOLDER (default: workflows/)."""
    need_terminal()
    return run_app(make_client(folder, flags, READ_ONLY if read_only else USUAL), preferences)


def need_terminal() -> None:
    """Return if there is a terminal.

    Raises:
        Misuse: if there is none.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Misuse("the app needs a terminal; without one use: flowtui run FOLDER --headless")
