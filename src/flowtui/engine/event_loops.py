"""The event loops that tracks run on, and the threads of these."""

from __future__ import annotations

import asyncio

from flowtui.storage.data_store import DataStore

#: Seconds after which a busy node's thread lets others run. With Python's own 5 ms keys lag, and when several threads
#: wait the engine's own may get no turn for a second.
SWITCH_INTERVAL_S = 0.0005


def end_event_loop(loop: asyncio.AbstractEventLoop, store: DataStore) -> None:
    """Close an event loop on which tracks ran; what still runs there is cancelled."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(store.release())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
