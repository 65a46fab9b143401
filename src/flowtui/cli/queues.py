"""`flowtui queues`: queues from the shell, with an engine running or without."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from flowtui.cli.options import Flags, store_options
from flowtui.cli.stores import existing_store, work_in
from flowtui.cli.streams import results
from flowtui.cli.tables import print_found, table
from flowtui.cli.usage import Misuse, confirm, json_object
from flowtui.graph.folder import load_folder
from flowtui.model.errors import StoreError
from flowtui.model.printable import SHOWN
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_of
from flowtui.storage.queue_admin import Waiting
from flowtui.storage.queue_stats import HolderStats
from flowtui.storage.queue_store import Delivery, GroupStats, QueueStats, Source

_PAYLOAD_LENGTH = 100
_HEADS = ("QUEUE", "READ BY", "WAITING", "IN FLIGHT", "OLDEST", "CAME", "DONE", "DEAD", "DROPPED", "BY HAND", "LOST")

_queue = click.argument("queue")
_group = click.option("--group", default="", metavar="LOOP", help="Whose items; may be left out if one loop reads it.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(invoke_without_command=True)
@store_options
@click.pass_context
def queues(context: click.Context, folder: Path, flags: Flags, as_json: bool) -> int | None:
    """Show all queues and what became of every item; exit 1 if one is unaccounted for.

    Names of queues are full: `workflow.queue`, or `/queue` for one that all workflows share.
    """
    if context.invoked_subcommand is not None:
        return None
    with results() as out:
        stats = work_in(existing_store(folder, flags), lambda store: store.queue_admin().stats())
        readers = _readers(folder)
        told = {"queues": {name: _as_dict(name, queue, readers) for name, queue in stats.items()}}
        print_found(out, as_json, told, _lines(stats, readers))
    return 1 if any(queue.unaccounted for queue in stats.values()) else 0


@queues.command()
@_queue
@_group
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Most items.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="How many of the first to leave out.")
@store_options
def peek(folder: Path, flags: Flags, as_json: bool, queue: str, group: str, limit: int, after: int) -> None:
    """Show the first items that wait in a queue; they go on waiting."""

    async def work(store: DataStore) -> list[Delivery]:
        return await store.queue_admin().peek(await _waiting(store, queue, group), limit, after)

    with results() as out:
        found = work_in(existing_store(folder, flags), work)
        told = {"items": [_item_as_dict(each) for each in found]}
        print_found(out, as_json, told, [_item_line(each) for each in found] or [f"nothing waits in {queue}"])


@queues.command()
@_queue
@click.option("--payload", required=True, metavar="JSON", help="The item: JSON, @file, or - for standard input.")
@store_options
def inject(folder: Path, flags: Flags, as_json: bool, queue: str, payload: str) -> None:
    """Put an item at the end of a queue, whatever its bound."""
    item = json_object(payload)

    async def work(store: DataStore) -> str:
        await store.queue_admin().known(queue)
        return await store.queue_admin().inject(queue, item)

    with results() as out:
        id = work_in(existing_store(folder, flags), work)
        print_found(out, as_json, {"id": id}, [f"item {id} waits in {queue}"])


@queues.command()
@_queue
@_group
@_yes
@store_options
def purge(folder: Path, flags: Flags, as_json: bool, queue: str, group: str, yes: bool) -> None:
    """Drop everything that waits in a queue; what is in flight goes on."""

    async def work(store: DataStore) -> int:
        waiting = await _waiting(store, queue, group)
        await _ask(store, waiting, "purge", yes)
        return await store.queue_admin().purge(waiting)

    with results() as out:
        count = work_in(existing_store(folder, flags), work)
        print_found(out, as_json, {"purged": count}, [f"{count:,} items of {queue} dropped"])


@queues.command()
@_queue
@click.option("--to", "target", required=True, metavar="QUEUE", help="Where they go.")
@click.option("--to-group", default="", metavar="LOOP", help="For this loop only, not for all that read it.")
@_group
@_yes
@store_options
def move(
    folder: Path, flags: Flags, as_json: bool, queue: str, target: str, to_group: str, group: str, yes: bool
) -> None:
    """Move everything that waits in a queue to the end of another."""

    async def work(store: DataStore) -> int:
        waiting = await _waiting(store, queue, group)
        await store.queue_admin().known(target)
        await _ask(store, waiting, "move", yes)
        return await store.queue_admin().move(waiting, Waiting(target, to_group))

    with results() as out:
        count = work_in(existing_store(folder, flags), work)
        print_found(out, as_json, {"moved": count}, [f"{count:,} items of {queue} moved to {target}"])


@queues.command()
@_queue
@click.argument("group", metavar="LOOP")
@store_options
def forget(folder: Path, flags: Flags, as_json: bool, queue: str, group: str) -> None:
    """Keep no more items for a loop that has gone for good; purge or move those that wait for it first."""

    async def work(store: DataStore) -> None:
        await _waiting(store, queue, group)
        await store.queue_admin().forget(Source(queue, group))

    with results() as out:
        work_in(existing_store(folder, flags), work)
        print_found(out, as_json, {"forgotten": group}, [f"no items of {queue} are kept for {group} any more"])


async def _waiting(store: DataStore, queue: str, group: str) -> Waiting:
    groups = (await store.queue_admin().known(queue)).groups
    if group and group not in groups:
        raise StoreError(f"{group} has never read {queue}; known are: {', '.join(groups) or 'none'}")
    if not group and len(groups) > 1:
        raise Misuse(f"several loops read {queue}: say whose items, with --group {' or --group '.join(groups)}")
    return Waiting(queue, group or next(iter(groups), ""))


async def _ask(store: DataStore, waiting: Waiting, what: str, yes: bool) -> None:
    stats = (await store.queues().queue_stats([waiting.queue]))[waiting.queue]
    count = stats.groups[waiting.group].waiting if waiting.group else stats.backlog
    confirm(f"{what} {count:,} items of {waiting.queue}", yes=yes or not count)


def _readers(folder: Path) -> set[tuple[str, str]] | None:
    """Return which loop of the folder reads which queue, None if the folder is not there."""
    if not folder.is_dir():
        return None
    plans = [plan for workflow in load_folder(folder, os.environ).workflows for plan in workflow.plans]
    return {(plan.reads, plan.loop) for plan in plans if plan.reads is not None}


def _is_orphan(queue: str, group: str, stats: GroupStats, readers: set[tuple[str, str]] | None) -> bool:
    return readers is not None and not stats.tracks and (queue, group) not in readers


def _as_dict(name: str, queue: QueueStats, readers: set[tuple[str, str]] | None) -> dict[str, Any]:
    groups = {
        group: asdict(stats)
        | {"holders": [_holder(each) for each in stats.holders], "orphan": _is_orphan(name, group, stats, readers)}
        for group, stats in queue.groups.items()
    }
    own = asdict(queue) | {"depth": queue.depth, "in_flight": queue.in_flight, "unaccounted": queue.unaccounted}
    return own | {"groups": groups}


def _holder(holder: HolderStats) -> dict[str, Any]:
    return asdict(owner_of(holder.owner)) | {"in_flight": holder.in_flight}


def _lines(stats: dict[str, QueueStats], readers: set[tuple[str, str]] | None) -> list[str]:
    if not stats:
        return ["no queues"]
    rows: list[tuple[str, ...]] = [_HEADS]
    for name, queue in stats.items():
        came = f"{queue.pushed + queue.injected + queue.moved_in:,}"
        if not queue.groups:
            waiting = (f"{queue.backlog:,}", "0", _age(queue.backlog_ms))
            rows.append((name, "nobody yet", *waiting, came, *"0000", f"{queue.unaccounted:,}"))
        for group, each in queue.groups.items():
            who = f"{group} (orphan)" if _is_orphan(name, group, each, readers) else group
            figures = (each.acknowledged, each.dead, each.dropped, each.purged + each.moved_out, each.unaccounted)
            waiting = (f"{each.waiting:,}", f"{each.in_flight:,}", _age(each.oldest_ms))
            rows.append((name, who, *waiting, came, *(f"{figure:,}" for figure in figures)))
    total = sum(queue.unaccounted for queue in stats.values())
    return [*table(rows), f"{total:,} unaccounted"]


def _age(stamp_ms: int | None) -> str:
    return "-" if stamp_ms is None else f"{max(0.0, time.time() - stamp_ms / 1000):,.0f} s"


def _item_as_dict(delivery: Delivery) -> dict[str, Any]:
    item = delivery.item
    text = item.payload.decode("utf-8", "backslashreplace")
    return item._asdict() | {"payload": text, "tries": delivery.tries, "enqueued_ms": delivery.enqueued_ms}


def _item_line(delivery: Delivery) -> str:
    text = delivery.item.payload.decode("utf-8", "backslashreplace")
    short = text if len(text) <= _PAYLOAD_LENGTH else f"{text[: _PAYLOAD_LENGTH - 1]}…"
    again = f"  (try {delivery.tries})" if delivery.tries > 1 else ""
    return f"{delivery.item.id}  {_age(delivery.enqueued_ms)}  {short}{again}".translate(SHOWN)
