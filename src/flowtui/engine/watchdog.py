"""Notices when a node holds an event loop up, and names it while it does."""

from __future__ import annotations

import asyncio
import gc
import logging
import selectors
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType

from flowtui.engine.execute import Step, is_ours
from flowtui.engine.logs import Attribution, attributed_to
from flowtui.engine.telemetry import NodeCounters
from flowtui.nodes.base import BaseNode

#: How long one call may hold a loop that others share, in seconds. What takes less is seldom worth a person's time:
#: a large JSON, an import, or that a busy machine gives this process no turn.
SHARED_LIMIT_S = 0.5
#: The same where a track is alone: only its own commits and its other branches wait.
ALONE_LIMIT_S = 5.0
#: A loop that is at work is asked to answer this often; one that waits for something to do is left alone.
_LOOK_EVERY_S = 0.25
#: If the watchdog itself gets its turn that much too late, then it is not for a loop's fault.
_LATE_S = 0.25
#: As many of the author's frames are shown at the outer and at the inner end.
_FRAMES = 3
_SELECTS = [getattr(each, "select", None) for each in vars(selectors).values()]
_WAITING = frozenset(select.__code__ for select in _SELECTS if isinstance(select, FunctionType))
_RUN_ONCE = asyncio.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]
#: Where frames are neither ours nor the author's.
_PLUMBING = (str(Path(asyncio.__file__).parent), threading.__file__)
_log = logging.getLogger("flowtui.watchdog")
_taking_frames = threading.Lock()


def _frames_of_all_threads() -> Mapping[int, FrameType]:
    # While it makes these frames, Python 3.11 holds a lock that every new thread needs. If it collects garbage then, a
    # finalizer may let another thread run, and if that one begins a thread, the process stands still for ever.
    with _taking_frames:
        collects = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()
        finally:
            if collects:
                gc.enable()


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who holds a loop: a node, if one is known, and where in its code."""

    owner: Attribution | None
    counters: NodeCounters | None
    place: str

    @property
    def name(self) -> str:
        return self.owner.node if self.owner is not None else "something outside of any node"


class _Watch:
    """One event loop and the thread that it runs in. `look` and what it calls are for the watchdog's thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: float, loops: Callable[[], int] | None) -> None:
        """`loops` is None if one track is alone on it. Call it on the thread that the loop runs in."""
        self.ended_at = 0.0  # when it was left, to be set there
        self.is_over = False  # whether that has been taken note of
        self._loop = loop
        self._thread = threading.get_ident()
        self._limit = limit
        self._loops = loops
        self._asked_at = 0.0  # 0 if no answer is awaited
        self._answered_at = 0.0
        self._holder: _Holder | None = None

    def forgive(self, now: float) -> None:
        """Count from now on: nobody had a turn."""
        if self._asked_at and self._holder is None:
            self._asked_at = now

    def look(self, frames: Mapping[int, FrameType], now: float) -> None:
        """See whether the loop turns."""
        turned_at = self._answered_at or self.ended_at
        if turned_at:
            self._let_go(turned_at)
            self._asked_at = self._answered_at = 0.0
        self.is_over = self.ended_at > 0
        frame = frames.get(self._thread)
        if self.is_over or frame is None or _waits(frame):
            return
        if not self._asked_at:
            self._asked_at = now
            with suppress(RuntimeError):  # closed in this moment
                self._loop.call_soon_threadsafe(self._answer)
        elif now - self._asked_at >= self._limit:
            self._held(_holder(frame), now)

    def _answer(self) -> None:
        self._answered_at = time.monotonic()

    def _held(self, holder: _Holder, now: float) -> None:
        before = self._holder
        if before is not None and before.owner != holder.owner:
            # There was no turn in between, but it is another node that must show now how long it takes.
            self._let_go(now)
            self._asked_at = now
        elif before is None:
            self._holder = holder
            held = now - self._asked_at
            if holder.counters is not None:
                holder.counters.held_since = time.time() - held
            stands = f"; it stands at {holder.place}" if holder.place else ""
            text = f"{holder.name} has held {self._what()} for {held:.1f} s: {self._advice()}{stands}"
            _say(logging.WARNING, holder.owner, text)

    def _let_go(self, at: float) -> None:
        holder, self._holder = self._holder, None
        if holder is None:
            return
        if holder.counters is not None:
            holder.counters.held_since = 0.0
        text = f"{holder.name} has let go of its event loop after {at - self._asked_at:.1f} s"
        _say(logging.WARNING, holder.owner, text)

    def _what(self) -> str:
        if self._loops is None:
            return "the event loop of its track"
        count = self._loops()
        return f"the event loop of {count} loops" if count != 1 else "the event loop of its loop"

    def _advice(self) -> str:
        if self._loops is None:
            return "its commits and its other branches wait; await instead of blocking, or make it a plain `def`"
        return "await instead of blocking, make it a plain `def`, or give its loop `pool: thread`"


