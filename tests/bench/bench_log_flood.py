"""What a flood of log lines does to the screen: how late keys come, and whether each line is kept or counted.

Run it with `python tests/bench/bench_log_flood.py [LINES_A_SECOND] [SECONDS]`. Lines come from another thread into the
engine's buffer; the app follows them in its log, first all, then filtered by words and by regular expressions. It fails
if the log has not heard of every line in the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tui"))

from fake_client import FakeClient, a_busy_afternoon
from running import Running, running

from flowtui.engine.logs import LogBuffer

_EVERY_S = 0.01
_FILTERS = ("", "order rejected", r"order \d+[05] re", "!checked")


@dataclass(frozen=True, slots=True)
class Flood:
    """What came of a flood: lines a second, lags in ms, the screen thread's share of a core, lines nobody told of."""

    filter: str
    rate: float
    lags: list[float]
    cpu: float
    untold: int


class _Writer:
    """Writes lines, as many a second as it is told, as far as there is time."""

    def __init__(self, buffer: LogBuffer, per_second: int) -> None:
        self.written = 0
        self._buffer = buffer
        self._per_second = per_second

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._write, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _write(self, ended: threading.Event) -> None:
        first, began = self.written, time.perf_counter()
        while not ended.wait(_EVERY_S):
            for n in range(self.written, first + int((time.perf_counter() - began) * self._per_second)):
                what = "rejected: no lines" if n % 50 == 0 else "checked: 3 lines, 12.50 EUR"
                self._buffer.add(20, f"order {n} {what}", loop="orders.incoming", node="check")
                self.written += 1


async def _lags(seconds: float) -> list[float]:
    """Return how late the app's event loop was, in milliseconds, each time it was looked at."""
    found = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        found.append((time.perf_counter() - began - 0.005) * 1000)
    return found


async def _flood(it: Running, writer: _Writer, text: str, seconds: float) -> Flood:
    log = it.app.screen.query_one("#log")
    before, cpu, began = writer.written, time.thread_time(), time.perf_counter()
    with writer.at_work():
        log.set_filter(text)  # type: ignore[attr-defined]
        lags = await _lags(seconds)
    took, cpu = time.perf_counter() - began, time.thread_time() - cpu
    await it.settle()
    await it.settle()  # at most 10,000 lines are taken at once
    untold = writer.written - log.told  # type: ignore[attr-defined]
    return Flood(text, (writer.written - before) / took, lags, cpu / took, untold)


async def measure(per_second: int, seconds: float) -> list[Flood]:
    """Return what comes of so many lines a second, for each of some filters."""
    buffer = LogBuffer()
    client = FakeClient(a_busy_afternoon())
    client.logs = buffer.since  # type: ignore[method-assign]
    writer = _Writer(buffer, per_second)
    async with running(client) as it:
        await it.press("4")
        return [await _flood(it, writer, text, seconds) for text in _FILTERS]


def main() -> int:
    per_second = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    floods = asyncio.run(measure(per_second, seconds))
    for flood in floods:
        median, p99 = statistics.median(flood.lags), statistics.quantiles(flood.lags, n=100)[98]
        print(
            f"filter {flood.filter or 'none':<18}{flood.rate:8,.0f} lines/s   late by {median:.1f} ms (median), "
            f"{p99:.0f} ms (p99)   {flood.cpu:.0%} of a core for the screen   {flood.untold} lines untold"
        )
    return 1 if any(flood.untold for flood in floods) else 0


if __name__ == "__main__":
    sys.exit(main())
