"""Counters that nodes and loops bump and the screen pulls."""

from __future__ import annotations

import time
from collections import deque

#: Nanoseconds fall into 4 classes per power of two: a percentile is right to about 12 %.
_CLASSES = 64 * 4
_RATE_WINDOW_S = 5.0
_ROTATE_AFTER_S = 30.0
_HISTORY_STEP_S = 4.9  # a little under five, since samples come about once a second
_HISTORY_STEPS = 12


class Latency:
    """Durations of the last 30 to 60 seconds, as a histogram. One thread observes, another one reads."""

    __slots__ = ("_current", "_previous", "_rotated_at", "_seen", "p95_ms")

    def __init__(self) -> None:
        self._current = [0] * _CLASSES
        self._previous = [0] * _CLASSES
        self._rotated_at = time.monotonic()
        self._seen = -1
        self.p95_ms: float | None = None  # of the last sample; None if nothing was observed lately

    def observe(self, ns: int, times: int = 1) -> None:
        """Count a duration in nanoseconds, `times` times."""
        bits = ns.bit_length()
        if bits > 2:
            self._current[(bits << 2) | ((ns >> (bits - 3)) & 3)] += times
        else:
            self._current[0] += times

    def sample(self, now: float, observed: int) -> None:
        """Work out the percentile, if `observed`, the number of all observations, is news; forget what is old.

        `now` is of `time.monotonic`.
        """
        if now - self._rotated_at >= _ROTATE_AFTER_S:
            self._previous = self._current
            self._current = [0] * _CLASSES
            self._rotated_at = now
        elif observed == self._seen:
            return
        self._seen = observed
        self.p95_ms = self._percentile(0.95)

    def _percentile(self, share: float) -> float | None:
        counts = [a + b for a, b in zip(self._current, self._previous, strict=True)]
        total = sum(counts)
        if not total:
            return None
        left = total * (1 - share)
        for index in range(_CLASSES - 1, 0, -1):
            left -= counts[index]
            if left < 0:
                return _upper_ns(index) / 1e6
        return _upper_ns(0) / 1e6


def _upper_ns(index: int) -> int:
    bits, quarter = index >> 2, index & 3
    return (4 + quarter + 1) << (bits - 3) if bits > 2 else 4


class Rate:
    """How fast a counter grows, from samples taken about once a second."""

    __slots__ = ("_samples", "_step_began", "_steps")

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._step_began: tuple[float, int] | None = None
        self._steps: deque[float] = deque(maxlen=_HISTORY_STEPS)

    def sample(self, now: float, count: int) -> None:
        """Take the counter's value at `now` (of `time.monotonic`)."""
        samples = self._samples
        samples.append((now, count))
        while len(samples) > 2 and samples[1][0] <= now - _RATE_WINDOW_S:
            samples.popleft()
        if self._step_began is None:
            self._step_began = (now, count)
            return
        began, before = self._step_began
        if now - began >= _HISTORY_STEP_S:
            self._steps.append((count - before) / (now - began))
            self._step_began = (now, count)

    @property
    def per_second(self) -> float:
        """The mean over the last five seconds."""
        if len(self._samples) < 2:
            return 0.0
        (then, before), (now, count) = self._samples[0], self._samples[-1]
        return (count - before) / (now - then) if now > then else 0.0

    def history(self) -> tuple[float, ...]:
        """Return the last minute in whole steps of five seconds, oldest first; before the first, what there is."""
        return tuple(self._steps) or ((self.per_second,) if len(self._samples) > 1 else ())


class NodeCounters:
    """What one node did. Written by the loop's thread, read by any."""

    __slots__ = (
        "errors",
        "in_threads",
        "last_error",
        "last_failed",
        "last_ns",
        "latency",
        "next_try",
        "ports",
        "rate",
        "retries",
        "retrying",
        "running",
        "runs",
        "started_ns",
    )

    def __init__(self, ports: tuple[str, ...] = ()) -> None:
        self.runs = 0
        self.errors = 0
        self.running = 0
        self.in_threads = 0  # calls on worker threads that have not ended, cancelled ones too
        self.retries = 0
        self.retrying = 0  # items that wait for their next try
        self.next_try = (0, 0, 0.0)  # of the item that began to wait last: which try, of how many, and when (monotonic)
        self.started_ns = 0
        self.last_ns = 1 << 62  # no run yet: as slow as can be
        self.last_failed = False
        self.last_error = ""
        self.latency = Latency()
        self.rate = Rate()
        self.ports = dict.fromkeys(ports, 0)

    def failed(self, error: str) -> None:
        """Count a run that raised."""
        self.errors += 1
        self.last_failed = True
        self.last_error = error

    def sample(self, now: float) -> None:
        self.rate.sample(now, self.runs)
        self.latency.sample(now, self.runs)


class LoopCounters:
    """What one loop did: iterations are settled and committed ones, errors those of them with a failed node."""

    __slots__ = ("errors", "iterations", "latency", "rate")

    def __init__(self) -> None:
        self.iterations = 0
        self.errors = 0
        self.latency = Latency()
        self.rate = Rate()

    def sample(self, now: float) -> None:
        self.rate.sample(now, self.iterations)
        self.latency.sample(now, self.iterations)


class WaitingFor:
    """What a running loop waits for, the gravest first: the store, room for another iteration, input."""

    STORE, ROOM, INPUT = range(3)
    __slots__ = ("_reasons",)

    def __init__(self) -> None:
        self._reasons: dict[int, tuple[str, float]] = {}

    def set(self, kind: int, reason: str) -> None:
        """Wait for `kind`; a changed reason keeps its since-when."""
        before = self._reasons.get(kind)
        self._reasons[kind] = (reason, before[1] if before else time.time())

    def clear(self, kind: int) -> None:
        """Wait for `kind` no longer."""
        self._reasons.pop(kind, None)

    @property
    def now(self) -> tuple[str, float]:
        """The gravest reason and since when (seconds since the epoch); an empty one if the loop waits for nothing."""
        reasons = dict(self._reasons)
        return reasons[min(reasons)] if reasons else ("", 0.0)
