"""`FlowEngine`: wires store, loops, reload, logs and telemetry together on threads of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from flowtui.engine.control import ControlThread, reporting
from flowtui.engine.deployment import Deployment
from flowtui.engine.drain import Drains
from flowtui.engine.event_loops import tune_interpreter
from flowtui.engine.kept_texts import KeptTexts
from flowtui.engine.log_files import LogFiles
from flowtui.engine.log_search import LogSearch
from flowtui.engine.logs import LogBuffer, LogCapture
from flowtui.engine.loop import Loop
from flowtui.engine.monitor import StoreMonitor
from flowtui.engine.pools import Pools
from flowtui.engine.reload import changes
from flowtui.engine.replays import follow_replays
from flowtui.engine.requests import Requests, handlers
from flowtui.engine.rooms import Rooms
from flowtui.engine.runner import GRACE_S
from flowtui.graph.folder import LoadedFolder, load_folder
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.access import USUAL, Access, Mode
from flowtui.model.development import TapBatch
from flowtui.model.errors import FlowtuiError
from flowtui.model.log_lines import LogBatch
from flowtui.model.snapshot import EngineSnapshot, QueueView, StoreView
from flowtui.model.states import ACTIVE_STATES, LoopState
from flowtui.storage.data_store import DataStore

_SAMPLE_EVERY_S = 1.0
_LAST_LOOK_S = 2.0
_CLOSE_S = 5.0
_ENDED = frozenset(LoopState) - ACTIVE_STATES
_log = logging.getLogger("flowtui.engine")
T = TypeVar("T")


class FlowEngine:
    """Runs the workflows of one folder. Public methods may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        open_store: Callable[[], DataStore],
        *,
        env: Mapping[str, str],
        log_level: int = logging.INFO,
        log_folder: Path | None = None,
        text_folder: Path | None = None,
        watch: bool = True,
        access: Access = USUAL,
        autostart: bool = True,
        load: Callable[[Path, Mapping[str, str]], LoadedFolder] = load_folder,
    ) -> None:
        """Make an engine; nothing is opened or started before `start`.

        `open_store` may raise `FlowtuiError`; `load` reads the folder, given `env`, and may raise `FolderError`.
        Secrets come from `env` too. Without `autostart` no loop starts by itself. All lines of the log
        also go to files in `log_folder`. In `text_folder` earlier texts of the workflow files are kept, else in memory.
        """
        self._folder = folder
        self._open_store = open_store
        self._watch = watch
        self._buffer = LogBuffer()
        self._capture = LogCapture(self._buffer, log_level)
        self._log_files = LogFiles(log_folder, self._buffer) if log_folder is not None else None
        self._monitor = StoreMonitor()
        self._deployment = Deployment(
            folder,
            lambda: load(folder, env),
            self._make_loop,
            autostart=autostart,
            kept=KeptTexts(text_folder),
            look=self._queues_now,
        )
        self._drains = Drains(lambda: self._deployment.loops.values())  # noqa: PLW0108 - the mapping is replaced
        logs = LogSearch(self._buffer, log_folder)
        self._rooms = Rooms(folder, self._deployment, self._drains, env, log_level, access, logs)
        self._requests = Requests(handlers(self._rooms.commands, self._rooms.triggers))
        self._pools: Pools | None = None
        self._started_at = time.monotonic()
        self._closing = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None  # at the queues, after a reload
        self._ready = threading.Event()
        self._control = ControlThread(self._main, self._failed)

    # ---- from outside ----

    def start(self) -> None:
        """Begin to load and run; returns at once."""
        self._started_at = time.monotonic()
        tune_interpreter()
        self._capture.install()
        if self._log_files is not None:
            self._log_files.start()
        self._control.start()

    def wait_loaded(self, timeout: float | None = None) -> bool:
        """Wait until the workflows have been started or `failure` says why not."""
        return self._ready.wait(timeout)

    def close(self, grace: float = GRACE_S) -> None:
        """Stop all loops, with `grace` seconds for what is in flight, and close the store."""
        if self._control.is_alive:
            self._control.post(lambda: self._begin_closing(grace))
            self._control.join()
        self._capture.remove()
        if self._log_files is not None:
            self._log_files.close()

    @property
    def failure(self) -> str:
        """Why nothing can run, empty if it can."""
        return self._rooms.failure

    @property
    def access(self) -> Access:
        """What may be done with it; `EngineClient` sees to that."""
        return self._rooms.access

    def switch_mode(self) -> Mode:
        """Go from production to development, or back, and return which it is now; raises `AccessRefused`."""
        self._rooms.access = self._rooms.access.switched()
        return self._rooms.access.mode

    def snapshot(self) -> EngineSnapshot:
        """Return everything a screen shows."""
        deployment, monitor, store = self._deployment, self._monitor, self._rooms.store
        return EngineSnapshot(
            taken_at=time.time(),
            uptime_s=time.monotonic() - self._started_at,
            folder=self._folder,
            access=self._rooms.access,
            store=self._store_view(),
            loops=tuple(loop.view() for loop in deployment.loops.values()),
            queues=monitor.queues,
            dead_letters=monitor.dead_letters,
            dead_total=monitor.dead_total,
            problems=deployment.problems,
            last_reload=deployment.last_reload,
            loading=self._rooms.is_loading,
            instances=store.instances if store is not None else (),
            workflows=deployment.files.views,
            reloads=deployment.reloads,
        )

    def logs(self, after: int, limit: int) -> LogBatch:
        """Return log lines with a sequence number above `after`."""
        return self._buffer.since(after, limit)

    def log_output(self, text: str) -> None:
        """Log a line that bypassed `sys.stdout`, as C code and child processes do."""
        self._buffer.add(logging.WARNING, text)

    def ask(self, work: Callable[[Rooms], Coroutine[Any, Any, T]]) -> Future[T]:
        """Do something in one of the rooms; to cancel it cancels the work.

        Fails with a `FlowtuiError` only: what else that raises is a fault of flowtui's own, of which the log has all.
        """
        return self._control.submit(self._enter(work))

    def tapped(self, after: int) -> TapBatch:
        """Return what has passed through the tapped node since the sample of that number."""
        return self._rooms.taps.tapped(after)

    # ---- on the control thread ----

    async def _enter(self, work: Callable[[Rooms], Coroutine[Any, Any, T]]) -> T:
        try:
            return await work(self._rooms)
        except FlowtuiError:
            raise
        except Exception as error:
            _log.exception("something that was asked for has failed; please report this")
            what = f"flowtui itself has failed ({type(error).__name__}: {error})"
            raise FlowtuiError(f"{what}; the log has more, please report this") from error

    def _begin_closing(self, grace: float) -> None:
        self._grace = grace
        self._closing.set()

    def _failed(self, error: Exception) -> None:
        self._rooms.failure = f"flowtui itself has failed ({type(error).__name__}: {error}); please report this"
        self._rooms.is_loading = False
        self._ready.set()

    async def _main(self) -> None:
        loading = asyncio.create_task(asyncio.to_thread(self._deployment.load))
        opening = asyncio.create_task(asyncio.to_thread(self._open_store))
        closing = asyncio.create_task(self._closing.wait())
        # The import of a node module may take for ever; whoever closes the engine must not wait for it.
        await asyncio.wait([loading, closing], return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            self._deployment.show_problems(loading.result())
        try:
            store = await opening
            store.enlist(self._folder.absolute())
            self._pools = Pools(store, self._capture, self._rooms.secrets, self._rooms.taps.take)
            self._rooms.open(store)
        except FlowtuiError as error:
            self._rooms.failure = str(error)
            _log.error("%s", error)
            self._rooms.is_loading = False
            self._ready.set()
            await closing
            return
        if store.info.note:
            _log.warning("what waits in queues is lost at the end, the store is in memory: %s", store.info.note)
        if not loading.done():
            await self._end(store)
            return
        await self._deployment.deploy(loading.result(), first=True)
        self._rooms.is_loading = False
        self._ready.set()
        background = [
            asyncio.create_task(reporting(self._sample(store))),
            asyncio.create_task(reporting(self._drains.follow(store))),
            asyncio.create_task(reporting(follow_replays(store, lambda: self._deployment.loops))),
            asyncio.create_task(reporting(self._requests.serve(store))),
            asyncio.create_task(reporting(self._rooms.taps.keep())),
        ]
        if self._watch:
            background.append(asyncio.create_task(reporting(self._follow_folder())))
        await closing
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._end(store)

    async def _sample(self, store: DataStore) -> None:
        # Not `while True`: a cancellation that arrives within a store call may be swallowed there.
        while not self._closing.is_set():
            now = time.monotonic()
            for loop in self._deployment.loops.values():
                loop.sample(now)
            await self._look(store)
            letters = self._monitor.letters_by_loop()
            for id, loop in self._deployment.loops.items():
                loop.heed_letters(letters[id])
            await asyncio.sleep(max(0.1, _SAMPLE_EVERY_S - (time.monotonic() - now)))

    async def _look(self, store: DataStore) -> None:
        await self._monitor.look(store, [loop.plan for loop in self._deployment.loops.values()])

    async def _queues_now(self) -> tuple[QueueView, ...] | None:
        store = self._rooms.store
        if store is None or self._monitor.trouble:
            return None
        # In a task of its own: who is cancelled within a store call may go on as if nothing had happened.
        self._looking = asyncio.create_task(self._look(store))
        await asyncio.wait([self._looking])
        return None if self._monitor.trouble else self._monitor.queues

    async def _follow_folder(self) -> None:
        async for _ in changes(self._folder, lambda: self._deployment.seen):
            await self._deployment.refresh()

    async def _end(self, store: DataStore) -> None:
        loops = list(self._deployment.loops.values())
        for loop in loops:
            loop.stop_within(self._grace, "flowtui ends")
        patience = self._grace + 5.0
        ended = await asyncio.gather(*(loop.until(_ENDED, patience) for loop in loops))
        await asyncio.gather(*(loop.replays.ended(patience) for loop in loops))
        for loop, has_ended in zip(loops, ended, strict=True):
            if not has_ended:
                _log.error("%s does not end; left behind", loop.plan.loop)
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=_LAST_LOOK_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(self._look(store), self._rooms.taps.flush()), _LAST_LOOK_S)
        self._rooms.close()
        if self._pools is not None:
            self._pools.close()
        await store.release()
        closing = asyncio.create_task(asyncio.to_thread(store.close))
        # A private server must be gone in the end; one of the user's own may be left to itself.
        await asyncio.wait([closing], timeout=_CLOSE_S if store.info.kind == "redis" else None)

    def _make_loop(self, plan: ExecutionPlan) -> Loop:
        assert self._pools is not None
        return Loop(plan, self._pools.launch, self._control.post)

    def _store_view(self) -> StoreView:
        store = self._rooms.store
        if store is None:
            return StoreView(kind="", address="", durable=True, trouble=self._rooms.failure)
        info = store.info
        return StoreView(info.kind, info.address, info.durable, store.trouble or self._monitor.trouble)