class Watchdog:
    """Watches event loops of this process, on a thread that lives while there are any. All methods from any thread."""

    def __init__(self, look_every: float = _LOOK_EVERY_S) -> None:
        """`look_every`: seconds from one look to the next."""
        self._look_every = look_every
        self._lock = threading.Lock()
        self._watches: set[_Watch] = set()
        self._runs = False

    @contextmanager
    def watching(
        self, loop: asyncio.AbstractEventLoop, *, limit: float | None = None, loops: Callable[[], int] | None = None
    ) -> Iterator[None]:
        """Watch `loop` while it runs in the calling thread.

        Args:
            limit: seconds for which it may be held; None for what suits it.
            loops: tells how many workflow loops share it; None if one track is alone there.
        """
        if limit is None:
            limit = ALONE_LIMIT_S if loops is None else SHARED_LIMIT_S
        watch = _Watch(loop, limit, loops)
        with self._lock:
            self._watches.add(watch)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="flowtui-watchdog", daemon=True).start()
        try:
            yield
        finally:
            watch.ended_at = time.monotonic()

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            time.sleep(self._look_every)
            late = time.monotonic() - began - self._look_every
            with self._lock:
                watches = tuple(self._watches)
            # Not under the lock: to write a log line may take for ever, if a node stands there.
            self._look(watches, late)
            with self._lock:
                self._watches.difference_update(watch for watch in watches if watch.is_over)
                if not self._watches:
                    self._runs = False
                    return

    def _look(self, watches: Iterable[_Watch], late: float) -> None:
        now = time.monotonic()
        frames = _frames_of_all_threads()
        for watch in watches:
            if late > _LATE_S:
                watch.forgive(now)
            watch.look(frames, now)


def _waits(frame: FrameType) -> bool:
    caller = frame.f_back
    return frame.f_code in _WAITING and caller is not None and caller.f_code is _RUN_ONCE


def _holder(frame: FrameType) -> _Holder:
    """Return who stands at `frame`: the node whose call was made last, and the frames behind that call."""
    step: Step | None = None
    node: BaseNode | None = None
    theirs: list[FrameType] = []
    for each in reversed(list(_outwards(frame))):
        if is_ours(each.f_code):
            found = _step_of(each)
            if found is not None:
                step = found
                theirs.clear()
        elif not each.f_code.co_filename.startswith(_PLUMBING):
            theirs.append(each)
            its_self = each.f_locals.get("self") if step is None else None
            if node is None and isinstance(its_self, BaseNode):
                node = its_self  # in a task or callback of its own
    if step is not None:
        # While the node is being made there are no counters yet.
        return _Holder(Attribution(step.loop, step.id), getattr(step, "counters", None), _place(theirs))
    return _Holder(Attribution(node.loop, node.id) if node is not None else None, None, _place(theirs))


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _step_of(frame: FrameType) -> Step | None:
    values = frame.f_locals
    steps = (each for each in (values.get("step"), values.get("self")) if isinstance(each, Step))
    # One whose templates are being read has no name yet.
    return next((step for step in steps if hasattr(step, "loop")), None)


def _place(frames: list[FrameType]) -> str:
    texts = [f"{Path(each.f_code.co_filename).name}:{each.f_lineno} in {each.f_code.co_name}" for each in frames]
    if len(texts) > 2 * _FRAMES:
        texts = [*texts[:_FRAMES], "…", *texts[-_FRAMES:]]
    return ", ".join(texts)


def _say(level: int, owner: Attribution | None, text: str) -> None:
    with attributed_to(owner or Attribution("", "")):
        _log.log(level, "%s", text)
