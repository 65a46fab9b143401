"""The letters of one group as a list shows them: read by page, brought up to date where one looks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup
from flowtui.tui.json_text import as_line

#: Letters in a page.
PAGE = 100
#: As much of a payload as is kept, to be shown and to be searched.
KEPT_CHARS = 1000


@dataclass(frozen=True, slots=True)
class LetterRow:
    """What a list shows of a dead letter. The letter itself may be large, and is asked for when it is looked at.

    Attributes:
        size: of its payload as JSON text, in bytes.
        words: the first characters of that text.
    """

    number: int
    id: str
    failed_at: float
    attempt: int
    size: int
    words: str
    message: str
    edits: int
    replaying: bool
    note: str


def row_of(letter: DeadLetter) -> LetterRow:
    """Return what a list shows of a letter."""
    text = as_line(letter.payload)
    return LetterRow(
        number=letter.number,
        id=letter.id,
        failed_at=letter.failed_at,
        attempt=letter.attempt,
        size=len(text.encode(errors="surrogatepass")),
        words=text[:KEPT_CHARS],
        message=letter.message,
        edits=letter.edits,
        replaying=letter.replaying,
        note=letter.note,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """Letters that something is to be done with: some of a group, or all that it has.

    Attributes:
        numbers: of the letters; None for all of the group.
    """

    group: DeadLetterGroup
    numbers: frozenset[int] | None = None

    @property
    def count(self) -> int:
        """How many there are, as far as is known."""
        return self.group.count if self.numbers is None else len(self.numbers)


class Page(NamedTuple):
    """A page to be read: the newest letters with a number below `before`, None for the newest of all."""

    before: int | None


class LetterList:
    """The letters of a group from the newest one on, without a gap, as far as they were read.

    Attributes:
        rows: the newest first.
        is_complete: whether the oldest one was read.
    """

    def __init__(self) -> None:
        self.rows: list[LetterRow] = []
        self.is_complete = False
        self._turn = 1
        self._read: dict[int, int] = {}  # by number, in which turn it was read last
        self._newest_read = 0  # the turn in which it was seen what is new
        self._gap: tuple[int, int] | None = None  # from below the first number on down to the second nothing is known

    @property
    def is_new(self) -> bool:
        """Whether it was seen what is new since the last `renew`."""
        return self._newest_read == self._turn

    def renew(self) -> None:
        """Take note that letters may have come, gone or changed."""
        self._turn += 1

    def next_page(self, seen: Iterable[LetterRow], *, more: bool) -> Page | None:
        """Return what is to be read next, None for nothing.

        Args:
            seen: the rows in view, which are to be as they are now.
            more: whether older letters than these are wanted.
        """
        if self._gap is not None:
            return Page(self._gap[0])
        if self._newest_read < self._turn:
            return Page(None)
        for row in seen:
            if self._read.get(row.number, self._turn) < self._turn:
                return Page(row.number + 1)
        return Page(self.rows[-1].number) if more and self.rows and not self.is_complete else None

    def take(self, page: Page, letters: Sequence[DeadLetter]) -> bool:
        """Take what was read; return whether the list is another one now."""
        lowest = letters[-1].number if letters else 0
        if page.before is None:
            self._newest_read = self._turn
            if letters and self.rows and lowest > self.rows[0].number:
                self._gap = (lowest, self.rows[0].number)
        elif self._gap is not None:
            self._gap = (lowest, self._gap[1]) if lowest > self._gap[1] else None
        first = 0 if page.before is None else self._place(page.before - 1)
        last = self._place(lowest - 1)
        before, after = self.rows[first:last], [row_of(letter) for letter in letters]
        for row in before:
            self._read.pop(row.number, None)
        self._read.update((row.number, self._turn) for row in after)
        self.rows[first:last] = after
        # A page that is short may have been too big: only one without any letter is the last.
        is_first_end = not letters and not self.is_complete
        self.is_complete |= not letters
        return before != after or is_first_end

    def _place(self, number: int) -> int:
        """Return where letters with this number or a lower one begin."""
        return bisect_left(self.rows, -number, key=lambda row: -row.number)
