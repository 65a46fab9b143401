"""The engine without a screen: log lines, and at the end a summary."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import datetime
from typing import TextIO

from flowtui.client.door import EngineClient
from flowtui.model.errors import FlowtuiError, Severity
from flowtui.model.snapshot import EngineSnapshot, LogLine
from flowtui.model.states import LoopState

_POLL_S = 0.1
_IDLE_ANSWER_S = 10.0


def run_headless(
    client: EngineClient,
    stop: threading.Event,
    *,
    for_s: float | None,
    until_idle: bool,
    as_json: bool,
    out: TextIO,
    err: TextIO,
) -> int:
    """Run until `stop` is set, `for_s` seconds have passed or, if asked, nothing happens any more.

    Returns the exit code: 1 if a loop failed, is paused with items in its queue, or could not be loaded, else 0.
    """
    printer = _Printer(client, out, as_json=as_json)
    deadline = None if for_s is None else time.monotonic() + for_s
    client.start()
    while not stop.wait(_POLL_S):
        printer.print_new()
        if client.failure():
            client.close()
            err.write(f"flowtui: {client.failure()}\n")
            return 1
        if deadline is not None and time.monotonic() >= deadline:
            break
        if until_idle and _is_idle(client):
            break
    at_end = client.snapshot()
    client.close()
    printer.print_new()
    final = client.snapshot()
    if as_json:
        out.write(json.dumps(_summary(final)) + "\n")
    else:
        out.write(_summary_text(final))
    out.flush()
    return _exit_code(at_end, final, err)


def _is_idle(client: EngineClient) -> bool:
    try:
        return client.is_idle().result(_IDLE_ANSWER_S)
    except (FlowtuiError, FutureTimeout):
        return False  # the store is away: work may be waiting there


def _exit_code(at_end: EngineSnapshot, final: EngineSnapshot, err: TextIO) -> int:
    code = 0
    for problem in final.problems:
        if problem.severity is Severity.ERROR:
            err.write(f"flowtui: {problem}\n")
            code = 1
    depths = {queue.name: queue.depth for queue in final.queues}
    was_paused = {loop.id: loop.reason for loop in at_end.loops if loop.state is LoopState.PAUSED}
    for loop in final.loops:
        if loop.state is LoopState.FAILED:
            err.write(f"flowtui: {loop.id} failed: {loop.reason}\n")
            code = 1
        elif loop.id in was_paused and loop.reads is not None and depths.get(loop.reads, 0):
            err.write(
                f"flowtui: {loop.id} is paused with {depths[loop.reads]} items in its queue: {was_paused[loop.id]}\n"
            )
            code = 1
    return code


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
        level = logging.getLevelName(line.level).lower()
        if self._as_json:
            fields = {
                "event": "log",
                "time": line.time,
                "level": level,
                "loop": line.loop,
                "node": line.node,
                "item": line.item,
                "message": line.message,
            }
            self._out.write(json.dumps(fields, ensure_ascii=False) + "\n")
        else:
            clock = datetime.fromtimestamp(line.time).strftime("%H:%M:%S")
            place = f"{line.loop.removesuffix('.')} {line.node}".strip() or "flowtui"
            self._out.write(f"{clock} {level:<7} {place:<28} {line.message}\n")


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
