"""`flowtui FOLDER`: the app."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowtui.cli.options import Flags, engine_options, make_client
from flowtui.cli.usage import DEFAULT_COMMAND, Misuse, folder_argument
from flowtui.tui.app import run_app

#: Seconds after which a busy node's thread lets the screen's thread run; Python's own 5 ms makes keys lag.
_SWITCH_INTERVAL_S = 0.0005


@click.command(DEFAULT_COMMAND)
@folder_argument
@engine_options
def open_app(folder: Path, flags: Flags) -> int:
    """Open the app on the workflow files in FOLDER (default: workflows/)."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Misuse("the app needs a terminal; without one use: flowtui run FOLDER --headless")
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    return run_app(make_client(folder, flags))
