"""`AlertProgram`: runs a program of a person's when something goes wrong, without holding up anybody."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

#: How long it may take, in seconds; then it is killed with all that it has started.
TIMEOUT_S = 30.0
#: How many run at once, and how many wait for their turn; more are not run.
_AT_ONCE = 3
_WAITING = 20
#: How much of what it says goes into the log, in bytes and lines.
_MOST_SAID = 4096
_MOST_LINES = 20
#: How often to look whether it has ended while it says nothing, in seconds.
_LOOK_S = 0.1
_log = logging.getLogger("flowtui.alerts")


class AlertProgram:
    """Calls a program with a sentence as its last argument and JSON on its standard input. Safe from any thread.

    It has no terminal. What it says goes into the log, and there it is said once why it cannot be run or fails.
    """

    def __init__(self, command: Sequence[str], timeout_s: float = TIMEOUT_S) -> None:
        """`command` is the program and its arguments; with none nothing is run. `timeout_s` is how long it may take."""
        self._command = tuple(command)
        self._timeout_s = timeout_s
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._running = 0
        self._changed = threading.Condition()
        self._said = ""  # what was said of the last failure; empty after a success

    def call(self, sentence: str, facts: dict[str, Any]) -> None:
        """Run it with this sentence and these facts, which are JSON; returns at once."""
        if not self._command:
            return
        job = sentence, json.dumps(facts).encode()
        with self._changed:
            if self._running < _AT_ONCE:
                self._running += 1
                threading.Thread(target=self._work, args=(job,), name="flowtui-on-alert", daemon=True).start()
            elif len(self._waiting) < _WAITING:
                self._waiting.append(job)
            else:
                self._complain("on_alert is not run for every alert: too many came at once")

    def finish(self, seconds: float) -> None:
        """Wait until all calls have been carried out, so many seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)

    # ---- on a thread ----

    def _work(self, job: tuple[str, bytes]) -> None:
        while True:
            self._run(*job)
            with self._changed:
                if not self._waiting:
                    self._running -= 1
                    self._changed.notify_all()
                    return
                job = self._waiting.popleft()

    def _run(self, sentence: str, facts: bytes) -> None:
        # An argument cannot hold the byte that ends it, nor half a character, and the sentence may quote any text.
        command: list[str | bytes] = [*self._command, sentence.replace("\0", "").encode(errors="replace")]
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            self._complain(f"on_alert cannot be run: {self._command[0]}: {error.strerror or error}")
            return
        with child:
            said = _talk(child, facts, time.monotonic() + self._timeout_s)
            is_overdue = child.poll() is None
            if is_overdue:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
        for line in said.splitlines()[:_MOST_LINES]:
            _log.info("on_alert: %s", line)
        if is_overdue:
            self._complain(f"on_alert took longer than {self._timeout_s:g} s and was killed: {self._command[0]}")
        elif child.returncode:
            self._complain(f"on_alert failed with exit code {child.returncode}: {self._command[0]}")
        else:
            self._said = ""

    def _complain(self, text: str) -> None:
        if text != self._said:
            self._said = text
            _log.warning("%s", text)


def _talk(child: subprocess.Popen[bytes], facts: bytes, until: float) -> str:
    """Give it the facts, read what it says and wait for its end, until a time of `time.monotonic` at most.

    What it leaves running may keep its output open, and is not waited for.
    """
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it does not want to know
        child.stdin.write(facts)
        child.stdin.close()
    said, number, output = b"", child.stdout.fileno(), select.poll()
    output.register(number, select.POLLIN)
    is_open = True
    while time.monotonic() < until:
        if is_open and output.poll(_LOOK_S * 1000):
            part = os.read(number, 65536)
            is_open = bool(part)
            said = (said + part)[:_MOST_SAID]
        elif child.poll() is not None:
            break
        elif not is_open:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, until - time.monotonic()))
    return said.decode("utf-8", "replace")
