"""`flowtui run`: the engine, with or without a screen."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import click

from flowtui.cli.engines import make_client
from flowtui.cli.options import Duration, Flags, engine_options
from flowtui.cli.streams import results
from flowtui.cli.usage import DEFAULT_COMMAND, Misuse, folder_argument
from flowtui.headless import run_headless

#: Seconds within which a second signal is the first one's echo: `timeout` signals its child and then its whole group.
_TWICE_S = 0.2


class _Program(click.ParamType[tuple[str, ...]]):
    """A program and its arguments, as a shell parts them."""

    name = "command"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(value)) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(f"{value!r} is no command: {str(error).lower()}", param, ctx)


@click.command()
@folder_argument
@click.option("--headless", is_flag=True, help="No screen: log lines, and a summary at the end.")
@click.option("--for", "for_s", type=Duration(), help="Stop after this time, such as 10s or 2m.")
@click.option("--until-idle", is_flag=True, help="Stop when every loop has ended or waits on an empty queue.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.option(
    "--on-alert",
    type=_Program(),
    default="",
    metavar="COMMAND",
    help="Run this when a loop fails or pauses itself, a queue is nearly full, the store is lost; the sentence is its "
    "last argument, JSON its input.",
)
@click.option("--queue-depth", type=click.IntRange(1), help="A queue with so many items is worth an alert too.")
@engine_options
@click.pass_context
def run(
    ctx: click.Context,
    folder: Path,
    headless: bool,
    for_s: float | None,
    until_idle: bool,
    as_json: bool,
    on_alert: tuple[str, ...],
    queue_depth: int | None,
    flags: Flags,
) -> int:
    """Run the workflow files in FOLDER.

    Exits with 1 if a loop failed, is paused with items in its queue, or could not be loaded.
    """
    if not headless:
        if for_s is not None or until_idle or as_json or on_alert or queue_depth:
            raise Misuse("--for, --until-idle, --json, --on-alert and --queue-depth go with --headless")
        return _open_app(ctx, folder, flags)
    stop = threading.Event()
    _stop_on_signals(stop)
    client = make_client(folder, flags)
    with results() as out:
        return run_headless(
            client,
            stop,
            for_s=for_s,
            until_idle=until_idle,
            as_json=as_json,
            out=out,
            err=sys.stderr,
            on_alert=on_alert,
            queue_depth=queue_depth,
        )


def _open_app(ctx: click.Context, folder: Path, flags: Flags) -> int:
    assert ctx.parent is not None
    assert isinstance(ctx.parent.command, click.Group)
    app = ctx.parent.command.get_command(ctx.parent, DEFAULT_COMMAND)
    assert app is not None
    code: int = ctx.invoke(app, folder=folder, read_only=False, **asdict(flags))
    return code


def _stop_on_signals(stop: threading.Event) -> None:
    first_at = 0.0

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal first_at
        if not stop.is_set():
            first_at = time.monotonic()
            stop.set()
        elif number != signal.SIGHUP and time.monotonic() - first_at > _TWICE_S:
            os._exit(128 + number)  # asked again: the user does not want to wait for the grace

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under `nohup` the program is meant to outlive its terminal.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)
