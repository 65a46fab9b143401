"""The inspector: changing a config, saving, pinning, replaying, keeping what came out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from fake_inspector import CheckConfig, FakeInspectorClient, a_failed_run, a_letter, a_run
from running import Running, running
from test_inspector import done, inspecting, inspector, write
from textual.widgets import Input, Select, Static, TextArea

from flowtui.model.errors import FlowtuiError
from flowtui.model.letters import ReplayAnswer
from flowtui.model.snapshot import DeadLetterGroup
from flowtui.nodes.forms import form_of
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.widgets.config_form import ConfigRow

WHY_NOT = "flowtui was started with --read-only: leave it"


def row(it: Running, key: str) -> ConfigRow:
    return next(each for each in inspector(it).form.query(ConfigRow) if each.field.name == key)


async def fill(it: Running, key: str, text: str) -> None:
    """Write into a field."""
    editor = row(it, key).editor
    editor.focus()
    if isinstance(editor, Input):
        editor.value = text
    elif isinstance(editor, TextArea):
        editor.text = text
    await done(it)


async def test_what_is_changed_in_the_form_is_marked_run_with_and_saved_after_a_question() -> None:
    client = FakeInspectorClient()
    async with inspecting(client) as it:
        await fill(it, "min_total", "12.5")
        assert "~min_total" in it.text
        assert "~ 1 setting not saved" in it.text
        await it.press("f5")
        await done(it)
        wanted = {**client.config, "min_total": 12.5}
        assert client.requests[0].config == wanted
        await it.press("ctrl+s")
        assert isinstance(it.app.screen, ConfirmScreen)
        assert "Write min_total of check to orders.yaml:31?" in it.text
        await it.press("n")
        assert client.saves == []
        await it.press("ctrl+s", "y")
        await done(it)
        assert client.saves == [(wanted, "d1")]
        assert client.reloads == 1
        assert "not saved" not in it.text
        assert it.toasts[-1] == "orders.yaml is saved; f4 takes that back."
        await it.press("f4")
        await done(it)
        assert "10.0 (default)" in it.line_with("min_total")
        assert "min_total" not in client.config
        await it.press("f4")
        await done(it)
        assert client.config == wanted
        await fill(it, "min_total", "3")
        client.develop().refusal = FlowtuiError("orders.yaml has changed since it was read")
        await it.settle()
        await it.press("ctrl+s")
        await done(it)
        assert len(client.saves) == 2, "in development nothing is asked"
        assert it.toasts[-1] == "orders.yaml has changed since it was read"
        client.config, client.digest = {"currency": "USD"}, "d9"
        await inspector(it).desk.load()
        await done(it)
        await it.press("ctrl+s")
        await done(it)
        assert client.saves[-1] == ({"currency": "USD", "min_total": 3}, "d9"), "no edit is lost"
        await it.press("escape")
        assert it.app.screen is it.app.overview, "nothing is left to lose"


async def test_what_cannot_be_stays_in_its_field_with_the_reason_and_stops_run_and_save() -> None:
    client = FakeInspectorClient()
    async with inspecting(client) as it:
        await fill(it, "min_total", "many")
        assert "✖ " in it.text
        assert "many" in it.line_with("min_total")
        await fill(it, "greeting", "hello {{ data.id }}!")
        assert "many" in it.line_with("min_total"), "another change does not take it away"
        assert '= "hello 4711!"' in it.text
        await it.press("f5", "ctrl+s")
        await done(it)
        assert (client.requests, client.saves) == ([], [])
        assert [toast.partition(":")[0] for toast in it.toasts] == ["Min total", "Min total"]
        assert it.app.focused is row(it, "min_total").editor
        await fill(it, "tags", "[1,")
        assert "✖ no JSON" in it.text
        await fill(it, "tags", '["a"]')
        await fill(it, "min_total", "")
        assert "10.0 (default)" in it.line_with("min_total"), "an empty field leaves it to the default"
        await it.press("f5")
        await done(it)
        assert client.requests[0].config == {**client.config, "greeting": "hello {{ data.id }}!", "tags": ["a"]}


async def test_a_choice_is_chosen_from_a_list_or_given_by_a_template_and_a_secret_is_never_seen() -> None:
    client = FakeInspectorClient()
    client.config["token"] = "hunter2"
    async with inspecting(client) as it:
        assert "hunter2" not in it.text
        assert "••••••" in it.line_with("token")
        choice = row(it, "currency").editor
        assert isinstance(choice, Select)
        choice.focus()
        await it.press("enter", "down", "enter")
        await done(it)
        assert inspector(it).desk.trial.config["currency"] == "USD"  # type: ignore[union-attr]
        await it.press("enter", "down", "enter")
        await done(it)
        assert isinstance(it.app.focused, Input)
        assert "{{ data. }}" in it.text
        form = form_of(CheckConfig, client.config)
        without = replace(form, fields=tuple(each for each in form.fields if each.name != "tags"))
        inspector(it).desk.trial.form = without  # type: ignore[union-attr]
        focused = it.app.focused
        inspector(it).show()
        await done(it)
        assert "tags" not in [each.field.name for each in inspector(it).form.query(ConfigRow)]
        assert it.app.focused is focused, "the cursor stays where it is"
        await fill(it, "token", "${secret:TOKEN}")
        assert "${secret:TOKEN}" in it.text
        await it.press("escape", "y")
        assert it.app.screen is it.app.overview
        assert client.saves == []


async def test_f8_pins_the_output_and_takes_the_pin_off_and_f10_saves_the_run_as_a_test_case() -> None:
    client = FakeInspectorClient()
    client.kept_runs = [a_run()]
    async with inspecting(client) as it:
        await it.press("f8")
        await done(it)
        assert client.pins == [client.kept_runs[0].output]
        assert "pinned" in it.line_with("f7 diff · v text")
        assert it.toasts[-1] == "The output of check is pinned."
        await it.press("f8")
        await done(it)
        assert client.pins[-1] is None
        client.kept_runs = [a_failed_run(config={"currency": "USD"})]
        await inspector(it).desk.load()
        await it.press("f8", "f7")
        assert it.toasts[-2:] == [
            "There is no output to pin: f5 runs the node.",
            "There is no output to compare: f5 runs the node.",
        ]
        await it.press("f10")
        assert "check fails with ValueError" in it.text
        assert isinstance(it.app.focused, Input)
        it.app.focused.value = ""
        await it.press("enter")
        assert "✖ it needs a name" in it.text
        await it.type("no lines")
        await it.press("enter")
        await done(it)
        (case,) = client.cases
        assert (case.name, case.workflow, case.node) == ("no lines", "orders", "check")
        assert case.expect.error == "ValueError: order 4711 has no lines"
        assert case.config == {"currency": "USD", "greeting": None}
        assert it.toasts[-1] == "Saved as a test case in tests/orders.yaml: `flowtui test` repeats it."


async def test_f9_replays_the_letter_as_it_is_as_edited_or_all_like_it_and_shows_them_leave() -> None:
    client = FakeInspectorClient()
    client.replay_answer = ReplayAnswer(queued=12, refused=("letter 9: [b]gone[/b]",))
    async with inspecting(client) as it:
        await it.press("f9")
        assert it.toasts[-1] == "There is no dead letter here: f3 chooses one as the input."
        inspector(it).letter = a_letter(of_production=True)
        await it.press("f9")
        assert "which development only reads" in it.toasts[-1]
        await it.press("f3")
        await done(it)
        await it.press("j", "enter")
        await done(it)
        await it.press("f9")
        assert "letter 7 as it is" in it.text
        assert "as edited" not in it.text
        await it.press("enter")
        await done(it)
        assert client.replayed == [a_letter()]
        await write(it, '{"id": 4711, "lines": [1]}')
        assert "Input: mock, from dead letter 7" in it.text
        await it.press("f9", "enter")
        await done(it)
        assert client.edited == [{"id": 4711, "lines": [1]}]
        assert client.replayed[-1].payload == {"id": 4711, "lines": [1]}
        await it.press("f9", "G", "enter")
        await done(it)
        assert client.replays == [("orders.incoming", "f-check-ValueError", False)]
        assert it.toasts[-2:] == [
            "orders.incoming: 12 dead letters to be replayed",
            "1 dead letter stays as it is: letter 9: [b]gone[/b]",
        ]
        for left, said in ((5, "† 5 letters like this"), (0, "† no letters like this")):
            groups: tuple[DeadLetterGroup, ...] = client.shown.dead_letters if left else ()
            client.change(dead_letters=tuple(replace(each, count=left) for each in groups))
            await it.settle()
            assert said in it.text


async def test_i_on_a_group_of_production_opens_its_newest_letter() -> None:
    client = FakeInspectorClient().develop()
    client.letters = [a_letter(7), a_letter(8, of_production=True)]
    client.change(dead_letters=tuple(replace(each, of_production=True) for each in client.shown.dead_letters))
    async with running(client) as it:
        await it.press("tab", "tab", "tab", "i")
        await done(it)
        assert "dead letter 8" in it.text
        assert inspector(it).letter == a_letter(8, of_production=True)


async def test_letters_of_production_are_found_beside_ones_own_and_stay_as_they_are() -> None:
    client = FakeInspectorClient().develop()
    client.letters = [a_letter(7, payload={"id": 1}), a_letter(7, payload={"id": 2}, failed_at=1.0, of_production=True)]
    async with inspecting(client) as it:
        for place, (payload, of_production) in enumerate((('"id": 1', False), ('"id": 2', True)), start=1):
            await it.press("f3")
            await done(it)
            assert "of production" in it.text
            await it.press("g", *"j" * place, "enter")
            await done(it)
            assert payload in it.text
            letter = inspector(it).letter
            assert letter is not None
            assert letter.of_production is of_production
        await it.press("f9")
        assert "which development only reads" in it.toasts[-1]


async def test_a_letter_that_is_gone_is_not_offered_for_a_replay() -> None:
    client = FakeInspectorClient()
    async with inspecting(client, letter=a_letter()) as it:
        client.letters = [a_letter(8)]
        for left, said in ((5, "all 5 like it"), (1, "the only one like it")):
            client.change(dead_letters=tuple(replace(each, count=left) for each in client.shown.dead_letters))
            await it.settle()
            await it.press("f9")
            await done(it)
            assert said in it.text
            assert "letter 7 as it is" not in it.text
            await it.press("escape")
        client.change(dead_letters=())
        await it.settle()
        await it.press("f9")
        await done(it)
        assert it.toasts == ["Letter 7 is gone, and there is none like it: nothing is left to replay."]


async def test_input_and_output_are_copied_and_written_to_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    client = FakeInspectorClient()
    client.kept_runs = [a_run()]
    async with inspecting(client) as it:
        await it.press("ctrl+g")
        assert json.loads(it.app.clipboard)["total"] == 0
        await it.press("ctrl+n", "c")
        assert json.loads(it.app.clipboard)["total"] == 2.5
        assert it.toasts[-2:] == ["The input is copied.", "The output is copied."]
        target = tmp_path / "out.json"
        await it.press("w")
        assert isinstance(it.app.focused, Input)
        assert it.app.focused.value == "check-output.json"
        for text, why in ((str(tmp_path), "is a folder"), (str(tmp_path / "no" / "x"), "there is no folder")):
            it.app.focused.value = text
            await it.press("enter")
            # On the screen it is wrapped, wherever the length of the path has it.
            assert why in str(it.app.screen.query_one("#ask-wrong", Static).content)
        it.app.focused.value = str(target)
        await it.press("enter")
        assert json.loads(target.read_text())["total"] == 2.5
        await it.press("ctrl+o")
        it.app.focused.value = str(target)
        await it.press("enter")
        assert "already" in it.text


async def test_read_only_offers_neither_edit_nor_replay_and_says_why() -> None:
    client = FakeInspectorClient(may_edit=WHY_NOT)
    client.kept_runs = [a_run()]
    async with inspecting(client, letter=a_letter()) as it:
        assert "read-only" in it.text
        assert inspector(it).input.editor.read_only
        assert all(each.editor.disabled for each in inspector(it).form.query(ConfigRow))
        for key in ("ctrl+s", "f4", "f8", "f9", "f10"):
            await it.press(key)
            assert it.toasts[-1].startswith("You cannot ")
            assert it.toasts[-1].endswith(WHY_NOT)
        assert (client.saves, client.pins, client.replayed, client.cases) == ([], [], [], [])
