"""What every store promises about queues: one body, every kind of store."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from flowtui.model.errors import Fenced, StoreError
from flowtui.model.letters import DeadLetter
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_name
from flowtui.storage.queue_store import Commit, Delivery, Item, QueueStore, Source
from flowtui.storage.scripts import script

QUEUE = "shop.orders"
ORDERS = Source(QUEUE, "shop.fulfil")
AUDIT = Source(QUEUE, "shop.audit")


def item(name: str, payload: bytes = b"{}") -> Item:
    return Item(name, payload, f"trace-{name}", "shop.incoming")


def items(*names: str | int) -> tuple[Item, ...]:
    return tuple(item(str(name)) for name in names)


def ids(deliveries: Iterable[Delivery]) -> list[str]:
    return [delivery.item.id for delivery in deliveries]


def letter(name: str, *, loop: str = "shop.fulfil", error: str = "ValueError", at: float = 1.0) -> DeadLetter:
    return DeadLetter(
        name, loop, "check", "r1", {"a": [], "b": {}}, "trace", 1, error, f"no {name}", "Traceback …", "f1", at
    )


class Track:
    """An owner that numbers its own commits."""

    def __init__(self, queues: QueueStore, source: Source | None = None) -> None:
        self.queues = queues
        self.source = source
        self.owner = owner_name(source.group if source else "shop.incoming", 0)
        self.seq = 0

    async def join(self) -> Track:
        await self.queues.join(self.owner, self.source)
        return self

    async def push(self, *pushed: Item, queue: str = QUEUE) -> None:
        await self.commit(pushes=tuple((queue, each) for each in pushed))

    async def commit(self, acknowledged: int = 0, **parts: Any) -> None:
        self.seq += 1
        await self.queues.commit(self.owner, Commit(self.seq, self.source, acknowledged, **parts))

    async def fetch(self, limit: int = 100) -> list[Delivery]:
        assert self.source is not None
        return await self.queues.fetch(self.owner, self.source, limit)

    async def in_flight(self) -> list[Delivery]:
        assert self.source is not None
        return await self.queues.in_flight(self.owner, self.source)


@pytest.fixture
async def queues(data_store: DataStore) -> QueueStore:
    return data_store.queues()


async def test_items_come_out_as_they_went_in(queues):
    awkward = [
        Item("plain", b'{"n":12345678901234567890,"empty":[],"none":{}}', "t", "o"),
        Item("", b"{}", "", ""),
        Item("with space 1 2\n\x00", b'{"raw":"\x00\xff\r\n"}', "t 1", "o:2{3}%"),
        Item("half \ud83d a pair", '{"ü":"日本"}'.encode(), "ü", "日本"),
    ]
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.push(*awkward)
    fetched = await reader.fetch()
    assert [delivery.item for delivery in fetched] == awkward
    assert {delivery.tries for delivery in fetched} == {1}
    assert fetched[0].enqueued_ms > 1_600_000_000_000
    assert await reader.in_flight() == fetched


async def test_names_that_look_like_keys_do_not_mix(queues):
    first, second = Source("a:b", "c"), Source("a", "b:c")
    writer = await Track(queues).join()
    await writer.push(item("one"), queue="a:b")
    await writer.push(item("two"), queue="a")
    assert ids(await (await Track(queues, first).join()).fetch()) == ["one"]
    assert ids(await (await Track(queues, second).join()).fetch()) == ["two"]


async def test_fetch_takes_no_more_than_asked_and_keeps_the_order(queues):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.push(*items(*range(100)))
    assert await reader.fetch(0) == []
    assert ids(await reader.fetch(40)) == [str(n) for n in range(40)]
    assert ids(await reader.fetch(200)) == [str(n) for n in range(40, 100)]
    assert await reader.fetch(200) == []


async def test_fetch_stops_at_about_a_megabyte_but_always_takes_one(queues):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    big = b'"' + b"x" * 400_000 + b'"'
    await writer.push(*(item(str(n), big) for n in range(4)), item("huge", big * 4))
    assert [len(await reader.fetch()) for _ in range(4)] == [2, 2, 1, 0]


async def test_thousands_of_items_go_in_one_commit(queues):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.push(*items(*range(3000)))
    assert ids(await reader.fetch(3000)) == [str(n) for n in range(3000)]
    await reader.commit(3000)
    assert (await queues.queue_stats([QUEUE]))[QUEUE].acknowledged == 3000


async def test_one_commit_acknowledges_pushes_files_letters_and_saves_the_cursor(queues):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.commit(pushes=tuple((QUEUE, each) for each in items(1, 2, 3)), cursor=("shop.incoming", b"[7]"))
    assert await queues.cursor("shop.incoming") == b"[7]"
    assert await queues.cursor("shop.other") is None
    await reader.fetch()
    await reader.commit(2, died=1, pushes=(("/done", item("1a")), ("/other", item("1b"))), dead=(letter("2"),))
    stats = await queues.queue_stats([QUEUE, "/done", "/other", "never"])
    assert ids(await reader.in_flight()) == ["3"]
    assert (stats[QUEUE].in_flight, stats[QUEUE].acknowledged, stats[QUEUE].dead) == (1, 1, 1)
    assert [stats[name].depth for name in ("/done", "/other", "never")] == [1, 1, 0]
    assert {figures.unaccounted for figures in stats.values()} == {0}


async def test_a_commit_that_is_repeated_is_done_once(queues):
    reader = await Track(queues, ORDERS).join()
    await reader.push(*items(1, 2, 3))
    await reader.fetch()
    commit = Commit(2, ORDERS, 1, died=1, pushes=((QUEUE, item("new")),), dead=(letter("1"),))
    for _ in range(3):
        await queues.commit(reader.owner, commit)
    assert ids(await reader.in_flight()) == ["2", "3"]
    assert ids(await reader.fetch()) == ["new"]
    assert (await queues.queue_stats([QUEUE]))[QUEUE].dead == 1


@pytest.mark.parametrize("commit", [Commit(5, ORDERS, 1), Commit(2, ORDERS, 4), Commit(0, ORDERS, 1)])
async def test_a_commit_that_cannot_be_right_is_refused_and_does_nothing(queues, commit):
    reader = await Track(queues, ORDERS).join()
    await reader.push(*items(1, 2, 3))
    await reader.fetch()
    with pytest.raises(StoreError):
        await queues.commit(reader.owner, commit)
    assert ids(await reader.in_flight()) == ["1", "2", "3"]
    await reader.commit(3)


async def test_an_owner_without_lease_is_fenced_and_changes_nothing(queues, store):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.push(*items(1, 2))
    await reader.fetch()
    store.end_owners(reader.owner)
    with pytest.raises(Fenced):
        await reader.commit(1, pushes=(("/done", item("x")),), cursor=("shop.fulfil", b"1"))
    with pytest.raises(Fenced):
        await reader.fetch()
    with pytest.raises(Fenced):
        await queues.fetch("never joined", ORDERS, 1)
    assert await queues.give_back(reader.owner, ORDERS, 0) == 0
    await queues.leave(reader.owner, ORDERS)
    stats = await queues.queue_stats([QUEUE, "/done"])
    assert (stats[QUEUE].depth, stats[QUEUE].in_flight, stats["/done"].pushed) == (2, 0, 0)
    assert await queues.cursor("shop.fulfil") is None


async def test_a_commit_that_was_done_before_the_lease_ended_is_known_when_it_is_repeated(queues, store):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.push(*items(1, 2, 3))
    await reader.fetch()
    await reader.commit(1, pushes=(("/done", item("1")),))
    store.end_owners(writer.owner, reader.owner)
    await queues.commit(writer.owner, Commit(1, pushes=tuple((QUEUE, each) for each in items(1, 2, 3))))
    await queues.commit(reader.owner, Commit(1, ORDERS, 1, pushes=(("/done", item("1")),)))
    for track in (writer, reader):
        with pytest.raises(Fenced):
            await track.commit()
    stats = await queues.queue_stats([QUEUE, "/done"])
    assert (stats[QUEUE].pushed, stats[QUEUE].depth, stats["/done"].pushed) == (3, 2, 1)


async def test_an_owner_that_has_gone_is_forgotten_in_the_end_and_no_other(queues, store):
    ended, left, living = [await Track(queues).join() for _ in range(3)]
    store.end_owners(ended.owner)
    await queues.leave(left.owner, None)
    with store.connector.client() as client:
        times = [client.ttl(f"{store.namespace}:owner:{each.owner}") for each in (ended, left, living)]
    assert times[0] > times[1] > 0
    assert times[2] == -1


async def test_what_a_dead_owner_held_comes_back_first_in_order_one_at_a_time(queues, store):
    writer = await Track(queues).join()
    dead, other = await Track(queues, ORDERS).join(), await Track(queues, ORDERS).join()
    await writer.push(*items(1, 2, 3, 4, 5))
    await dead.fetch(3)
    store.end_owners(dead.owner)
    fetched = [await other.fetch() for _ in range(4)]
    assert [ids(batch) for batch in fetched] == [["1"], ["2"], ["3"], ["4", "5"]]
    assert [batch[0].tries for batch in fetched] == [2, 2, 2, 1]
    assert (await queues.queue_stats([QUEUE]))[QUEUE].unaccounted == 0


async def test_a_redelivered_item_behind_others_ends_their_batch(queues, store):
    writer = await Track(queues).join()
    first, second, third = [await Track(queues, ORDERS).join() for _ in range(3)]
    await writer.push(*items(1, 2, 3))
    await first.fetch(1)
    await second.fetch(1)
    store.end_owners(second.owner)
    await queues.give_back(first.owner, ORDERS, 0)
    fetched = [await third.fetch() for _ in range(3)]
    assert [(ids(batch), batch[0].tries) for batch in fetched] == [(["1"], 1), (["2"], 2), (["3"], 1)]


async def test_a_dead_owner_with_very_many_items_gives_all_back_in_order(queues, store):
    writer, dead = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.push(*items(*range(1300)))
    await dead.fetch(1300)
    store.end_owners(dead.owner)
    stats = (await queues.queue_stats([QUEUE]))[QUEUE]
    assert (stats.depth, stats.in_flight, stats.unaccounted) == (1300, 0, 0)
    other = await Track(queues, ORDERS).join()
    fetched = [(await other.fetch())[0] for _ in range(1300)]
    assert ids(fetched) == [str(n) for n in range(1300)]
    assert {delivery.tries for delivery in fetched} == {2}


@pytest.mark.parametrize("source", [None, ORDERS], ids=["writer", "reader"])
@pytest.mark.parametrize("fate", ["ended", "left", "left before it had joined"])
async def test_a_join_that_comes_after_its_owner_has_gone_does_not_bring_it_back(queues, store, source, fate):
    gone = Track(queues, source)
    if fate != "left before it had joined":
        await gone.join()
        await gone.push(*items(1))
    if fate == "ended":
        store.end_owners(gone.owner)
    else:
        await queues.leave(gone.owner, source)
    with pytest.raises(Fenced):
        await gone.join()
    with contextlib.suppress(Fenced):  # it may be in doubt about this one
        await queues.commit(gone.owner, Commit(1, source, pushes=tuple((QUEUE, each) for each in items(1))))
    assert (await queues.queue_stats([QUEUE]))[QUEUE].pushed == gone.seq
    with pytest.raises(Fenced):
        await gone.push(*items(2))


async def test_an_owner_whose_items_still_go_back_is_refused_and_its_heir_gets_them_all(queues, store):
    reader, heir = await Track(queues, ORDERS).join(), Track(queues, ORDERS)
    await reader.push(*items(*range(6)))
    await reader.fetch()
    with store.connector.client() as client:
        reap = client.register_script(script("reap"))
        assert reap(keys=[store.namespace], args=[4, 0, reader.owner])[0] == 1
        for call in (reader.fetch, reader.join):
            with pytest.raises(Fenced):
                await call()
        await heir.join()
        assert reap(keys=[store.namespace], args=[4, 0])[0] == 0
    assert [ids(await heir.fetch()) for _ in range(7)] == [["0"], ["1"], ["2"], ["3"], ["4"], ["5"], []]


async def test_joining_twice_keeps_the_place_and_another_queue_is_refused(queues):
    reader = await Track(queues, ORDERS).join()
    await reader.push(*items(1, 2))
    await reader.fetch()
    await reader.join()
    await reader.commit(1)
    assert ids(await reader.in_flight()) == ["2"]
    with pytest.raises(StoreError, match="already reads"):
        await queues.join(reader.owner, Source("/other", ORDERS.group))


async def test_what_is_given_back_is_next_again_and_not_counted_as_redelivered(queues):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.push(*items(1, 2, 3, 4, 5))
    await reader.fetch(4)
    assert await queues.give_back(reader.owner, ORDERS, 1) == 3
    assert await queues.give_back(reader.owner, ORDERS, 1) == 0
    assert ids(await reader.in_flight()) == ["1"]
    fetched = await reader.fetch()
    assert ids(fetched) == ["2", "3", "4", "5"]
    assert {delivery.tries for delivery in fetched} == {1}
    assert await queues.give_back(reader.owner, ORDERS, 0) == 5


async def test_an_owner_that_leaves_gives_everything_back_and_its_group_stays(queues):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    await writer.push(*items(1, 2))
    await reader.fetch()
    await queues.leave(reader.owner, ORDERS)
    await writer.push(*items(3))
    await queues.leave(writer.owner, None)
    fetched = await (await Track(queues, ORDERS).join()).fetch()
    assert ids(fetched) == ["1", "2", "3"]
    assert {delivery.tries for delivery in fetched} == {1}


async def test_the_first_reader_gets_what_was_pushed_while_nobody_read(queues):
    writer = await Track(queues).join()
    await writer.push(*items(1, 2))
    waiting = (await queues.queue_stats([QUEUE]))[QUEUE]
    assert (waiting.depth, waiting.unaccounted) == (2, 0)
    assert waiting.oldest_ms is not None
    first, second = await Track(queues, ORDERS).join(), await Track(queues, AUDIT).join()
    await writer.push(*items(3))
    assert ids(await first.fetch()) == ["1", "2", "3"]
    assert ids(await second.fetch()) == ["3"]
    assert (await queues.queue_stats([QUEUE]))[QUEUE].unaccounted == 0


async def test_every_group_gets_every_item_and_tracks_of_one_group_compete(queues):
    writer = await Track(queues).join()
    one, two = await Track(queues, ORDERS).join(), await Track(queues, ORDERS).join()
    audit = await Track(queues, AUDIT).join()
    await writer.push(*items(*range(10)))
    assert ids(await one.fetch(4)) == list("0123")
    assert ids(await two.fetch()) == list("456789")
    assert ids(await audit.fetch()) == list("0123456789")
    stats = (await queues.queue_stats([QUEUE]))[QUEUE]
    assert (stats.pushed, stats.in_flight, stats.depth, stats.oldest_ms, stats.unaccounted) == (10, 20, 0, None, 0)


async def test_figures_show_an_item_that_vanished(queues, store):
    writer = await Track(queues).join()
    await Track(queues, ORDERS).join()
    await writer.push(*items(1, 2, 3))
    with store.connector.client() as client:
        client.lpop(f"{store.namespace}:q:{QUEUE}:{ORDERS.group}:ready")
    assert (await queues.queue_stats([QUEUE]))[QUEUE].unaccounted == 1


async def test_an_item_with_two_letters_died_once(queues):
    reader = await Track(queues, ORDERS).join()
    await reader.push(*items(1, 2))
    await reader.fetch()
    await reader.commit(2, died=1, dead=(letter("1"), letter("1", error="KeyError")))
    stats = (await queues.queue_stats([QUEUE]))[QUEUE]
    assert (stats.acknowledged, stats.dead, stats.unaccounted) == (1, 1, 0)


async def test_a_push_rings_the_readers_doorbell(queues):
    writer, reader = await Track(queues).join(), await Track(queues, ORDERS).join()
    bell = queues.doorbell(ORDERS)
    assert queues.doorbell(ORDERS) is bell
    bell.clear()
    await writer.push(*items(1))
    await asyncio.wait_for(bell.wait(), 10)
    await reader.fetch()
    await _settled(bell)
    await queues.leave(reader.owner, ORDERS)
    await asyncio.wait_for(bell.wait(), 10)


async def _settled(bell: asyncio.Event) -> None:
    """Clear the bell once the rings of earlier pushes have come in by both ways."""
    while bell.is_set():
        bell.clear()
        await asyncio.sleep(0.05)


async def test_what_another_process_pushes_or_gives_back_rings_the_readers_doorbell(queues, store):
    if store.kind == "memory":
        pytest.skip("the memory belongs to one process")
    await Track(queues, ORDERS).join()
    bell, marker = queues.doorbell(ORDERS), queues.doorbell(Source("marker", "test"))
    other = store.open()

    async def heard_everything_so_far() -> None:
        # One subscription, so all that was sent before the marker has arrived when the marker has.
        with store.connector.client() as client:
            while not client.publish(f"{store.namespace}:bell", "marker") or not marker.is_set():
                await asyncio.sleep(0.01)
        marker.clear()
        bell.clear()

    try:
        await heard_everything_so_far()
        reader = await Track(other.queues(), ORDERS).join()
        await reader.push(*items(1))
        await asyncio.wait_for(bell.wait(), 10)
        await reader.fetch()
        await heard_everything_so_far()
        await other.queues().leave(reader.owner, ORDERS)
        await asyncio.wait_for(bell.wait(), 10)
    finally:
        await other.release()
        await asyncio.to_thread(other.close)


async def test_a_store_that_is_closed_leaves_nothing_in_flight(store):
    first = store.open()
    reader = await Track(first.queues(), ORDERS).join()
    await reader.push(*items(1))
    await reader.fetch()
    await first.release()
    await asyncio.to_thread(first.close)
    second = store.open()
    try:
        stats = (await second.queues().queue_stats([QUEUE]))[QUEUE]
        assert (stats.depth, stats.in_flight) == (1, 0)
    finally:
        await second.release()
        second.close()


async def test_a_lease_is_renewed_by_the_process_and_ends_if_it_is_not(store):
    async with store.without_heartbeat(lease_s=1.0) as silent:
        opened = store.open(lease_s=1.0)
        try:
            queues = opened.queues()
            kept, lost = await Track(queues, ORDERS).join(), await Track(silent, AUDIT).join()
            await kept.push(*items(1))
            await kept.fetch()
            await lost.fetch()
            bell = queues.doorbell(AUDIT)
            async with asyncio.timeout(20):
                while (await queues.queue_stats([QUEUE]))[QUEUE].in_flight == 2:
                    await bell.wait()
                    bell.clear()
            with pytest.raises(Fenced):
                await lost.commit(1)
            assert (await (await Track(queues, AUDIT).join()).fetch())[0].tries == 2
            assert ids(await kept.in_flight()) == ["1"]
            await kept.commit(1)
        finally:
            await opened.release()
            await asyncio.to_thread(opened.close)


def test_event_loops_of_several_threads_share_one_store(store):
    opened = store.open()
    counts: dict[int, int] = {}
    failures: list[BaseException] = []

    async def work(number: int) -> None:
        queues = opened.queues()
        tracks = [await Track(queues, ORDERS).join() for _ in range(3)]

        async def run(track: Track) -> int:
            done = 0
            for turn in range(25):
                await track.push(*items(*(f"{number}-{track.owner}-{turn}-{n}" for n in range(4))))
                fetched = await track.fetch(5)
                await track.commit(len(fetched))
                done += len(fetched)
            return done

        counts[number] = sum(await asyncio.gather(*map(run, tracks)))
        await opened.release()

    def thread(number: int) -> None:
        try:
            asyncio.run(work(number))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []

    async def figures():
        stats = (await opened.queues().queue_stats([QUEUE]))[QUEUE]
        await opened.release()
        return stats

    stats = asyncio.run(figures())
    opened.close()
    assert stats.pushed == 900
    assert stats.acknowledged == sum(counts.values())
    assert (stats.depth, stats.in_flight, stats.unaccounted) == (900 - stats.acknowledged, 0, 0)
