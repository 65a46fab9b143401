"""The screens that one goes to by digit, and the wish to go to one."""

from __future__ import annotations

from enum import StrEnum

from textual.message import Message


class Place(StrEnum):
    """A screen of operation that is there as long as the app is."""

    OVERVIEW = "overview"
    QUEUES = "queues"
    LOGS = "logs"
    LETTERS = "dead letters"
    WORKFLOWS = "workflows"


class GoTo(Message):
    """A screen shall be shown, and on it what belongs to this, as far as it is told.

    Attributes:
        loop, node: ids; the log shows only their lines, the dead letters the first group of theirs.
        queue: full name of the queue to choose, and with `loop` the reader of it.
        item: id of the item of that queue to look for, empty for none.
        group: fingerprint of the group of dead letters to choose, of `loop` and `node`.
        letter: number of the dead letter to choose, None for none.
        of_production: whether that group or that letter is one of production.
    """

    def __init__(
        self,
        place: Place,
        *,
        loop: str = "",
        node: str = "",
        queue: str = "",
        item: str = "",
        group: str = "",
        letter: int | None = None,
        of_production: bool = False,
    ) -> None:
        super().__init__()
        self.place = place
        self.loop = loop
        self.node = node
        self.queue = queue
        self.item = item
        self.group = group
        self.letter = letter
        self.of_production = of_production


class ShowLoop(Message):
    """The screen of one loop shall be shown; `loop` is its id."""

    def __init__(self, loop: str) -> None:
        super().__init__()
        self.loop = loop
