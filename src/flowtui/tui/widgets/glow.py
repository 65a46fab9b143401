"""Which cells have just changed in a way that matters, and light up for a moment."""

from __future__ import annotations

from collections.abc import Mapping

#: How long a cell stays lit up, in seconds.
GLOW_S = 1.0
#: What was not looked at for longer is not news but another time, in seconds.
_LOOKED_AWAY_S = 2.0

Spot = tuple[object, str]  # the key of an item, the title of a column


class Glow:
    """Compares what stands in the cells that matter with what stood there before."""

    def __init__(self) -> None:
        self._seen: Mapping[Spot, object] = {}
        self._seen_at = 0.0
        self._until: dict[Spot, float] = {}

    def look(self, cells: Mapping[Spot, object], now: float) -> None:
        """Take what stands there at `now` (of `time.monotonic`)."""
        if now - self._seen_at <= _LOOKED_AWAY_S:
            for spot, value in cells.items():
                if spot in self._seen and self._seen[spot] != value:
                    self._until[spot] = now + GLOW_S
        self._seen, self._seen_at = cells, now

    def is_lit(self, spot: Spot) -> bool:
        """Whether a cell is lit up."""
        return spot in self._until

    def fade(self, now: float) -> float | None:
        """Forget what has been lit up for long enough; return after how many seconds the next goes, None for none."""
        self._until = {spot: until for spot, until in self._until.items() if until > now}
        return min(self._until.values()) - now if self._until else None
