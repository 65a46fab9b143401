"""A track in a child process, as the engine holds it."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from typing import Any

from flowtui.engine.handle import LAST_EVENTS, Report, Tap
from flowtui.engine.lifecycle import Event
from flowtui.engine.logs import LogCapture
from flowtui.engine.output_lines import OutputLines
from flowtui.engine.processes import Surroundings, how_it_ended, kill, launch
from flowtui.engine.telemetry import TrackCounters, TrackReading
from flowtui.engine.wire import News, Request, Start, Wish
from flowtui.graph.packed_plan import pack
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.development import Sample
from flowtui.model.errors import FlowtuiError
from flowtui.nodes.secrets import FindSecrets
from flowtui.storage.data_store import DataStore

#: How long a child may take, after its grace, to cancel what is left, to leave the store and to tear down, in seconds;
#: less than the engine waits for its loops when it ends.
_LEAVE_S = 4.0
#: How long a process may take to be gone after its last word, in seconds.
_EXIT_S = 2.0
#: How often to make sure that the process lives, should the socket not tell, in seconds.
_LOOK_S = 1.0


class ChildTrack:
    """One child process. A thread starts it, listens to it and notices its end, however that comes about."""

    def __init__(
        self,
        plan: ExecutionPlan,
        number: int,
        store: DataStore,
        logs: LogCapture,
        report: Callable[[Report], None],
        on_gone: Callable[[ChildTrack], None],
        find_secrets: FindSecrets,
        keep: Callable[[Sample], None],
    ) -> None:
        """Nothing runs before `start`. `on_gone` is called after the last report, on the thread that makes it.

        `number` is the track's in its loop; `keep` is given samples of its items.
        """
        self._keep = keep
        self._plan = plan
        self._number = number
        self._store = store
        self._logs = logs
        self._report = report
        self._on_gone = on_gone
        self._find_secrets = find_secrets
        self._reading = TrackCounters(plan.ports).reading(0)
        self._requests: SimpleQueue[Start | Request | None] = SimpleQueue()
        self._lock = threading.Lock()  # of the next two
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False
        self._has_spoken = False
        self._last: Report | None = None
        self._end_by = float("inf")  # of `time.monotonic`
        self._overdue = False
        self._thread = threading.Thread(target=self._work, name=f"{plan.loop} child", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def pause(self) -> None:
        self._requests.put(Request(Wish.PAUSE))

    def resume(self) -> None:
        self._requests.put(Request(Wish.RESUME))

    def finish(self) -> None:
        self._requests.put(Request(Wish.FINISH))

    def stop(self, grace: float) -> None:
        self._end_by = min(self._end_by, time.monotonic() + grace + _LEAVE_S)
        self._requests.put(Request(Wish.STOP, grace))

    def tap(self, tap: Tap | None) -> None:
        self._requests.put(Request(Wish.TAP, tap=tap))

    def kill(self) -> None:
        with self._lock:
            self._killed = True
            self._kill()

    def reading(self) -> TrackReading:
        return self._reading

    def join(self) -> None:
        """Wait, not for ever, until it is gone and its items are back."""
        self._thread.join(_EXIT_S)

    def _kill(self) -> None:
        """End it and what its nodes have started, if that still belongs to its group."""
        if self._process is not None:
            kill(self._process)

    # ---- on the thread ----

    def _work(self) -> None:
        try:
            last = self._live()
        except FlowtuiError as error:
            last = Report(Event.FAIL, str(error))
        except Exception as error:
            last = Report(Event.FAIL, f"its process could not be started: {error}")
        self._requests.put(None)
        self._report(last)
        self._on_gone(self)

    def _live(self) -> Report:
        start = Start(
            plan=pack(self._plan),
            number=self._number,
            secrets=dict(self._find_secrets(self._plan.secrets)),
            store=self._store.access(),
            log_level=self._logs.level,
            surroundings=Surroundings.here(),
        )
        ours, theirs = Pipe()
        reading_end, writing_end = os.pipe()
        output = OutputLines(reading_end, self._say)
        sender = threading.Thread(target=self._send, args=(ours, start), name=f"{self._plan.loop} wishes", daemon=True)
        try:
            try:
                process = self._launch(theirs.fileno(), writing_end)
            finally:
                theirs.close()
                os.close(writing_end)
            if process is None:
                return Report(Event.ENDED)
            sender.start()
            self._listen(ours, output, process)
            self._see_out(process)
            self._requests.put(None)
            sender.join()
        finally:
            ours.close()
            output.close()
        self._store.end_dead_processes()
        return self._last_word(process, output.last)

    def _launch(self, connection: int, output: int) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._killed:
                return None
            self._process = launch("flowtui.engine.child", connection, output, self._plan.loop)
            return self._process

    def _send(self, connection: Connection[Any, Any], start: Start) -> None:
        """On a thread of its own: a child that is stopped takes nothing, and the engine must not wait for it."""
        with contextlib.suppress(OSError):  # gone; the other thread notices
            connection.send(start)
            for request in iter(self._requests.get, None):
                connection.send(request)

    def _listen(self, connection: Connection[Any, Any], output: OutputLines, process: subprocess.Popen[bytes]) -> None:
        """Take everything that comes until the process has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            selector.register(output, selectors.EVENT_READ)
            while True:
                left = self._end_by - time.monotonic()
                if left <= 0:
                    self._overdue = True
                    self._end_by = float("inf")
                    self._kill()
                ready = [key.fileobj for key, _ in selector.select(min(_LOOK_S, max(left, 0.0)))]
                # Should a process that it has forked still hold its end of the socket, this one will not end.
                is_gone = not ready and process.poll() is not None
                if output in ready and not output.read():
                    selector.unregister(output)
                if not self._hear(connection) or is_gone:
                    return

    def _hear(self, connection: Connection[Any, Any]) -> bool:
        """Take all messages that are there; return False if no more will come."""
        try:
            while connection.poll():
                self._take(connection.recv())
        except (EOFError, OSError):
            return False
        return True

    def _take(self, news: News) -> None:
        self._has_spoken = True
        logs = self._logs.buffer
        if news.dropped:
            words = f"… {news.dropped} more lines were logged than can be sent"
            logs.add(logging.WARNING, words, loop=self._plan.loop)
        logs.take_over(news.lines, loop=self._plan.loop)
        for sample in news.samples:
            self._keep(sample)
        if news.reading is not None:
            self._reading = news.reading
        if news.report is None:
            return
        if news.report.event in LAST_EVENTS:
            self._last = news.report  # to be passed on when the process is gone and its items are back
            self._end_by = min(self._end_by, time.monotonic() + _EXIT_S)
        else:
            self._report(news.report)

    def _say(self, line: str) -> None:
        self._logs.buffer.add(logging.WARNING, line, loop=self._plan.loop)

    def _see_out(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            self._kill()
            process.wait()
        if self._last is None:
            self._kill()  # what its nodes have started would go on with items that somebody else gets now

    def _last_word(self, process: subprocess.Popen[bytes], last_line: str) -> Report:
        if self._last is not None:
            return self._last
        if self._killed:
            return Report(Event.ENDED)
        if self._overdue:
            busy = [id for id, node in self._reading.nodes.items() if node.running or node.in_threads]
            return Report(Event.ENDED, f"{', '.join(busy) or 'it'} did not end in time and was killed with its process")
        code = process.returncode
        if not self._has_spoken and code > 0:
            return Report(Event.FAIL, f"its process could not start: {last_line or f'exit code {code}'}")
        return Report(Event.CRASH, f"its process {process.pid} {how_it_ended(code)}")
