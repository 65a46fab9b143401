"""`cron`, on a clock that passes only while it sleeps, and in real time once."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flowtui.nodes.builtin import cron
from flowtui.nodes.builtin.cron import Cron, Schedule
from node_at_work import faults

BERLIN = "Europe/Berlin"


class Clock:
    """The wall clock; `jump` sets it while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = at("2026-01-01T00:00:30")
        self.longest = 0.0
        self.jump = 0.0
        monkeypatch.setattr(cron.time, "time", lambda: self.now)
        monkeypatch.setattr(cron.asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.longest = max(self.longest, seconds)
        self.now += seconds + self.jump
        self.jump = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def started(cursor: Any = None, **config: Any) -> Cron:
    node = Cron(Cron.Config.model_validate(config), id="tick", loop="flow.tick")
    node.cursor = cursor
    node.setup()
    return node


async def scheduled(node: Cron, count: int) -> list[str]:
    return [(await node.execute())["scheduled"] for _ in range(count)]


async def test_an_item_comes_at_each_time_and_says_which(clock: Clock) -> None:
    node = started(expression="*/5 * * * *")
    first, second = await node.execute(), await node.execute()
    assert first == {
        "at": "2026-01-01T00:05:00+00:00",
        "scheduled": "2026-01-01T00:05:00+00:00",
        "missed": False,
        "tick": 1,
    }
    assert (second["scheduled"], second["tick"]) == ("2026-01-01T00:10:00+00:00", 2)
    assert clock.longest <= 2


@pytest.mark.parametrize(
    ("expression", "start", "ticks"),
    [
        # 2:30 does not exist on 29 March: it comes right behind the gap.
        ("30 2 * * *", "2026-03-28T12:00:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
        # On 25 October it exists twice, and counts once.
        ("30 2 * * *", "2026-10-24T12:00:00", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        # Half-hourly, both of them count.
        ("*/30 * * * *", "2026-10-25T00:20:00", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00"]),
        ("0 * * * *", "2026-03-29T00:30:00", ["2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]),
        # Begun between the two 2:30, it waits for the next day.
        ("30 2 * * *", "2026-10-25T01:10:00", ["2026-10-26T02:30:00+01:00"]),
    ],
)  # fmt: skip
async def test_clocks_that_go_forward_or_back(expression: str, start: str, ticks: list[str], clock: Clock) -> None:
    clock.now = at(start)
    assert await scheduled(started(expression=expression, time_zone=BERLIN), len(ticks)) == ticks


@pytest.mark.parametrize("expression", ["30 2 * * *", "*/30 * * * *", "0 3 * * *", "@hourly"])
@pytest.mark.parametrize("day", ["2026-03-28T00:00:00", "2026-10-24T00:00:00"])
def test_looking_back_finds_the_same_ticks_as_waiting_for_them(expression: str, day: str) -> None:
    schedule = Schedule(expression, ZoneInfo(BERLIN))
    begin, end = at(day), at(day) + 3 * 86400
    forward, moment = [], begin
    while (moment := schedule.after(moment)) <= end:
        forward.append(moment)
    assert schedule.between(begin, end, 1000) == forward
    assert schedule.between(begin, end, 2) == forward[-2:]


MISSED = {"at": at("2026-01-01T00:02:00"), "tick": 7, "times": "* * * * * UTC"}


@pytest.mark.parametrize(
    ("config", "items"),
    [
        ({"missed": "skip"}, [("00:06", False, 8), ("00:07", False, 9)]),
        ({"missed": "once"}, [("00:05", True, 8), ("00:06", False, 9)]),
        ({"missed": "all"}, [("00:03", True, 8), ("00:04", True, 9), ("00:05", True, 10), ("00:06", False, 11)]),
        ({"missed": "all", "max_catch_up": 2}, [("00:04", True, 8), ("00:05", True, 9), ("00:06", False, 10)]),
    ],
)
async def test_missed_times_are_skipped_or_made_up_for(
    config: Any, items: Any, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clock.now = at("2026-01-01T00:05:30")
    node = started(MISSED, expression="* * * * *", **config)
    found = [await node.execute() for _ in items]
    assert [(each["scheduled"][11:16], each["missed"], each["tick"]) for each in found] == items
    told = {"skip": "missed ticks: 3, the last at 2026-01-01T00:05:00+00:00", "once": "missed ticks: 3, the last at"}
    assert told.get(config["missed"], "max_catch_up is 2" if "max_catch_up" in config else "") in "".join(
        caplog.messages
    )


async def test_years_of_missed_times_do_not_take_long(clock: Clock) -> None:
    node = started(MISSED | {"at": at("2016-01-01T00:00:00")}, expression="* * * * *", missed="once")
    began = time.perf_counter()
    assert (await node.execute())["scheduled"] == "2026-01-01T00:00:00+00:00"
    assert time.perf_counter() - began < 5


async def test_a_restart_neither_repeats_nor_forgets_a_time(clock: Clock) -> None:
    first = started(expression="* * * * *", missed="all")
    done = await first.execute()
    cursor = first.cursor
    lost = await first.execute()  # the engine dies before its commit
    second = started(cursor, expression="* * * * *", missed="all")
    clock.now += 100
    again = await second.execute()
    assert done["tick"] == 1
    assert (again["scheduled"], again["tick"], again.id) == (lost["scheduled"], lost["tick"], lost.id)
    assert again.id != done.id


async def test_a_tick_that_is_seconds_late_is_in_time(clock: Clock) -> None:
    node = started(expression="* * * * *")
    await node.execute()
    clock.now += 65
    assert (await node.execute())["missed"] is False


async def test_a_clock_that_jumps_forward_misses_times(clock: Clock) -> None:
    node = started(expression="0 * * * *", missed="once")
    clock.jump = 5 * 3600
    assert [(item["scheduled"][11:16], item["missed"]) for item in [await node.execute()]] == [("05:00", True)]


async def test_a_clock_that_is_set_back_a_little_repeats_nothing(clock: Clock) -> None:
    node = started(expression="* * * * *")
    assert await scheduled(node, 1) == ["2026-01-01T00:01:00+00:00"]
    clock.now -= 600
    assert await scheduled(node, 1) == ["2026-01-01T00:02:00+00:00"]


async def test_a_clock_that_was_years_ahead_does_not_silence_the_loop(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    node = started(MISSED | {"at": at("2036-01-01T00:00:00")}, expression="* * * * *")
    assert await scheduled(node, 1) == ["2026-01-01T00:01:00+00:00"]
    assert "the clock was set back from 2036" in caplog.text


async def test_jitter_is_late_by_the_same_time_each_time(clock: Clock) -> None:
    times = []
    for _ in range(2):
        clock.now = at("2026-01-01T00:00:30")
        item = await started(expression="* * * * *", jitter="40s").execute()
        assert item["scheduled"] == "2026-01-01T00:01:00+00:00"
        assert item["missed"] is False
        times.append(clock.now - at(item["scheduled"]))
    assert times[0] == pytest.approx(times[1])
    assert 0 < times[0] < 40


async def test_a_wait_can_be_cancelled_and_loses_no_time(clock: Clock) -> None:
    node = started(expression="* * * * *")

    async def cancelled(_: float) -> None:
        raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cron.asyncio, "sleep", cancelled)
        with pytest.raises(asyncio.CancelledError):
            await node.execute()
    assert await scheduled(node, 1) == ["2026-01-01T00:01:00+00:00"]


async def test_seconds_tick_in_real_time() -> None:
    node = started(expression="* * * * * *")
    item = await node.execute()
    assert item["missed"] is False
    assert abs(time.time() - datetime.fromisoformat(item["scheduled"]).timestamp()) < 5


@pytest.mark.parametrize(
    ("config", "key", "message"),
    [
        ({"expression": "61 * * * *"}, "expression", "Bad minute"),
        ({"expression": "* * *"}, "expression", "Wrong number of fields"),
        ({"expression": "0 0 31 2 *"}, "expression", "Bad day-of-month"),
        ({"expression": "soon"}, "expression", "write minute, hour"),
        ({"expression": "@daily", "time_zone": "Berlin"}, "time_zone", "there is no time zone 'Berlin'"),
        ({"expression": "@daily", "time_zone": "../../etc/passwd"}, "time_zone", "there is no time zone"),
    ],
)
def test_what_cannot_be_kept_is_a_problem_at_load(config: Any, key: str, message: str) -> None:
    assert message in faults(Cron, config)[key]


def test_time_zones_are_known_on_a_machine_without_any(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import zoneinfo  # noqa: PLC0415 - its search path is changed for this test only

    try:
        zoneinfo.reset_tzpath([])
        cron.zone.cache_clear()
        assert faults(Cron, {"expression": "@daily", "time_zone": "America/New_York"}) == {}
    finally:
        zoneinfo.reset_tzpath()
        cron.zone.cache_clear()
