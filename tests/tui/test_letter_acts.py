"""What can be done with dead letters on their screen."""

from __future__ import annotations

import json
import os
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_inspector import FakeInspectorClient
from fake_letters import FakeLetterClient, a_letter
from running import Running, running

from flowtui.model.access import DEVELOPING, OF_PRODUCTION, READ_ONLY
from flowtui.model.development import SourcePlace
from flowtui.model.errors import StoreUnavailable
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.tui.screens.ask import AskScreen, ChooseScreen
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.letter_editor import LetterEditor
from flowtui.tui.screens.letters import LettersScreen
from flowtui.tui.screens.overview import OverviewScreen


def letters(count: int = 3) -> FakeLetterClient:
    return FakeLetterClient(a_letter(n) for n in range(1, count + 1))


async def opened(it: Running, *keys: str) -> None:
    """Go to the letters, with the newest one shown."""
    await it.press("5")
    await it.until("Where it comes from")
    await it.press(*keys)


async def said(it: Running, words: str) -> None:
    await it.until_true(lambda: any(words in each for each in it.toasts))


async def act(it: Running, *keys: str) -> None:
    """Press a key that asks something about a letter, which is read first, then answer."""
    await it.press(keys[0])
    await it.until_true(lambda: not isinstance(it.app.screen, LettersScreen))
    await it.press(*keys[1:])


async def test_a_group_is_replayed_and_one_sees_how_far_that_is_and_what_failed_again() -> None:
    client = letters(40)
    async with running(client) as it:
        await opened(it)
        await act(it, "R")
        assert "Replay 40 dead letters" in it.text
        assert "what had succeeded does not run again" in it.text
        assert client.replayed == []
        await it.press("enter")
        await it.until("replaying 0 of 40 …")
        await it.until("↻      40")
        assert client.replayed == [([*range(1, 41)], False)]
        for number in range(1, 11):
            client.finish(number, fails=number % 2 == 0)
        await it.until("replaying 10 of 40 …")
        assert "35 in 1 group" in it.text
        for number in range(11, 41):
            client.finish(number)
        await said(it, "orders.incoming: 40 dead letters replayed, 5 failed again")
        await it.until("Dead letters: 5 in 1 group")
        assert "replaying" not in it.text


async def test_one_letter_is_replayed_from_the_start_and_what_could_not_be_run_says_why() -> None:
    client = letters()
    client.put(replace(a_letter(3), tied_to=("other",), edits=1, item={"n": 1}))
    async with running(client) as it:
        await opened(it, "tab")
        await act(it, "R")
        assert "Replay letter 3" in it.text
        assert "! letter 3: a join behind check also waits for other" in it.text
        assert "! it takes the item, not the edited payload" in it.text
        await it.press("escape")
        assert client.replayed == []
        await act(it, "R", "j", "j", "enter")
        await it.until("replaying 0 of 1 …")
        assert client.replayed == [([3], True)]
        client.finish(3, note="letter 3: other is gone")
        await said(it, "1 dead letter replayed, 1 could not be run: letter 3: other is gone")
        await it.until("! the last replay could not run it")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ReplayAnswer(requeued=2), "orders.incoming: 2 items are back at the end of the queue"),
        (ReplayAnswer(refused=("letter 1: no",)), "1 dead letter stays as it is: letter 1: no"),
    ],
)
async def test_items_that_go_back_to_their_queue_and_refusals_are_told(answer, words) -> None:
    client = letters()
    client.replay_answer = answer
    async with running(client) as it:
        await opened(it)
        await act(it, "R", "j", "enter")
        await said(it, words)
        assert it.toasts == [words]
        assert "replaying" not in it.text


async def test_an_edited_payload_is_saved_and_one_that_somebody_else_edited_is_not_overwritten() -> None:
    client = letters()
    async with running(client) as it:
        await opened(it, "tab")
        await act(it, "E", "ctrl+s")
        assert "there is nothing to save" in it.text
        editor = it.app.screen.query_one("#letter-text")
        editor.load_text('{"order": 3, "lines": [1}')  # type: ignore[attr-defined]
        await it.until("✖ line 1, column 25")
        await it.press("ctrl+s")
        assert isinstance(it.app.screen, LetterEditor)
        editor.load_text('{"order": 3, "lines": [1]}')  # type: ignore[attr-defined]
        client.put(replace(a_letter(3), payload={"mine": 1}, edits=1))
        await it.press("ctrl+s")
        await it.until("✖ letter 3 was edited by somebody else meanwhile")
        assert client.letters[2].payload == {"mine": 1}
        await it.press("escape")
        assert isinstance(it.app.screen, ConfirmScreen)
        await it.press("n")
        assert isinstance(it.app.screen, LetterEditor)
        await it.press("escape", "y")
        await it.until('"mine": 1')
        await act(it, "E")
        it.app.screen.query_one("#letter-text").load_text('{"order": 4}')  # type: ignore[attr-defined]
        await it.press("ctrl+s")
        await said(it, "Letter 3 has another payload; R replays it.")
        assert (client.letters[2].payload, client.letters[2].edits) == ({"order": 4}, 2)
        await it.until("~ its payload was edited, 2 times")


