"""Trying a failing node again: how often and when, by a library; that it is shown, by us."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.telemetry import NextTry, NodeCounters
from flowtui.workflow.schema import RetryOptions


def retrying(
    options: RetryOptions, counters: NodeCounters, on_retry: Callable[[int, BaseException], None] | None = None
) -> AsyncRetrying:
    """Return what calls a coroutine function as often as `options` say, and notes in `counters` when it waits.

    `on_retry` is told then of the number of the next try, and of the error of the last one.

    The last error is raised as it is. `SystemExit`, cancellation and the like are never tried again, nor is what a
    node raises because it was cancelled.
    """

    def note(state: RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action is not None else 0.0
        counters.retries += 1
        counters.next_try = NextTry(state.attempt_number + 1, options.attempts, time.monotonic() + pause)
        error = state.outcome.exception() if state.outcome is not None else None
        if on_retry is not None and error is not None:
            on_retry(state.attempt_number + 1, error)

    async def sleep(seconds: float) -> None:
        counters.retrying += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            counters.retrying -= 1

    def is_retried(error: BaseException) -> bool:
        names = {cls.__name__ for cls in type(error).__mro__}
        is_named = not options.on or not names.isdisjoint(options.on)
        return is_named and isinstance(error, Exception) and not is_cancelled()

    wait = wait_exponential(multiplier=options.delay, exp_base=options.factor, max=options.max_delay)
    return AsyncRetrying(
        stop=stop_after_attempt(options.attempts),
        wait=wait + wait_random(0, options.delay) if options.jitter else wait,
        retry=retry_if_exception(is_retried),
        before_sleep=note,
        sleep=sleep,
        reraise=True,
    )
