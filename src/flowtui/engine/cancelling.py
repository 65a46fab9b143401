"""Whether the running task is to end."""

from __future__ import annotations

import asyncio


def is_cancelled() -> bool:
    """Tell whether the running task has been asked to end, even if the code in it swallowed that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def take_back_cancel(task: asyncio.Task[object] | None) -> None:
    """Let a task that was asked to end go on."""
    while task is not None and task.cancelling():
        task.uncancel()
