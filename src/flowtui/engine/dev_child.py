"""A process that runs nodes under test, one after the other: `python -P -m flowtui.engine.dev_child DESCRIPTOR`.

The descriptor is a socket to the app, which ends the process whenever it likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any

from flowtui.engine.dev_wire import Begun, Hello, Result, Task
from flowtui.engine.event_loops import tune_interpreter
from flowtui.engine.execute import author_place, author_traceback, text_of
from flowtui.engine.letter_secrets import masked_data
from flowtui.engine.logs import LogBuffer, LogCapture, attribute_tasks
from flowtui.engine.one_node import OneNode, Wanted
from flowtui.engine.processes import begin
from flowtui.engine.watchdog import Watchdog
from flowtui.graph.packed_plan import unpack
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import Meta, NodeData, why_no_json
from flowtui.model.development import DevLine, NodeFailure, Stored
from flowtui.model.ids import new_id
from flowtui.model.letters import as_json_can
from flowtui.model.states import Outcome
from flowtui.nodes.base import Pool
from flowtui.nodes.masking import masker

#: A process that is asked for nothing ends by itself, after so many seconds.
IDLE_S = 600.0
#: How often the process makes sure that its parent lives, should the socket not tell, in seconds.
_PARENT_LOOK_S = 2.0
#: Lines of one run that are told; the rest is counted.
MOST_LINES = 5_000


class _Lines(LogBuffer):
    """Tells the parent every line at once: the process may die right behind it."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        super().__init__(1)
        self._connection = connection
        self._sending = threading.Lock()
        self._told = 0

    def say(self, message: Begun | Result) -> None:
        with self._sending:
            if isinstance(message, Begun):
                self._told = 0
            elif self._told > MOST_LINES:
                self._send(logging.WARNING, f"… {self._told - MOST_LINES} more lines were written than are kept")
            self._connection.send(message)

    def add(self, level: int, message: str, *, loop: str = "", node: str = "", item: str = "") -> None:
        # If nobody listens any more, the thread that listens for the parent ends this process.
        with self._sending, contextlib.suppress(OSError):
            self._told += 1
            if self._told <= MOST_LINES:
                self._send(level, masker.mask(message))

    def _send(self, level: int, message: str) -> None:
        self._connection.send(DevLine(time.time(), level, message))


class _Child:
    def __init__(self, connection: Connection[Any, Any], hello: Hello) -> None:
        self._connection = connection
        self._parent = hello.surroundings.parent
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._lines = _Lines(connection)
        self._capture = LogCapture(self._lines, hello.log_level)

    def run(self) -> None:
        """Work until the parent ends this, or has no use for it any more."""
        threading.Thread(target=self._listen, name="flowtui-parent", daemon=True).start()
        self._capture.install()
        # What a node forks writes to file descriptors 1 and 2, which the parent reads.
        os.register_at_fork(after_in_child=self._capture.remove)
        with contextlib.suppress(Empty, OSError):
            while True:
                task = self._tasks.get(timeout=IDLE_S)
                self._lines.say(Begun())
                self._lines.say(_done(task))

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                if self._connection.poll(_PARENT_LOOK_S):
                    self._tasks.put(self._connection.recv())
                elif os.getppid() != self._parent:
                    break  # a process that it has forked still holds its end of the socket
        os.killpg(os.getpgrp(), signal.SIGKILL)  # with what its nodes have started


def _done(task: Task) -> Result:
    for name, value in task.secrets.items():
        masker.learn(name, value)
    try:
        plan = unpack(task.plan)
    except BaseException as error:  # whatever a module does while it is imported
        return Result(failure=_failure(error))
    data = task.item
    given = Wanted(task.cursor, outcome=Outcome.GIVEN_UP) if data is None else _item(data, task.trace, plan)
    may_inline = plan.pool is not Pool.ASYNCIO
    run = OneNode(plan.nodes[0], plan.loop, plan.path.parent, given, secrets=task.secrets, may_inline=may_inline)
    if plan.pool is Pool.PROCESS:
        _live(run, plan.pool)
    else:  # where such loops live in production
        thread = threading.Thread(target=_live, args=(run, plan.pool), name=plan.loop, daemon=True)
        thread.start()
        thread.join()
    return _result(run)


def _live(run: OneNode, pool: Pool) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    attribute_tasks(loop)
    try:
        with Watchdog().watching(loop, loops=(lambda: 1) if pool is Pool.ASYNCIO else None):
            loop.run_until_complete(run.go())
    except BaseException as error:
        run.error = error
        run.is_left = True
    finally:
        for left in asyncio.all_tasks(loop):
            left.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _item(data: Stored, trace: str, plan: ExecutionPlan) -> NodeData:
    id = data.id or new_id()
    return data.as_data(id, Meta(trace or id, plan.loop, revision=plan.revision))


def _result(run: OneNode) -> Result:
    is_clean = not run.is_left
    if run.error is not None:
        return Result(run.ms, failure=_failure(run.error), is_clean=is_clean)
    output = run.output
    if output is None:
        return Result(run.ms, note=_why_nothing(run), is_clean=is_clean)
    stored, is_exact = _stored(output)
    notes = []
    if not is_exact:
        why = why_no_json(output.payload, "output") or "the output is no JSON"
        notes.append(f"shown as text, and no input for others: {why}")
    if masker.is_needed and (shown := masked_data(stored)) != stored:
        stored = shown
        notes.append("a secret in the output is shown as ***NAME***, and others get just that")
    return Result(run.ms, stored, run.port or "", "; ".join(notes), is_whole=is_exact, is_clean=is_clean)


def _why_nothing(run: OneNode) -> str:
    if run.is_completed:
        return "exhausted"
    if not run.is_producer:
        return "dropped the item"
    return f"nothing now: {masker.mask(run.waiting)}" if run.waiting else "nothing now"


def _stored(data: NodeData) -> tuple[Stored, bool]:
    """Return data as JSON can hold it, and whether that is all of it."""
    payload, is_exact = as_json_can(data.payload)
    branches = {need: _stored(each) for need, each in data.by.items()}
    by = {need: each for need, (each, _) in branches.items()}
    # Lists in place of tuples, and texts in place of other keys, as a queue would make them.
    payload = json.loads(json.dumps(payload))
    return Stored(payload, by, data.id), is_exact and all(exact for _, exact in branches.values())


def _failure(error: BaseException) -> NodeFailure:
    return NodeFailure(type(error).__name__, text_of(error), author_place(error), author_traceback(error))


def main() -> None:
    """Run what the parent sends."""
    connection = begin()
    try:
        hello: Hello = connection.recv()
    except EOFError:
        return
    hello.surroundings.enter()
    tune_interpreter()
    _Child(connection, hello).run()
    # Threads of nodes, and what these have registered for the end of the process, must not hold it up.
    os._exit(0)


if __name__ == "__main__":
    main()
