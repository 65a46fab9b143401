"""The screen of dead letters: what it shows, and that it stays up to date without losing one's place."""

from __future__ import annotations

from dataclasses import replace

from fake_client import NOW, FakeClient, a_busy_afternoon
from fake_letters import FakeLetterClient, a_letter
from running import Running, running

from flowtui.model.errors import StoreUnavailable
from flowtui.model.finding import FoundPage, Hit, Where
from flowtui.model.letters import Hidden
from flowtui.tui.places import GoTo, Place
from flowtui.tui.screens.letters import LettersScreen
from flowtui.tui.screens.logs import LogsScreen
from flowtui.tui.screens.loop import LoopScreen
from flowtui.tui.screens.overview import OverviewScreen


def screen(it: Running) -> LettersScreen:
    assert isinstance(it.app.screen, LettersScreen)
    return it.app.screen


def chosen(it: Running) -> int:
    """The number of the letter under the cursor."""
    row = screen(it).letters.chosen
    assert row is not None
    return row.number


async def go_to(it: Running, place: Place = Place.LETTERS, **wish: object) -> None:
    it.app.post_message(GoTo(place, **wish))  # type: ignore[arg-type]
    await it.settle()


async def test_groups_tell_how_many_how_new_and_where_and_one_of_production_stands_apart() -> None:
    elsewhere = [a_letter(n, loop="sync.poll", node="fetch", error="ConnectError", fingerprint="f") for n in (8, 9)]
    theirs = [a_letter(n, of_production=True, loop="shop.pay") for n in range(1, 6)]
    client = FakeLetterClient([*(a_letter(n) for n in range(1, 4)), *elsewhere, *theirs])
    client.regroup(new=2)
    async with running(client) as it:
        await it.press("5")
        await it.until("Letter 3")
        assert "Dead letters: 10 in 3 groups, 2 new in the last minute, 5 of production (‡), only to be read" in it.text
        rows = [row.strip("│ ").split() for row in it.text.splitlines()[4:7]]
        assert [row[:3] for row in rows] == [["†", "3", "+2"], ["†", "2", "ConnectError:"], ["‡", "5", "production"]]
        assert rows[0][-6:] == ["orders.incoming", "check", "2", "h", "2", "h"]
        await it.press("j", "j")
        await it.until("Letters of shop.pay, check, production")
        await it.until("‡ it is production's, which development only reads")


async def test_a_letter_is_shown_whole_with_its_error_its_payload_and_where_it_comes_from() -> None:
    letter = a_letter(
        7,
        message="no [b]lines[/b] \x1b[31m",
        payload={"order": 7, "text": "\x1b[0m", "token": "***KEY***"},
        item={"file": "7.json"},
        hidden=(Hidden(("payload", "token"), (("KEY", "plain"),)),),
        replays=3,
        first_at=1.0,
        nth=1,
        of=2,
        queue="orders.accepted",
        edits=1,
        note="letter 7: the join is gone",
    )
    client = FakeLetterClient([letter])
    async with running(client, lines=60) as it:
        await it.press("5")
        await it.until("Where it comes from")
        for words in (
            "✖ ValueError: no [b]lines[/b] ␛[31m",
            "! the last replay could not run it",
            "~ its payload was edited, once",
            'File "/home/ana/flows/nodes/orders.py", line 31',
            '"order": 7,',
            '"text": "\\u001b[0m"',
            "replayed  3 times, first failed 1970-01-0",
            "trace     trace-7",
            "made in   mail.inbox",
            "queue     orders.accepted",
            "with it   letter 8 of the same item",
            "hides     ***KEY***, which a replay puts back",
            "The item as its iteration began",
            '"file": "7.json"',
        ):
            assert words in it.text, words
        assert it.line_with("ValueError(f").index("raise") > 0
        assert it.text.index("Traceback, your own code first") < it.text.index("Payload, the input of check")
        await it.press("tab", "v")
        assert "Where it comes from" in it.text
        await it.press("escape")
        assert isinstance(it.app.screen, LettersScreen)


async def test_ten_thousand_letters_are_read_page_by_page() -> None:
    client = FakeLetterClient(a_letter(n) for n in range(1, 10_001))
    async with running(client) as it:
        await it.press("5")
        await it.until("Letter 10000")
        assert len(client.pages) <= 2
        assert "of 10,000" in it.text
        await it.press("tab", "pagedown", "pagedown", "pagedown", "pagedown")
        assert len(client.pages) <= 4
        await it.press("G")
        await it.until("Letter 1 ")
        assert (chosen(it), len(client.pages)) == (1, 101)
        await it.press("g", "slash")
        await it.type("order 4711")
        await it.press("enter")
        await it.until("1 of 10,000")
        assert chosen(it) == 4711


async def test_a_list_that_is_sorted_by_another_column_is_read_to_its_end() -> None:
    letters = [a_letter(n, attempt=9 if n == 3 else 1) for n in range(1, 251)]
    async with running(FakeLetterClient(letters)) as it:
        await it.press("5", "tab", "greater_than_sign", "greater_than_sign", "greater_than_sign", "g")
        await it.until("Letter 3 ")
        assert it.client.pages == [None, 151, 51, 1]  # type: ignore[attr-defined]


