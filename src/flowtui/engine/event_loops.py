"""The event loops that tracks run on, and how the interpreter treats these."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a process that runs single nodes has no use for a store
    from flowtui.storage.data_store import DataStore

#: Seconds after which a busy node's thread lets others run. With Python's own 5 ms keys lag, and when several threads
#: wait the engine's own may get no turn for a second.
_SWITCH_INTERVAL_S = 0.0005
#: Objects made and not freed after which Python looks for garbage. Each item on its way makes a dozen, and with its own
#: 700 Python looks through a thousand open iterations again and again: an eighth of all the time of a busy loop.
_COLLECT_AFTER = 50_000


def tune_interpreter() -> None:
    """Make the process fit for loops that run without a rest beside others that must answer."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


def end_event_loop(loop: asyncio.AbstractEventLoop, store: DataStore) -> None:
    """Close an event loop on which tracks ran; what still runs there is cancelled."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(store.release())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
