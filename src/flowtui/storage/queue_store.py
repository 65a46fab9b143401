"""`QueueStore`: the queues as the tasks of one event loop see them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from time import monotonic_ns
from typing import Any

from flowtui.model.errors import QueueFull, StoreError
from flowtui.storage.calls import StoreCalls
from flowtui.storage.commit import Beyond, Commit, Committed, DeliveryLimit, Source
from flowtui.storage.lease import Keeper
from flowtui.storage.loop_lease import LoopLeases
from flowtui.storage.queue_stats import GroupStats, HolderStats, QueueStats
from flowtui.storage.records import (
    BIG_PAYLOAD,
    UNBOUNDED,
    Bound,
    Delivery,
    Item,
    decode,
    encode,
    escape,
    reference_of,
    unescape,
)

__all__ = [
    "Beyond",
    "Bound",
    "Commit",
    "Committed",
    "Delivery",
    "DeliveryLimit",
    "GroupStats",
    "Item",
    "QueueStats",
    "QueueStore",
    "Source",
]

#: `fetch` stops before it holds more bytes than this: a bigger reply would keep all other clients waiting.
FETCH_BYTES = 1_000_000

#: What stands behind a queue's name in the doorbell of those that wait for room in it.
ROOM = ":room"
#: Error and fingerprint of the dead letter of an item that was handed out too often.
TOO_MANY_DELIVERIES = "TooManyDeliveries"

NO_LIMIT = DeliveryLimit()

_MESSAGE_LENGTH = 500


class QueueStore:
    """Moves items for the tasks of one event loop; all of them may share it.

    An owner is one track. It has one call of `commit`, `fetch` and `give_back` under way at a time, and takes a new
    name each time it starts. After an error or a cancellation nobody knows whether a call was done: a commit is
    repeated with the same `seq`, and what `fetch` may have taken is found by `in_flight`.

    Every coroutine raises `StoreUnavailable` if the store does not answer now, `StoreError` if it refuses a command.

    Attributes:
        loops: another way to join, for owners that read no queue and run a loop that only one may run.
    """

    def __init__(self, calls: StoreCalls, keeper: Keeper) -> None:
        self._client = calls.client
        self._namespace = calls.namespace
        self._bells = calls.bells
        self._run = calls.run
        self._answer = calls.answer
        self._keeper = keeper
        self.loops = LoopLeases(calls.run, keeper, calls.bells)

    async def join(self, owner: str, source: Source | None, limit: DeliveryLimit = NO_LIMIT) -> None:
        """Give the owner its lease; the process renews it until the owner leaves.

        The first group that ever reads a queue takes over what was pushed while nobody read. An item that this owner
        is the last to get within `limit`, and does not end, becomes a dead letter of the group.

        Raises:
            Fenced: if the owner has had its lease and has ended or left: it must take a new name.
            StoreError: if the owner has joined for another source.
        """
        queue, group = _names(source)
        reading = (*_poison(source, limit), self._bells.id, self._keeper.instance) if source else ()
        reply = await self._run("join", owner, self._keeper.lease_ms, queue, group, *reading)
        if reply[0] == b"OTHER":
            raise StoreError(f"owner {owner} already reads another queue; it must leave before it reads {queue}")
        self._check(owner, reply)
        self._keeper.add(owner)

    async def fetch(self, owner: str, source: Source, limit: int) -> list[Delivery]:
        """Move up to `limit` items, and about a megabyte, into the owner's in-flight list and return them in order.

        An item that was handed out before comes alone.

        Raises:
            Fenced: if the owner's lease has ended.
        """
        if limit < 1:
            return []
        reply = await self._run("fetch", owner, *_names(source), limit, FETCH_BYTES, monotonic_ns())
        self._check(owner, reply)
        return await self._fetched(source, reply[0], reply[1:])

    async def commit(self, owner: str, commit: Commit, fetch: int = 0) -> Committed:
        """Do all of a commit or nothing, once, however often it is repeated; then fetch up to `fetch` items.

        Nothing is fetched by a commit that was done before.

        Raises:
            Fenced: if the owner's lease has ended; nothing was done, neither by this call nor by one that it repeats.
            QueueFull: if a queue that is to be waited for has no room for all of it; nothing was done.
            StoreError: if `seq` leaves a gap, or more is acknowledged than is in flight; nothing was done.
        """
        if commit.seq < 1:
            raise StoreError(f"commit {commit.seq} of {owner} cannot be done: sequence numbers start at 1")
        targets = {escape(queue) for queue, _ in commit.pushes}
        reply = await self._run("commit", *_commit_arguments(owner, commit, fetch, self._bells.id), ring=targets)
        self._check(owner, reply)
        # One that was done before tells nothing.
        return Committed(await self._fetched(commit.source, reply[0], reply[2:]), *reply[1:2])

    async def claim(self, owner: str, name: str, item: str) -> bool:
        """Claim a key for an item; return False if another item has it.

        The claim holds until the owner has committed the key, or its lease has ended: then it never was. The same item
        always gets its key, however often it comes.
        """
        return bool(await self._run("claim", name, owner, _as_bytes(item)))

    async def give_back(self, owner: str, source: Source, keep: int) -> int:
        """Return what is in flight behind the first `keep` items to the head of the queue, in order, tries unchanged.

        Returns how many items went back; 0 if the lease has ended, as then the others have them already.
        """
        queue, group = _names(source)
        count: int = await self._run("give_back", owner, queue, group, keep, monotonic_ns(), ring=(queue,))
        return count

    async def in_flight(self, owner: str, source: Source) -> list[Delivery]:
        """Return all that the owner has fetched and not acknowledged, in order.

        What earlier calls of `fetch` and `give_back` have not changed by now they never will: this is the truth after
        one of them failed or was cancelled.
        """
        return await self.opened(await self._run("in_flight", owner, *_names(source), monotonic_ns()))

    async def leave(self, owner: str, source: Source | None, *, completed: bool = False) -> None:
        """Give everything back and end the lease. The group stays, and what is pushed goes on waiting for it.

        `completed` tells that the loop that the owner alone may run has nothing more to do, for others neither.
        """
        # First of all: if the store does not answer now, the lease must run out, or the items would never come back.
        self._keeper.discard(owner)
        bell = await self._run("leave", owner, int(completed), ring=_names(source)[:1])
        self._bells.ring(bell.decode())

    async def cursor(self, loop: str) -> bytes | None:
        """Return the JSON that the loop's last commit with a cursor saved, None if there was none."""
        value: bytes | None = await self._answer(self._client.get(f"{self._namespace}:cursor:{escape(loop)}"))
        return value

    async def queue_stats(self, names: Sequence[str]) -> dict[str, QueueStats]:
        """Return the figures of these queues, all taken at the same moment."""
        if not names:
            return {}
        rows = await self._run("stats", *map(escape, names))
        return {name: _stats(row) for name, row in zip(names, rows, strict=True)}

    def doorbell(self, source: Source) -> asyncio.Event:
        """Return the event that is set when something may have come to the source's queue; always the same one.

        It is set after a push, when items went back, and when the connection came back. Clear it, fetch, and wait for
        it only if the fetch brought nothing: then no push is missed.
        """
        return self._bells.bell(*_names(source))

    def room(self, queue: str, loop: str) -> asyncio.Event:
        """Return the event that is set when a queue that was full may have room; one for each waiting loop."""
        return self._bells.bell(f"{escape(queue)}{ROOM}", loop)

    def ring(self, queue: str, what: str = "") -> None:
        """Wake the readers of a queue in this process, or with `ROOM` those who wait for room in it."""
        self._bells.ring(f"{escape(queue)}{what}")

    def _check(self, owner: str, reply: list[Any]) -> None:
        match reply[0]:
            case b"OK" | b"ROOM":
                return
            case b"FENCED":
                raise self._keeper.lost(owner)
            case b"FULL":
                raise QueueFull(unescape(reply[1].decode()), unescape(reply[2].decode()), reply[3])
            case b"GAP":
                raise StoreError(f"a commit of {owner} was refused: its last one had number {reply[1]}")
            case b"LATE":
                raise StoreError(f"a fetch of {owner} was refused: a later call was faster")
            case _:
                raise StoreError(f"a commit of {owner} was refused: it has only {reply[1]} items in flight")

    async def _fetched(self, source: Source | None, how: bytes, envelopes: list[Any]) -> list[Delivery]:
        if not envelopes:
            return []
        assert source is not None
        if how == b"ROOM":  # others hear of it from the store
            self.ring(source.queue, ROOM)
        return await self.opened(envelopes)

    async def opened(self, envelopes: list[bytes]) -> list[Delivery]:
        """Return what envelopes hold, big payloads too."""
        return [
            decode(envelope, await self._payload(name) if (name := reference_of(envelope)) else None)
            for envelope in envelopes
        ]

    async def _payload(self, name: str) -> bytes:
        payload: bytes | None = await self._answer(self._client.hget(f"{self._namespace}:big:{name}", "payload"))
        # One that is gone fails as no JSON, and shows what is missing.
        return b"(the payload %b is not in the store)" % name.encode() if payload is None else payload


