"""What every store promises about changes to queues by hand: one body, every store."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowtui.model.errors import StoreError
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_name
from flowtui.storage.queue_admin import Waiting
from flowtui.storage.queue_store import Bound, Commit, Item, QueueStats, Source
from flowtui.storage.records import BIG_PAYLOAD

QUEUE, OTHER = "shop.orders", "shop.later"
ORDERS, AUDIT = Source(QUEUE, "shop.fulfil"), Source(QUEUE, "shop.audit")
FOR_ORDERS = Waiting(QUEUE, ORDERS.group)


class Track:
    def __init__(self, store: DataStore, source: Source | None = None) -> None:
        self.queues = store.queues()
        self.source = source
        self.owner = owner_name("loop", 0)
        self.seq = 0

    async def join(self) -> Track:
        await self.queues.join(self.owner, self.source)
        return self

    async def push(self, *names: object, queue: str = QUEUE, payload: bytes = b"{}", bound: int = 0) -> None:
        self.seq += 1
        pushes = tuple((queue, Item(str(name), payload, "t", "o")) for name in names)
        await self.queues.commit(self.owner, Commit(self.seq, pushes=pushes, bounds={queue: Bound(bound)}))

    async def take(self, limit: int = 100) -> list[str]:
        assert self.source is not None
        found = await self.queues.fetch(self.owner, self.source, limit)
        self.seq += 1
        await self.queues.commit(self.owner, Commit(self.seq, self.source, len(found)))
        return [each.item.id for each in found]

    async def leave(self) -> None:
        await self.queues.leave(self.owner, self.source)


async def stats(store: DataStore, queue: str = QUEUE) -> QueueStats:
    found = (await store.queues().queue_stats([queue]))[queue]
    assert found.unaccounted == 0, found
    return found


async def test_queues_are_known_by_name_once_written_or_read(data_store):
    admin = data_store.queue_admin()
    assert await admin.names() == []
    await (await Track(data_store).join()).push(1, queue="/a:b")
    await Track(data_store, ORDERS).join()
    assert await admin.names() == ["/a:b", QUEUE]


async def test_peeking_shows_what_waits_and_takes_nothing(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*range(5), payload=b'{"n":1}')
    peeked = await data_store.queue_admin().peek(FOR_ORDERS, 2, after=1)
    assert [(each.item.id, each.item.payload) for each in peeked] == [("1", b'{"n":1}'), ("2", b'{"n":1}')]
    assert await reader.take() == ["0", "1", "2", "3", "4"]


async def test_peeking_shows_what_nobody_reads_and_big_payloads(data_store):
    big = json.dumps({"x": "y" * BIG_PAYLOAD}).encode()
    await (await Track(data_store).join()).push("big", payload=big)
    (peeked,) = await data_store.queue_admin().peek(Waiting(QUEUE), 10)
    assert peeked.item.payload == big


async def test_an_injected_item_reaches_every_reader_and_is_counted(data_store):
    first, second = await Track(data_store, ORDERS).join(), await Track(data_store, AUDIT).join()
    id = await data_store.queue_admin().inject(QUEUE, {"n": 1})
    assert (await stats(data_store)).injected == 1
    assert await first.take() == await second.take() == [id]


async def test_what_is_no_json_is_not_injected(data_store):
    with pytest.raises(StoreError, match="no JSON"):
        await data_store.queue_admin().inject(QUEUE, {"n": float("nan")})
    assert await data_store.queue_admin().names() == []


async def test_purging_drops_what_waits_of_one_group_and_counts_it(data_store):
    writer = await Track(data_store).join()
    reader, other = await Track(data_store, ORDERS).join(), await Track(data_store, AUDIT).join()
    await writer.push(*range(2500))
    await data_store.queues().fetch(reader.owner, ORDERS, 10)
    assert await data_store.queue_admin().purge(FOR_ORDERS) == 2490
    group = (await stats(data_store)).groups[ORDERS.group]
    assert (group.waiting, group.in_flight, group.purged) == (0, 10, 2490)
    assert len(await other.take(3000)) == 2500


async def test_purging_makes_room(data_store):
    writer = await Track(data_store).join()
    await Track(data_store, ORDERS).join()
    await writer.push(1, 2, bound=2)
    await data_store.queue_admin().purge(FOR_ORDERS)
    await writer.push(3, 4, bound=2)
    assert (await stats(data_store)).depth == 2


async def test_what_nobody_reads_can_be_purged_and_moved(data_store):
    writer, admin = await Track(data_store).join(), data_store.queue_admin()
    await writer.push(*range(4))
    assert await admin.move(Waiting(QUEUE), Waiting(OTHER)) == 4
    assert (await stats(data_store)).backlog == 0
    assert (await stats(data_store, OTHER)).moved_in == 4
    await writer.push(*range(3))
    assert await admin.purge(Waiting(QUEUE)) == 3
    reader = await Track(data_store, Source(OTHER, "x")).join()
    assert await reader.take() == ["0", "1", "2", "3"]
    await stats(data_store, OTHER)


async def test_moved_items_keep_their_order_and_start_anew(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    heir = await Track(data_store, Source(OTHER, "heir")).join()
    await writer.push(*range(5))
    await data_store.queues().fetch(reader.owner, ORDERS, 5)
    data_store.end_owner(reader.owner)
    assert await data_store.queue_admin().move(FOR_ORDERS, Waiting(OTHER)) == 5
    # An item with more than one try would come alone.
    assert await heir.take() == ["0", "1", "2", "3", "4"]
    await stats(data_store)
    await stats(data_store, OTHER)


async def test_an_orphan_hands_its_items_to_another_group_and_goes(data_store):
    writer, orphan = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    heir, admin = await Track(data_store, AUDIT).join(), data_store.queue_admin()
    await writer.push(1, 2)
    assert await heir.take() == ["1", "2"]
    with pytest.raises(StoreError, match="stop it first"):
        await admin.forget(ORDERS)
    await orphan.leave()
    with pytest.raises(StoreError, match="purge or move"):
        await admin.forget(ORDERS)
    assert await admin.move(FOR_ORDERS, Waiting(QUEUE, AUDIT.group)) == 2
    await admin.forget(ORDERS)
    assert list((await stats(data_store)).groups) == [AUDIT.group]
    await writer.push(3)
    assert await heir.take() == ["1", "2", "3"]
    await stats(data_store)


async def test_after_the_last_group_has_gone_items_are_kept_for_the_next_reader(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(1, 2)
    await reader.take(1)
    await reader.leave()
    admin = data_store.queue_admin()
    await admin.purge(FOR_ORDERS)
    await admin.forget(ORDERS)
    await stats(data_store)
    await writer.push(3)
    assert (await stats(data_store)).backlog == 1
    assert await (await Track(data_store, AUDIT).join()).take() == ["3"]
    await stats(data_store)


async def test_a_group_or_queue_that_is_not_there_is_named(data_store):
    admin = data_store.queue_admin()
    with pytest.raises(StoreError, match="nobody has never read"):
        await admin.purge(Waiting(QUEUE, "nobody"))
    await (await Track(data_store).join()).push(1)
    with pytest.raises(StoreError, match=r"shop\.ghost has never read shop\.later"):
        await admin.move(Waiting(QUEUE), Waiting(OTHER, "shop.ghost"))
    with pytest.raises(StoreError, match="there already"):
        await admin.move(Waiting(QUEUE), Waiting(QUEUE))
    assert (await stats(data_store)).backlog == 1


@pytest.mark.parametrize("readers", [1, 2])
async def test_big_payloads_that_are_moved_or_purged_leave_nothing_behind(store, data_store, readers):
    big = json.dumps({"x": "y" * BIG_PAYLOAD}).encode()
    writer, admin = await Track(data_store).join(), data_store.queue_admin()
    heirs = [await Track(data_store, Source(OTHER, f"heir-{n}")).join() for n in range(readers)]
    await writer.push("big", payload=big)
    await admin.move(Waiting(QUEUE), Waiting(OTHER))
    for heir in heirs:
        (delivery,) = await data_store.queues().fetch(heir.owner, heir.source, 10)
        assert delivery.item.payload == big
        await heir.queues.commit(heir.owner, Commit(1, heir.source, 1))
    await writer.push("big", payload=big)
    await admin.purge(Waiting(QUEUE))
    assert store.big_payloads() == 0


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=5), max_size=4)
)
async def test_any_json_object_can_be_injected(data_store, payload):
    admin = data_store.queue_admin()
    await admin.purge(Waiting("any"))
    await admin.inject("any", payload)
    (peeked,) = await admin.peek(Waiting("any"), 10)
    assert json.loads(peeked.item.payload) == payload
