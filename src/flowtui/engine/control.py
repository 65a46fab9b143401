"""`ControlThread`: the one event loop on which an engine decides, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from flowtui.model.errors import FlowtuiError

_log = logging.getLogger("flowtui.engine")
T = TypeVar("T")


class ControlThread:
    """Runs a coroutine to its end, and meanwhile all that is handed in from other threads."""

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]], on_failure: Callable[[Exception], None]) -> None:
        """`on_failure` is told what `main` has raised."""
        self._main = main
        self._on_failure = on_failure
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="flowtui-engine", daemon=True)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of its coroutine."""
        self._thread.join()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Do some work there; from any thread. Fails with `FlowtuiError` if it does not run."""
        if not self._thread.is_alive():
            work.close()
            failed: Future[T] = Future()
            failed.set_exception(FlowtuiError("the engine does not run; start it first"))
            return failed
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def post(self, call: Callable[[], object]) -> None:
        """Make a call there soon; from any thread. Once it has ended nothing happens."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        except Exception as error:
            self._on_failure(error)
            _log.exception("the engine has ended; please report this")
        finally:
            self._loop.close()


async def reporting(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; if it raises, the user must hear of it, since nobody awaits it before the end."""
    try:
        await work
    except Exception:
        _log.exception("a part of the engine has ended; please report this")
