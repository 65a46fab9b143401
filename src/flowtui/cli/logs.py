"""`flowtui logs`: what engines have logged, from the files in the state directory."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from flowtui.cli.options import Flags, engine_options, settings_of
from flowtui.cli.streams import results
from flowtui.cli.usage import Misuse
from flowtui.engine.log_files import EVERY_S, LogReader, log_files
from flowtui.model.errors import StateDirError
from flowtui.model.log_lines import LEVELS, LogLine, line_as_dict, line_text
from flowtui.nodes.durations import seconds

#: How many lines `-f` shows before it follows.
_BEFORE = 20


class _Moment(click.ParamType[float]):
    """A time of day, a date and time, or how long ago, as seconds since the epoch."""

    name = "time"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return time.time() - seconds(value)
        except ValueError:
            pass
        try:
            if re.fullmatch(r"\d\d?:\d\d(:\d\d)?", value):
                value = f"{datetime.now().date()} {value:0>5}"
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            self.fail(f"{value!r} is no time: write how long ago (10m, 2h), 14:05, or 2026-01-31 14:05", param, ctx)


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default="workflows",
    show_default=True,
    help="The workflow folder whose engines have logged.",
)
@click.option("--loop", "loops", multiple=True, help="Only lines of this loop, or of all loops of a workflow.")
@click.option("--node", "nodes", multiple=True, help="Only lines of nodes with this id.")
@click.option("--item", default="", help="Only lines about the item with this id.")
@click.option("--level", type=click.Choice([*LEVELS]), default="debug", help="Only lines as grave as this, or graver.")
@click.option("--grep", default="", metavar="REGEX", help="Only lines whose text matches; with a leading ! the others.")
@click.option("--since", type=_Moment(), help="Only lines since then: 10m for ten minutes ago, 14:05, a date and time.")
@click.option("-n", "--lines", "last", type=click.IntRange(min=0), help="Only the last so many lines.")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on with the lines that come.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@engine_options
def logs(
    folder: Path,
    loops: tuple[str, ...],
    nodes: tuple[str, ...],
    item: str,
    level: str,
    grep: str,
    since: float | None,
    last: int | None,
    following: bool,
    as_json: bool,
    flags: Flags,
) -> int:
    """Show what the engines of a folder have logged, also those that have ended; no engine needs to run."""
    place = settings_of(folder, flags).state_dir / "logs"
    if not following and not log_files(place):
        raise StateDirError(
            f"no engine has logged in {place}; name its folder with --folder, or its directory with --state-dir"
        )
    wanted = _filter(loops, nodes, item, LEVELS[level], _pattern(grep))
    if following and since is None and last is None:
        last = _BEFORE
    reader = LogReader(place)
    found: Iterable[LogLine] = filter(wanted, reader.past(since or 0.0))
    with results() as out:
        _print(out, found if last is None else deque(found, maxlen=last), as_json)
        if following:
            ended = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: ended.set())
            while not ended.wait(EVERY_S):
                _print(out, filter(wanted, reader.new()), as_json)
    return 0


def _pattern(grep: str) -> tuple[re.Pattern[str] | None, bool]:
    """Return what a line must match, None if anything will do, and whether it must not."""
    text = grep.removeprefix("!")
    try:
        return (re.compile(text) if text else None), grep != text
    except re.error as error:
        raise Misuse(f"--grep {text!r} is no regular expression: {error}") from None


def _filter(
    loops: tuple[str, ...], nodes: tuple[str, ...], item: str, level: int, pattern: tuple[re.Pattern[str] | None, bool]
) -> Callable[[LogLine], bool]:
    regex, inverse = pattern

    def wanted(line: LogLine) -> bool:
        if line.level < level or (item and line.item != item) or (nodes and line.node not in nodes):
            return False
        if loops and not any(line.loop == loop or line.loop.startswith(f"{loop}.") for loop in loops):
            return False
        return regex is None or (regex.search(line.message) is None) is inverse

    return wanted


def _print(out: TextIO, lines: Iterable[LogLine], as_json: bool) -> None:
    for line in lines:
        out.write(f"{json.dumps(line_as_dict(line)) if as_json else line_text(line, with_date=True)}\n")
    out.flush()
