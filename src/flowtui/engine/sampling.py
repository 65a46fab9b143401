"""Takes samples of what passes through a track: now and then one item goes the observed way, all others the short one.

The hot path pays nothing for it: when it is time, a timer puts another function in the place of the one that walks an
item through the nodes.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter, time
from typing import Any, NamedTuple

from flowtui.engine.execute import Step, describe
from flowtui.engine.handle import Tap
from flowtui.engine.iteration import Iteration
from flowtui.engine.letter_secrets import masked
from flowtui.engine.observers import observed
from flowtui.graph.node_revisions import revisions
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.development import Sample, Stored
from flowtui.model.runs import through_json

#: How often a round of samples is taken of a track, in seconds: of each node one at most.
SAMPLE_EVERY_S = 1.0
#: Items that may belong to a round: more than one as long as there are nodes of which none was ever sampled.
_ROUND = 32
#: Most that a sample keeps of payloads, in characters of JSON; with the rest it stays below 64 kB.
MOST_KEPT = 60_000
#: Between two samples passes at least so many times what the last one took, however big the payloads are.
_REST = 100

#: Takes an item through the nodes.
Walk = Callable[[Iteration], Awaitable[None]]


class Sampler:
    """Samples one track, in all its lives. To be used on the event loop of the track only."""

    def __init__(self, plan: ExecutionPlan, keep: Callable[[Sample], None]) -> None:
        """`keep` is given every sample."""
        self._plan = plan
        self._keep = keep
        self._tap: Tap | None = None
        self._life: _Life | None = None

    def begin(
        self, steps: Sequence[Step], walk_of: Callable[[Sequence[Step]], Walk], put: Callable[[Walk], None]
    ) -> None:
        """Sample a track whose life begins: its first item, and one now and then.

        `walk_of` returns what takes an item through such steps; `put` puts it in its place.
        """
        self._life = _Life(self._plan, steps, walk_of, put, self._keep)
        self.tap(self._tap)

    def tap(self, tap: Tap | None) -> None:
        """Sample one node more often from now on; None ends that."""
        self._tap = tap
        if self._life is not None:
            self._life.tap(tap)


class _Life:
    """Decides what takes the next item through the nodes, and what of it is sampled."""

    def __init__(
        self,
        plan: ExecutionPlan,
        steps: Sequence[Step],
        walk_of: Callable[[Sequence[Step]], Walk],
        put: Callable[[Walk], None],
        keep: Callable[[Sample], None],
    ) -> None:
        self._steps = steps
        self._walk_of = walk_of
        self._put = put
        self._plain = walk_of(steps)
        self._later = asyncio.get_running_loop().call_later
        self._recording = _Recording(plan, self._wants, keep)
        self._had: set[int] = set()  # nodes that were sampled in this round
        self._missing = {node.index for node in plan.nodes}  # nodes that never were
        self._in_round = 0  # items that belong to it
        self._round_is_due = True
        self._tap: Tap | None = None
        self._tap_rests = False
        self._put_next()

    def tap(self, tap: Tap | None) -> None:
        self._tap = tap
        self._put_next()

    def _put_next(self) -> None:
        # However few of the items come to a tapped node: all are observed until one has.
        is_due = self._round_is_due or (self._tap is not None and not self._tap_rests)
        self._put(self._observed if is_due else self._plain)

    async def _observed(self, it: Iteration) -> None:
        if self._round_is_due:
            self._in_round += 1
            # Seldom does an item come to a branch that is seldom taken.
            if self._in_round == _ROUND or not self._missing:
                self._round_is_due, self._in_round = False, 0
                self._later(max(SAMPLE_EVERY_S, self._recording.rest()), self._begin_round)
                self._put_next()
        await self._observed_walk(it)

    @functools.cached_property
    def _observed_walk(self) -> Walk:
        return self._walk_of(observed(self._steps, self._recording))

    def _begin_round(self) -> None:
        self._round_is_due = True
        self._had.clear()
        self._put_next()

    def _wants(self, step: Step) -> bool:
        """Tell whether what comes to this node now is to be sampled; if so, it will be."""
        is_tapped = self._tap is not None and not self._tap_rests and step.id == self._tap.node
        if is_tapped and self._tap is not None:
            self._tap_rests = True
            self._later(max(self._tap.every_s, self._recording.rest()), self._tap_again)
            self._put_next()
        elif step.index in self._had:
            return False
        self._had.add(step.index)
        self._missing.discard(step.index)
        return True

    def _tap_again(self) -> None:
        self._tap_rests = False
        self._put_next()


class _Kept(NamedTuple):
    """Data of a node as a sample holds it, and its size in characters of JSON; an infinite one if it is too big."""

    stored: Stored
    size: float


_NOTHING = _Kept(Stored({}), 0)


class _Recording:
    """Makes samples of what its steps tell of."""

    def __init__(self, plan: ExecutionPlan, wants: Callable[[Step], bool], keep: Callable[[Sample], None]) -> None:
        """`wants` tells whether what comes to a node now is to be sampled; if so, it will be."""
        self._plan = plan
        self._wants = wants
        self._keep = keep
        self._inputs: dict[tuple[Iteration, int], _Kept] = {}
        self._revisions: dict[int, dict[str, str]] = {}
        self._handed_on: tuple[Iteration, NodeData, _Kept] | None = None
        self._cost_s = 0.0

    def rest(self) -> float:
        """Return how many seconds to rest for what it took since it was asked last."""
        cost, self._cost_s = self._cost_s, 0.0
        return cost * _REST

    def entered(self, step: Step, data: NodeData, it: Iteration) -> None:
        """See `Observer`."""
        if not self._wants(step):
            return
        # Mostly it is what another node has just handed on. Later it must be looked at again: an author may have
        # changed it in place.
        before, self._handed_on = self._handed_on, None
        is_known = before is not None and before[0] is it and before[1] is data
        self._inputs[it, step.index] = before[2] if is_known and before is not None else self._kept(data, it)

    def settled(self, step: Step, output: NodeData | None, port: str | None, it: Iteration) -> None:
        """See `Observer`."""
        given = self._inputs.pop((it, step.index), None)
        if given is None:
            if output is None or _takes_time(step) or not self._wants(step):
                return
            kept = self._kept(output, it)
            given = kept if step.index else None
        else:
            kept = self._kept(output, it) if output is not None else _NOTHING
        if output is not None and step.dependants:
            self._handed_on = it, output, kept
        self._sample(step, it, given, kept if output is not None else None, port=port or "")

    def failed(self, step: Step, data: NodeData, it: Iteration, error: BaseException) -> None:
        """See `Observer`."""
        given = self._inputs.pop((it, step.index), None)
        if given is None and (_takes_time(step) or not self._wants(step)):
            return
        self._sample(step, it, given or self._kept(data, it), None, error=describe(error))

    def _sample(
        self, step: Step, it: Iteration, given: _Kept | None, output: _Kept | None, *, port: str = "", error: str = ""
    ) -> None:
        sizes = {"input": given.size if given is not None else 0, "output": output.size if output is not None else 0}
        cut = tuple(name for name, size in sizes.items() if size > MOST_KEPT)
        if not cut and sum(sizes.values()) > MOST_KEPT:
            cut = (max(sizes, key=lambda name: sizes[name]),)
        index = step.index
        if index not in self._revisions:
            self._revisions[index] = revisions(self._plan, index)
        sample = Sample(
            self._plan.loop,
            step.id,
            time(),
            it.item,
            _without_payload(given, "input" in cut),
            _without_payload(output, "output" in cut),
            port,
            error,
            self._plan.revision,
            self._revisions[index],
            cut,
        )
        self._keep(sample)

    def _kept(self, data: NodeData, it: Iteration) -> _Kept:
        began = perf_counter()
        try:
            return _stored(data, it.item, MOST_KEPT)
        finally:
            self._cost_s += perf_counter() - began


def _takes_time(step: Step) -> bool:
    """Tell whether a node is entered before it settles: neither the producer nor a queue writer is."""
    return step.index > 0 and step.queue is None


def _without_payload(kept: _Kept | None, is_cut: bool) -> Stored | None:
    if kept is None:
        return None
    return Stored({}, id=kept.stored.id) if is_cut else kept.stored


def _stored(data: NodeData, item: str, room: int) -> _Kept:
    """Return data as a sample of an item holds it, without secrets. Never raises."""
    id = "" if data.id == item else data.id
    try:
        payload = data.payload
        if _left(payload, room) < 0:
            return _Kept(Stored({}, id=id), float("inf"))
    except Exception as error:  # an author's class, or nested within itself or too deeply
        payload = {"repr": f"its payload cannot be read ({type(error).__name__})"}
    text, value = through_json(payload)
    kept = {need: _stored(each, item, room) for need, each in data.by.items()}
    size = len(text) + sum(each.size for each in kept.values())
    by = {need: each.stored for need, each in kept.items()}
    value = masked(value)
    return _Kept(Stored(value if isinstance(value, dict) else {"repr": value}, by, id), size)


def _left(value: Any, room: int) -> int:
    """Return about how much room is left for JSON behind a value; less than 0, without looking further, for none."""
    if isinstance(value, str | bytes | bytearray):
        return room - len(value)
    if isinstance(value, dict):
        room -= 4 * len(value)
        for key, each in value.items():
            if room < 0:
                return room
            room = _left(each, _left(key, room))
    elif isinstance(value, list | tuple):
        room -= 2 * len(value)
        for each in value:
            if room < 0:
                return room
            room = _left(each, room)
    elif hasattr(value, "__len__"):
        room -= 2 * len(value)
    return room - 1
