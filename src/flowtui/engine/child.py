"""A child process with one track in it: `python -P -m flowtui.engine.child DESCRIPTOR LOOP`.

The descriptor is a socket to the engine's process; `LOOP` is only there to be seen in lists of processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from flowtui.engine.event_loops import end_event_loop, tune_interpreter
from flowtui.engine.execute import author_traceback, describe
from flowtui.engine.handle import LAST_EVENTS, Report
from flowtui.engine.lifecycle import Event
from flowtui.engine.logs import LogBuffer, LogCapture
from flowtui.engine.processes import begin
from flowtui.engine.runner import FlowRunner
from flowtui.engine.sampling import Sampler
from flowtui.engine.telemetry import TrackCounters, TrackReading
from flowtui.engine.watchdog import Watchdog
from flowtui.engine.wire import News, Request, Start, Wish
from flowtui.graph.packed_plan import unpack
from flowtui.model.development import Sample
from flowtui.model.errors import FlowtuiError
from flowtui.nodes.masking import masker
from flowtui.nodes.secrets import Secrets
from flowtui.storage.data_store import DataStore

#: How often the counters are looked at, in seconds.
_LOOK_S = 0.25
#: How long news wait at least for others to travel with, in seconds.
_GATHER_S = 0.05
#: Longest line, in characters, that is sent at once.
_SMALL_LINE = 8_000
#: How long the other thread may take for a message that the parent has room for, in seconds.
_TURN_S = 0.02
#: Log lines that may wait to be sent; older ones make room.
_MOST_LINES = 5_000
#: Samples that may wait to be sent; older ones make room. As long as the parent listens, many more than can come.
_MOST_SAMPLES = 200
#: How often a child makes sure that its parent lives, should the socket not tell, in seconds.
_PARENT_LOOK_S = 2.0
#: An orphan's work in flight may settle for the first, and then it is gone by the second, in seconds.
_ORPHAN_GRACE_S = 1.0
_ORPHAN_END_S = 3.0
_log = logging.getLogger("flowtui.child")


class _Buffer(LogBuffer):
    """Tells of every line that it has taken."""

    def __init__(self, on_line: Callable[[], None]) -> None:
        super().__init__(_MOST_LINES)
        self._on_line = on_line

    def add(self, level: int, message: str, *, loop: str = "", node: str = "", item: str = "") -> None:
        super().add(level, message, loop=loop, node=node, item=item)
        self._on_line()


class _Reporter:
    """Tells the parent all news, on a thread, so that neither a node nor the event loop ever waits for the parent."""

    def __init__(self, connection: Connection[Any, Any], reading: Callable[[], TrackReading | None]) -> None:
        self._connection = connection
        self._room = select.poll()
        self._room.register(connection, select.POLLOUT)
        self._reading = reading
        self._wake = threading.Event()
        self._lock = threading.Lock()  # of the connection's sending half and of all below
        self._reports: deque[Report] = deque()
        self._samples: deque[Sample] = deque(maxlen=_MOST_SAMPLES)
        self.keep = self._samples.append  # has a sample sent soon
        self._sent_reading: TrackReading | None = None
        self._sent_line = 0
        self._sent_at = 0.0  # the last line (of `time.monotonic`)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flowtui-news", daemon=True)
        self.buffer = _Buffer(self._noticed_line)

    def start(self) -> None:
        self._thread.start()

    def say(self, report: Report) -> None:
        """Have it told soon; from any thread."""
        self._reports.append(report)
        self._wake.set()

    def close(self, last: Report) -> None:
        """Return when this one and all news before it are on their way."""
        self.say(last)
        self._ending.set()
        self._wake.set()
        self._thread.join()

    def _noticed_line(self) -> None:
        # A process may die right behind its last words, so a line that comes alone does not wait for the thread.
        if time.monotonic() - self._sent_at > _GATHER_S and self._has_room() and self._lock.acquire(timeout=_TURN_S):
            try:
                self._send_last_line()
            except OSError:
                pass  # nobody listens; that is noticed elsewhere
            finally:
                self._lock.release()
        elif not self._wake.is_set():
            self._wake.set()

    def _has_room(self) -> bool:
        """Tell whether a short message can be sent without waiting for the parent."""
        return bool(self._room.poll(0))

    def _send_last_line(self) -> None:
        batch = self.buffer.since(self._sent_line, 2)
        is_small = len(batch.lines) == 1 and len(batch.lines[0].message) < _SMALL_LINE
        if is_small and not batch.dropped and self._has_room():
            self._connection.send(News(batch.lines))
            self._sent_line, self._sent_at = batch.next_seq, time.monotonic()
        else:
            self._wake.set()

    def _work(self) -> None:
        # If the parent does not listen any more, the thread that listens to it ends this process.
        with contextlib.suppress(OSError):
            while not self._ending.is_set():
                self._wake.wait(_LOOK_S)
                self._send()
                self._ending.wait(_GATHER_S)
            self._send()

    def _send(self) -> None:
        self._wake.clear()
        reports = [self._reports.popleft() for _ in range(len(self._reports))]
        samples = tuple(self._samples.popleft() for _ in range(len(self._samples)))
        with self._lock:
            batch = self.buffer.since(self._sent_line, _MOST_LINES)
            reading = self._reading()
            changed = None if reading == self._sent_reading else reading
            if reports or batch.lines or changed or samples:
                report = reports[0] if reports else None
                self._connection.send(News(batch.lines, batch.dropped, changed, report, samples))
                for report in reports[1:]:
                    self._connection.send(News(report=report))
                self._sent_line, self._sent_reading = batch.next_seq, reading
                self._sent_at = time.monotonic() if batch.lines else self._sent_at


class Child:
    """The track, and the threads that listen and talk to the engine's process."""

    def __init__(self, connection: Connection[Any, Any], start: Start) -> None:
        self._connection = connection
        self._start = start
        self._loop = asyncio.new_event_loop()
        self._runner: FlowRunner | None = None
        self._sampler: Sampler | None = None
        self._last: Report | None = None
        self._reporter = _Reporter(connection, lambda: self._runner.reading() if self._runner is not None else None)
        self._capture = LogCapture(self._reporter.buffer, start.log_level)

    def run(self) -> None:
        """Run the track to its end and report it. Never raises."""
        # From the very first, since the import of a node's module may take for ever.
        threading.Thread(target=self._listen, name="flowtui-parent", daemon=True).start()
        self._reporter.start()
        # Before the code of a node can say anything.
        for name, value in self._start.secrets.items():
            masker.learn(name, value)
        self._capture.install()
        # What a node forks has none of these threads: it writes to file descriptors 1 and 2, which the parent reads.
        os.register_at_fork(after_in_child=self._capture.remove)
        try:
            last = self._live()
        except FlowtuiError as error:
            last = Report(Event.FAIL, str(error))
        except BaseException as error:  # the engine must learn why
            _log.error("the child process failed: %s", author_traceback(error))
            last = Report(Event.FAIL, describe(error))
        self._capture.remove()
        self._reporter.close(last)

    def _live(self) -> Report:
        asyncio.set_event_loop(self._loop)
        plan = unpack(self._start.plan)
        store = DataStore.attach(self._start.store)
        try:
            self._sampler = Sampler(plan, self._reporter.keep)
            counters = TrackCounters(plan.ports, self._start.number)
            self._runner = FlowRunner(plan, store, counters, self._heard, self._find_secrets, self._sampler)
            try:
                with Watchdog().watching(self._loop):
                    self._loop.run_until_complete(self._runner.run())
            finally:
                end_event_loop(self._loop, store)
        finally:
            store.close()
        return self._last or Report(Event.FAIL, "its track ended without a word; please report this")

    def _find_secrets(self, names: Iterable[str]) -> Mapping[str, str]:
        given = self._start.secrets
        missing = [name for name in names if name not in given]
        return given if not missing else {**given, **Secrets(os.environ)(missing)}

    def _heard(self, event: Event, reason: str) -> None:
        assert self._runner is not None
        report = Report(event, reason, self._runner.pauses)
        if event in LAST_EVENTS:
            self._last = report  # it has ended when the store is closed too
        else:
            self._reporter.say(report)

    # ---- on the listening thread ----

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                if self._connection.poll(_PARENT_LOOK_S):
                    self._post(self._connection.recv())
                elif os.getppid() != self._start.surroundings.parent:
                    break  # a process that it has forked still holds its end of the socket
        self._post(Request(Wish.STOP, _ORPHAN_GRACE_S))
        time.sleep(_ORPHAN_END_S)
        os._exit(1)

    def _post(self, request: Request) -> None:
        with contextlib.suppress(RuntimeError):  # closed: the track has ended
            self._loop.call_soon_threadsafe(self._obey, request)

    def _obey(self, request: Request) -> None:
        runner, sampler = self._runner, self._sampler
        assert runner is not None  # the event loop does not run before
        assert sampler is not None
        if request.wish is Wish.STOP:
            runner.stop(request.grace)
        elif request.wish is Wish.TAP:
            sampler.tap(request.tap)
        else:
            {Wish.PAUSE: runner.pause, Wish.RESUME: runner.resume, Wish.FINISH: runner.finish}[request.wish]()


def main() -> None:
    """Run the track that the parent sends."""
    connection = begin()
    try:
        start: Start = connection.recv()
    except EOFError:
        return
    start.surroundings.enter()
    tune_interpreter()
    connection.send(News())
    Child(connection, start).run()


if __name__ == "__main__":
    main()
