"""How fast something comes that is shown only now and then."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Measures how fast a count grows.

    Attributes:
        rate: by how much it grew a second between the last two looks.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_at, self._count = clock(), 0
        self.rate = 0.0

    def look(self, count: int, step_s: float) -> None:
        """Look at the count, unless the last look is less than `step_s` seconds ago."""
        now = self._clock()
        passed = now - self._looked_at
        if passed >= step_s > 0:
            self.rate = max(0, count - self._count) / passed
            self._looked_at, self._count = now, count
