"""Keys: the usual ones arrive everywhere, and those of a person's own take their place everywhere."""

from __future__ import annotations

from fake_client import FakeClient, a_busy_afternoon
from fake_inspector import FakeInspectorClient
from running import running

from flowtui.model.preferences import Preferences
from flowtui.model.states import Command
from flowtui.tui.actions.keymap import SCREENS, clashes, shown_key
from flowtui.tui.actions.keys import SWALLOWED, key_named, written_key
from flowtui.tui.actions.registry import ACTIONS, by_group, footer_actions
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.overview import OverviewScreen
from flowtui.tui.screens.queues import QueuesScreen

OWN = {
    "stop": ("s",),
    "start": ("x",),
    "show_queues": ("f3", "9"),
    "cursor_down": ("alt+d",),
    "trouble": ("alt+w",),
    "help": ("alt+h",),
    "start_workflow": ("A",),
    "zoom": (),
    "run_node": ("r", "f12"),
    "save_config": ("f5",),
    "leave": ("Q", "escape"),
}


def test_the_first_key_of_every_action_is_one_that_nothing_swallows():
    for action in ACTIONS:
        assert not action.keys or action.keys[0] not in SWALLOWED, action.id


def test_an_id_names_one_action() -> None:
    ids = [action.id for action in ACTIONS]
    assert len(set(ids)) == len(ids)


def test_own_keys_of_these_tests_are_none_that_something_else_has() -> None:
    assert set(clashes(OWN)) <= set(clashes({}))


def test_every_key_is_one_that_terminals_send():
    for action in ACTIONS:
        for key in action.keys:
            assert key_named(written_key(key)) == key


def test_a_key_does_one_thing_on_a_screen_but_for_leaving():
    assert list(clashes({})) == [("q", "leave", "quit")]


def test_footer_and_help_tell_the_keys_of_ones_own():
    for screen in SCREENS:
        told = {action.id: action.shown for actions in by_group(screen, OWN).values() for action in actions}
        shown = {action.id: action.shown for action in footer_actions(screen, OWN)}
        assert told.get("stop", "s") == shown.get("stop", "s") == "s"
        assert told["help"] == "alt+h"
        assert shown["help"] == "alt+h"
        assert "zoom" not in shown
    assert shown["run_node"] == "r"
    assert shown_key("trouble", OWN) == "alt+w"
    assert shown_key("zoom", OWN) == ""


async def test_own_keys_count_on_the_first_screen_on_one_opened_later_in_panes_and_in_the_palette():
    client = FakeClient(a_busy_afternoon())
    async with running(client, preferences=Preferences(keymap=OWN)) as it:
        first = it.app.overview.loops.chosen
        await it.press("x", "s")
        assert client.commands == [(Command.START, first.id), (Command.STOP, first.id)]
        assert "s stop" in it.text.splitlines()[-1]
        assert "alt+w shows it" in it.text
        await it.press("j")
        assert it.app.overview.loops.cursor == 0
        await it.press("alt+d")
        assert it.app.overview.loops.cursor == 1
        await it.press("A")
        assert [workflow for _, workflow in client.workflow_commands] == [it.app.overview.loops.chosen.workflow]
        await it.press("z")
        assert not it.app.overview.zoomed
        await it.press("3")
        assert isinstance(it.app.screen, OverviewScreen)
        await it.press("9")
        assert isinstance(it.app.screen, QueuesScreen)
        await it.press("alt+h")
        assert "f3 9" in it.line_with("All queues:")
        titles = [command.title for command in it.app.get_system_commands(it.app.overview)]
        assert {"Stop  (s)", "Start  (x)", "Queues  (f3 9)", "Maximise"} <= set(titles)


async def test_own_keys_count_in_the_inspector_before_a_text_sees_them_and_letters_are_still_typed() -> None:
    client = FakeInspectorClient()
    async with running(client, preferences=Preferences(keymap=OWN)) as it:
        screen = InspectorScreen(client, "orders.incoming", "check")
        await it.app.push_screen(screen)
        await it.app.workers.wait_for_complete()
        await it.settle()
        assert "r run" in it.text.splitlines()[-1]
        assert "f5 save config" in it.text.splitlines()[-1]
        before = screen.input.editor.text
        await it.press("r")
        assert client.requests == []
        assert len(screen.input.editor.text) == len(before) + 1
        await it.press("backspace", "f12")
        await it.app.workers.wait_for_complete()
        assert len(client.requests) == 1
        await it.press("f5")
        assert it.toasts[-1] == "The config is as in the file: there is nothing to save."
        await it.press("ctrl+s")
        screen.output.focus()
        await it.press("r")
        await it.app.workers.wait_for_complete()
        assert len(client.requests) == 2
        await it.press("Q")
        assert isinstance(it.app.screen, OverviewScreen)
