"""What is made of counts: durations in classes, percentiles of the last minute, rates."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import NamedTuple

#: Of what is quick and often only one in so many is noted, for all of them.
SAMPLE_EVERY = 16
_RATE_WINDOW_S = 5.0
_ROTATE_AFTER_S = 30.0
_HISTORY_STEP_S = 4.9  # a little under five, since samples come about once a second
_HISTORY_STEPS = 12
_DRIFT_S = 30.0
_LEAST_DRIFT_SAMPLES = 6
_PEAK_STEP_S = 15.0


class Histogram:
    """Durations ever observed, in 4 classes per power of two, so that a percentile is right to about 12 %.

    One thread observes, any thread copies `counts`: times by class.
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def observe(self, ns: int, times: int = 1) -> None:
        """Count a duration in nanoseconds, `times` times."""
        bits = ns.bit_length()
        index = (bits << 2) | ((ns >> (bits - 3)) & 3) if bits > 2 else 0
        counts = self.counts
        counts[index] = counts.get(index, 0) + times


def total_ns(counts: Mapping[int, int]) -> int:
    """Return how long all durations in a histogram are together, in nanoseconds, right to about 12 %."""
    return sum(count * (_upper_ns(index) * 7 // 8) for index, count in counts.items())


def _upper_ns(index: int) -> int:
    bits, quarter = index >> 2, index & 3
    return (4 + quarter + 1) << (bits - 3) if bits > 2 else 4


class Percentiles(NamedTuple):
    """In milliseconds; None if nothing was observed lately."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Recent:
    """The percentiles of the last 30 to 60 seconds of a histogram that only grows."""

    __slots__ = ("_before", "_previous", "_rotated_at", "_seen", "percentiles")

    def __init__(self) -> None:
        self._before: Mapping[int, int] = {}  # the histogram as it was 30 to 60 seconds ago
        self._previous: Mapping[int, int] = {}  # and up to 30 seconds ago
        self._rotated_at = time.monotonic()
        self._seen: Mapping[int, int] = {}
        self.percentiles = Percentiles()

    def sample(self, now: float, counts: Mapping[int, int]) -> None:
        """Work the percentiles out, if there is news, and forget what is old. `now` is of `time.monotonic`."""
        if now - self._rotated_at >= _ROTATE_AFTER_S:
            self._before, self._previous = self._previous, counts
            self._rotated_at = now
        elif counts == self._seen:
            return
        self._seen = counts
        # After a sum over other tracks than before a class may hold less than it did.
        lately = {i: n for i, count in counts.items() if (n := count - self._before.get(i, 0)) > 0}
        self.percentiles = _percentiles(lately)


def _percentiles(counts: Mapping[int, int]) -> Percentiles:
    total = sum(counts.values())
    if not total:
        return Percentiles()
    found: list[float] = []
    left = total
    shares = [0.99, 0.95, 0.5]
    for index in sorted(counts, reverse=True):
        left -= counts[index]
        while shares and left < total * shares[0]:
            found.append(_upper_ns(index) / 1e6)
            shares.pop(0)
    p99, p95, p50 = found
    return Percentiles(p50, p95, p99)


class Rate:
    """How fast a counter grows, from samples taken about once a second."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: list[tuple[float, int]] = []

    def sample(self, now: float, count: int) -> None:
        """Take the counter's value at `now` (of `time.monotonic`)."""
        samples = self._samples
        samples.append((now, count))
        while len(samples) > 2 and samples[1][0] <= now - _RATE_WINDOW_S:
            del samples[0]

    @property
    def per_second(self) -> float:
        """The mean over the last five seconds."""
        return self._since(self._samples[0]) if self._samples else 0.0

    @property
    def is_flat(self) -> bool:
        """Whether the counter has stood still for as long as it is remembered."""
        return self._samples[0][1] == self._samples[-1][1]

    def _since(self, mark: tuple[float, int]) -> float:
        (then, before), (now, count) = mark, self._samples[-1]
        return (count - before) / (now - then) if now > then else 0.0


class Trend(Rate):
    """A rate that knows the last second and the last minute too."""

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        super().__init__()
        self._marks: list[tuple[float, int]] = []  # one per step of five seconds

    def sample(self, now: float, count: int) -> None:
        super().sample(now, count)
        marks = self._marks
        if not marks or now - marks[-1][0] >= _HISTORY_STEP_S:
            marks.append((now, count))
            del marks[: -_HISTORY_STEPS - 1]

    @property
    def last_second(self) -> float:
        """The mean over the last second."""
        return self._since(self._samples[-2]) if len(self._samples) > 1 else 0.0

    @property
    def last_minute(self) -> float:
        """The mean over the last minute; over less after the start."""
        return self._since(self._marks[0]) if self._marks else 0.0

    def history(self) -> tuple[float, ...]:
        """Return the last minute in whole steps of five seconds, oldest first; before the first, what there is."""
        steps = tuple((b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(self._marks.copy()))
        return steps or ((self.per_second,) if len(self._samples) > 1 else ())


class Drift:
    """Which way a level goes, as far as that can be told from its ups and downs; sampled about once a second."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: list[tuple[float, int]] = []

    def sample(self, now: float, level: int) -> None:
        """Take the level at `now` (of `time.monotonic`)."""
        samples = self._samples
        samples.append((now, level))
        while samples[0][0] <= now - _DRIFT_S:
            del samples[0]

    @property
    def per_second(self) -> float:
        """How fast it rises, or falls if negative, over the last third of half a minute; 0 if it goes to and fro."""
        levels = [level for _, level in self._samples]
        if len(levels) < _LEAST_DRIFT_SAMPLES:
            return 0.0
        range_ = max(levels) - min(levels)
        if range_ == 0:
            return 0.0
        third = len(levels) // 3
        first, middle, last = (
            sum(part) / third for part in (levels[:third], levels[third : 2 * third], levels[-third:])
        )
        # What only jitters has about the same mean in each third.
        if abs(last - first) < range_ / 2 or (last - first) * (last - middle) <= 0:
            return 0.0
        return (levels[-1] - levels[-third - 1]) / (self._samples[-1][0] - self._samples[-third - 1][0])


class Peaks:
    """The highest a level has been in each quarter of a minute of the last three minutes."""

    __slots__ = ("_began", "highest")

    def __init__(self) -> None:
        self._began = 0.0
        #: The highest of each step, the newest last, which has only begun; at most 12 figures.
        self.highest: tuple[int, ...] = ()

    def sample(self, now: float, level: int) -> None:
        """Take the level at `now` (of `time.monotonic`)."""
        if not self.highest or now - self._began >= _PEAK_STEP_S:
            self.highest = (*self.highest[1 - _HISTORY_STEPS :], level)
            self._began = now
        elif level > self.highest[-1]:
            self.highest = (*self.highest[:-1], level)