async def test_a_letter_that_is_being_replayed_is_not_edited() -> None:
    client = letters()
    client.put(replace(a_letter(3), replaying=True))
    async with running(client) as it:
        await opened(it, "E")
        await said(it, "Letter 3 is being replayed: wait until that has ended.")
        assert isinstance(it.app.screen, LettersScreen)


async def test_removing_a_letter_or_a_group_asks_and_says_what_would_be_lost() -> None:
    client = letters(5)
    async with running(client) as it:
        await opened(it, "tab", "j")
        await act(it, "delete")
        for words in ("Remove letter 4 from check of orders.incoming, item item-4?", "nowhere else"):
            assert words in it.text
        await it.press("n")
        await act(it, "ctrl+d", "y")
        await said(it, "1 dead letter removed")
        assert [letter.number for letter in client.letters] == [1, 2, 3, 5]
        await it.press("shift+tab", "delete")
        assert "Remove 4 dead letters from check of orders.incoming" in it.text
        await it.press("y")
        await said(it, "4 dead letters removed")
        assert client.letters == []


async def test_marked_letters_and_marked_groups_are_acted_upon_together(tmp_path: Path) -> None:
    others = [a_letter(n, loop="sync.poll", node="fetch", fingerprint="f-fetch") for n in range(6, 9)]
    client = FakeLetterClient([*(a_letter(n) for n in range(1, 6)), *others])
    async with running(client) as it:
        await opened(it, "tab", "space", "j", "space")
        assert "2 marked" in it.text
        await act(it, "R", "j", "enter")
        await said(it, "orders.incoming: 2 dead letters to be replayed")
        assert client.replayed == [([3, 5], True)]
        client.finish(3)
        client.finish(5, note="letter 5: no")
        await said(it, "2 dead letters replayed, 1 could not be run: letter 5: no")
        await act(it, "o")
        it.app.screen.query_one("#ask-text").value = str(tmp_path / "some.jsonl")  # type: ignore[attr-defined]
        await it.press("enter")
        await said(it, "1 letter is written to")
        await it.press("escape", "shift+tab", "asterisk", "slash")
        await it.type("incoming")
        await it.press("enter", "delete")
        assert "Remove 7 dead letters (1 of the marked rows out of view)" in it.text
        await it.press("y")
        await said(it, "3 dead letters removed")
        assert client.letters == []


async def test_letters_are_exported_to_a_new_file_and_never_over_another_one(tmp_path: Path) -> None:
    client = letters(250)
    there = tmp_path / "there.jsonl"
    there.write_text("mine")
    async with running(client) as it:
        await opened(it, "o")
        assert isinstance(it.app.screen, AskScreen)
        entry = it.app.screen.query_one("#ask-text")
        assert entry.value == "orders.incoming-check-letters.jsonl"  # type: ignore[attr-defined]
        entry.value = str(there)  # type: ignore[attr-defined]
        await it.press("enter")
        assert "choose another name" in it.text
        entry.value = str(tmp_path / "all.jsonl")  # type: ignore[attr-defined]
        await it.press("enter")
        await said(it, "250 letters are written to")
        lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
        assert [line["number"] for line in lines] == [*range(250, 0, -1)]
        assert lines[0]["payload"] == {"order": 250, "lines": []}
        await it.press("tab")
        await act(it, "o")
        it.app.screen.query_one("#ask-text").value = str(tmp_path / "one.jsonl")  # type: ignore[attr-defined]
        await it.press("enter")
        await said(it, "1 letter is written to")
        assert json.loads((tmp_path / "one.jsonl").read_text())["number"] == 250
    assert there.read_text() == "mine"


