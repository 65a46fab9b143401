"""The screen of queues: what it tells at a glance, looking into a queue, and changing it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

from fake_client import NOW, FakeClient, a_loop, a_queue, a_snapshot, an_item
from running import Running, running
from textual.widgets import TextArea

from flowtui.model.access import Access
from flowtui.model.errors import StoreError, UnknownItem
from flowtui.model.queued import Owner
from flowtui.model.snapshot import EngineSnapshot, GroupView, HolderView, QueueView, StoreView
from flowtui.model.states import OnFull
from flowtui.tui import format as fmt
from flowtui.tui.places import GoTo, Place
from flowtui.tui.screens.ask import ChooseScreen
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.screens.inject import InjectScreen
from flowtui.tui.screens.loop import LoopScreen
from flowtui.tui.screens.progress import ProgressScreen
from flowtui.tui.screens.queues import QueuesScreen
from flowtui.tui.screens.reader import ReaderScreen

NAMES = ("Queues", "Readers", "Items")
NAME, READER = "orders.accepted", "orders.fulfil"
MINE = HolderView(Owner(READER, 2, "ana", 4711), "ana:4711", is_here=True, in_flight=16, held_s=12.4)
OTHERS = HolderView(Owner(READER, 1, "bob", 99), "bob:7", is_here=False, in_flight=1, held_s=300)
FULFIL = GroupView(READER, 3120, 17, 38.0, 64.0, tracks=2, holders=(OTHERS, MINE))
AUDIT = GroupView("orders.audit", 214, oldest_s=200_000.0, is_orphan=True)


def accepted(**fields: object) -> QueueView:
    usual: dict[str, object] = {
        "depth": 3120,
        "in_flight": 17,
        "in_rate": 41.0,
        "out_rate": 38.0,
        "oldest_s": 64.0,
        "bound": 10_000,
        "on_full": OnFull.WAIT,
        "history": (100, 900, 2000, 3120),
        "full_in_s": 2293.0,
        "groups": (AUDIT, FULFIL),
    }
    return a_queue(NAME, **(usual | fields))


def shop(*queues: QueueView) -> EngineSnapshot:
    loops = (a_loop("orders.incoming"), a_loop(READER), a_loop("orders.retry"))
    return a_snapshot(*loops, queues=queues or (accepted(), a_queue("orders.later", readers=(), writers=())))


def a_client(items: int = 3) -> FakeClient:
    client = FakeClient(shop())
    held = an_item("held-1", owner=MINE.owner, tries=1)
    client.queued[NAME, READER] = [held, *(an_item(f"item-{n}", f'{{"n": {n}}}') for n in range(items))]
    return client


async def looking(it: Running) -> None:
    await it.press("3")
    await it.until("held-1")


async def test_a_queue_says_how_full_it_is_and_when_it_will_be_full_or_empty() -> None:
    full = {"full_in_s": 0.0, "depth": 10_000}
    client = FakeClient(shop(accepted()))
    async with running(client, 80, 24) as it:
        await it.press("3")
        for fields, words in (
            ({}, "FULL IN 38 min"),
            (full, "FULL  "),
            ({"full_in_s": None, "empty_in_s": 12.3}, "EMPTY IN 12 s"),
            ({"full_in_s": None}, "—"),
            ({"full_in_s": None, "bound": 0, "drift": 14.2}, "GROWS 14/s"),
        ):
            client.change(queues=(accepted(**fields),))
            await it.settle()
            row = it.line_with(f"│ {'!' if fields is full else '⇒'} {NAME}")
            assert (words in row, "█" in row) == (True, True)
        more = a_queue("orders.more", depth=90_000, history=(90_000, 100_000))
        client.change(queues=(accepted(bound=0, depth=5000), more))
        await it.settle()
        assert it.line_with(f"⇒ {NAME}").count("█") == 4  # without a bound of 10,000, a usual one
        assert it.line_with("⇒ orders.more").count("█") == 7  # or of the most that it has held


async def test_queues_in_trouble_stand_first_and_figures_that_the_store_tells_no_more_are_called_old() -> None:
    full = a_queue("orders.returned", depth=95, bound=100)
    client = FakeClient(shop(a_queue("orders.accepted"), a_queue("orders.later"), full))
    async with running(client) as it:
        await it.press("3")
        assert it.text.index("! orders.returned") < it.text.index("⇒ orders.accepted")
        # It has to be much less full until it leaves its place: one at its limit comes and goes with every item.
        client.change(queues=(a_queue("orders.accepted"), replace(full, depth=80)))
        await it.settle()
        assert it.text.index("! orders.returned") < it.text.index("⇒ orders.accepted")
        client.change(queues=(a_queue("orders.accepted"), replace(full, depth=10)))
        await it.settle()
        assert it.text.index("⇒ orders.accepted") < it.text.index("⇒ orders.returned")
        client.change(store=StoreView("local", "x", True, "the store does not answer"))
        await it.settle()
        assert "Queues: old figures, the store does not answer" in it.text


async def test_each_reader_has_its_own_backlog_and_items_and_each_track_says_what_it_holds() -> None:
    client = a_client()
    client.queued[NAME, AUDIT.loop] = [an_item("for-audit", tries=3)]
    async with running(client) as it:
        await looking(it)
        assert f"Readers of {NAME}" in it.text
        assert "2 d" in it.line_with("! orders.audit (gone)")
        fulfil = it.line_with(f"▶ {READER} ")
        assert ("3.1k" in fulfil, "1 min" in fulfil, "17" in fulfil) == (True, True, True)
        assert "for 12 s        16" in it.line_with("track 2 · this engine")
        assert "for 5 min" in it.line_with("track 1 · bob:7, process 99")
        assert f"Items: in {NAME} for {READER}, as of" in it.text
        assert "in flight" in it.line_with("held-1")
        assert "waiting" in it.line_with("item-0")
        assert it.text.index("held-1") < it.text.index("item-0")
        await it.press("tab", "g")
        await it.until("for-audit")
        assert "try 3" in it.line_with("for-audit")
        assert "held-1" not in it.text
        await it.press("v")
        for words in (
            "3,120 (31% full)",
            "10,000 may wait for each reader; if there are more, its writers wait",
            "track 2 · this engine: 16 items, the first for 12 s",
            "214 wait for it, but it is gone",
        ):
            assert words in it.text


async def test_enter_drills_from_the_queue_to_its_items_and_to_one_whole_and_escape_goes_back() -> None:
    client = a_client()
    client.queued[NAME, READER][1] = an_item("big", "", size=1_200_000, is_cut=True)
    client.wholes["big"] = '{"text": "\\u001b[31mthe whole\\u001b[0m"}'
    async with running(client) as it:
        await looking(it)
        assert "1.2 MB: enter shows it" in it.line_with("big")
        await it.press("enter", "j", "enter")
        await it.until("the whole")
        assert "\x1b" not in it.text
        assert "1,200,000 bytes" in it.text
        await it.press("escape")
        client.refusal = UnknownItem("item big has left orders.accepted")
        await it.press("enter")
        await it.until_true(lambda: isinstance(it.app.screen, ReaderScreen))
        assert it.toasts == ["item big has left orders.accepted"]  # and it is shown as it was seen
        await it.press("escape", "escape")
        assert isinstance(it.app.screen, QueuesScreen)
        await it.press("escape")
        assert not isinstance(it.app.screen, QueuesScreen)


async def test_the_end_of_the_list_brings_the_next_page_and_what_does_not_change_is_asked_for_once() -> None:
    client = a_client(250)
    async with running(client) as it:
        await looking(it)
        for tick in range(5):
            client.change(taken_at=client.shown.taken_at + tick)
            await it.settle()
        assert len(client.queue_pages) == 1
        await it.press("enter", "G")
        await it.until("of 200")
        await it.press("G")
        await it.until("of 251")
        assert [place for *_, place, _ in client.queue_pages] == [0, 100, 200]
        client.queued[NAME, READER].insert(0, an_item("newest"))
        await it.press("r", "g")
        await it.until("newest")


async def test_the_whole_queue_is_searched_and_escape_ends_a_search_and_shows_all_again() -> None:
    client = a_client(250)
    async with running(client) as it:
        await looking(it)
        await it.press("enter", "slash")
        await it.type("item-249")
        await it.until("/item-249: 1 found in 1 of 1")
        await it.press("enter")
        assert "item-1 " not in it.text
        await it.press("slash")
        await it.type("-nowhere")
        await it.until("No item holds 'item-249-nowhere' in its id or payload")
        await it.press("escape")
        await it.until("held-1")
        client.hold_pages = True
        await it.press("slash")
        await it.type("slow")
        await it.until("searching, esc ends it")
        client.hold_pages = False
        client.refusal = StoreError("the store does not answer")
        client.queued.clear()
        await it.press("escape")
        await it.until("✖ the store does not answer")


async def test_nothing_is_asked_for_that_nobody_sees_any_more_and_who_comes_back_has_it_go_on() -> None:
    client = a_client()
    async with running(client) as it:
        await looking(it)
        assert f"as of {fmt.clock(NOW)}" in it.text
        client.hold_pages = True
        await it.press("enter", "slash")
        await it.type("slow")
        await it.press("enter")
        await it.until_true(lambda: client.held_pages)
        await it.press("1")
        await it.until_true(client.held_pages[0].cancelled)
        await it.press("3")
        await it.until_true(lambda: len(client.held_pages) == 2)
        assert "searching, esc ends it" in it.text
        await it.press("shift+tab", "shift+tab", "slash")
        await it.type("no-such-queue")
        await it.until("Choose a queue to see what waits in it.")
        assert client.held_pages[1].cancelled()


async def test_who_comes_from_elsewhere_finds_queue_reader_and_item_chosen() -> None:
    client = a_client()
    client.queued[NAME, AUDIT.loop] = [an_item("other"), an_item("4711")]
    async with running(client) as it:
        it.app.screen.post_message(GoTo(Place.QUEUES, queue=NAME, loop=AUDIT.loop, item="4711"))
        await it.until(f"in {NAME} for {AUDIT.loop} /4711: 1 found")
        await it.press("escape")
        await it.until("other")


async def test_an_item_is_put_in_only_if_it_is_a_json_object_and_what_was_typed_stays() -> None:
    client = a_client()
    async with running(client) as it:
        await looking(it)
        await it.press("a")
        assert isinstance(it.app.screen, InjectScreen)
        editor = it.app.screen.query_one(TextArea)
        editor.load_text('{"id": 7,}')
        await it.press("f5")
        assert "✖ line 1, column" in it.text
        assert client.injected == []
        editor.load_text('{"id": 7}')
        client.refusal = StoreError("the store is full")
        await it.press("f5")
        await it.until("✖ the store is full")
        client.refusal = None
        await it.press("f5")
        await it.until_true(lambda: it.toasts == [f"item new-1 waits in {NAME}"])
        assert client.injected == [(NAME, {"id": 7})] * 2
        await it.press("enter", "j", "j", "a")  # the next begins as the chosen one
        await it.until_true(lambda: isinstance(it.app.screen, InjectScreen))
        await it.press("f5")
        await it.until_true(lambda: len(client.injected) == 3)
        assert client.injected[2] == (NAME, {"n": 1})


async def test_purging_asks_and_says_how_many_are_lost_and_how_far_it_is_and_can_be_cancelled() -> None:
    client = a_client()
    async with running(client) as it:
        await looking(it)
        await it.press("delete")
        assert isinstance(it.app.screen, ConfirmScreen)
        assert "Drop 3,120 items that wait in orders.accepted" in it.text
        assert "The 17" in it.text
        await it.press("n")
        assert client.emptied == []
        client.slow = Future()
        await it.press("delete", "y")
        await it.until("1,000 of 3,120")
        assert isinstance(it.app.screen, ProgressScreen)
        await it.press("escape")
        await it.until_true(lambda: it.toasts)
        assert it.toasts == [f"cancelled; {NAME}: 1,000 items dropped, the rest is where it was"]
        assert client.slow.cancelled()
        client.slow = None
        await it.press("ctrl+d", "y")
        await it.until_true(lambda: f"{NAME}: 3,120 items dropped" in it.toasts)
        assert client.emptied == [("purge", NAME, READER)] * 2


async def test_items_move_to_a_queue_or_reader_that_is_chosen_and_a_reader_that_is_gone_is_forgotten() -> None:
    heir = GroupView("orders.retry", 5, tracks=1)
    later = a_queue("orders.later", readers=(), bound=100, on_full=OnFull.WAIT)
    client = a_client()
    client.change(queues=(accepted(groups=(AUDIT, FULFIL, heir)), later))
    async with running(client) as it:
        await looking(it)
        await it.press("M")
        assert "Move 3,120 items of orders.accepted to" in it.text
        assert "it would hold 3,120 of at most 100" in it.text
        await it.press("enter", "y")
        await it.until_true(lambda: client.emptied)
        await it.press("M", "j", "enter", "y")
        await it.until_true(lambda: len(client.emptied) == 2)
        assert client.emptied == [("move", NAME, READER, NAME, heir.loop), ("move", NAME, READER, "orders.later", "")]
        await it.press("O")
        assert it.toasts[-1].startswith("Only a reader that is in no file any more")
        await it.press("tab", "g", "O")
        assert it.toasts[-1].startswith("214 items still wait for orders.audit")
        client.change(queues=(accepted(groups=(replace(AUDIT, waiting=0), FULFIL)),))
        await it.settle()
        await it.press("O", "y")
        await it.until_true(lambda: client.emptied[2:] == [("forget", NAME, AUDIT.loop)])


async def test_who_may_only_look_is_told_so_and_nothing_is_asked_in_vain() -> None:
    client = a_client()
    client.change(access=Access(read_only=True))
    async with running(client) as it:
        await looking(it)
        await it.press("a", "M", "delete")
        assert isinstance(it.app.screen, QueuesScreen)
        assert it.toasts == [client.shown.access.why_not_edit]
        client.change(access=Access(), queues=(a_queue("orders.later"),))
        await it.settle()
        await it.press("M", "delete")
        assert it.toasts[1:] == ["Nothing waits in orders.later."]
        client.change(queues=())
        await it.settle()
        await it.press("a", "M", "delete", "O", "r", "l", "w", "enter", "v")
        assert isinstance(it.app.screen, QueuesScreen)
        assert "There is no queue to choose." in it.toasts
    assert client.emptied == client.injected == []


async def test_keys_go_to_the_loops_that_read_and_write_the_queue() -> None:
    client = a_client()
    async with running(client) as it:
        await looking(it)
        for key, loop in (("l", READER), ("2", READER), ("w", "orders.incoming")):
            await it.press(key)
            assert isinstance(it.app.screen, LoopScreen)
            assert f"Graph of {loop}" in it.text
            await it.press("escape")
        client.change(queues=(accepted(writers=("orders.incoming", "orders.retry")),))
        await it.settle()
        await it.press("w")
        assert isinstance(it.app.screen, ChooseScreen)
        await it.press("j", "enter")
        assert "Graph of orders.retry" in it.text


async def test_panes_take_turns_where_not_all_have_room() -> None:
    async with running(a_client(), 80, 40) as it:
        await it.press("3")
        for lines, panes in ((40, {"Queues", "Readers", "Items"}), (24, {"Queues", "Items"}), (12, {"Queues"})):
            await it.resize(80, lines)
            await it.until_true(lambda panes=panes: {n for n in NAMES if f"╭ {n}" in it.text} == panes)
        await it.press("tab")
        await it.until("╭ Readers of")
        await it.press("tab")
        await it.until("held-1")
