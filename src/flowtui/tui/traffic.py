"""How much is sent to the terminal: a calm figure for the footer, and a hint where the line cannot take it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

#: Seconds between two readings, how many of them make the figure, and how many show that a line is in trouble.
_STEP_S = 1.0
_MEAN_OF = 3
_LONG = 10
#: Bytes a second below which nobody needs to know more, so that showing the figure does not change it.
_LITTLE = 100.0
#: The figure stays until it is off by more than this share.
_BAND = 0.1
#: Bytes a second that are a lot for a line of unknown speed.
_CHATTY = 4_000.0
#: Readings in a row at which the terminal has not taken all: a slow line.
_SLOW_AFTER = 3


class Traffic:
    """Bytes a second that the terminal is sent.

    Attributes:
        words: as the footer shows them, always as wide: ` 1.2 kB/s`.
    """

    def __init__(
        self,
        count: Callable[[], int],
        is_behind: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`count` returns all bytes so far, `is_behind` whether more wait."""
        self._count = count
        self._is_behind = is_behind
        self._clock = clock
        self._readings: deque[tuple[float, int]] = deque([(clock(), count())], maxlen=_LONG + 1)
        self._behind = 0
        self._shown = 0.0
        self.words = _words(0.0)

    def look(self) -> bool:
        """Take a reading if the last one is a second old; return whether the words are others now."""
        now = self._clock()
        if now - self._readings[-1][0] < _STEP_S:
            return False
        self._readings.append((now, self._count()))
        self._behind = self._behind + 1 if self._is_behind() else 0
        rate = self._mean(_MEAN_OF)
        if abs(rate - self._shown) <= _BAND * self._shown:
            return False
        before, self._shown = self.words, rate
        self.words = _words(rate)
        return self.words != before

    @property
    def is_too_much(self) -> bool:
        """Whether the line has had too much for ten seconds, or does not take it."""
        is_chatty = len(self._readings) > _LONG and self._mean(_LONG) > _CHATTY
        return is_chatty or self._behind >= _SLOW_AFTER

    def _mean(self, steps: int) -> float:
        first = self._readings[max(0, len(self._readings) - 1 - steps)]
        last = self._readings[-1]
        return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0.0


def _words(rate: float) -> str:
    if rate < _LITTLE:
        return "<0.1 kB/s"
    figure = f"{rate / 1000:.1f}" if rate < 9_950 else f"{rate / 1000:.0f}"
    return f"{figure:>4} kB/s"
