"""What every store promises about dead letters: one body, every kind of store."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from flowtui.model.errors import LetterChanged, UnknownLetter
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_name
from flowtui.storage.letter_store import STEP, LetterStore, is_from_start
from flowtui.storage.queue_store import Commit, Delivery, Item, QueueStore, Source
from flowtui.storage.records import encode, replay_queue
from flowtui.storage.scripts import script

LOOP = "shop.fulfil"
QUEUE = "shop.orders"
ORDERS = Source(QUEUE, LOOP)
REPLAYS = Source(replay_queue(LOOP), LOOP)
#: As the scripts that move items do with one that was handed out too often.
FILE = script("letter_pending").partition("-- Returns the loops")[0] + "return file_letter(unpack(ARGV))"


def letter(name: str = "a", *, error: str = "ValueError", at: float = 1.0, **parts: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "id": name,
        "loop": LOOP,
        "node": "check",
        "revision": "r1",
        "payload": {"a": [], "b": {}},
        "trace": "trace",
        "attempt": 1,
        "error": error,
        "message": f"no {name}",
        "traceback": "Traceback …",
        "fingerprint": f"f-{error}",
        "failed_at": at,
    }
    return DeadLetter(**fields | parts)


class Desk:
    """Files letters as a loop does, and looks at what is left of them."""

    def __init__(self, store: Any, opened: DataStore) -> None:
        self.store = store
        self.queues: QueueStore = opened.queues()
        self.letters: LetterStore = opened.dead_letters()
        self.owner = owner_name(LOOP, 0)
        self.seq = 0

    async def commit(self, **parts: Any) -> int:
        if not self.seq:
            await self.queues.join(self.owner, None)
        self.seq += 1
        return (await self.queues.commit(self.owner, Commit(self.seq, **parts))).letters

    async def file(self, *letters: DeadLetter) -> list[DeadLetter]:
        """File letters; return them as the store has them, in the same order."""
        await self.commit(dead=letters)
        newest = await self.letters.page(limit=len(letters))
        return newest[::-1]

    async def fetch(self, source: Source) -> tuple[str, list[Delivery]]:
        """Take all that waits, as a new owner."""
        owner = owner_name(source.group, 1)
        await self.queues.join(owner, source)
        return owner, await self.queues.fetch(owner, source, 1000)

    async def ids(self) -> list[str]:
        """Return the ids of all letters, the oldest first."""
        return [each.id async for page in self.letters.pages() for each in page]

    def keys_of_letters(self) -> list[str]:
        with self.store.connector.client() as client:
            found = list(client.scan_iter(f"{self.store.namespace}:*"))
        keys = [key.decode().removeprefix(f"{self.store.namespace}:") for key in found]
        return sorted(key for key in keys if key.startswith(("dead", "letters", "fields", "marks", "notes", "edits")))


@pytest.fixture
async def desk(store: Any, data_store: DataStore) -> Desk:
    return Desk(store, data_store)


async def test_a_letter_comes_back_as_it_was_filed(desk):
    awkward = letter(
        "half \ud83d a pair",
        payload={"n": 12345678901234567890, "empty": [], "none": {}, "x": None},
        item={"ü": "日本"},
        by={"left": {"payload": {"n": 1}, "id": "other"}},
        upstream={"big.yes": {"payload": {}}, "big.no": None},
        tied_to=("right",),
        queue=QUEUE,
        origin="shop.incoming",
        replays=3,
        first_at=0.5,
    )
    (found,) = await desk.file(awkward)
    assert found == awkward
    assert (found.number, found.replaying, found.note) == (1, False, "")
    assert await desk.letters.find(1) == awkward
    assert await desk.letters.find(1, LOOP) == awkward


async def test_a_letter_that_is_not_there_is_named(desk):
    for missing in (desk.letters.find(7), desk.letters.find(7, LOOP), desk.letters.edit(letter(), payload={})):
        with pytest.raises(UnknownLetter, match="there is no dead letter"):
            await missing
    await desk.file(letter("a"), letter("b"))
    with pytest.raises(UnknownLetter, match="there is no dead letter 7;"):
        await desk.letters.find(7)
    with pytest.raises(UnknownLetter, match=r"there is no dead letter 1 of shop\.other"):
        await desk.letters.find(1, "shop.other")


async def test_a_commit_tells_how_many_letters_the_loop_has_when_it_files_some(desk):
    assert await desk.commit(dead=(letter("a"), letter("b"))) == 2
    assert await desk.commit() == 0
    assert await desk.commit(dead=(letter("c", loop="shop.other"),)) == 1
    assert await desk.commit(dead=(letter("d"),), replayed=((LOOP, 1),)) == 2


async def test_pages_are_newest_first_over_all_loops_and_hold_what_is_asked_for(desk):
    for name in "abcdef":
        loop, error = ("shop.x:y", "KeyError") if name in "ce" else (LOOP, "KeyError" if name == "f" else "ValueError")
        await desk.file(letter(name, loop=loop, error=error))
    letters = desk.letters

    async def names(*args: str, **kwargs: int) -> str:
        return "".join(each.id for each in await letters.page(*args, **kwargs))

    assert await names() == "fedcba"
    assert await names(limit=2) == "fe"
    assert await names(limit=2, before=5) == "dc"
    assert await names(before=1) == ""
    assert await names(limit=0) == ""
    assert await names("shop.x:y") == "ec"
    assert await names("", "f-KeyError") == "fec"
    assert await names(LOOP, "f-KeyError") == "f"
    assert await names("never") == ""
    assert await desk.ids() == list("abcdef")


async def test_a_page_stops_at_about_a_megabyte_but_always_holds_one(desk):
    big = {"text": "x" * 400_000}
    await desk.file(*(letter(name, payload=big) for name in "abc"), letter("d", payload={"text": "x" * 3_000_000}))
    first = await desk.letters.page()
    assert [each.id for each in first] == ["d"]
    assert [each.id for each in await desk.letters.page(before=first[-1].number)] == ["c", "b"]
    assert await desk.ids() == list("abcd")


async def test_groups_tell_count_first_and_last_time_and_the_newest_message(desk):
    assert await desk.letters.groups() == []
    await desk.file(letter("a", at=1.0), letter("b", at=5.0), letter("c", error="KeyError", at=3.0))
    await desk.file(letter("d", loop="shop.x:y", at=2.0))
    assert [
        (each.loop, each.error, each.message, each.count, each.first_at, each.last_at, each.fingerprint)
        for each in await desk.letters.groups()
    ] == [
        (LOOP, "ValueError", "no b", 2, 1.0, 5.0, "f-ValueError"),
        (LOOP, "KeyError", "no c", 1, 3.0, 3.0, "f-KeyError"),
        ("shop.x:y", "ValueError", "no d", 1, 2.0, 2.0, "f-ValueError"),
    ]
    assert [await desk.letters.count(*which) for which in [(), (LOOP,), ("", "f-ValueError"), ("x",)]] == [4, 3, 3, 0]


async def test_groups_count_what_was_filed_after_a_number_and_is_still_there(desk):
    await desk.file(letter("a"), letter("b", error="KeyError"))
    before = await desk.letters.last_number()
    await desk.file(letter("c"), letter("d"), letter("e"))
    await desk.letters.remove(await desk.letters.find(before + 1))
    new = {each.fingerprint: each.new for each in await desk.letters.groups(before)}
    assert new == {"f-ValueError": 2, "f-KeyError": 0}
    assert [each.new for each in await desk.letters.groups()] == [0, 0]


async def test_letters_that_wait_to_be_run_again_are_counted_until_they_are_done_with(desk):
    first, second, _ = await desk.file(letter("a"), letter("b"), letter("c", loop="shop.other"))
    assert await desk.letters.replaying(LOOP) == 0
    await desk.letters.replay([first, second])
    assert (await desk.letters.replaying(LOOP), await desk.letters.replaying("shop.other")) == (2, 0)
    _, fetched = await desk.fetch(REPLAYS)
    waiting = {each.item.id: each.item for each in fetched}
    await desk.letters.release(first, waiting[str(first.number)], "no")
    assert await desk.letters.replaying(LOOP) == 1
    await desk.letters.remove(second)
    assert await desk.letters.replaying(LOOP) == 0


async def test_an_edited_letter_has_the_new_payload_and_what_was_read_before_cannot_be_edited(desk):
    (filed,) = await desk.file(letter(inexact=("payload",), unreadable=True))
    edited = await desk.letters.edit(filed, payload={"n": [1, 2]})
    assert (edited.payload, edited.whole, edited.inexact, edited.unreadable) == (
        {"n": [1, 2]},
        {"n": [1, 2]},
        (),
        False,
    )
    assert (await desk.letters.find(1), (await desk.letters.find(1)).edits) == (edited, edited.edits)
    with pytest.raises(LetterChanged, match="edited by somebody else"):
        await desk.letters.edit(filed, payload={"n": 3})
    again = await desk.letters.edit(edited, item={"whole": True})
    assert (again.payload, again.whole) == ({"n": [1, 2]}, {"whole": True})


async def test_purging_leaves_no_trace_of_what_was_chosen_and_all_else(desk):
    await desk.file(letter("a"), letter("b"), letter("c", error="KeyError"), letter("d", loop="shop.other"))
    await desk.letters.edit(await desk.letters.find(1), payload={})
    await desk.letters.replay([await desk.letters.find(2)])
    _, (waiting,) = await desk.fetch(REPLAYS)
    await desk.letters.release(await desk.letters.find(2), waiting.item, "no")
    await desk.letters.replay([await desk.letters.find(3)])
    assert await desk.letters.remove(await desk.letters.find(1))
    assert not await desk.letters.remove(replace(letter("a"), number=1))
    assert await desk.ids() == ["b", "c", "d"]
    assert await desk.letters.purge(LOOP, "f-KeyError") == 1
    assert await desk.letters.purge("", "f-KeyError") == 0
    assert [group.count for group in await desk.letters.groups()] == [1, 1]
    assert await desk.letters.purge("shop.other") == 1
    assert await desk.ids() == ["b"]
    assert await desk.letters.purge() == 1
    assert desk.keys_of_letters() == []
    assert await desk.letters.purge() == 0


async def test_letters_that_are_filed_while_all_are_read_are_left_out(desk):
    await desk.file(*(letter(str(n)) for n in range(STEP + 1)))
    found: list[str] = []
    async for page in desk.letters.pages(LOOP):
        found += [each.id for each in page]
        await desk.file(letter("new"))
    assert found == [str(n) for n in range(STEP + 1)]


async def test_very_many_letters_are_purged_and_exported_in_steps_and_newer_ones_are_kept(desk):
    count = 2 * STEP + 50
    await desk.file(*(letter(str(n)) for n in range(count)))
    assert await desk.ids() == [str(n) for n in range(count)]
    purging = asyncio.create_task(desk.letters.purge())
    await asyncio.sleep(0)
    await purging
    await desk.file(letter("new"))
    assert (purging.result(), await desk.ids()) == (count, ["new"])


async def test_an_item_goes_back_to_the_end_of_its_queue_and_its_letter_is_gone(desk):
    await desk.fetch(ORDERS)
    await desk.commit(pushes=((QUEUE, Item("first", b"{}", "", "")),))
    (filed,) = await desk.file(letter("back", payload={"n": 2}, item={"n": 1}, queue=QUEUE, origin="shop.incoming"))
    bell = desk.queues.doorbell(ORDERS)
    bell.clear()
    assert await desk.letters.replay([filed], from_start=True) == ReplayAnswer(requeued=1)
    await asyncio.wait_for(bell.wait(), 10)
    _, fetched = await desk.fetch(ORDERS)
    assert [each.item.id for each in fetched] == ["first", "back"]
    assert fetched[1].item == Item("back", b'{"n":1}', "trace", "shop.incoming")
    assert (fetched[1].tries, await desk.ids()) == (1, [])
    with desk.store.connector.client() as client:
        assert client.hget(f"{desk.store.namespace}:q:{QUEUE}:{LOOP}:count", "replayed") == b"1"
    answer = await desk.letters.replay([filed], from_start=True)
    assert answer.refused == (f"there is no dead letter {filed.number} of {LOOP} any more",)


async def test_a_queue_that_the_loop_does_not_read_gets_nothing_back(desk):
    (filed,) = await desk.file(letter(queue=QUEUE))
    answer = await desk.letters.replay([filed], from_start=True)
    assert answer == ReplayAnswer(
        refused=(f"letter 1: {LOOP} does not read {QUEUE}, so its item cannot go back there",)
    )
    assert await desk.ids() == ["a"]


async def test_letters_that_one_item_has_left_go_back_as_one_item(desk):
    await desk.fetch(ORDERS)
    pair = await desk.file(
        letter("a", nth=1, of=2, queue=QUEUE), letter("a", nth=2, of=2, error="KeyError", queue=QUEUE)
    )
    assert await desk.letters.replay(pair, from_start=True) == ReplayAnswer(requeued=1)
    assert (await desk.ids(), len((await desk.fetch(ORDERS))[1])) == ([], 1)


@pytest.mark.parametrize("from_start", [False, True])
async def test_a_letter_waits_for_its_replay_once_and_goes_with_the_commit_that_did_it(desk, from_start):
    filed = (await desk.file(letter("a", nth=1, of=2), letter("a", nth=2, of=2, error="KeyError")))[1]
    bell = desk.letters.doorbell()
    bell.clear()
    assert await desk.letters.pending() == []
    assert await desk.letters.replay([filed], from_start=from_start) == ReplayAnswer(queued=1)
    await asyncio.wait_for(bell.wait(), 10)
    assert await desk.letters.pending() == [LOOP]
    found = {each.number: each.replaying for each in await desk.letters.page()}
    assert found == {1: from_start, 2: True}
    again = await desk.letters.replay([filed], from_start=not from_start)
    assert again.refused == ("letter 2 is being replayed: wait until that has ended, or purge it",)
    with pytest.raises(LetterChanged, match="is being replayed"):
        await desk.letters.edit(filed, payload={})

    owner, (delivery,) = await desk.fetch(REPLAYS)
    assert (delivery.item.id, is_from_start(delivery.item)) == ("2", from_start)
    assert await desk.letters.requested(LOOP, delivery.item) == filed
    assert await desk.letters.requested(LOOP, delivery.item._replace(trace="another")) is None
    assert await desk.letters.pending() == []
    await desk.queues.commit(owner, Commit(1, REPLAYS, 1, replayed=((LOOP, 2),)))
    assert [each.number for each in await desk.letters.page()] == [1]
    stats = (await desk.queues.queue_stats([REPLAYS.queue]))[REPLAYS.queue]
    assert (stats.pushed, stats.acknowledged, stats.depth, stats.in_flight, stats.unaccounted) == (1, 1, 0, 0, 0)


async def test_a_replay_whose_runner_died_comes_again_and_the_letter_stays(desk):
    filed = await desk.file(letter())
    await desk.letters.replay(filed)
    owner, _ = await desk.fetch(REPLAYS)
    assert await desk.letters.pending() == []
    desk.store.end_owners(owner)
    assert await desk.letters.pending() == [LOOP]
    _, (delivery,) = await desk.fetch(REPLAYS)
    assert delivery.tries == 2
    assert [await desk.letters.requested(LOOP, delivery.item)] == filed


async def test_a_letter_that_could_not_be_run_says_why_and_can_be_replayed_again(desk):
    pair = await desk.file(letter("a", nth=1, of=2), letter("a", nth=2, of=2))
    await desk.letters.replay(pair, from_start=True)
    owner, (delivery,) = await desk.fetch(REPLAYS)
    await desk.letters.release(pair[0], delivery.item, "node check is gone")
    assert [(each.replaying, each.note) for each in await desk.letters.page()] == [
        (False, ""),
        (False, "node check is gone"),
    ]
    assert await desk.letters.requested(LOOP, delivery.item) is None
    assert await desk.letters.replay(pair) == ReplayAnswer(queued=2)
    assert {each.note for each in await desk.letters.page()} == {""}
    await desk.letters.release(pair[0], delivery.item, "the first replay has no say any more")
    assert [each.replaying for each in await desk.letters.page()] == [True, True]
    await desk.queues.commit(owner, Commit(1, REPLAYS, 1))


async def test_letters_whose_replays_were_purged_from_their_queue_can_be_replayed_again(desk):
    filed = await desk.file(*(letter(str(n)) for n in range(3)))
    await desk.letters.replay(filed)
    with desk.store.connector.client() as client:
        client.delete(f"{desk.store.namespace}:q:{REPLAYS.queue}:backlog")
    assert [each.replaying for each in await desk.letters.page()] == [False] * 3
    assert await desk.letters.replay(filed) == ReplayAnswer(queued=3)


async def test_a_letter_that_is_purged_while_it_waits_is_not_replayed(desk):
    filed = await desk.file(letter())
    await desk.letters.replay(filed)
    assert await desk.letters.purge() == 1
    _, (delivery,) = await desk.fetch(REPLAYS)
    assert await desk.letters.requested(LOOP, delivery.item) is None


async def test_a_whole_group_is_replayed_in_steps_but_for_what_cannot_be(desk):
    await desk.file(*(letter(str(n), queue=QUEUE) for n in range(STEP + 5)), letter("tied", tied_to=("other",)))
    await desk.file(letter("else", error="KeyError"))
    answer = await desk.letters.replay(
        [each async for page in desk.letters.pages(LOOP, "f-ValueError") for each in page]
    )
    assert (answer.queued, answer.requeued, len(answer.refused)) == (STEP + 5, 0, 1)
    assert "a join behind check also waits for other, which failed as well" in answer.refused[0]
    assert len((await desk.fetch(REPLAYS))[1]) == STEP + 5
    assert await desk.letters.replay([]) == ReplayAnswer()


@pytest.mark.parametrize(
    ("parts", "from_node", "from_start"),
    [
        ({"unreadable": True}, "could not be read: edit", "could not be read: edit"),
        ({"inexact": ("payload",)}, "held what a letter cannot hold", "its item held what a letter cannot hold"),
        ({"inexact": ("payload",), "item": {}}, "held what a letter cannot hold", ""),
        ({"inexact": ("item",), "item": {}}, "", "its item held what a letter cannot hold"),
        ({"inexact": ("upstream",)}, "a join behind check needs an output that a letter cannot hold", ""),
        ({"inexact": ("by",)}, "held what a letter cannot hold", ""),
        ({"tied_to": ("x", "y")}, "also waits for x, y, which failed as well", ""),
    ],
)
async def test_what_is_not_all_there_is_not_replayed_from_there(desk, parts, from_node, from_start):
    (filed,) = await desk.file(letter(**parts))
    for why, start in ((from_node, False), (from_start, True)):
        (filed,) = await desk.letters.page()
        answer = await desk.letters.replay([filed], from_start=start)
        assert [why in sentence for sentence in answer.refused] == ([True] if why else [])
        assert (answer.queued, answer.requeued) == (0 if why else 1, 0)


async def test_an_item_that_was_handed_out_too_often_is_read_as_a_letter(desk):
    group = json.dumps([LOOP, "incoming", "TooManyDeliveries", "f1"])
    poison = Item("i1", b'{"n":1}', "t", "shop.incoming")
    broken = Item("i2", b"no json", "t", "shop.incoming")
    with desk.store.connector.client() as client:
        for item in (poison, broken):
            body = b"P1700000000123" + b"00061700000000000" + encode(item)
            arguments = [LOOP, "f1", group, '"died"', "1700000000.123", body]
            client.register_script(FILE)(keys=[desk.store.namespace], args=arguments)
    second, first = await desk.letters.page()
    assert (first.id, first.payload, first.node, first.error, first.attempt) == (
        "i1",
        {"n": 1},
        "incoming",
        "TooManyDeliveries",
        6,
    )
    assert (first.failed_at, first.trace, first.origin, first.fingerprint) == (
        1700000000.123,
        "t",
        "shop.incoming",
        "f1",
    )
    assert (second.payload, second.unreadable) == ({"raw": "no json"}, True)
    edited = await desk.letters.edit(first, payload={"n": 2})
    assert (await desk.letters.find(1), edited.payload) == (edited, {"n": 2})
    await desk.fetch(ORDERS)
    answer = await desk.letters.replay([await desk.letters.find(1)], from_start=True, queues={LOOP: QUEUE})
    assert answer == ReplayAnswer(requeued=1)
