"""Leaping time for scenes with threads and programs, whose ends cannot be leapt to."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from typing import Any

from engine_lab import LeapingLoop, LeapingSelector


class _PatientSelector(LeapingSelector):
    """Leaps only if nothing outside the event loop is at work, or has been for too long."""

    def __init__(self) -> None:
        super().__init__()
        self._at_work: list[tuple[Callable[[], bool], float]] = []

    def wait_for(self, ended: Callable[[], bool], patience: float) -> None:
        """Let no time pass until `ended()`, for so many seconds of real time at most."""
        self._at_work.append((ended, time.monotonic() + patience))

    def select(self, timeout: float | None = None) -> list[Any]:
        now = time.monotonic()
        self._at_work = [(ended, until) for ended, until in self._at_work if until > now and not ended()]
        if self._at_work and (timeout is None or timeout > 0):
            return selectors.DefaultSelector.select(self, max(until for _, until in self._at_work) - now)
        return super().select(timeout)


class PatientLoop(LeapingLoop):
    """An event loop in which time stands still while a thread or a program works, each for at most some seconds."""

    _PATIENCE_S = 2.0

    def __init__(self) -> None:
        super().__init__(_PatientSelector())

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        future = super().run_in_executor(executor, func, *args)
        self._leaping.wait_for(future.done, self._PATIENCE_S)
        return future

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        transport, protocol = await super().subprocess_exec(*args, **options)
        self._leaping.wait_for(lambda: transport.get_returncode() is not None, self._PATIENCE_S)
        return transport, protocol
