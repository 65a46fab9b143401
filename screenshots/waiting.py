"""Waiting until the app is as far as a picture needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_LOOK_EVERY_S = 0.1


async def until(condition: Callable[[], bool], timeout: float) -> None:
    """Wait until `condition` holds.

    Raises:
        TimeoutError: if it does not within `timeout` seconds.
    """
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(_LOOK_EVERY_S)
