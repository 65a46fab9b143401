"""`flowtui run`: the engine, with or without a screen."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click

from flowtui.cli.options import Duration, Flags, engine_options, folder_argument, make_client
from flowtui.headless import run_headless


@click.command()
@folder_argument
@click.option("--headless", is_flag=True, help="No screen: log lines, and a summary at the end.")
@click.option("--for", "for_s", type=Duration(), help="Stop after this time, such as 10s or 2m.")
@click.option("--until-idle", is_flag=True, help="Stop when every loop has ended or waits on an empty queue.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@engine_options
@click.pass_context
def run(
    ctx: click.Context, folder: Path, headless: bool, for_s: float | None, until_idle: bool, as_json: bool, flags: Flags
) -> int:
    """Run the workflow files in FOLDER.

    Exits with 1 if a loop failed, is paused with items in its queue, or could not be loaded.
    """
    if not headless:
        if for_s is not None or until_idle or as_json:
            raise click.UsageError("--for, --until-idle and --json go with --headless")
        return _open_app(ctx, folder, flags)
    stop = threading.Event()
    _stop_on_signals(stop)
    return run_headless(
        make_client(folder, flags),
        stop,
        for_s=for_s,
        until_idle=until_idle,
        as_json=as_json,
        out=sys.stdout,
        err=sys.stderr,
    )


def _open_app(ctx: click.Context, folder: Path, flags: Flags) -> int:
    assert ctx.parent is not None
    assert isinstance(ctx.parent.command, click.Group)
    app = ctx.parent.command.get_command(ctx.parent, "open")
    assert app is not None
    code: int = ctx.invoke(app, folder=folder, debug=False, **asdict(flags))
    return code


def _stop_on_signals(stop: threading.Event) -> None:
    def handle(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)  # asked twice: the user does not want to wait for the grace
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)
