"""What a person has chosen for the screen: in a file of their own and by flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowtui.model.errors import Problem


@dataclass(frozen=True, slots=True)
class Preferences:
    """How one person wants the screen.

    Attributes:
        theme: its name; empty for what suits the terminal.
        refresh: how often the screen is brought up to date, times a second.
        keymap: the keys of an action, by its id, as Textual names them.
        columns: the titles of the columns to show, in their order, by the id of the table.
        bell: whether the terminal's bell rings when an alert begins.
        on_alert: a program and its arguments that are run when an alert begins; nothing if empty.
        queue_depth: from how many waiting items on a queue is an alert; None for never.
        low_bandwidth: whether to send as little as possible to the terminal.
        mouse: whether the terminal reports the mouse.
        ascii: whether frames and signs are drawn in ASCII.
        file: where these are kept, be it there or not; None if they are from nowhere.
        problems: what is wrong in that file; what is wrong is not in force.
    """

    theme: str = ""
    refresh: float = 4.0
    keymap: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bell: bool = True
    on_alert: tuple[str, ...] = ()
    queue_depth: int | None = None
    low_bandwidth: bool = False
    mouse: bool = True
    ascii: bool = False
    file: Path | None = None
    problems: tuple[Problem, ...] = ()


#: Of somebody who has chosen nothing.
USUAL = Preferences()