def _names(source: Source | None) -> tuple[str, str]:
    return ("", "") if source is None else (escape(source.queue), escape(source.group))


def _poison(source: Source, limit: DeliveryLimit) -> tuple[Any, ...]:
    times = f"{limit.deliveries} times" if limit.deliveries != 1 else "once"
    message = f"handed out {times}, and each time its reader died or was lost before it had ended it"
    field = [source.group, limit.node, TOO_MANY_DELIVERIES, TOO_MANY_DELIVERIES]
    return limit.deliveries, TOO_MANY_DELIVERIES, json.dumps(field), json.dumps(message)


def _commit_arguments(owner: str, commit: Commit, fetch: int, process: str) -> list[Any]:
    loop, cursor = commit.cursor or ("", b"")
    arguments = [owner, commit.seq, *_names(commit.source), commit.acknowledged, commit.died, escape(loop), cursor]
    arguments += (fetch, FETCH_BYTES, monotonic_ns(), commit.beyond, process)
    by_queue: dict[str, list[Item]] = {}
    for queue, item in commit.pushes:
        by_queue.setdefault(queue, []).append(item)
    arguments.append(len(by_queue))
    for queue, items in by_queue.items():
        bound = commit.bounds.get(queue, UNBOUNDED)
        arguments += (escape(queue), bound.max_items, bound.on_full)
        arguments += _items(items, f"{owner}:{commit.seq}:{escape(queue)}")
    arguments.append(len(commit.dead))
    for letter in commit.dead:
        field = json.dumps([letter.loop, letter.node, letter.error, letter.fingerprint])
        message, at = json.dumps(letter.message[:_MESSAGE_LENGTH]), json.dumps(letter.failed_at)
        arguments += (escape(letter.loop), letter.fingerprint, field, message, at, letter.to_json())
    arguments.append(len(commit.replayed))
    for loop, number in commit.replayed:
        arguments += (escape(loop), number)
    arguments.append(len(commit.keys))
    for key in commit.keys:
        arguments += (key.name, _as_bytes(key.item), key.ttl_ms)
    return arguments


