"""What every store promises about changes to queues by hand: one body, every store."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowtui.model.errors import StoreError
from flowtui.model.queued import QueuedItem
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


def seen(items: tuple[QueuedItem, ...]) -> list[str]:
    return [each.id for each in items]


async def test_looking_shows_what_is_in_flight_first_and_who_has_it(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*range(5))
    await data_store.queues().fetch(reader.owner, ORDERS, 2)
    page = await data_store.queue_admin().look(FOR_ORDERS, limit=2)
    assert (seen(page.items), page.waiting, page.looked) == (["0", "1", "2", "3"], 3, 2)
    assert [each.owner and (each.owner.loop, each.owner.track) for each in page.items] == [("loop", 0)] * 2 + [None] * 2
    assert [each.place.index for each in page.items[2:]] == [0, 1]
    holder = (await stats(data_store)).groups[ORDERS.group].holders[0]
    assert (holder.owner, holder.in_flight, holder.instance) == (reader.owner, 2, data_store.instance)


async def test_paging_on_leaves_nothing_out_while_items_leave_and_return(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    admin, queues = data_store.queue_admin(), data_store.queues()
    await writer.push(*range(20))
    first = await admin.look(FOR_ORDERS, limit=8)
    await reader.take(5)
    await queues.fetch(reader.owner, ORDERS, 2)
    second = await admin.look(FOR_ORDERS, first.next, limit=8, is_first=False)
    assert seen(second.items) == [str(n) for n in range(8, 16)]
    await queues.give_back(reader.owner, ORDERS, 0)
    last = await admin.look(FOR_ORDERS, second.next, limit=8, is_first=False)
    assert seen(last.items) == [str(n) for n in range(16, 20)]
    assert last.next is None


async def test_what_nobody_reads_can_be_looked_at_too(data_store):
    writer, admin = await Track(data_store).join(), data_store.queue_admin()
    await writer.push(*range(3))
    first = await admin.look(Waiting(QUEUE), limit=2)
    await admin.purge(Waiting(QUEUE))
    assert seen(first.items) == ["0", "1"]
    assert (await admin.look(Waiting(QUEUE), first.next, limit=2)).items == ()


async def test_a_long_payload_is_cut_in_a_list_and_whole_when_asked_for(data_store):
    writer, admin = await Track(data_store).join(), data_store.queue_admin()
    long, big = (json.dumps({"x": "y" * size}).encode() for size in (1000, BIG_PAYLOAD))
    await writer.push("long", payload=long)
    await writer.push("big", payload=big)
    page = await admin.look(Waiting(QUEUE), limit=10)
    assert [(each.is_cut, each.size) for each in page.items] == [(True, len(long)), (True, len(big))]
    assert long.startswith(page.items[0].payload.encode())
    wholes = [await admin.whole(Waiting(QUEUE), each) for each in page.items]
    assert [each and each.payload.encode() for each in wholes] == [long, big]


async def test_an_item_is_found_whole_after_it_was_handed_out_and_not_after_it_has_ended(data_store):
    writer, reader = await Track(data_store).join(), await Track(data_store, ORDERS).join()
    await writer.push(*range(3))
    admin, queues = data_store.queue_admin(), data_store.queues()
    item = (await admin.look(FOR_ORDERS, limit=1)).items[0]
    await queues.fetch(reader.owner, ORDERS, 1)
    found = await admin.whole(FOR_ORDERS, item)
    assert found is not None
    assert found.owner is not None
    await queues.commit(reader.owner, Commit(1, ORDERS, 1))
    assert await admin.whole(FOR_ORDERS, item) is None


@pytest.mark.parametrize(
    "text", ["order-7", "ORDER-7", "müller", "MÜLLER", '"n": 7', '"n":7', 'a "quote"', "tail", "\ud83d"]
)
async def test_a_text_is_found_in_ids_and_payloads_however_json_writes_it(data_store, text):
    writer, admin = await Track(data_store).join(), data_store.queue_admin()
    await writer.push("other", payload=b'{"n":1}')
    payload = {"name": "M\u00fcller", "say": 'a "quote"', "n": 7, "half": "\ud83d", "long": "x" * BIG_PAYLOAD + "tail"}
    await writer.push("order-7", payload=json.dumps(payload, separators=(",", ":")).encode())
    page = await admin.look(Waiting(QUEUE), text=text, limit=10)
    assert (seen(page.items), page.next, page.looked) == (["order-7"], None, 2)


async def test_letters_that_json_has_not_escaped_are_found_too(data_store):
    writer, admin = await Track(data_store).join(), data_store.queue_admin()
    await writer.push(1, payload='{"name":"MÜLLER \x00"}'.encode())
    assert seen((await admin.look(Waiting(QUEUE), text="müller", limit=10)).items) == ["1"]


async def test_one_call_looks_at_a_thousand_items_or_a_megabyte_and_says_where_to_go_on(data_store):
    writer, admin = await Track(data_store).join(), data_store.queue_admin()
    await writer.push(*range(1500))
    first = await admin.look(Waiting(QUEUE), text="1499", limit=10)
    assert (first.items, first.looked) == ((), 1000)
    second = await admin.look(Waiting(QUEUE), first.next, text="1499", limit=10)
    assert (seen(second.items), second.next) == (["1499"], None)
    for n in range(12):
        await writer.push(n, queue=OTHER, payload=b'"' + b"x" * 200_000 + b'"')
    big = await admin.look(Waiting(OTHER), limit=100)
    assert 0 < len(big.items) < 12
    assert big.next is not None


async def test_moving_and_purging_tell_how_far_they_are(data_store):
    writer, admin = await Track(data_store).join(), data_store.queue_admin()
    await writer.push(*range(1200))
    steps: list[int] = []
    await admin.move(Waiting(QUEUE), Waiting(OTHER), steps.append)
    await admin.purge(Waiting(OTHER), steps.append)
    assert steps == [1000, 1200, 1000, 1200]
