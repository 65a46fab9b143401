"""What an action is: one thing that a person can do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Scope(Enum):
    """Where an action is to be had; its handler is the method `action_<id>` of that place.

    Attributes:
        FRAME: all screens of operation.
        LOOPS: the overview and the screen of one loop.
        PANE: a list that has the keys.
        TABLE: a list in columns that has the keys.
        LOG: a log that has the keys.
    """

    APP = "app"
    FRAME = "frame"
    LOOPS = "loops"
    QUEUES = "queues"
    LOGS = "logs"
    LETTERS = "letters"
    WORKFLOWS = "workflows"
    INSPECTOR = "inspector"
    PANE = "pane"
    TABLE = "table"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do.

    Attributes:
        id: the handler is `action_<id>` of whom `scope` names.
        keys: as Textual names them; the first is the one that footer and help show first. Without any, the palette
            alone offers it.
        shown: those keys as a person reads them.
        label: a word or two, for footer and palette.
        help: one sentence.
        group: heading in the help.
        footer: rank in the footer from the left, 0 for not there.
        palette: whether the command palette offers it; moving a cursor by palette helps nobody.
        footer_on: the screens whose footer names it; empty for all where it is to be had.
    """

    id: str
    keys: tuple[str, ...]
    shown: str
    label: str
    help: str
    group: str
    scope: Scope
    footer: int = 0
    palette: bool = True
    footer_on: tuple[Scope, ...] = ()
