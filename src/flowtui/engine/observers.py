"""Who is told what becomes of items at the nodes of a loop, and how that is asked for."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flowtui.engine.execute import Step
    from flowtui.engine.iteration import Iteration
    from flowtui.model.data import NodeData


class Observer(Protocol):
    """Is told of every node that an item comes to; on the track's event loop, and it must never raise."""

    def entered(self, step: Step, data: NodeData, it: Iteration) -> None:
        """Take note that a node begins to work on its input; a queue writer takes no time, so it only settles."""

    def settled(self, step: Step, output: NodeData | None, port: str | None, it: Iteration) -> None:
        """Take note of a node's output; None if it has dropped the item, or was skipped if it has not been entered."""

    def failed(self, step: Step, data: NodeData, it: Iteration, error: BaseException) -> None:
        """Take note that a node has failed for good on this input."""


class Observers:
    """Tells several."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def entered(self, step: Step, data: NodeData, it: Iteration) -> None:
        for each in self._observers:
            each.entered(step, data, it)

    def settled(self, step: Step, output: NodeData | None, port: str | None, it: Iteration) -> None:
        for each in self._observers:
            each.settled(step, output, port, it)

    def failed(self, step: Step, data: NodeData, it: Iteration, error: BaseException) -> None:
        for each in self._observers:
            each.failed(step, data, it, error)


def connect(steps: Sequence[Step], observer: Observer | None = None) -> None:
    """Connect the steps of a loop, given the producer first.

    With an observer every node is gone through on its own; without one simple nodes run in straight lines.
    """
    for step in reversed(steps):
        step.connect(steps, observer)


def observed(steps: Sequence[Step], observer: Observer) -> list[Step]:
    """Return other steps of the same nodes, with the same counters, that tell an observer, beside any they have."""
    copies = [copy.copy(step) for step in steps]
    before = steps[0].observer
    connect(copies, observer if before is None else Observers(before, observer))
    return copies
