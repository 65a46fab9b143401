"""`flowtui find`: where an item is, with an engine running or without."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from flowtui.cli.options import Flags, settings_of, store_options
from flowtui.cli.stores import existing_store, work_in
from flowtui.cli.streams import results
from flowtui.cli.tables import print_found, table
from flowtui.cli.usage import Misuse
from flowtui.engine.find import Finder
from flowtui.engine.log_search import LogSearch
from flowtui.graph.folder import load_folder
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.figures import age
from flowtui.model.finding import Findings, Hit, Where
from flowtui.model.printable import SHOWN
from flowtui.storage.data_store import DataStore

_CLEAR_LINE = "\r\x1b[K"


@click.command()
@click.argument("text")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Most places to show.")
@store_options
def find(folder: Path, flags: Flags, as_json: bool, text: str, limit: int) -> int:
    """Tell where the item with TEXT in its id, its trace or its payload is now, and where it has been.

    Looks into queues, dead letters, samples of what has passed, and logs. The id of an item that came from outside
    finds all that was made of it. Exits with 1 if TEXT is nowhere.
    """
    if not text.strip():
        raise Misuse("say what to look for: an id, or a piece of a payload")
    logs = LogSearch(None, settings_of(folder, flags).state_dir / "logs")
    plans = _plans(folder)
    findings = Findings()

    async def work(store: DataStore) -> None:
        async for page in Finder(store, plans, logs, text).pages():
            findings.add(page)
            _say(findings.progress)

    with results() as out:
        try:
            work_in(existing_store(folder, flags), work)
        finally:
            # Also after an interruption, or when the store has gone meanwhile: what was found is worth knowing.
            _say("")
            if findings.looked:
                print_found(out, as_json, _as_dict(findings, limit), _lines(findings, text, limit))
    return 0 if findings.hits else 1


def _plans(folder: Path) -> list[ExecutionPlan]:
    if not folder.is_dir():
        return []
    return [plan for workflow in load_folder(folder, os.environ).workflows for plan in workflow.plans]


def _say(progress: str) -> None:
    """Show how far the search is to a person who waits for it."""
    if sys.stderr.isatty():
        sys.stderr.write(_CLEAR_LINE + progress)
        sys.stderr.flush()


def _as_dict(findings: Findings, limit: int) -> dict[str, Any]:
    looked = {each.noun: {"looked_at": each.done, "of": each.total} for each in findings.looked}
    hits = [hit.as_dict() for hit in findings.hits]
    return {
        "hits": hits[:limit],
        "found": len(hits),
        "more_in": list(findings.full),
        "unread": list(findings.unread),
        "looked_at": looked,
    }


def _lines(findings: Findings, text: str, limit: int) -> list[str]:
    now, found = time.time(), findings.hits
    hits = found[:limit]
    rows: list[tuple[str, ...]] = [("WHERE", "AGE", "ITEM", "PLACE")]
    rows += [(str(hit.where), age(now - hit.at), hit.id or "-", hit.place) for hit in hits]
    lines = [f"{text} is nowhere".translate(SHOWN)]
    if hits:
        heads, *shown = table(rows)
        lines = [heads, *(line for row, hit in zip(shown, hits, strict=True) for line in (row, _told(hit)))]
    if len(found) > limit:
        lines.append(f"{len(found) - limit:,} more places, which --limit {len(found)} shows")
    if findings.full:
        lines.append(f"there is more in {', '.join(findings.full)}: look for something more precise")
    return [*lines, *findings.unread, findings.progress]


def _told(hit: Hit) -> str:
    trace = f"(trace {hit.trace}) " if hit.trace not in ("", hit.id) and hit.where is not Where.RUN else ""
    return f"{'':9}  {trace}{hit.text}".translate(SHOWN)
