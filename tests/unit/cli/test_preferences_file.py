"""A person's file of preferences: what it may say, what is told of what is wrong, and that this keeps nobody out."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest

from flowtui.cli.main import cli
from flowtui.cli.preference_texts import example_text
from flowtui.cli.preferences import NAMES, preferences_path, read_preferences
from flowtui.model.errors import FlowtuiError
from flowtui.model.preferences import USUAL, Preferences
from flowtui.tui.actions.registry import ACTIONS
from flowtui.tui.tables import column_titles


@pytest.fixture
def read(tmp_path: Path):
    path = tmp_path / "config.yaml"

    def read_text(text: str) -> Preferences:
        path.write_text(text)
        return read_preferences(path, {})

    return read_text


def told(preferences: Preferences) -> list[str]:
    return [f"{problem.line}:{problem.column}: {problem.message}" for problem in preferences.problems]


def test_all_that_can_be_said_is_taken(read):
    preferences = read(
        """
theme: light
refresh: 2
keymap: {stop: s, start: [x, f3], help: "?", details: 0, start_workflow: A, quit: []}
columns: {loops: [state, LOOP, err]}
bell: false
on_alert: [notify-send, flowtui]
queue_depth: 1000
low_bandwidth: true
mouse: false
ascii: true
"""
    )
    assert told(preferences) == []
    assert preferences.keymap == {
        "stop": ("s",),
        "start": ("x", "f3"),
        "help": ("question_mark",),
        "details": ("0",),
        "start_workflow": ("A",),
        "quit": (),
    }
    assert preferences.columns == {"loops": ("STATE", "LOOP", "ERR")}
    assert preferences.on_alert == ("notify-send", "flowtui")
    assert (preferences.theme, preferences.refresh, preferences.queue_depth) == ("light", 2.0, 1000)
    assert (preferences.bell, preferences.low_bandwidth, preferences.mouse, preferences.ascii) == (
        False,
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("theme: drak", "1:8: there is no theme 'drak' (did you mean 'dark'?): choose dark, light, contrast, "),
        ("refresh: 60", "1:10: 'refresh' must be at most 10"),
        ("refresh: 0", "1:10: 'refresh' must be at least 0.2"),
        ("bel: true", "1:1: unknown field 'bel' in the preferences (did you mean 'bell'?)"),
        ("mouse: maybe", "1:8: 'mouse' must be true or false"),
        ("on_alert: bash -c x", "1:11: 'on_alert' must be a list: the program, then its arguments"),
        ("queue_depth: 0", "1:14: 'queue_depth' must be at least 1"),
        ("columns:\n  lops: [LOOP]", "2:3: there is no table 'lops' (did you mean 'loops'?)"),
        (
            "columns:\n  loops: [LOOP, itms/s]",
            "2:17: the table 'loops' has no column 'itms/s' (did you mean 'ITEMS/S'?)",
        ),
        ("keymap:\n  pauze: p", "2:3: there is no action 'pauze' (did you mean 'pause'?)"),
        ("keymap:\n  stop: [s, flub]", "2:13: 'flub' is no key"),
        ("keymap:\n  stop: ctr+f", "2:9: 'ctr+f' is no key (did you mean 'ctrl+f'?)"),
        ("keymap:\n  stop:", "2:3: 'stop' must be a key or a list of keys, not empty"),
        ("keymap:\n  stop: ctrl+i", "2:9: terminals send 'tab' for 'ctrl+i'"),
        ("keymap:\n  stop: ctrl+m", "2:9: terminals send 'enter' for 'ctrl+m'"),
        ("keymap:\n  stop: ctrl+j", "2:9: terminals send 'enter' for 'ctrl+j'"),
        ("keymap:\n  stop: shift+z", "2:9: 'shift+z' is the character that it types: write 'Z'"),
        ("keymap:\n  stop: ctrl+shift+x", "2:9: terminals do not send 'ctrl+shift+x'"),
        ("keymap:\n  stop: ctrl+enter", "2:9: terminals do not send 'ctrl+enter'"),
        ("keymap:\n  stop: ctrl+a", "2:9: 'ctrl+a' may not arrive, as it is the prefix of screen"),
        ("keymap:\n  stop: [ctrl+b, f3]", "2:9: 'ctrl+b' may not arrive, as it is the prefix of tmux"),
        ("keymap:\n  stop: [f3, ctrl+c]", "2:9: 'ctrl+c' is a key of 'quit' too, on the same screen"),
        ("keymap:\n  stop: p", "2:9: 'p' is a key of 'pause' too, on the same screen"),
        ("keymap:\n  zoom: j", "2:9: 'j' is a key of 'cursor_down' too, on the same screen"),
        ("keymap:\n  run_node: f8", "2:13: 'f8' is a key of 'pin_output' too, on the same screen"),
        ("keymap: [a]", "1:9: 'keymap' must be a mapping, not a list"),
        ("- theme", "1:1: a file of preferences must be a mapping with 'theme:'"),
        ("theme: [", "1:8: this is no YAML: the '[' that begins here is not closed"),
        ("theme: dark\ntheme: light", "2:1: 'theme' is here twice, first in line 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_to_do(read, text, problem):
    assert [line for line in told(read(text)) if line.startswith(problem)], told(read(text))


def test_a_second_key_may_be_one_that_tmux_or_screen_keep(read):
    assert read("keymap: {page_up: [pageup, ctrl+b], first: [g, ctrl+a]}").problems == ()


def test_keys_can_change_places(read):
    preferences = read("keymap: {stop: s, start: x}")
    assert preferences.problems == ()
    assert preferences.keymap == {"stop": ("s",), "start": ("x",)}


def test_what_is_wrong_is_not_in_force_and_the_rest_is(read):
    preferences = read("theme: light\nrefresh: fast\nkeymap: {stop: p}\ncolumns: {loops: [LOOP, NOPE]}\nbell: false")
    assert len(preferences.problems) == 3
    assert (preferences.theme, preferences.bell, preferences.refresh) == ("light", False, USUAL.refresh)
    assert preferences.keymap == {}
    assert preferences.columns == {"loops": ("LOOP",)}


def test_the_example_says_nothing_and_with_its_marks_taken_away_says_what_is_usual(read):
    as_it_is = read(example_text())
    assert as_it_is.problems == ()
    assert as_it_is.keymap == {}
    said = re.sub(r"(?m)^#(?=\S|  )", "", example_text())
    all_said = read(said)
    assert told(all_said) == []
    assert all_said.keymap == {action.id: action.keys for action in ACTIONS}
    assert all_said.columns == column_titles()
    for name in set(NAMES) - {"keymap", "columns", "theme", "queue_depth"}:
        assert getattr(all_said, name) == getattr(USUAL, name), name


def test_the_file_is_looked_for_where_the_flag_the_variable_or_the_custom_says(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    usual = tmp_path / ".config" / "flowtui" / "config.yaml"
    assert preferences_path(None, {}) == usual
    assert preferences_path(None, {"XDG_CONFIG_HOME": "relative"}) == usual
    assert preferences_path(None, {"XDG_CONFIG_HOME": "/etc/xdg"}) == Path("/etc/xdg/flowtui/config.yaml")
    assert preferences_path(None, {"FLOWTUI_CONFIG": "~/mine"}) == tmp_path / "mine"
    assert preferences_path(Path("flag"), {"FLOWTUI_CONFIG": "~/mine"}) == Path("flag")


def test_only_a_file_that_was_named_is_missed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_preferences(None, {}).problems == ()
    for missed in (
        read_preferences(tmp_path / "x", {}),
        read_preferences(None, {"FLOWTUI_CONFIG": str(tmp_path / "x")}),
    ):
        assert [problem.message for problem in missed.problems] == [
            "there is no such file: make one with: flowtui config --write"
        ]


def config(*args: object, code: int = 0) -> str:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowtui.cli.config.results", lambda: contextlib.nullcontext(out))
        assert cli(["config", *map(str, args)], standalone_mode=False) == code
    return out.getvalue()


def test_the_command_writes_a_file_once_and_shows_what_is_in_force(tmp_path):
    path = tmp_path / "new" / "config.yaml"
    config("--config", path, "--write")
    assert path.read_text() == example_text()
    with pytest.raises(FlowtuiError, match="is there already and stays as it is"):
        config("--config", path, "--write")
    path.write_text("theme: light\nkeymap: {stop: f3}\n")
    lines = [line.split() for line in config("--config", path).splitlines()]
    assert lines[0] == [str(path)]
    assert ["theme", "light", "yours"] in lines
    assert ["stop", "f3", "stop", "yours"] in lines
    assert ["fewer_replicas", "-", "fewer", "replicas"] in lines
    path.write_text("them: light")
    assert f"{path}:1:1: unknown field 'them'" in config("--config", path, code=1)
    found = json.loads(config("--config", path, "--json", code=1))
    assert [problem["code"] for problem in found["problems"]] == ["unknown-field"]
    assert found["keys"]["trouble"] == ["!"]
