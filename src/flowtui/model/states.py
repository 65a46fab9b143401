"""The states that a person sees."""

from __future__ import annotations

from enum import StrEnum


class LoopState(StrEnum):
    """Where a loop is in its life; `engine/lifecycle.py` owns the moves between these."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    DRAINING = "draining"
    STOPPING = "stopping"
    COMPLETED = "completed"
    FAILED = "failed"


#: States in which a loop holds threads, items or a node's resources.
ACTIVE_STATES = frozenset(
    {
        LoopState.STARTING,
        LoopState.RUNNING,
        LoopState.PAUSING,
        LoopState.PAUSED,
        LoopState.DRAINING,
        LoopState.STOPPING,
    }
)


class Command(StrEnum):
    """What a person may ask of a loop."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    DRAIN = "drain"  # work off what there is, then stop
    STOP = "stop"
    KILL = "kill"  # at once; what was in flight is recovered as after a crash
    RESTART = "restart"


class NodeKind(StrEnum):
    """The four kinds of node."""

    PRODUCER = "producer"
    BLOCKING = "blocking"
    CONDITIONAL = "conditional"
    NON_BLOCKING = "non-blocking"


class NodeHealth(StrEnum):
    """How a node is doing."""

    IDLE = "idle"  # has not run yet
    HEALTHY = "healthy"  # its last run succeeded
    RETRYING = "retrying"  # its last run raised, and is tried again
    FAILING = "failing"  # its last run raised
    STALLED = "stalled"  # one run has been going on for longer than `STALL_AFTER_S`


class Outcome(StrEnum):
    """What became of an item that a producer has made.

    Attributes:
        DONE: all that came of it is stored.
        DEAD: some of it failed; its dead letters are stored, with what came of the rest.
        GIVEN_UP: as far as is known nothing of it is stored, since the loop was stopped or now runs elsewhere.
    """

    DONE = "done"
    DEAD = "dead"
    GIVEN_UP = "given_up"


class OnFull(StrEnum):
    """What becomes of an item for a queue that is full.

    Its writer waits, the oldest or the new item is dropped and counted, or the new one becomes a dead letter.
    """

    WAIT = "wait"
    DROP_OLDEST = "drop_oldest"
    DROP_NEW = "drop_new"
    DEAD_LETTER = "dead_letter"


class OnError(StrEnum):
    """What a loop does after a failed iteration; its payload becomes a dead letter in every case."""

    DEAD_LETTER = "dead_letter"
    PAUSE = "pause"
    STOP = "stop"


STALL_AFTER_S = 10.0
