"""Standing by: a loop that only one track of all instances may run waits for its turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.logs import Attribution, attributed_to
from flowtui.engine.session import StoreSession
from flowtui.engine.telemetry import WaitingFor

_log = logging.getLogger("flowtui.standby")


async def take_turn(
    loop: str,
    session: StoreSession,
    waiting: WaitingFor,
    wishes: asyncio.Event,
    is_paused: Callable[[], bool],
    rest: Callable[[bool], None],
) -> str:
    """Have the session join; as long as another track runs the loop, stand by, or only rest if paused.

    Args:
        wishes: set whenever `is_paused` may have changed.
        rest: called with True when nothing is left but to wait, and with False when that is over.

    Returns:
        Who has completed the loop meanwhile, empty if the session has joined.
    """
    if await session.join() is None:
        return ""
    bell = session.free_bell()
    told = ""
    try:
        while True:
            if is_cancelled():  # the Redis client has swallowed it
                raise asyncio.CancelledError
            bell.clear()
            wishes.clear()
            if is_paused():
                waiting.clear(WaitingFor.STANDBY)
            else:
                other = await session.join()
                if other is None or other.is_over:
                    if other is None and told:
                        _tell(loop, "takes over")
                    return "" if other is None else other.who
                if other.who != told:
                    told = other.who
                    _tell(loop, f"stands by: {told} runs it")
                waiting.set(WaitingFor.STANDBY, f"standby: {other.who} runs it")
            rest(True)
            await _first_of(bell, wishes)
            rest(False)
    finally:
        rest(False)
        waiting.clear(WaitingFor.STANDBY)


def _tell(loop: str, news: str) -> None:
    # The whole loop does, not the node or item that happened to be the last one here.
    with attributed_to(Attribution(loop, "")):
        _log.info("%s %s", loop, news)


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
