"""Where an item is found, on every kind of store: one body, every store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowtui.engine import find
from flowtui.engine.find import Finder
from flowtui.engine.log_files import LogFiles
from flowtui.engine.log_search import LogSearch
from flowtui.engine.logs import LogBuffer
from flowtui.model.finding import Findings, Hit, Where
from flowtui.model.letters import DeadLetter
from flowtui.storage import item_search
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_name
from flowtui.storage.queue_store import Commit, Item, Source
from flowtui.storage.records import BIG_PAYLOAD, trigger_queue

QUEUE, LOOP = "shop.orders", "shop.fulfil"
ORDERS = Source(QUEUE, LOOP)
NO_LOGS = LogSearch(None, None)


def item(id: object, trace: str = "", **payload: Any) -> Item:
    return Item(str(id), json.dumps(payload, separators=(",", ":")).encode(), trace or str(id), "shop.incoming")


def letter(id: str, **parts: Any) -> DeadLetter:
    usual: dict[str, Any] = {"payload": {}, "trace": id, "message": "no lines", "failed_at": 5.0}
    texts = {name: name for name in ("node", "revision", "error", "traceback", "fingerprint")}
    return DeadLetter(id=id, loop=LOOP, attempt=1, **texts | usual | parts)


class Shop:
    """Holds items in all the ways a store can."""

    def __init__(self, store: DataStore) -> None:
        self.store = store
        self.writer = owner_name("shop.incoming", 0)
        self.reader = owner_name(LOOP, 0)
        self.seq = 0

    async def push(self, *items: Item, queue: str = QUEUE, dead: tuple[DeadLetter, ...] = ()) -> None:
        queues = self.store.queues()
        if not self.seq:
            await queues.join(self.writer, None)
        self.seq += 1
        await queues.commit(self.writer, Commit(self.seq, pushes=tuple((queue, each) for each in items), dead=dead))

    async def read(self, limit: int) -> None:
        """Join as the reader, and take so many items in flight."""
        await self.store.queues().join(self.reader, ORDERS)
        await self.store.queues().fetch(self.reader, ORDERS, limit)

    async def found(self, text: str, logs: LogSearch = NO_LOGS) -> Findings:
        findings = Findings()
        async for page in Finder(self.store, (), logs, text).pages():
            findings.add(page)
        return findings

    async def hits(self, text: str) -> list[Hit]:
        return (await self.found(text)).hits


@pytest.fixture
def shop(data_store: DataStore) -> Shop:
    return Shop(data_store)


async def test_an_item_is_found_where_it_is_now_before_where_it_has_been(shop: Shop, data_store: DataStore) -> None:
    await data_store.queue_admin().inject("shop.other", {"order": 4711}, "c")
    await shop.push(
        item("a", order=4711), item("x"), item("b", order=4711), dead=(letter("d", message="4711 has no lines"),)
    )
    await shop.read(1)
    flying, *waiting, dead = await shop.hits("4711")
    assert (flying.where, flying.id) == (Where.IN_FLIGHT, "a")
    assert {(hit.where, hit.id) for hit in waiting} == {(Where.WAITING, "b"), (Where.WAITING, "c")}
    assert (dead.where, dead.id) == (Where.DEAD, "d")
    host, pid = shop.reader.split(":")[:2]
    assert (flying.holder, flying.tries) == (f"{host}:{pid}", 1)
    assert {hit.place for hit in waiting} == {
        "shop.orders → shop.fulfil, 1 before it",
        "shop.other, which nobody reads yet, next",
    }
    assert dead.place == f"letter {dead.letter}: shop.fulfil node, error"


async def test_the_id_of_the_first_item_finds_all_that_was_made_of_it(shop: Shop) -> None:
    await shop.push(
        item("child-1", "first"), item("child-2", "first"), item("other"), dead=(letter("l", trace="first"),)
    )
    await shop.push(item("first"), item("x0first"), item("x0-firsts"))
    assert {hit.id for hit in await shop.hits("first")} - {"first", "x0-firsts"} == {"child-1", "child-2", "l"}


async def test_a_text_counts_in_id_trace_and_payload_in_any_case_and_not_in_the_origin(shop: Shop) -> None:
    await shop.push(item("Ab-1"), item("p", name="ÄRGER \u2028 <Ada>"), item("q", other="xab-1x"), item("0ab-1"))
    assert [hit.id for hit in await shop.hits("aB-1")] == ["Ab-1", "q"], "whole words come first"
    assert [hit.text for hit in await shop.hits("ärger")] == ['{"name":"ÄRGER <Ada>"}']
    assert [hit.id for hit in await shop.hits("ADA>")] == ["p"]
    assert await shop.hits("shop.incoming") == []
    assert await shop.hits('"Ab') == []


@pytest.mark.parametrize("reads", [False, True])
async def test_a_payload_that_is_stored_apart_is_looked_at_too(shop: Shop, reads: bool) -> None:
    await shop.push(item("big", text="x" * BIG_PAYLOAD + " needle " + "y" * 500), item("small"))
    if reads:
        await shop.read(1)
    (hit,) = await shop.hits("needle")
    assert (hit.id, hit.loop) == ("big", LOOP if reads else "")
    assert " needle yyy" in hit.text
    assert len(hit.text) < 300


async def test_runs_by_hand_are_found_by_their_ids_and_replays_as_letters_only(
    shop: Shop, data_store: DataStore
) -> None:
    await data_store.queue_admin().inject(trigger_queue("shop.ask"), {"n": 1}, "run-1")
    await shop.push(dead=(letter("dead-1", queue=""),))
    (filed,) = await data_store.dead_letters().page()
    await data_store.dead_letters().replay([filed])
    (run,) = await shop.hits("run-1")
    assert (run.place, run.loop) == ("runs by hand → shop.ask, next", "shop.ask")
    assert [hit.note for hit in await shop.hits("dead-1")] == ["error, being replayed"]


async def test_a_long_queue_is_looked_at_in_slices_that_tell_how_far_it_is(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_search, "STEP", 40)
    await shop.push(*(item(number, n=number) for number in range(100)))
    pages = [page async for page in Finder(shop.store, (), NO_LOGS, "0").pages()]
    told = [str(page.looked[0]) for page in pages]
    assert told[:3] == ["40 of 100 items in queues", "80 of 100 items in queues", "100 items in queues"]
    assert [hit.id for page in pages for hit in page.hits] == [f"{n}" for n in range(90, -1, -10)]
    assert [hit.ahead for hit in pages[0].hits] == [90, 80, 70, 60]


async def test_what_is_taken_or_comes_while_one_looks_hides_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_search, "STEP", 10)
    await shop.push(*(item(number, mark="here") for number in range(30)))
    await shop.read(1)
    findings = Findings()
    async for page in Finder(shop.store, (), NO_LOGS, "here").pages():
        findings.add(page)
        if len(findings.hits) == 11:  # the one in flight, and the last slice
            await shop.push(item("new", mark="here"))
            await shop.store.queues().fetch(shop.reader, ORDERS, 15)
    ids = [hit.id for hit in findings.hits]
    assert set(ids) >= {str(number) for number in range(30)}
    assert len(ids) == len(set(ids)), "each is told once, where it was seen last"
    assert [hit.where for hit in findings.hits].count(Where.IN_FLIGHT) == 16


async def test_a_place_with_too_many_hits_says_that_there_are_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "MOST_HITS", 5)
    monkeypatch.setattr(item_search, "STEP", 5)
    parts = (item(f"part-{number}", mark="there") for number in range(20))
    whole = (item(number, mark="here") for number in range(20))
    await shop.push(*whole, *parts, dead=tuple(letter(f"here-{n}") for n in range(6)))
    await shop.push(item("here"), queue="shop.few")
    findings = await shop.found("here")
    assert findings.full == ("shop.orders", "dead letters")
    told = [hit for hit in findings.hits if hit.queue == QUEUE]
    assert [hit.is_whole for hit in told] == [True] * 5 + [False] * 5, "parts of words do not keep whole ones away"
    assert any(hit.queue == "shop.few" for hit in findings.hits)


async def test_a_text_that_is_nowhere_has_been_looked_for_everywhere(shop: Shop) -> None:
    await shop.push(item(1), item(2), dead=(letter("d"),))
    findings = await shop.found("4711")
    assert findings.hits == []
    assert findings.progress == "looked at 2 items in queues, 1 dead letter and 0 nodes' samples"


@pytest.mark.parametrize("store", ["memory"], indirect=True)
async def test_log_lines_come_from_files_and_ring_each_once_the_newest_first(shop: Shop, tmp_path: Path) -> None:
    ring = LogBuffer()
    for number in range(3):
        ring.add(20, f"order 4711 seen, {number}", loop=LOOP, node="check", item="i")
    ring.add(20, "ordér 1")
    files = LogFiles(tmp_path, ring)
    files.start()
    files.close()
    ring.add(20, "printed", item="4711")
    for log, texts in (
        (LogSearch(ring, tmp_path), ["printed", *(f"order 4711 seen, {n}" for n in (2, 1, 0))]),
        (LogSearch(None, tmp_path), [f"order 4711 seen, {n}" for n in (2, 1, 0)]),
    ):
        findings = await shop.found("4711", log)
        assert [hit.text for hit in findings.hits] == texts
        assert findings.progress.endswith("1 kB of log files")
    assert [hit.text for hit in (await shop.found("ORDÉR", LogSearch(None, tmp_path))).hits] == ["ordér 1"]


@pytest.mark.parametrize("store", ["memory"], indirect=True)
async def test_a_log_file_is_read_in_parts_and_no_line_is_missed_or_cut(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowtui.engine.log_search._BYTES_AT_ONCE", 300)
    ring = LogBuffer()
    for number in range(40):
        ring.add(20, f"needle {number} {'x' * (number * 7 % 90)}")
    files = LogFiles(tmp_path, ring)
    files.start()
    files.close()
    hits = (await shop.found("needle", LogSearch(None, tmp_path))).hits
    assert sorted(int(hit.text.split()[1]) for hit in hits) == list(range(40))