async def test_an_export_that_fails_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    client = letters(150)
    async with running(client) as it:
        await opened(it, "o")
        it.app.screen.query_one("#ask-text").value = str(tmp_path / "all.jsonl")  # type: ignore[attr-defined]
        client.refusal = StoreUnavailable("the store does not answer")
        await it.press("enter")
        await said(it, "is not written: the store does not answer")
        assert os.listdir(tmp_path) == []


async def test_what_is_copied_is_what_one_looks_at() -> None:
    async with running(letters()) as it:
        await opened(it, "c")
        assert "ValueError: order 3 has no lines\n3 dead letters at check of orders.incoming" in it.app.clipboard
        await it.press("tab", "c")
        await said(it, "The payload of letter 3 is copied.")
        assert json.loads(it.app.clipboard) == {"order": 3, "lines": []}
        await it.press("tab", "c")
        await said(it, "The whole letter 3 is copied.")
        assert "nodes/orders.py" in it.app.clipboard
        assert '"trace": "trace-3"' in it.app.clipboard


async def test_i_opens_the_inspector_with_the_chosen_letter_and_e_the_code_of_its_node() -> None:
    client = FakeInspectorClient()
    client.letters = [a_letter(7, fingerprint="f-check-ValueError"), a_letter(6, fingerprint="f-check-ValueError")]
    client.places["orders.incoming", "check"] = SourcePlace(Path("/nowhere/orders.py"), 12)
    async with running(client) as it:
        await opened(it, "tab", "j")
        await act(it, "i")
        assert isinstance(it.app.screen, InspectorScreen)
        assert it.app.screen.letter is not None
        assert it.app.screen.letter.number == 6
        await it.press("escape", "shift+tab", "i")
        await it.until_true(lambda: isinstance(it.app.screen, InspectorScreen))
        assert it.app.screen.letter.number == 7
        await it.press("escape", "e")
        await said(it, "/nowhere/orders.py is gone")


@pytest.mark.parametrize(("access", "why"), [(READ_ONLY, "--read-only"), (DEVELOPING, OF_PRODUCTION)])
async def test_who_may_only_look_is_told_so_before_any_question(access, why) -> None:
    client = FakeLetterClient([a_letter(1, of_production=access is DEVELOPING)])
    client.change(access=access)
    async with running(client) as it:
        await opened(it)
        for place in ("group", "letter"):
            for key in ("R", "delete", "E"):
                it.app.clear_notifications()
                it.app._toasts._said = ""
                await it.press(key)
                await said(it, why)
                assert isinstance(it.app.screen, LettersScreen), (place, key)
            await it.press("tab")
        await act(it, "o")
        assert isinstance(it.app.screen, AskScreen)
        assert (client.replayed, len(client.letters)) == ([], 1)


async def test_where_nothing_is_chosen_every_act_says_what_to_choose() -> None:
    async with running(FakeLetterClient(())) as it:
        await it.press("5")
        assert "No dead letters. Failed items will wait here" in it.text
        for key in ("R", "delete", "o", "c", "i"):
            await it.press(key)
            assert it.toasts[-1] == "Choose a group of dead letters first."
        await it.press("E")
        assert it.toasts[-1] == "Choose a letter first: tab goes to them."
        assert not isinstance(it.app.screen, ChooseScreen)


class SlowClient(FakeLetterClient):
    """Answers what is asked about a single letter only when it is told to, if it `dawdles`."""

    dawdles = False

    def __init__(self) -> None:
        super().__init__(map(a_letter, range(1, 4)))
        self.owed: list[tuple[Future[list[DeadLetter]], list[DeadLetter]]] = []

    def dead_letters(self, *args: Any, **options: Any) -> Future[list[DeadLetter]]:
        answer = super().dead_letters(*args, **options)
        if not self.dawdles or options.get("limit") != 1:
            return answer
        later: Future[list[DeadLetter]] = Future()
        self.owed.append((later, answer.result()))
        return later

    def answer(self) -> None:
        """Give all answers that are owed."""
        for later, found in self.owed:
            later.set_result(found)
        self.owed = []


async def test_a_late_answer_asks_once_and_not_at_all_once_a_person_has_gone_on() -> None:
    client = SlowClient()
    async with running(client) as it:
        await opened(it, "tab")
        client.dawdles = True
        await it.press("delete", "delete", "R")
        assert len(client.owed) == 3
        client.answer()
        await it.until("Remove letter 3")
        assert [type(screen) for screen in it.app.screen_stack[1:]] == [LettersScreen, ConfirmScreen]
        await it.press("n", "E", "1")
        assert len(client.owed) == 1
        client.answer()
        await it.settle()
        assert isinstance(it.app.screen, OverviewScreen)
