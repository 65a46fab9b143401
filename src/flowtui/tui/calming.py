"""Over slow lines: a snapshot whose figures change only when they say something new."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from flowtui.model.snapshot import EngineSnapshot, LoopView, NodeView, QueueView

#: Times a second that the screen is brought up to date.
CALM_REFRESH = 1.0
#: A figure stays as it is shown until it is off by more than this share.
_BAND = 0.1
#: Seconds between two pictures of the last minute, and the steps in which time passes.
_SPARKS_EVERY_S = 10.0
_CLOCK_STEP_S = 5.0


class Calm:
    """Remembers what is shown of every loop, node and queue. Errors, losses and states are always exact."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, ...], float] = {}
        self._history: dict[str, tuple[float, ...]] = {}
        self._history_at = -math.inf

    def calmed(self, snapshot: EngineSnapshot) -> EngineSnapshot:
        """Return a snapshot to show in place of this one."""
        if snapshot.taken_at - self._history_at >= _SPARKS_EVERY_S:
            self._history_at = snapshot.taken_at
            self._history = {loop.id: loop.history for loop in snapshot.loops}
        calm = replace(
            snapshot,
            taken_at=_floor(snapshot.taken_at),
            uptime_s=_floor(snapshot.uptime_s),
            loops=tuple(map(self._loop, snapshot.loops)),
            queues=tuple(map(self._queue, snapshot.queues)),
        )
        named = set(_names(calm))
        self._shown = {key: figure for key, figure in self._shown.items() if key[:2] in named}
        return calm

    def _loop(self, loop: LoopView) -> LoopView:
        key = "loop", loop.id
        return replace(
            loop,
            rate=self._figure(loop.rate, *key, "rate"),
            p95_ms=self._maybe(loop.p95_ms, *key, "p95"),
            iterations=round(self._figure(loop.iterations, *key, "iterations")),
            in_flight=round(self._figure(loop.in_flight, *key, "in flight")),
            history=self._history.setdefault(loop.id, loop.history),
            nodes=tuple(self._node(loop.id, node) for node in loop.nodes),
        )

    def _node(self, loop: str, node: NodeView) -> NodeView:
        key = "loop", loop, node.id
        return replace(
            node,
            rate=self._figure(node.rate, *key, "rate"),
            p95_ms=self._maybe(node.p95_ms, *key, "p95"),
            runs=round(self._figure(node.runs, *key, "runs")),
            busy=self._maybe(node.busy, *key, "busy"),
        )

    def _queue(self, queue: QueueView) -> QueueView:
        key = "queue", queue.name
        return replace(
            queue,
            depth=round(self._figure(queue.depth, *key, "depth")),
            in_flight=round(self._figure(queue.in_flight, *key, "in flight")),
            in_rate=self._figure(queue.in_rate, *key, "in"),
            out_rate=self._figure(queue.out_rate, *key, "out"),
            oldest_s=None if queue.oldest_s is None else _ceiling(queue.oldest_s),
        )

    def _maybe(self, figure: float | None, *key: str) -> float | None:
        return None if figure is None else self._figure(figure, *key)

    def _figure(self, figure: float, *key: str) -> float:
        """Return what is shown already if that is near; nothing and something are never near."""
        shown = self._shown.get(key)
        if shown is None or not figure or abs(figure - shown) > _BAND * abs(shown):
            self._shown[key] = shown = _two_digits(figure)
        return shown


def _names(snapshot: EngineSnapshot) -> Iterator[tuple[str, str]]:
    yield from (("loop", loop.id) for loop in snapshot.loops)
    yield from (("queue", queue.name) for queue in snapshot.queues)


def _two_digits(figure: float) -> float:
    return float(f"{figure:.2g}")


def _floor(seconds: float) -> float:
    return seconds // _CLOCK_STEP_S * _CLOCK_STEP_S


def _ceiling(seconds: float) -> float:
    return math.ceil(seconds / _CLOCK_STEP_S) * _CLOCK_STEP_S
