"""`cron`: an item at times of day."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import deque
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import islice, takewhile
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from flowtui.model.data import NodeData
from flowtui.model.ids import derived_id
from flowtui.nodes.base import NodeConfig, ProducerNode
from flowtui.nodes.durations import Duration
from flowtui.nodes.hints import ShownIf, Unit

_WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
#: The longest sleep: the clock of the machine may be set, and the machine may sleep, which no timer notices.
_LOOK_S = 2.0
#: A tick that is noticed this much later was missed.
_ON_TIME_S = 10.0
#: A clock that is set back by more was wrong before; until then, ticks that were are not repeated.
_SET_BACK_S = 3 * 3600.0
_MOST_COUNTED = 1000


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """Return a time zone like `Europe/Berlin`.

    Raises:
        ValueError: if there is none of that name.
    """
    if name == "UTC":
        return UTC
    if name not in available_timezones():
        raise ValueError(f"there is no time zone {name!r}; write one like Europe/Berlin or UTC")
    return ZoneInfo(name)


class Schedule:
    """The ticks of a cron expression in a time zone, as seconds since 1970."""

    def __init__(self, expression: str, zone: tzinfo) -> None:
        """Raises ValueError if it is no expression."""
        self._expression = _WORDS.get(expression.strip().lower(), expression)
        self._zone = zone
        try:
            self.after(time.time())
        except (CronSimError, StopIteration) as error:
            raise ValueError(
                f"{expression!r} is no cron expression ({error or 'it has no tick in 50 years'}); write minute, hour, "
                "day, month and weekday, like `30 6 * * MON-FRI`, perhaps seconds first, or @hourly, @daily, @weekly"
            ) from None

    def after(self, moment: float) -> float:
        """Return the first tick after a moment."""
        ticks = CronSim(self._expression, self.local(moment))
        # At the end of summer time a tick of the hour that comes twice may be one of before.
        return next(tick for each in ticks if (tick := each.timestamp()) > moment)

    def between(self, after: float, until: float, most: int) -> list[float]:
        """Return the ticks after a moment until another, itself included; of more than `most` the latest."""
        backwards = (each.timestamp() for each in CronSim(self._expression, self.local(until + 1), reverse=True))
        found = islice(takewhile(lambda tick: tick > after, (tick for tick in backwards if tick <= until)), most)
        return sorted(set(found))

    def local(self, moment: float) -> datetime:
        return datetime.fromtimestamp(moment, self._zone)


class Cron(ProducerNode):
    """Yield an item at each time that a cron expression names.

    An item is `{"at": …, "scheduled": …, "missed": false, "tick": 1}`: when it was made, which time it stands for,
    whether that was missed, and how many there were. The same time always has the same id, so a crash never doubles it.
    A time is missed if 10 seconds later the loop still is stopped, paused or busy, or the machine asleep. One whose
    item was cut off by a crash, or by the end of a stop's grace, counts as if it had not come yet. Before the very
    first start, and before `expression` or `time_zone` was changed, nothing can be missed.

    When clocks go forward, a time of day that is skipped comes right behind the gap; when they go back, one that comes
    twice counts once. Expressions for each hour or minute follow real time.
    """

    example: ClassVar = {"expression": "30 6 * * MON-FRI", "time_zone": "Europe/Berlin", "missed": "once"}

    class Config(NodeConfig):
        expression: str = Field(
            description="Minute, hour, day, month and weekday, like `*/5 * * * *`; perhaps seconds first; or @daily."
        )
        time_zone: str = Field(default="UTC", description="Whose clock counts, like Europe/Berlin.")
        missed: Literal["skip", "once", "all"] = Field(
            default="skip", description="What becomes of missed times: nothing, one item for the latest, or one each."
        )
        max_catch_up: Annotated[int, Unit("items"), ShownIf(lambda missed: missed == "all", of="missed")] = Field(
            default=100, ge=1, le=10_000, description="Most missed times that are made up for, the latest ones."
        )
        jitter: Duration = Field(
            default=0.0,
            description="Each item comes later by a random time up to this, so that many machines do not act at once; "
            "keep it shorter than the time between two items.",
        )

        @field_validator("time_zone")
        @classmethod
        def _is_zone(cls, name: str) -> str:
            zone(name)
            return name

        @field_validator("expression")
        @classmethod
        def _is_expression(cls, text: str) -> str:
            Schedule(text, UTC)
            return text

    def setup(self) -> None:
        config = self.config
        self._schedule = Schedule(config.expression, zone(config.time_zone))
        self._waiting: deque[float] = deque()  # missed ticks that are made up for
        self._found = (math.nan, math.nan)
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        known = self.cursor if isinstance(self.cursor, dict) else {}
        self._tick: int = known.get("tick", 0)
        self._times = f"{config.expression} {config.time_zone}"
        self._last: float = known["at"] if known.get("times") == self._times else time.time()
        self._save()

    def halted(self, halted: bool) -> None:
        (self._goes_on.clear if halted else self._goes_on.set)()

    async def execute(self) -> NodeData:
        while True:
            await self._goes_on.wait()  # a tick that was held during a pause would not count as missed
            if self._waiting:
                return self._item(self._waiting[0], missed=True)
            self._heed_set_back()
            tick = self._next()
            due = tick + self._delay_of(tick)
            now = time.time()
            if now < due:
                await asyncio.sleep(min(due - now, _LOOK_S))
            elif now - due < _ON_TIME_S:
                return self._item(tick, missed=False)
            else:
                self._miss(tick, now)

    def _next(self) -> float:
        # A look at the clock every two seconds is cheap, but not the search for the next tick.
        after, tick = self._found
        if after != self._last:
            tick = self._schedule.after(self._last)
            self._found = (self._last, tick)
        return tick

    def _heed_set_back(self) -> None:
        now = time.time()
        if self._last - now > _SET_BACK_S:
            self.log.warning("the clock was set back from %s; going on from now", self._text(self._last))
            self._last = now

    def _miss(self, tick: float, now: float) -> None:
        """Decide what becomes of the ticks that came due and were not seen, `tick` first."""
        config = self.config
        most = config.max_catch_up if config.missed == "all" else _MOST_COUNTED
        late = self._schedule.between(self._last, now - _ON_TIME_S, most + 1) or [tick]
        kept = {"skip": [], "once": late[-1:], "all": late[-most:]}[config.missed]
        if config.missed == "all" and len(late) > most:
            self.log.warning("missed ticks before %s are skipped: max_catch_up is %d", self._text(kept[0]), most)
        elif len(late) > len(kept):
            count = f"{len(late)}" if len(late) <= most else f"more than {most}"
            self.log.info("missed ticks: %s, the last at %s", count, self._text(late[-1]))
        if not kept:
            self._last = late[-1]
        self._waiting.extend(kept)

    def _item(self, tick: float, *, missed: bool) -> NodeData:
        if missed:
            self._waiting.popleft()
        self._last = tick
        self._tick += 1
        self._save()
        payload: dict[str, Any] = {
            "at": self._text(time.time()),
            "scheduled": self._text(tick),
            "missed": missed,
            "tick": self._tick,
        }
        return NodeData(payload, derived_id(self.loop, self.id, int(tick)))

    def _save(self) -> None:
        self.cursor = {"at": self._last, "tick": self._tick, "times": self._times}

    def _text(self, moment: float) -> str:
        return self._schedule.local(moment).isoformat(timespec="seconds")

    def _delay_of(self, tick: float) -> float:
        """Return the jitter of a tick: the same each time, so that a crash does not change it."""
        most: float = self.config.jitter
        if not most:
            return 0.0
        digest = hashlib.blake2b(f"{self.loop}|{self.id}|{tick}".encode(), digest_size=4).digest()
        return most * int.from_bytes(digest) / 2**32
