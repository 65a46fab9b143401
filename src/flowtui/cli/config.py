"""`flowtui config`: how the screen looks and which keys it knows; where that is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from flowtui.cli.preference_texts import example_text, key_lines, setting_rows
from flowtui.cli.preferences import NAMES, preferences_path, read_preferences
from flowtui.cli.screen_options import config_option
from flowtui.cli.streams import results
from flowtui.cli.tables import print_found, problem_as_dict, table
from flowtui.cli.usage import debug_option
from flowtui.model.errors import FlowtuiError
from flowtui.model.preferences import Preferences
from flowtui.tui.actions.keys import written_key
from flowtui.tui.actions.registry import ACTIONS, remapped


@click.command()
@config_option
@click.option("--write", is_flag=True, help="Write an example to begin with, if there is no file yet.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
def config(config: Path | None, *, write: bool, as_json: bool) -> int:
    """Show where the preferences for the screen are kept, what is in force, and all actions with their keys.

    Exits with 1 if something is wrong in the file.
    """
    if write:
        _write(preferences_path(config, os.environ))
    preferences = read_preferences(config, os.environ)
    with results() as out:
        print_found(out, as_json, _as_json(preferences), [*_lines(preferences)])
    return 1 if preferences.problems else 0


def _write(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(example_text())
    except FileExistsError:
        raise FlowtuiError(
            f"{path} is there already and stays as it is: edit it, or name another with --config"
        ) from None
    except OSError as error:
        raise FlowtuiError(f"{path} cannot be written: {error.strerror}; name another with --config") from None


def _lines(preferences: Preferences) -> Iterator[str]:
    path = preferences.file
    assert path is not None
    yield f"{path}{'' if path.exists() else '  (not there; flowtui config --write makes one)'}"
    yield from map(str, preferences.problems)
    yield ""
    yield from table([("PREFERENCE", "IN FORCE", ""), *setting_rows(preferences)])
    yield ""
    yield from key_lines(preferences)


def _as_json(preferences: Preferences) -> dict[str, Any]:
    actions = (remapped(action, preferences.keymap) for action in ACTIONS)
    return {
        "file": str(preferences.file),
        "exists": preferences.file is not None and preferences.file.exists(),
        "problems": [problem_as_dict(problem) for problem in preferences.problems],
        "preferences": {name: getattr(preferences, name) for name in NAMES if name != "keymap"},
        "keys": {action.id: [written_key(key) for key in action.keys] for action in actions},
    }