async def test_the_list_is_kept_up_to_date_and_the_cursor_stays_on_its_letter() -> None:
    client = FakeLetterClient(a_letter(n) for n in range(1, 31))
    async with running(client) as it:
        await it.press("5", "tab", "j", "j")
        await it.until("Letter 28")
        row = next(index for index, line in enumerate(it.text.splitlines()) if "†      28" in line)
        client.hold([letter for letter in client.letters if letter.number != 29] + [a_letter(31), a_letter(32)])
        await it.until("†      32")
        assert chosen(it) == 28
        assert "†      28" in it.text.splitlines()[row + 1]
        client.hold([letter for letter in client.letters if letter.number != 28])
        await it.until("Letter 27")
        assert chosen(it) == 27
        client.hold(())
        await it.until("No dead letters.")
        assert "Choose a group to see its letters." in it.text
        assert "Choose a letter to see what failed" in it.text


async def test_new_letters_above_do_not_move_what_one_reads_further_down() -> None:
    client = FakeLetterClient(a_letter(n) for n in range(1, 301))
    async with running(client) as it:
        await it.press("5", "tab", "pagedown", "pagedown")
        await it.until(f"Letter {chosen(it)}")
        before = it.text.splitlines()[12:-2]
        client.hold([*client.letters, *(a_letter(n) for n in range(301, 550))])
        await it.until("of 549")
        assert it.text.splitlines()[12:-2] == before


async def test_the_group_stays_chosen_when_another_one_has_more() -> None:
    others = [a_letter(n, loop="sync.poll", node="fetch", error="KeyError", fingerprint="f") for n in (8, 9)]
    client = FakeLetterClient([*(a_letter(n) for n in range(1, 4)), *others])
    async with running(client) as it:
        await it.press("5")
        client.hold([*client.letters, *(replace(others[0], number=n) for n in range(10, 20))])
        await it.until("12  ")
        assert "sync.poll" in it.text.splitlines()[4]
        assert "Letters of orders.incoming, check" in it.text


async def test_a_store_that_does_not_answer_is_told_in_the_list_and_tried_again() -> None:
    client = FakeLetterClient([a_letter(1)])
    client.refusal = StoreUnavailable("the store does not answer")
    async with running(client) as it:
        await it.press("5")
        await it.until("✖ the store does not answer")
        client.refusal = None
        client.change(taken_at=NOW + 1)
        await it.until("Letter 1 ")


async def test_one_goes_to_a_letter_and_to_a_group_from_elsewhere_and_on_to_loop_and_log() -> None:
    others = [a_letter(n, loop="sync.poll", node="fetch", error="KeyError", fingerprint="f") for n in (901, 902)]
    client = FakeLetterClient([*(a_letter(n) for n in range(1, 400)), *others])
    async with running(client) as it:
        await go_to(it, letter=42)
        await it.until("Letter 42 ")
        assert chosen(it) == 42
        await go_to(it, letter=1000)
        await it.until_true(lambda: it.toasts)
        assert it.toasts == ["there is no dead letter 1000"]
        await go_to(it, loop="sync.poll")
        await it.until("Letter 902")
        await it.press("L")
        assert isinstance(it.app.screen, LogsScreen)
        wanted = it.app.screen.log_view.wanted
        assert (wanted.loop, wanted.node) == ("sync.poll", "fetch")
        await it.press("escape", "2")
        assert isinstance(it.app.screen, LoopScreen)
        await it.press("escape")
        client.hold([a_letter(1, loop="old.gone")])
        await it.until("Letters of old.gone")
        await it.press("2")
        assert it.toasts[-1] == "There is no loop old.gone here any more."


async def test_enter_on_a_group_of_the_overview_shows_its_letters_and_escape_leads_back() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press("tab", "tab", "tab", "j", "j", "enter")
        group = screen(it).groups.chosen
        assert group is not None
        assert group.loop == "orders.incoming"
        await it.until("These letters are gone")
        await it.press("escape")
        assert isinstance(it.app.screen, OverviewScreen)
        assert it.app.screen.current is it.app.screen.trouble


async def test_panes_take_turns_where_there_is_little_room_and_enter_and_escape_go_in_and_out() -> None:
    client = FakeLetterClient(a_letter(n) for n in range(1, 50))
    async with running(client, columns=80, lines=24) as it:
        await it.press("5")
        await it.until("Letters of orders.incoming, check · letter")
        await it.press("enter", "j", "enter")
        await it.until("✖ ValueError: order 48")
        assert "Letter 48 · letters" in it.text
        await it.press("escape", "j")
        assert chosen(it) == 47
        await it.press("escape")
        assert screen(it).current is screen(it).groups
        await it.resize(40, 10)
        await it.press("tab")
        assert "Letters of orders" in it.text
        await it.press("tab")
        await it.until("✖ ValueError: order 47")
        await it.press("escape")
        assert isinstance(it.app.screen, OverviewScreen)


async def test_a_letter_of_production_that_was_found_is_shown_not_the_one_of_ones_own_with_its_number() -> None:
    theirs = [a_letter(n, of_production=True, payload={"whose": "theirs"}) for n in range(1, 4)]
    client = FakeLetterClient([*(a_letter(n) for n in range(1, 4)), *theirs])
    client.found = FoundPage((Hit(Where.DEAD, "item-2", NOW, "{}", letter=2, of_production=True),))
    async with running(client) as it:
        await it.press("F")
        await it.type("item-2")
        await it.press("enter")
        await it.until("1 place")
        await it.press("enter")
        await it.until("Letters of orders.incoming, check, production")
        await it.until_true(lambda: screen(it).letter == theirs[1])