def _as_bytes(id: str) -> bytes:
    return id.encode("utf-8", "surrogatepass")  # it may come from an author's node


def _items(items: list[Item], name: str) -> list[Any]:
    """Return the big payloads, with names that are the same at each try, and the envelopes."""
    bigs: list[Any] = []
    envelopes = []
    for index, item in enumerate(items):
        reference = f"{name}:{index}" if len(item.payload) > BIG_PAYLOAD else ""
        if reference:
            bigs += (reference, item.payload)
        envelopes.append(encode(item, reference))
    return [len(bigs) // 2, *bigs, len(envelopes), *envelopes]


_QUEUE_FIGURES = 9
_GROUP_FIGURES = 12


def _stats(row: list[Any]) -> QueueStats:
    pushed, injected, moved_in, base, *gone, backlog, head = map(int, row[:_QUEUE_FIGURES])
    came = pushed + injected + moved_in
    groups = {}
    for at in range(_QUEUE_FIGURES, len(row), 1 + _GROUP_FIGURES + 1):
        name, *figures, holders = row[at : at + 1 + _GROUP_FIGURES + 1]
        groups[unescape(name.decode())] = _group_stats(came, holders, *map(int, figures))
    # While nobody reads, all that came is in the backlog or gone; after that each group answers for its share.
    unaccounted = backlog if groups else abs(came - base - backlog - sum(gone))
    return QueueStats(pushed, injected, moved_in, backlog, head or None, unaccounted, groups)


def _group_stats(came: int, holders: list[Any], *figures: int) -> GroupStats:
    base, moved_in, replayed, acknowledged, dead, dropped, purged, moved_out, waiting, in_flight, head, tracks = figures
    gone = acknowledged + dead + dropped + purged + moved_out
    return GroupStats(
        waiting=waiting,
        in_flight=in_flight,
        oldest_ms=head or None,
        tracks=tracks,
        moved_in=moved_in,
        replayed=replayed,
        acknowledged=acknowledged,
        dead=dead,
        dropped=dropped,
        purged=purged,
        moved_out=moved_out,
        unaccounted=abs(came - base + moved_in + replayed - waiting - in_flight - gone),
        holders=tuple(
            HolderStats(owner.decode(), instance.decode(), held, first) for owner, instance, held, first in holders
        ),
    )
