"""Tells when nothing will happen any more, for runs that end by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowtui.engine.replays import HasReplays
from flowtui.model.snapshot import LoopView
from flowtui.model.states import ACTIVE_STATES, LoopState
from flowtui.storage.letter_store import LetterStore
from flowtui.storage.queue_store import QueueStore

#: States in which a loop does nothing by itself.
AT_REST = (frozenset(LoopState) - ACTIVE_STATES) | {LoopState.PAUSED}


async def is_idle(loops: Sequence[LoopView], queues: QueueStore) -> bool:
    """Tell whether every loop has ended or is paused, or is a reader with an empty queue and nothing in flight.

    The loops' states must have been taken before the call: a writer that was at rest then cannot have pushed since.

    Raises:
        StoreUnavailable: if the store does not answer.
    """
    moving = [loop for loop in loops if loop.state not in AT_REST]
    if any(loop.reads is None or loop.in_flight for loop in moving):
        return False
    names = sorted({loop.reads for loop in moving if loop.reads is not None})
    stats = await queues.queue_stats(names)
    return all(stats[name].depth == 0 and stats[name].in_flight == 0 for name in names)


async def none_to_replay(loops: Mapping[str, HasReplays], letters: LetterStore) -> bool:
    """Tell whether no dead letter of these loops waits to be run again, or only where that has just failed.

    Raises:
        StoreUnavailable: if the store does not answer.
    """
    pending = await letters.pending()
    if any(loop.replays.is_active for loop in loops.values()):
        return False
    return not any(id in loops and not loops[id].replays.trouble for id in pending)
