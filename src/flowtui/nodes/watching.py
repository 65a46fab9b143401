"""Waiting for something to change in a folder without looking all the time."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import threading
from pathlib import Path

#: How often the watching thread looks whether something was noticed, and how long it gathers changes.
_STEP_MS = 50
_GATHER_MS = 200


class FolderBell:
    """Rings when something in a folder changes. Use it on one event loop; `ring` and `forget` from any thread.

    Where the system cannot watch a folder (a network, no watches left, the folder is gone) it does not ring: whoever
    waits gives a time after which to look anyhow.
    """

    def __init__(self, folder: Path, log: logging.Logger) -> None:
        self._folder = folder
        self._log = log
        self._rung = asyncio.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._said = ""

    def clear(self) -> None:
        """Begin to listen: what rings from now on ends the next `wait`."""
        self._loop = asyncio.get_running_loop()
        if self._thread is None or not self._thread.is_alive():
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._watch, args=(self._stop,), name="folder-bell", daemon=True)
            self._thread.start()
        self._rung.clear()

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, at most so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()

    def ring(self) -> None:
        """Ring; does nothing after the event loop has ended."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._rung.set)

    def forget(self) -> None:
        """Watch no longer, until `clear`: the folder may be another one by then."""
        self._stop.set()
        self._thread = None

    def _watch(self, stop: threading.Event) -> None:
        try:
            # Imported here, on this thread: it takes a tenth of a second, and a child process may never need it.
            watchfiles = importlib.import_module("watchfiles")
            changes = watchfiles.watch(
                self._folder,
                watch_filter=None,
                debounce=_GATHER_MS,
                step=_STEP_MS,
                recursive=False,
                stop_event=stop,
                raise_interrupt=False,
            )
            self.ring()  # of what came before it watched nobody would tell
            for _ in changes:
                self.ring()
        except Exception as error:
            if self._said != str(error):
                self._said = str(error)
                self._log.debug(
                    "%s is looked at from time to time, since it cannot be watched: %s", self._folder, error
                )
