"""Where tracks live: on one shared event loop, each in a thread of its own, or each in a child process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from flowtui.engine.child_track import ChildTrack
from flowtui.engine.event_loops import end_event_loop
from flowtui.engine.handle import Report, Tap, TrackHandle
from flowtui.engine.lifecycle import Event
from flowtui.engine.logs import LogCapture
from flowtui.engine.runner import FlowRunner
from flowtui.engine.sampling import Sampler
from flowtui.engine.telemetry import TrackCounters, TrackReading
from flowtui.engine.watchdog import Watchdog
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.development import Sample
from flowtui.nodes.base import Pool
from flowtui.nodes.secrets import FindSecrets, no_secrets
from flowtui.storage.data_store import DataStore

#: How long a killed track may take to end by itself, in seconds; after that it is left to itself.
_KILL_S = 1.0


class LocalTrack:
    """A track on an event loop of this process, as the engine holds it."""

    def __init__(
        self,
        plan: ExecutionPlan,
        store: DataStore,
        loop: asyncio.AbstractEventLoop,
        report: Callable[[Report], None],
        on_left: Callable[[LocalTrack], None],
        find_secrets: FindSecrets = no_secrets,
        keep: Callable[[Sample], None] | None = None,
        *,
        number: int = 1,
    ) -> None:
        """`on_left` is called if it has been killed and does not end; `keep` is given samples of its items.

        `number` is the track's in its loop.
        """
        self._sampler = Sampler(plan, keep) if keep is not None else None
        counters = TrackCounters(plan.ports, number)
        self.runner = FlowRunner(plan, store, counters, self._heard, find_secrets, self._sampler)
        self.loop = loop
        self._report = report
        self._on_left = on_left
        self._ended = False

    def _heard(self, event: Event, reason: str) -> None:
        if event in (Event.ENDED, Event.COMPLETE, Event.FAIL):
            if self._ended:
                return
            self._ended = True
        self._report(Report(event, reason, self.runner.pauses))

    def pause(self) -> None:
        self._post(self.runner.pause)

    def resume(self) -> None:
        self._post(self.runner.resume)

    def finish(self) -> None:
        self._post(self.runner.finish)

    def stop(self, grace: float) -> None:
        self._post(lambda: self.runner.stop(grace))

    def kill(self) -> None:
        self._post(self.runner.kill)
        asyncio.get_running_loop().call_later(_KILL_S, self._leave_behind)

    def tap(self, tap: Tap | None) -> None:
        if self._sampler is not None:
            self._post(functools.partial(self._sampler.tap, tap))

    def reading(self) -> TrackReading:
        return self.runner.reading()

    def _leave_behind(self) -> None:
        if self._ended:
            return
        busy = [id for id, node in self.reading().nodes.items() if node.running or node.in_threads]
        self._ended = True
        self.runner.disown()
        self._on_left(self)
        where = f"{', '.join(busy)} still runs and is left behind" if busy else "it does not answer and is left behind"
        self._report(Report(Event.ENDED, f"killed; {where}"))

    def _post(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # closed: the track has ended, and its report is on its way
            self.loop.call_soon_threadsafe(call)


class Pools:
    """All tracks of one engine. `launch` and `close` are called on the engine's control thread.

    Threads are daemons: a node that hangs in one for ever must not keep the process from ending.
    """

    def __init__(
        self, store: DataStore, logs: LogCapture, find_secrets: FindSecrets, keep: Callable[[Sample], None]
    ) -> None:
        """`logs` is where the lines of child processes go, and tells how grave they must be.

        `keep` is given samples of all that passes through tracks; it is called on any thread.
        """
        self._keep_sample = keep
        self._store = store
        self._find_secrets = find_secrets
        self._logs = logs
        self._watchdog = Watchdog()
        self._shared: asyncio.AbstractEventLoop | None = None
        self._shared_thread: threading.Thread | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._children: set[ChildTrack] = set()

    def launch(self, plan: ExecutionPlan, number: int, report: Callable[[Report], None]) -> TrackHandle:
        """Start track `number` of a loop, from 1; `report` may be called on any thread."""
        if plan.pool is Pool.PROCESS:
            gone = self._children.discard
            child = ChildTrack(
                plan, number, self._store, self._logs, report, gone, self._find_secrets, self._keep_sample
            )
            self._children.add(child)
            child.start()
            return child
        if plan.pool is Pool.ASYNCIO:
            track = self._local(plan, number, self._shared_loop(), report)
            track.loop.call_soon_threadsafe(self._keep, track.runner)
            return track
        loop = asyncio.new_event_loop()
        track = self._local(plan, number, loop, report)
        name = f"{plan.loop}#{number}"
        threading.Thread(target=self._own_thread, args=(loop, track.runner.run), name=name, daemon=True).start()
        return track

    def _local(
        self, plan: ExecutionPlan, number: int, loop: asyncio.AbstractEventLoop, report: Callable[[Report], None]
    ) -> LocalTrack:
        left = self._left_behind
        return LocalTrack(plan, self._store, loop, report, left, self._find_secrets, self._keep_sample, number=number)

    def close(self) -> None:
        """End the shared event loop, what still runs on it is cancelled, and every child process."""
        children = tuple(self._children)
        for child in children:
            child.kill()
        for child in children:
            child.join()
        if self._shared is None or self._shared_thread is None:
            return
        self._shared.call_soon_threadsafe(self._shared.stop)
        self._shared_thread.join(timeout=2.0)
        self._shared = None

    def _left_behind(self, track: LocalTrack) -> None:
        # Whatever begins from now on must not wait for the node that holds this event loop.
        if track.loop is self._shared and not track.runner.killed:
            self._shared = None
        owner = track.runner.owner
        if owner:
            threading.Thread(target=self._store.end_owner, args=(owner,), daemon=True).start()

    def _shared_loop(self) -> asyncio.AbstractEventLoop:
        if self._shared is None:
            self._shared = asyncio.new_event_loop()
            self._shared_thread = threading.Thread(
                target=self._run_shared, args=(self._shared,), name="flowtui-nodes", daemon=True
            )
            self._shared_thread.start()
        return self._shared

    def _keep(self, runner: FlowRunner) -> None:
        task = asyncio.get_running_loop().create_task(runner.run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _run_shared(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            with self._watchdog.watching(loop, loops=lambda: len(self._running)):
                loop.run_forever()
        finally:
            end_event_loop(loop, self._store)

    def _own_thread(self, loop: asyncio.AbstractEventLoop, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.set_event_loop(loop)
        try:
            with self._watchdog.watching(loop):
                loop.run_until_complete(run())
        finally:
            end_event_loop(loop, self._store)
