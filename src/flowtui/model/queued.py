"""What waits in a queue or is in flight, as a person looks at it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """A track that has taken items; `host` is empty if its name does not tell."""

    loop: str
    track: int = 0
    host: str = ""
    pid: int = 0

    def __str__(self) -> str:
        return f"track {self.track} on {self.host}:{self.pid}" if self.host else self.loop


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """A place among the waiting items of a queue, which stays right while items leave at its head.

    Attributes:
        index: from the head on, 0 for the first item.
        left: how many items had left the head by then, None if that is not known.
    """

    index: int = 0
    left: int | None = None


#: Where the first waiting item stands.
HEAD = QueuePlace()


@dataclass(frozen=True, slots=True)
class QueuedItem:
    """An item of a queue.

    Attributes:
        payload: JSON; of a long one only the beginning, and then `is_cut`.
        size: of the whole payload, in bytes.
        trace: trace id, constant from source to end.
        origin: id of the loop that made it.
        tries: how often it was handed out, this time included; 1 for one that waits for the first time.
        at: when it was pushed, in seconds since the epoch, by the store's clock.
        owner: who has it in flight, None if it waits.
        place: where it was seen, if it waits.
    """

    id: str
    payload: str
    size: int
    is_cut: bool
    trace: str
    origin: str
    tries: int
    at: float
    owner: Owner | None = None
    place: QueuePlace = HEAD

    @property
    def key(self) -> tuple[str, float]:
        """What tells it from the other items of its queue: an id may come twice."""
        return self.id, self.at


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Some items of a queue, those in flight first.

    Attributes:
        next: where to go on, None behind the last item.
        looked: how many waiting items were looked at.
        waiting: how many wait.
    """

    items: tuple[QueuedItem, ...]
    next: QueuePlace | None
    looked: int
    waiting: int
