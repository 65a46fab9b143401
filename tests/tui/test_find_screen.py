"""Where is item 4711? The screen that tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fake_client import NOW, FakeClient, a_busy_afternoon
from fake_inspector import FakeInspectorClient
from running import Running, running

from flowtui.model.development import Sample, Stored
from flowtui.model.errors import StoreUnavailable
from flowtui.model.finding import FoundPage, Hit, Looked, Where
from flowtui.tui.screens.find import FindScreen
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.letters import LettersScreen
from flowtui.tui.screens.logs import LogsScreen
from flowtui.tui.screens.loop import LoopScreen
from flowtui.tui.screens.queues import QueuesScreen

WAITING = Hit(Where.WAITING, "i-1", NOW - 60, '{"id":4711}', queue="mail.outgoing", loop="mail.outbox", ahead=3)
SAMPLE = Sample("orders.incoming", "check", NOW - 5, "i-0", Stored({"id": 4711}), Stored({"id": 4711, "total": 2}))
PASSED = Hit(Where.PASSED, "i-0", NOW - 5, '{"id":4711}', loop="orders.incoming", node="check", sample=SAMPLE)


def looked(done: int, total: int = 214_000) -> tuple[Looked, ...]:
    return (Looked("items in queues", "item in queues", done, total),)


async def search(it: Running, text: str) -> None:
    await it.press("F")
    await it.type(text)
    await it.press("enter")


async def test_hits_come_in_as_they_are_found_and_the_present_place_comes_first() -> None:
    client = FakeClient(a_busy_afternoon())
    client.keeps_looking = True
    async with running(client) as it:
        await search(it, " 4711 ")
        ((text, told, future),) = client.searches
        assert text == "4711"
        told(FoundPage((PASSED,), looked(12_000)))
        await it.until("looked at 12,000 of 214,000 items in queues · esc cancels")
        assert "1 place with 4711 so far" in it.text
        told(FoundPage((WAITING,), looked(214_000), full=("mail.outgoing",)))
        future.set_result(None)
        await it.until("more in mail.outgoing")
        lines = it.text.splitlines()
        assert "mail.outgoing → mail.outbox, 3 before it" in lines[3]
        assert '{"id":4711}' in lines[4]
        assert "orders.incoming check" in lines[5]
        await it.press("v")
        assert "3 before it" in it.text
        await it.press("escape", "c")
        assert it.app.clipboard == "i-1"


async def test_escape_ends_the_search_and_then_leaves_and_what_was_found_is_there_the_next_time() -> None:
    client = FakeClient(a_busy_afternoon())
    client.keeps_looking = True
    async with running(client, 80, 24) as it:
        await search(it, "4711")
        client.searches[0][1](FoundPage((WAITING,), looked(1000)))
        await it.until("so far")
        await it.press("escape")
        assert client.searches[0][2].cancelled()
        assert "! cancelled; enter in the line above searches again; looked at 1,000 of" in it.text
        await it.press("escape", "F")
        assert "mail.outgoing" in it.text
        await it.press("x", "enter")
        assert [text for text, _, _ in client.searches] == ["4711", "x"], "the old text gives way to what is typed"
        client.searches[1][2].set_exception(StoreUnavailable("the store does not answer"))
        await it.until("! the store does not answer")
        assert "Nothing found so far." in it.text


@pytest.mark.parametrize("size", [(120, 40), (40, 10)])
async def test_what_is_nowhere_is_said_to_be_nowhere(size: tuple[int, int]) -> None:
    async with running(FakeClient(a_busy_afternoon()), *size) as it:
        await search(it, "[b]\x1b[31m")
        assert "“[b]␛[31m” is nowhere" in it.text
        await it.press("tab", "enter", "v", "c", "escape")
        assert not isinstance(it.app.screen, FindScreen)


async def test_find_and_a_text_is_a_command_of_the_palette() -> None:
    client = FakeClient(a_busy_afternoon())
    client.found = FoundPage((WAITING,), looked(10, 10))
    async with running(client) as it:
        await it.press("colon")
        await it.type("find 4711")
        await it.until("Tell where that item is now.")
        await it.press("enter")
        await it.until("1 place with 4711")
        assert client.searches[0][0] == "4711"


LOGGED = Hit(Where.LOGGED, "i", NOW, "4711", loop="orders.incoming", node="check", note="info")
GOES_TO: list[tuple[Hit, type]] = [
    (WAITING, QueuesScreen),
    (replace(WAITING, where=Where.IN_FLIGHT, holder="h:1"), QueuesScreen),
    (replace(WAITING, queue=""), LoopScreen),
    (Hit(Where.RUN, "run-1", NOW, "{}", loop="mail.outbox"), LoopScreen),
    (Hit(Where.DEAD, "i", NOW, "{}", loop="orders.incoming", node="check", letter=7, note="E"), LettersScreen),
    (LOGGED, LogsScreen),
    (PASSED, InspectorScreen),
    (replace(PASSED, where=Where.KEPT, sample=None), InspectorScreen),
]


async def test_enter_on_a_hit_goes_there() -> None:
    client = FakeInspectorClient()
    client.change(loops=a_busy_afternoon().loops, queues=a_busy_afternoon().queues)
    async with running(client) as it:
        for hit, screen in GOES_TO:
            client.found = FoundPage((hit,), looked(10, 10))
            await search(it, "4711")
            await it.until("1 place")
            await it.press("enter")
            await it.until_true(lambda screen=screen: isinstance(it.app.screen, screen))
            there: Any = it.app.screen
            if screen is QueuesScreen:
                assert there.queues.chosen.name == "mail.outgoing"
                assert there.items.filter_text == hit.id
                await it.press("escape", "escape")  # from that item to all, from these to the queue
            elif hit is LOGGED:
                assert (there.log_view.wanted.loop, there.log_view.wanted.node) == ("orders.incoming", "check")
            elif hit is PASSED:
                await it.until('"id": 4711')
            await it.press("escape")
            assert it.app.screen is it.app.overview
