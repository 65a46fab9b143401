"""Every line that anything writes, in one bounded ring, attributed to loop, node and item."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, TextIO, TypeVar

from flowtui.model.log_lines import LogBatch, LogLine
from flowtui.nodes.masking import masker

CAPACITY = 20_000
#: A text without line end is logged in pieces of this many characters, so that it cannot grow without bound.
_LONGEST_PIECE = 8_192
T = TypeVar("T")


class Attribution(NamedTuple):
    """Whose code runs now."""

    loop: str
    node: str


class Place:
    """Where in its loop a task is: whose code runs, and for which item.

    One task moves it from node to node, which costs a fifth of setting a context variable. So whatever may outlive
    the call of a node, a task that it starts or a thread that it hops to, must get a `copy` of its own.

    Attributes:
        owner: whose code runs.
        item: id of the item it runs for, empty if for none.
        since_ns: when the node that runs began (of `perf_counter_ns`), 0 if it is counted as running elsewhere.
    """

    __slots__ = ("item", "owner", "since_ns")

    def __init__(self, owner: Attribution, item: str = "") -> None:
        self.owner = owner
        self.item = item
        self.since_ns = 0

    def copy(self) -> Place:
        """Return a place that stays where this one is now."""
        return Place(self.owner, self.item)


#: None where no loop's code runs.
current_place: ContextVar[Place | None] = ContextVar("current_place", default=None)


@contextlib.contextmanager
def attributed_to(owner: Attribution, item: str = "") -> Iterator[None]:
    """Attribute what is written inside to another than the node at hand."""
    token = current_place.set(Place(owner, item))
    try:
        yield
    finally:
        current_place.reset(token)


def context_of_its_own() -> contextvars.Context:
    """Return a copy of the context in which the place stays where it is now."""
    context = contextvars.copy_context()
    place = current_place.get()
    if place is not None:
        context.run(current_place.set, place.copy())
    return context


def attribute_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """See to it that what a task writes is its node's, however far the node's loop has come meanwhile."""
    if loop.get_task_factory() is None:
        loop.set_task_factory(_task_with_a_place)  # type: ignore[arg-type]  # what typeshed asks for no function is


def _task_with_a_place(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T], context: contextvars.Context | None = None
) -> asyncio.Task[T]:
    return asyncio.Task(coro, loop=loop, context=context_of_its_own() if context is None else context)


class LogBuffer:
    """The last `capacity` lines; each has a sequence number, so a reader knows what it missed. Thread-safe.

    It keeps no secrets.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lines: deque[LogLine] = deque(maxlen=capacity)
        self._lock = threading.Lock()
        self._seq = 0

    def add(self, level: int, message: str, *, loop: str = "", node: str = "", item: str = "") -> None:
        """Append one line; an older one makes room for it."""
        now, message = time.time(), masker.mask(message)
        with self._lock:
            self._seq += 1
            self._lines.append(LogLine(self._seq, now, level, loop, node, item, message))

    def take_over(self, lines: Iterable[LogLine], *, loop: str) -> None:
        """Append lines of another process with the time at which it wrote them; those of no loop are `loop`'s."""
        masked = [replace(line, loop=line.loop or loop, message=masker.mask(line.message)) for line in lines]
        with self._lock:
            for line in masked:
                self._seq += 1
                self._lines.append(replace(line, seq=self._seq))

    def since(self, after: int, limit: int) -> LogBatch:
        """Return up to `limit` lines with a sequence number above `after`, oldest first."""
        with self._lock:
            first = self._lines[0].seq if self._lines else self._seq + 1
            dropped = max(0, first - after - 1)
            newer = self._seq - max(after, first - 1)
            skip = len(self._lines) - newer
            lines = tuple(islice(self._lines, skip, skip + min(newer, limit)))
        return LogBatch(lines, lines[-1].seq if lines else max(after, first - 1), dropped)


_NOWHERE = Place(Attribution("", ""))


class _BufferHandler(logging.Handler):
    def __init__(self, buffer: LogBuffer) -> None:
        super().__init__()
        self._buffer = buffer
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = self.format(record).rstrip("\n")
        except Exception:  # the author's format string may not fit its arguments
            message = f"{record.msg!r} with unfitting arguments {record.args!r}"
        place = current_place.get() or _NOWHERE
        loop, node = place.owner
        self._buffer.add(record.levelno, message, loop=loop, node=node, item=place.item)


class _NodeStream(io.TextIOBase):
    """Stands in for `sys.stdout` or `sys.stderr`: what a node prints becomes log lines, the rest passes through."""

    def __init__(self, buffer: LogBuffer, level: int, behind: TextIO) -> None:
        self._buffer = buffer
        self._level = level
        self._behind = behind
        self._partial: dict[Attribution, str] = {}
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        place = current_place.get()
        if place is None:
            self._behind.write(masker.mask(text))
            return len(text)
        owner = place.owner
        with self._lock:
            *lines, rest = (self._partial.pop(owner, "") + text).split("\n")
            if len(rest) > _LONGEST_PIECE:
                lines.append(rest)
                rest = ""
            if rest:
                self._partial[owner] = rest
        for line in lines:
            self._buffer.add(self._level, line, loop=owner.loop, node=owner.node, item=place.item)
        return len(text)

    def flush(self) -> None:
        place = current_place.get()
        if place is None:
            if not self._behind.closed:  # Python flushes once more when this object goes
                self._behind.flush()
            return
        owner = place.owner
        with self._lock:
            rest = self._partial.pop(owner, "")
        if rest:
            self._buffer.add(self._level, rest, loop=owner.loop, node=owner.node, item=place.item)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return current_place.get() is None and self._behind.isatty()

    def fileno(self) -> int:
        return self._behind.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._behind.encoding


class LogCapture:
    """Leads stdlib logging, `print` and Python warnings of nodes into a buffer, from `install` to `remove`."""

    def __init__(self, buffer: LogBuffer, level: int) -> None:
        self.buffer = buffer
        self.level = level
        self._handler = _BufferHandler(buffer)
        self._streams: tuple[_NodeStream, _NodeStream] | None = None
        self._streams_before: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
        self._root_before: tuple[int, list[logging.Handler]] = (logging.WARNING, [])

    def install(self) -> None:
        """Take over the root logger and the two standard streams."""
        root = logging.getLogger()
        self._root_before = (root.level, root.handlers[:])
        root.handlers[:] = [self._handler]
        root.setLevel(self.level)
        logging.captureWarnings(True)
        self._streams_before = (sys.stdout, sys.stderr)
        self._streams = (
            _NodeStream(self.buffer, logging.INFO, sys.stdout),
            _NodeStream(self.buffer, logging.WARNING, sys.stderr),
        )
        sys.stdout, sys.stderr = self._streams

    def remove(self) -> None:
        """Give back what `install` took, where nobody else has taken it since; without `install` a no-op."""
        if self._streams is None:
            return
        if sys.stdout is self._streams[0]:
            sys.stdout = self._streams_before[0]
        if sys.stderr is self._streams[1]:
            sys.stderr = self._streams_before[1]
        self._streams = None
        root = logging.getLogger()
        level, root.handlers[:] = self._root_before
        root.setLevel(level)
        logging.captureWarnings(False)
