"""The engine without a screen: log lines, and at the end a summary."""

from __future__ import annotations

import json
import logging
import shlex
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TextIO

from flowtui.client.alert_program import AlertProgram
from flowtui.client.alerts import AlertWatch
from flowtui.client.door import EngineClient
from flowtui.model.errors import Severity
from flowtui.model.log_lines import LogLine, line_as_dict, line_text
from flowtui.model.snapshot import EngineSnapshot
from flowtui.model.states import LoopState

_POLL_S = 0.1
#: How often to look whether something has gone wrong, and how long to wait for those who are called at the end.
_WATCH_EVERY_S = 0.5
_LAST_CALLS_S = 10.0


def run_headless(
    client: EngineClient,
    stop: threading.Event,
    *,
    for_s: float | None,
    until_idle: bool,
    as_json: bool,
    out: TextIO,
    err: TextIO,
    on_alert: Sequence[str] = (),
    queue_depth: int | None = None,
) -> int:
    """Run until `stop` is set, `for_s` seconds have passed or, if asked, nothing happens any more.

    What goes wrong is told to the program `on_alert`, if there is one; a queue of `queue_depth` items counts as wrong.

    Returns the exit code: 1 if a loop failed, is paused with items in its queue, or could not be loaded, else 0.
    """
    printer = _Printer(client, out, as_json=as_json)
    deadline = None if for_s is None else time.monotonic() + for_s
    idle = _Idle(client) if until_idle else None
    calls = _Calls(client, on_alert, queue_depth)
    client.start()
    try:
        while not stop.wait(_POLL_S) and not client.failure():
            printer.print_new()
            calls.look()
            if (deadline is not None and time.monotonic() >= deadline) or (idle is not None and idle.is_reached()):
                break
        before = client.snapshot()
        calls.last_look()
    finally:
        # Even if nobody reads the output any more: what is in flight must be committed.
        _close(client, printer)
    final = _still_paused(before, client.snapshot())
    if as_json:
        out.write(json.dumps(_summary(final)) + "\n")
    elif not client.failure():
        out.write(_summary_text(final))
    out.flush()
    complaints = [client.failure()] if client.failure() else _complaints(final)
    err.writelines(f"flowtui: {complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


class _Calls:
    """Calls a program when something goes wrong."""

    def __init__(self, client: EngineClient, command: Sequence[str], queue_depth: int | None) -> None:
        self._client = client
        self._wanted = bool(command)
        self._program = AlertProgram(command)
        self._watch = AlertWatch(queue_depth)
        self._next = 0.0

    def look(self) -> None:
        """Look, if it is time to."""
        if self._wanted and time.monotonic() >= self._next:
            self._next = time.monotonic() + _WATCH_EVERY_S
            snapshot = self._client.snapshot()
            for alert in self._watch.look(snapshot, self._client.failure()):
                self._program.call(*alert.call(snapshot))

    def last_look(self) -> None:
        """Look once more, and wait until everybody has been called."""
        self._next = 0.0
        self.look()
        self._program.finish(_LAST_CALLS_S)


class _Idle:
    """Asks the engine whether it is idle, without waiting: it may take long to answer while its store is away."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._answer: Future[bool] | None = None

    def is_reached(self) -> bool:
        if self._answer is None:
            self._answer = self._client.is_idle()
        if not self._answer.done():
            return False
        answer, self._answer = self._answer, None
        # A store that does not answer may hold work.
        return answer.exception() is None and answer.result()


def _close(client: EngineClient, printer: _Printer) -> None:
    closing = threading.Thread(target=client.close, name="flowtui-closing")
    closing.start()
    ended = False
    try:
        while not ended:
            closing.join(_POLL_S)
            ended = not closing.is_alive()
            printer.print_new()
    finally:
        closing.join()


def _still_paused(before: EngineSnapshot, final: EngineSnapshot) -> EngineSnapshot:
    """Return `final` with the loops as paused that were so before all were stopped: that is what a person must know."""
    paused = {loop.id: loop for loop in before.loops if loop.state in (LoopState.PAUSING, LoopState.PAUSED)}
    loops = (
        replace(loop, state=LoopState.PAUSED, reason=paused[loop.id].reason)
        if loop.id in paused and loop.state is LoopState.STOPPED
        else loop
        for loop in final.loops
    )
    return replace(final, loops=tuple(loops))


def _complaints(final: EngineSnapshot) -> list[str]:
    """Return why the run counts as failed, a sentence each."""
    found = []
    broken = sum(problem.severity is Severity.ERROR for problem in final.problems)
    if broken:
        count = "1 problem keeps" if broken == 1 else f"{broken} problems keep"
        found.append(f"{count} something from running; to see all: flowtui check {shlex.quote(str(final.folder))}")
    depths = {queue.name: queue.depth for queue in final.queues}
    for loop in final.loops:
        if loop.state is LoopState.FAILED:
            found.append(f"{loop.id} failed: {loop.reason}")
        elif loop.state in (LoopState.STOPPING, LoopState.DRAINING):
            found.append(f"{loop.id} did not end in time and was left behind")
        elif loop.state is LoopState.PAUSED and loop.reads is not None and depths.get(loop.reads, 0):
            found.append(f"{loop.id} is paused with {depths[loop.reads]} items in its queue: {loop.reason}")
    if final.store.trouble:
        found.append(f"{final.store.trouble}; the figures are those of the last look")
    return found


class _Printer:
    """Writes log lines that are new since last time."""

    def __init__(self, client: EngineClient, out: TextIO, *, as_json: bool) -> None:
        self._client = client
        self._out = out
        self._as_json = as_json
        self._seen = 0

    def print_new(self) -> None:
        while True:
            batch = self._client.logs(self._seen)
            self._seen = batch.next_seq
            if batch.dropped:
                self._print(_dropped(batch.dropped))
            for line in batch.lines:
                self._print(line)
            if not batch.lines:
                break
        self._out.flush()

    def _print(self, line: LogLine) -> None:
        if self._as_json:
            self._out.write(json.dumps({"event": "log"} | line_as_dict(line)) + "\n")
        else:
            self._out.write(f"{line_text(line)}\n")


def _dropped(count: int) -> LogLine:
    return LogLine(0, time.time(), logging.WARNING, "", "", "", f"{count} log lines came too fast and are not shown")


def _summary(snapshot: EngineSnapshot) -> dict[str, object]:
    return {
        "event": "summary",
        "loops": {
            loop.id: {"state": loop.state, "iterations": loop.iterations, "errors": loop.errors, "reason": loop.reason}
            for loop in snapshot.loops
        },
        "queues": {queue.name: {"depth": queue.depth, "in_flight": queue.in_flight} for queue in snapshot.queues},
        "dead_letters": snapshot.dead_total,
    }


def _summary_text(snapshot: EngineSnapshot) -> str:
    width = max([len("loop"), *(len(loop.id) for loop in snapshot.loops)])
    lines = [f"\n{'LOOP':<{width}}  {'STATE':<10} {'ITERATIONS':>10} {'ERRORS':>7}"]
    lines += [
        f"{loop.id:<{width}}  {loop.state:<10} {loop.iterations:>10,} {loop.errors:>7,}" for loop in snapshot.loops
    ]
    lines += [
        f"queue {queue.name}: {queue.depth:,} waiting, {queue.in_flight:,} in flight" for queue in snapshot.queues
    ]
    lines.append(f"{snapshot.dead_total:,} dead letters")
    return "\n".join(lines) + "\n"
