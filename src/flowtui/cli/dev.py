"""`flowtui dev FOLDER`: the app to work on nodes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from click.core import ParameterSource

from flowtui.cli.engines import make_developing_client
from flowtui.cli.open import need_terminal
from flowtui.cli.options import Flags, engine_options
from flowtui.cli.screen_options import screen_options
from flowtui.cli.usage import folder_argument
from flowtui.model.preferences import Preferences
from flowtui.tui.app import run_app


@click.command()
@folder_argument
@screen_options
@engine_options
@click.pass_context
def dev(ctx: click.Context, folder: Path, flags: Flags, preferences: Preferences) -> int:
    """Open the app on the workflow files in FOLDER to work on nodes: no loop starts, and the inspector comes first.

    All is in memory, unless --store names a store (`auto` or `local` for that of production): then the samples and dead
    letters of production can be inspected there, and nothing of production is changed.
    """
    need_terminal()
    if ctx.get_parameter_source("store") is ParameterSource.DEFAULT:
        flags = replace(flags, store="memory")
    return run_app(make_developing_client(folder, flags), preferences, inspector_first=True)
