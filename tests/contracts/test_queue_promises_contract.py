"""What every store promises about bounds, poison, big payloads and commits that fetch: one body, every store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from flowtui.model.errors import Fenced, QueueFull
from flowtui.model.states import OnFull
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_name
from flowtui.storage.queue_store import (
    Beyond,
    Bound,
    Commit,
    Committed,
    Delivery,
    DeliveryLimit,
    GroupStats,
    Item,
    QueueStats,
    QueueStore,
    Source,
)
from flowtui.storage.records import BIG_PAYLOAD

QUEUE = "shop.orders"
ORDERS = Source(QUEUE, "shop.fulfil")
AUDIT = Source(QUEUE, "shop.audit")


def items(*names: object, payload: bytes = b"{}") -> tuple[Item, ...]:
    return tuple(Item(str(name), payload, f"trace-{name}", "shop.incoming") for name in names)


def ids(deliveries: Iterable[Delivery]) -> list[str]:
    return [delivery.item.id for delivery in deliveries]


class Track:
    """An owner that numbers its own commits; one that is refused keeps its number."""

    def __init__(self, store: DataStore, source: Source | None = None, limit: int = 0) -> None:
        self.store = store
        self.queues: QueueStore = store.queues()
        self.source = source
        self.limit = DeliveryLimit(limit, "take")
        self.owner = owner_name(source.group if source else "shop.incoming", 0)
        self.seq = 0

    async def join(self) -> Track:
        await self.queues.join(self.owner, self.source, self.limit)
        return self

    async def push(self, *pushed: Item, bound: Bound | None = None, beyond: Beyond = Beyond.NO) -> None:
        bounds = {QUEUE: bound} if bound else {}
        await self.commit(pushes=tuple((QUEUE, each) for each in pushed), bounds=bounds, beyond=beyond)

    async def commit(self, acknowledged: int = 0, fetch: int = 0, **parts: Any) -> list[Delivery]:
        commit = Commit(self.seq + 1, self.source, acknowledged, **parts)
        fetched = (await self.queues.commit(self.owner, commit, fetch)).taken
        self.seq += 1
        return fetched

    async def fetch(self, limit: int = 100) -> list[Delivery]:
        assert self.source is not None
        return await self.queues.fetch(self.owner, self.source, limit)

    async def dies(self) -> None:
        await asyncio.to_thread(self.store.end_owner, self.owner)


async def figures(store: DataStore) -> QueueStats:
    stats = (await store.queues().queue_stats([QUEUE]))[QUEUE]
    assert stats.unaccounted == 0
    return stats


async def group(store: DataStore, source: Source = ORDERS) -> GroupStats:
    return (await figures(store)).groups[source.group]


# ---- commits that fetch ----


async def test_a_commit_brings_the_next_items_along(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*items(*range(10)))
    assert ids(await reader.fetch(3)) == ["0", "1", "2"]
    assert ids(await reader.commit(2, fetch=4)) == ["3", "4", "5", "6"]
    assert ids(await reader.commit(5, fetch=100)) == ["7", "8", "9"]
    assert await reader.commit(3, fetch=100) == []
    assert (await group(data_store)).acknowledged == 10


async def test_a_commit_that_was_done_before_fetches_nothing(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*items(*range(4)))
    await reader.fetch(1)
    again = Commit(1, ORDERS, 1)
    assert ids((await data_store.queues().commit(reader.owner, again, 2)).taken) == ["1", "2"]
    assert await data_store.queues().commit(reader.owner, again, 2) == Committed([])
    assert ids(await data_store.queues().in_flight(reader.owner, ORDERS)) == ["1", "2"]


async def test_a_fenced_commit_fetches_nothing(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*items(1, 2))
    await reader.fetch(1)
    await reader.dies()
    with pytest.raises(Fenced):
        await reader.commit(1, fetch=5)
    assert (await group(data_store)).waiting == 2


# ---- bounds ----


async def test_a_commit_that_finds_no_room_does_nothing_and_says_how_much_there_is(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    bound = Bound(3)
    await writer.push(*items(1, 2), bound=bound)
    with pytest.raises(QueueFull, match=r"shop\.fulfil has not taken them") as refusal:
        await writer.push(*items(3, 4), bound=bound)
    assert (refusal.value.queue, refusal.value.group, refusal.value.room) == (QUEUE, "shop.fulfil", 1)
    await writer.push(*items(3), bound=bound)
    assert ids(await reader.fetch()) == ["1", "2", "3"]


async def test_a_refused_commit_acknowledges_nothing_either(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*items(1, 2))
    await reader.fetch(1)
    with pytest.raises(QueueFull):
        await reader.commit(
            1, fetch=1, pushes=((QUEUE, items("a")[0]), (QUEUE, items("b")[0])), bounds={QUEUE: Bound(2)}
        )
    assert ((await group(data_store)).in_flight, (await group(data_store)).waiting) == (1, 1)


async def test_of_several_groups_the_one_that_is_full_is_named(data_store):
    writer = await Track(data_store).join()
    slow, quick = await Track(data_store, AUDIT).join(), await Track(data_store, ORDERS).join()
    await writer.push(*items(1, 2), bound=Bound(2))
    await quick.fetch()
    with pytest.raises(QueueFull, match=r"shop\.audit"):
        await writer.push(*items(3), bound=Bound(2))
    await slow.fetch()
    await writer.push(*items(3), bound=Bound(2))


async def test_what_nobody_reads_is_bounded_too(data_store):
    writer = await Track(data_store).join()
    await writer.push(*items(1, 2), bound=Bound(2))
    with pytest.raises(QueueFull, match="nobody reads it"):
        await writer.push(*items(3), bound=Bound(2))


async def test_what_is_more_than_the_bound_enters_an_empty_queue_only(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*items(0), bound=Bound(2))
    with pytest.raises(QueueFull):
        await writer.push(*items(1, 2, 3), bound=Bound(2), beyond=Beyond.EMPTY)
    await reader.fetch()
    await writer.push(*items(1, 2, 3), bound=Bound(2), beyond=Beyond.EMPTY)
    await writer.push(*items(4), bound=Bound(2), beyond=Beyond.YES)
    assert (await group(data_store)).waiting == 4


async def test_a_fetch_rings_for_those_who_wait_for_room(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*items(1, 2), bound=Bound(2))
    bell = data_store.queues().room(QUEUE, "shop.incoming")
    with pytest.raises(QueueFull):
        await writer.push(*items(3), bound=Bound(2))
    await reader.fetch(1)
    await asyncio.wait_for(bell.wait(), 10)


async def test_the_oldest_items_are_dropped_and_counted(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    bound = Bound(3, OnFull.DROP_OLDEST)
    await writer.push(*items(1, 2), bound=bound)
    await writer.push(*items(3, 4, 5), bound=bound)
    assert (await group(data_store)).dropped == 2
    assert ids(await reader.fetch()) == ["3", "4", "5"]
    await writer.push(*items(*range(10)), bound=bound)
    assert ids(await reader.fetch()) == ["7", "8", "9"]
    assert (await group(data_store)).dropped == 9


async def test_new_items_are_dropped_and_counted_for_the_full_group_only(data_store):
    writer = await Track(data_store).join()
    slow, quick = await Track(data_store, AUDIT).join(), await Track(data_store, ORDERS).join()
    bound = Bound(2, OnFull.DROP_NEW)
    await writer.push(*items(1, 2), bound=bound)
    await quick.fetch()
    await writer.push(*items(3, 4, 5), bound=bound)
    assert ids(await quick.fetch()) == ["3", "4"]
    assert ids(await slow.fetch()) == ["1", "2"]
    assert ((await group(data_store)).dropped, (await group(data_store, AUDIT)).dropped) == (1, 3)


async def test_dropping_counts_while_nobody_reads(data_store):
    writer = await Track(data_store).join()
    await writer.push(*items(*range(5)), bound=Bound(2, OnFull.DROP_OLDEST))
    assert (await figures(data_store)).backlog == 2
    reader = await Track(data_store, ORDERS).join()
    assert ids(await reader.fetch()) == ["3", "4"]
    await figures(data_store)


# ---- items that are handed out too often ----


async def test_an_item_that_kills_its_readers_becomes_a_dead_letter_and_takes_no_other_along(data_store):
    writer = await Track(data_store).join()
    await writer.push(*items("a", "poison", "b", payload=b'{"n": [], "big": 12345678901234567890}'))
    done: list[str] = []
    for _ in range(20):
        reader = await Track(data_store, ORDERS, limit=3).join()
        while fetched := await reader.fetch():
            if "poison" in ids(fetched):
                break
            await reader.commit(len(fetched))
            done += ids(fetched)
        await reader.dies()
        if not fetched:
            break
    assert sorted(done) == ["a", "b"]
    (found,) = await data_store.dead_letters().groups()
    assert (found.loop, found.node, found.error, found.count) == ("shop.fulfil", "take", "TooManyDeliveries", 1)
    assert "3 times" in found.message
    assert ((await group(data_store)).dead, (await group(data_store)).acknowledged) == (1, 2)


async def test_without_a_limit_an_item_is_handed_out_for_ever(data_store):
    writer = await Track(data_store).join()
    await writer.push(*items("x"))
    for tries in range(1, 9):
        reader = await Track(data_store, ORDERS).join()
        assert [each.tries for each in await reader.fetch()] == [tries]
        await reader.dies()


async def test_what_goes_back_in_peace_does_not_count(data_store):
    writer = await Track(data_store).join()
    await writer.push(*items("x"))
    for _ in range(5):
        reader = await Track(data_store, ORDERS, limit=2).join()
        assert [each.tries for each in await reader.fetch()] == [1]
        await data_store.queues().leave(reader.owner, ORDERS)


# ---- big payloads ----

BIG = json.dumps({"text": "x" * BIG_PAYLOAD}).encode()


async def test_a_big_payload_is_stored_once_for_all_groups_and_goes_with_the_last(store, data_store):
    writer = await Track(data_store).join()
    first, second = await Track(data_store, ORDERS).join(), await Track(data_store, AUDIT).join()
    await writer.push(*items("small"), *items("big", payload=BIG))
    assert store.big_payloads() == 1
    for reader in (first, second):
        fetched = await reader.fetch()
        assert [each.item.payload for each in fetched] == [b"{}", BIG]
        assert store.big_payloads() == 1
        await reader.commit(2)
    assert store.big_payloads() == 0


async def test_a_big_payload_survives_its_reader(store, data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*items("big", payload=BIG))
    await reader.fetch()
    await reader.dies()
    heir = await Track(data_store, ORDERS).join()
    assert [(each.item.payload, each.tries) for each in await heir.fetch()] == [(BIG, 2)]
    assert [each.item.payload for each in await data_store.queues().in_flight(heir.owner, ORDERS)] == [BIG]


@pytest.mark.parametrize("on_full", [OnFull.DROP_OLDEST, OnFull.DROP_NEW])
async def test_dropped_big_payloads_leave_nothing_behind(store, data_store, on_full):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    for n in range(3):
        await writer.push(*items(n, payload=BIG), bound=Bound(1, on_full))
    assert store.big_payloads() == 1
    await reader.fetch()
    await reader.commit(1)
    assert store.big_payloads() == 0


async def test_a_big_payload_that_is_poison_is_in_its_dead_letter(store, data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS, limit=1).join()
    await writer.push(*items("big", payload=BIG))
    await reader.fetch()
    await reader.dies()
    assert store.big_payloads() == 0
    with store.connector.client() as client:
        (letter,) = client.hvals(f"{store.namespace}:letters:shop.fulfil")
    assert letter.startswith(b"P")
    assert letter.endswith(BIG)
