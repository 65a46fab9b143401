"""Nodes about time and counting: `interval`, `sequence`, `delay`, `rate-limit`."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from flowtui.model.data import NodeData
from flowtui.model.ids import derived_id
from flowtui.nodes.base import BlockingNode, Exhausted, NodeConfig, ProducerNode
from flowtui.nodes.durations import Duration
from flowtui.nodes.hints import Fixed, ShownIf, Unit


def _is_none(value: object) -> bool:
    return value is None


class Interval(ProducerNode):
    """Yield an item at a steady pace, the first at once.

    An item is `{"tick": 1, "at": "2026-01-31T12:00:00.000+00:00"}`. The schedule does not drift. Ticks that come due
    while the loop is busy or paused are skipped: however many they are, one comes at once when it goes on. Each start,
    also that after a reload or a crash, begins anew; `cron` keeps its times.
    """

    example: ClassVar = {"every": "2s"}

    class Config(NodeConfig):
        every: Duration = Field(description="Time between two items, like 1, 500ms or 2m.", ge=0.001)

    def setup(self) -> None:
        self._tick = 0
        self._due = time.monotonic()
        self._goes_on = asyncio.Event()
        self._goes_on.set()

    def halted(self, halted: bool) -> None:
        (self._goes_on.clear if halted else self._goes_on.set)()

    async def execute(self) -> dict[str, Any]:
        # A tick that came during a pause would be held, and then be followed by another at once.
        while (wait := self._due - time.monotonic()) > 0 or not self._goes_on.is_set():
            await asyncio.sleep(wait)
            await self._goes_on.wait()
        every = self.config.every
        self._due += every * (1 + int(-wait / every))
        self._tick += 1
        return {"tick": self._tick, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}


class Sequence(ProducerNode):
    """Yield a row of numbers, `{"n": 0}`, or a list of items, then complete.

    A list element that is a mapping is the item; any other becomes `{"n": its place, "value": the element}`.
    """

    example: ClassVar = {"items": [{"id": 1, "total": 12.5}, {"id": 2, "total": 2000}]}

    class Config(NodeConfig):
        count: int | None = Field(default=None, ge=0, description="How many numbers.")
        start: Annotated[int, ShownIf(_is_none, of="items")] = Field(default=0, description="The first number.")
        stop: int | None = Field(default=None, description="The number before which the row ends.")
        step: Annotated[int, ShownIf(_is_none, of="items")] = Field(
            default=1, description="From one number to the next; not 0."
        )
        items: list[Any] | None = Field(default=None, description="The items themselves, instead of numbers.")
        resume: bool = Field(
            default=False,
            description="Go on after a restart where the row was left, once only; otherwise each start begins anew.",
        )

        @model_validator(mode="after")
        def _one_row(self) -> Self:
            if [self.count, self.stop, self.items].count(None) != 2:
                raise ValueError("give exactly one of `count`, `stop` and `items`")
            if self.step == 0:
                raise ValueError("`step` must not be 0")
            return self

    def setup(self) -> None:
        self._next: int = self.cursor if self.config.resume and isinstance(self.cursor, int) else 0

    async def execute(self) -> Mapping[str, Any]:
        item = self._item(self._next)
        self._next += 1
        if not self.config.resume:
            return item
        self.cursor = self._next
        return NodeData(item, derived_id(self.loop, self.id, self._next))

    def _item(self, place: int) -> Mapping[str, Any]:
        config = self.config
        if config.items is not None:
            if place >= len(config.items):
                raise Exhausted
            element = config.items[place]
            return element if isinstance(element, Mapping) else {"n": place, "value": element}
        stop = config.start + config.count * config.step if config.count is not None else config.stop
        row = range(config.start, stop, config.step)
        if place >= len(row):
            raise Exhausted
        return {"n": row[place]}


class Delay(BlockingNode):
    """Hold the item for a while, then hand it on unchanged."""

    example: ClassVar = {"seconds": "500ms"}

    class Config(NodeConfig):
        seconds: Duration = Field(description="How long, like 1, 500ms or 2m.")

    async def execute(self, data: NodeData) -> NodeData:
        await asyncio.sleep(self.config.seconds)
        return data


class RateLimit(BlockingNode):
    """Let so many items through in any period of time, and hold the others until it is their turn.

    The first ones pass at once. Each track counts for itself, so three replicas let three times as many through, and
    counting begins anew at each start.
    """

    example: ClassVar = {"items": 10, "per": "1m"}

    class Config(NodeConfig):
        items: Annotated[int, Unit("items"), Fixed("the limit is one of all items together")] = Field(
            ge=1, le=100_000, description="Most items that pass in a period."
        )
        per: Annotated[Duration, Fixed("the limit is one of all items together")] = Field(
            default=1.0, ge=0.001, description="How long a period is, like 1s or 1m."
        )

    def setup(self) -> None:
        self._turns: deque[float] = deque()  # when the last ones passed, and others will

    async def execute(self, data: NodeData) -> NodeData:
        turn = self._next_turn()
        self._turns.append(turn)
        try:
            while (wait := turn - time.monotonic()) > 0:
                await asyncio.sleep(wait)
        except asyncio.CancelledError:
            self._turns.remove(turn)  # else items that time out would put off all others for ever
            raise
        return data

    def _next_turn(self) -> float:
        config, turns, now = self.config, self._turns, time.monotonic()
        over = now - config.per
        while turns and turns[0] <= over:
            turns.popleft()
        return max(now, turns[-config.items] + config.per) if len(turns) >= config.items else now
