"""`interval`, `sequence`, `delay`, `rate-limit` and durations."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from flowtui import Exhausted, NodeData
from flowtui.nodes.builtin import schedule
from flowtui.nodes.builtin.schedule import Delay, Interval, RateLimit, Sequence
from flowtui.nodes.durations import seconds
from flowtui.nodes.templates import compile_config


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2, 2.0), (0.5, 0.5), ("2", 2.0), ("500ms", 0.5), ("1s", 1.0), (" 1.5 s ", 1.5), ("2m", 120.0), ("1h", 3600.0)],
)
def test_a_duration_is_a_number_of_seconds_or_text_with_a_unit(value: Any, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize("value", ["", "1x", "-1s", "s", "1 2s", -1, float("nan"), float("inf"), True, None, []])
def test_what_is_no_duration_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="a duration is"):
        seconds(value)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        monkeypatch.setattr(schedule.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(schedule.asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def interval(every: object) -> Interval:
    node = Interval(Interval.Config.model_validate({"every": every}))
    node.setup()
    return node


async def test_an_interval_ticks_at_once_and_then_steadily(clock: Clock) -> None:
    node = interval("500ms")
    ticks = []
    for _ in range(3):
        ticks.append((await node.execute())["tick"])
        clock.now += 0.2  # the time that the loop needs must not add up
    assert ticks == [1, 2, 3]
    assert clock.slept == [0.3, 0.3]


async def test_an_interval_skips_missed_ticks_and_keeps_its_schedule(clock: Clock) -> None:
    node = interval(1)
    await node.execute()
    clock.now += 3.4
    assert (await node.execute())["tick"] == 2
    assert clock.slept == []
    await node.execute()
    assert clock.slept == [0.6]


async def test_an_interval_that_is_cancelled_while_it_waits_loses_no_tick(clock: Clock) -> None:
    node = interval(10)
    await node.execute()

    async def cancelled(_: float) -> None:
        raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule.asyncio, "sleep", cancelled)
        with pytest.raises(asyncio.CancelledError):
            await node.execute()
    assert (await node.execute())["tick"] == 2


async def test_an_interval_says_when_it_ticked() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    at = datetime.fromisoformat((await interval("1s").execute())["at"])
    assert before <= at <= datetime.now(UTC)


async def test_an_interval_waits_in_real_time() -> None:
    node = interval("20ms")
    started = time.monotonic()
    for _ in range(4):
        await node.execute()
    assert time.monotonic() - started >= 0.06


@pytest.mark.parametrize("every", [0, "0s", -1, "soon"])
def test_an_interval_needs_time_between_ticks(every: object) -> None:
    _, problems = compile_config(Interval.Config, {"every": every})
    assert [problem.path for problem in problems] == [("every",)]


def sequence(**config: Any) -> Sequence:
    template, problems = compile_config(Sequence.Config, config)
    assert template is not None, problems
    node = Sequence(template.static, id="row", loop="flow.row")
    node.setup()
    return node


async def all_of(node: Sequence) -> list[dict[str, Any]]:
    items = []
    while True:
        try:
            items.append(dict(await node.execute()))
        except Exhausted:
            return items


@pytest.mark.parametrize(
    ("config", "numbers"),
    [
        ({"count": 3}, [0, 1, 2]),
        ({"count": 0}, []),
        ({"count": 3, "start": 5, "step": -2}, [5, 3, 1]),
        ({"stop": 3}, [0, 1, 2]),
        ({"start": 1, "stop": 8, "step": 3}, [1, 4, 7]),
        ({"start": 3, "stop": 0}, []),
    ],
)
async def test_a_sequence_yields_its_numbers_and_is_exhausted(config: dict[str, Any], numbers: list[int]) -> None:
    assert await all_of(sequence(**config)) == [{"n": number} for number in numbers]


async def test_a_sequence_yields_the_items_of_a_list() -> None:
    items = [{"a": 1}, "text", [1]]
    assert await all_of(sequence(items=items)) == [{"a": 1}, {"n": 1, "value": "text"}, {"n": 2, "value": [1]}]


@pytest.mark.parametrize("config", [{}, {"count": 1, "stop": 2}, {"count": 1, "items": []}, {"count": 1, "step": 0}])
def test_a_sequence_needs_exactly_one_row(config: dict[str, Any]) -> None:
    _, problems = compile_config(Sequence.Config, config)
    assert [problem.path for problem in problems] == [()]


async def test_a_sequence_begins_anew_at_each_start() -> None:
    node = sequence(count=2)
    await all_of(node)
    assert node.cursor is None
    node.setup()
    assert await all_of(node) == [{"n": 0}, {"n": 1}]


async def test_a_sequence_that_resumes_goes_on_behind_the_last_committed_item() -> None:
    first = sequence(count=4, resume=True)
    produced = [await first.execute() for _ in range(2)]
    cursor = first.cursor
    await first.execute()  # never committed
    second = sequence(count=4, resume=True)
    second.cursor = cursor
    second.setup()
    repeated = await second.execute()
    assert [item["n"] for item in [*produced, repeated]] == [0, 1, 2]
    assert await all_of(second) == [{"n": 3}]


async def test_items_of_a_resumed_sequence_keep_their_ids() -> None:
    first, second = [await sequence(count=4, resume=True).execute() for _ in range(2)]
    assert isinstance(first, NodeData)
    assert isinstance(second, NodeData)
    assert first.id == second.id != ""


async def test_a_delay_hands_the_item_on_after_its_time(work: Any, clock: Clock) -> None:
    result = await work(Delay, {"seconds": "{{ data.wait }}ms"}, {"wait": 250})
    assert result == {"wait": 250}
    assert clock.slept == [0.25]


def limit(items: int, per: object) -> RateLimit:
    node = RateLimit(RateLimit.Config.model_validate({"items": items, "per": per}))
    node.setup()
    return node


async def test_a_rate_limit_lets_so_many_through_in_any_period(clock: Clock) -> None:
    node = limit(3, "10s")
    passed = []
    for pause in (0, 0, 4, 0, 0, 0, 30, 0, 0, 0):
        clock.now += pause
        assert await node.execute(NodeData({"n": 1})) == {"n": 1}
        passed.append(clock.now - 1000)
    assert passed == [0, 0, 4, 10, 10, 14, 44, 44, 44, 54]


async def test_items_that_wait_together_pass_when_it_is_their_turn() -> None:
    node = limit(2, "30ms")
    order: list[int] = []

    async def one(n: int) -> None:
        await node.execute(NodeData({}))
        order.append(n)

    started = time.monotonic()
    await asyncio.gather(*(one(n) for n in range(6)))
    assert [{*order[n : n + 2]} for n in (0, 2, 4)] == [{0, 1}, {2, 3}, {4, 5}]
    assert time.monotonic() - started >= 0.06


async def test_a_rate_limit_can_be_left_while_it_waits() -> None:
    node = limit(1, "1h")
    await node.execute(NodeData({}))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await node.execute(NodeData({}))


def test_a_rate_limit_is_the_same_for_all_items() -> None:
    _, problems = compile_config(RateLimit.Config, {"items": "{{ data.n }}", "per": "{{ data.n }}"})
    assert [problem.path for problem in problems] == [("items",), ("per",)]
