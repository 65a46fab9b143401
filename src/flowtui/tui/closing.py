"""Closes the engine once, on a thread of its own, so that nobody waits who does not want to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient


class Closing:
    """The end of the engine. A daemon thread: leaving at once does not wait for it."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self.error: Exception | None = None

    @property
    def begun(self) -> bool:
        return self._thread is not None

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def begin(self, then: Callable[[], None] | None = None) -> None:
        """Start closing; `then` is called on the closing thread. A second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(then,), name="flowtui-closing", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Close if nobody has yet, and wait for the end."""
        self.begin()
        self._done.wait()

    def _run(self, then: Callable[[], None] | None) -> None:
        try:
            self._client.close()
        except Exception as error:
            self.error = error
        finally:
            self._done.set()
            if then is not None:
                then()
