"""Where tracks live: on one shared event loop, or each in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from flowtui.nodes.base import Pool


class Home(Protocol):
    """The event loop that one track runs on."""

    def post(self, call: Callable[[], object]) -> None:
        """Run `call` there soon; nothing happens if the loop is gone."""


class _LoopHome:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def post(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # closed: the track has ended, and its report is on its way
            self._loop.call_soon_threadsafe(call)


class Pools:
    """All homes of one engine. `launch` and `close` may be called from any thread.

    Threads are daemons: a node that hangs in one for ever must not keep the process from ending.
    """

    def __init__(self, on_thread_end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`on_thread_end` runs last on every event loop that ends, to close what belongs to it."""
        self._on_thread_end = on_thread_end
        self._shared: asyncio.AbstractEventLoop | None = None
        self._shared_thread: threading.Thread | None = None
        self._running: set[asyncio.Task[None]] = set()

    def launch(self, pool: Pool, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> Home:
        """Start `run()` in `pool` and return where it runs."""
        if pool is Pool.ASYNCIO:
            loop = self._shared_loop()
            loop.call_soon_threadsafe(self._keep, run)
            return _LoopHome(loop)
        loop = asyncio.new_event_loop()
        threading.Thread(target=self._own_thread, args=(loop, run), name=name, daemon=True).start()
        return _LoopHome(loop)

    def close(self) -> None:
        """End the shared event loop; what still runs on it is cancelled."""
        if self._shared is None or self._shared_thread is None:
            return
        self._shared.call_soon_threadsafe(self._shared.stop)
        self._shared_thread.join(timeout=2.0)
        self._shared = None

    def _shared_loop(self) -> asyncio.AbstractEventLoop:
        if self._shared is None:
            self._shared = asyncio.new_event_loop()
            self._shared_thread = threading.Thread(
                target=self._run_shared, args=(self._shared,), name="flowtui-nodes", daemon=True
            )
            self._shared_thread.start()
        return self._shared

    def _keep(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.get_running_loop().create_task(run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _run_shared(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            self._finish(loop)

    def _own_thread(self, loop: asyncio.AbstractEventLoop, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(run())
        finally:
            self._finish(loop)

    def _finish(self, loop: asyncio.AbstractEventLoop) -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(self._on_thread_end())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
