"""`LogRows`: the last lines of a log, and those of them that are shown."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from flowtui.model.log_lines import LogLine
from flowtui.tui.log_filter import NoPattern, Sieve, Wanted


class Progress(NamedTuple):
    """What some time of looking through lines has brought.

    Attributes:
        done: all lines have been looked at.
        added: how many rows have come at the end, or will once they are not held back.
        gone: how many have made room for them at the front.
        renewed: all rows are others, as something else is wanted.
        fault: why a pattern was given up; what was wanted before is wanted again.
    """

    done: bool
    added: int = 0
    gone: int = 0
    renewed: bool = False
    fault: str = ""


class LogRows:
    """Takes lines, looks through them a bit at a time, and keeps the last `capacity` of both lines and rows.

    Until all lines that are there have been looked at for what is newly wanted, the rows are the old ones.

    Attributes:
        holds: whether rows stay although there is no room for new ones, as somebody reads them.
    """

    def __init__(self, capacity: int) -> None:
        self.holds = False
        self._capacity = capacity
        self._kept: deque[LogLine] = deque(maxlen=capacity)
        self._rows: deque[LogLine] = deque(maxlen=capacity)
        self._came = 0  # lines that were ever taken
        self._missed = 0  # lines that were lost before
        self._looked_at = 0  # of those that came
        self._renewed: deque[LogLine] | None = None  # the rows to be
        self._until = 0  # when so many have been looked at, they are
        self._good = self.wanted = Wanted()
        self._sieve = Sieve(self.wanted)
        self._held_back = False  # whether there are rows that had no room

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> LogLine:
        return self._rows[index]

    @property
    def rows(self) -> tuple[LogLine, ...]:
        """What is shown, the oldest first."""
        return tuple(self._rows)

    @property
    def kept(self) -> int:
        """How many lines there are, shown or not."""
        return len(self._kept)

    @property
    def not_kept(self) -> int:
        """How many lines there were that are not here any more, or never were."""
        return self._missed + self._came - len(self._kept)

    @property
    def share_done(self) -> float:
        """How much has been looked at for what is newly wanted; 1 if the rows are up to date."""
        if self._renewed is None:
            return 1.0
        return 1 - (self._until - self._looked_at) / max(1, len(self._kept))

    def take(self, lines: Iterable[LogLine], missed: int) -> None:
        """Take lines, to be looked at later; `missed` others before them are lost."""
        new = tuple(lines)
        self._kept.extend(new)
        self._came += len(new)
        self._missed += missed

    def want(self, wanted: Wanted) -> None:
        """Want other lines from now on, also of those that are there."""
        if self._renewed is None:
            self._good = self.wanted
        self.wanted = wanted
        self._sieve = Sieve(wanted)
        self._renewed = deque(maxlen=self._capacity)
        self._until = self._came
        self._looked_at = self._came - len(self._kept)

    def look_through(self, seconds: float) -> Progress:
        """Look at lines for so long, or until all have been looked at."""
        deadline = time.perf_counter() + seconds
        first = self._came - len(self._kept)
        self._looked_at = max(self._looked_at, first)
        renewed = self._renew()
        before, added, held_back = len(self._rows), 0, 0
        for line in islice(self._kept, self._looked_at - first, None):
            try:
                shown = self._sieve.let_through(line)
            except NoPattern as fault:
                return self._give_up(str(fault))
            self._looked_at += 1
            if self._renewed is not None:
                self._renewed.extend(shown)
                if self._renew():
                    renewed, before = True, len(self._rows)
            elif self.holds and len(self._rows) + len(shown) > self._capacity:
                held_back += len(shown)
            elif shown:
                added += len(shown)
                self._rows.extend(shown)
            if time.perf_counter() > deadline:
                break
        self._held_back = self._held_back or held_back > 0
        gone = before + added - len(self._rows)
        return Progress(self._looked_at >= self._came, added + held_back, gone, renewed)

    def let_go(self) -> None:
        """Hold the rows no longer; those that had no room come as soon as the lines are looked through."""
        self.holds = False
        if self._held_back:
            self.want(self.wanted)

    def _renew(self) -> bool:
        """Show what is newly wanted, if all that was there has been looked at."""
        if self._renewed is None or self._looked_at < self._until:
            return False
        self._rows, self._renewed, self._held_back = self._renewed, None, False
        self._good = self.wanted
        return True

    def index_of(self, seq: int) -> int:
        """Return where the line with this sequence number stands, or would stand."""
        return bisect_left(self._rows, seq, key=lambda line: line.seq)

    def _give_up(self, fault: str) -> Progress:
        good = Wanted(self.wanted.level, self.wanted.loop, self.wanted.node, None, self.wanted.around)
        if self._good.pattern is not self.wanted.pattern:
            good = self._good
        self.want(good)
        self._good = good
        return Progress(done=False, fault=fault)
