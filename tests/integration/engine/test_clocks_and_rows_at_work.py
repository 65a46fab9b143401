"""`interval`, `cron` and `sequence` in a loop that is paused, stopped, changed on disk, or crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine_lab import Lab, quiet, run
from flowtui.engine.reload import swap
from flowtui.model.states import Command, LoopState
from held_items import Clocks, Held, contents, crash, flow, new_held, plan_from, set_clocks
from patient_loop import PatientLoop

INTERVAL = "type: interval\nconfig: {every: 10s}"
ROW = "type: sequence\nconfig: {count: 6, resume: true}"
HOUR_S = 3600.0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


class World:
    """A running loop that begins with one of these producers, in a folder, with clocks of its own."""

    def __init__(self, lab: Lab, clocks: Clocks, folder: Path) -> None:
        self.lab = lab
        self.clocks = clocks
        self._folder = folder

    async def swap(self, start: str) -> None:
        assert await swap(self.lab.loop, plan_from(flow(start), self._folder)) == ""

    async def paused(self) -> None:
        self.lab.tell(Command.PAUSE)
        await self.lab.until(LoopState.PAUSED)

    async def resumed(self) -> None:
        self.lab.tell(Command.RESUME)
        await self.lab.until(LoopState.RUNNING)

    async def field(self, name: str) -> list[Any]:
        """What has come, by one field; of times the minute only, with a mark if it was missed."""
        found = await contents(self.lab)
        if name == "scheduled":
            return [each[name][14:16] + ("!" if each["missed"] else "") for each in found]
        return [each[name] for each in found]

    async def scheduled(self) -> list[str]:
        return await self.field("scheduled")


@pytest.fixture
def held() -> Held:
    return new_held()


@pytest.fixture
def play(held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Let something happen to a loop that begins with a producer; if `hold`, once its first item is held."""

    def whole(start: str, act: Callable[[World], Coroutine[Any, Any, None]], *, hold: bool = False) -> None:
        async def scene() -> None:
            if hold:
                held.gate.clear()
            clocks = set_clocks(monkeypatch)
            lab = Lab(plan_from(flow(start), tmp_path))
            await lab.running()
            try:
                await held.until_seen(hold)
                await act(World(lab, clocks, tmp_path))
            finally:
                await lab.stop()
                await lab.close()

        run(scene(), PatientLoop)

    return whole


def cron(missed: str = "skip", expression: str = "* * * * *") -> str:
    return f"type: cron\nconfig: {{expression: '{expression}', missed: {missed}}}"


# ---- pause ----


def test_an_interval_that_is_paused_while_it_waits_ticks_once_when_it_goes_on(play: Any) -> None:
    async def act(world: World) -> None:
        await asyncio.sleep(25)
        await world.paused()
        await asyncio.sleep(HOUR_S)
        assert await world.field("tick") == [1, 2, 3]
        await world.resumed()
        await asyncio.sleep(1)
        assert await world.field("tick") == [1, 2, 3, 4]
        await asyncio.sleep(10)
        assert await world.field("tick") == [1, 2, 3, 4, 5]

    play(INTERVAL, act)


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("skip", ["01", "05"]), ("once", ["01", "04!", "05"]), ("all", ["01", "02!", "03!", "04!", "05"])],
)
def test_times_that_a_pause_has_covered_are_missed(missed: str, expected: list[str], play: Any) -> None:
    async def act(world: World) -> None:
        await asyncio.sleep(50)  # 00:01:20
        await world.paused()
        await asyncio.sleep(200)  # 00:04:40
        assert await world.scheduled() == ["01"]
        await world.resumed()
        await asyncio.sleep(30)  # 00:05:10
        assert await world.scheduled() == expected

    play(cron(missed), act)


def test_a_row_that_is_paused_goes_on_without_a_gap(play: Any, held: Held) -> None:
    async def act(world: World) -> None:
        world.lab.tell(Command.PAUSE)
        held.gate.set()
        await world.lab.until(LoopState.PAUSED)
        await asyncio.sleep(HOUR_S)
        assert await world.field("n") == [0]
        world.lab.tell(Command.RESUME)
        await world.lab.until(LoopState.COMPLETED)
        assert await world.field("n") == [*range(6)]

    play(ROW, act, hold=True)


# ---- stop ----


@pytest.mark.parametrize(
    ("start", "field", "letters", "later", "expected"),
    [
        (ROW, "n", [], 1, [0, 1, 2, 3, 4, 5]),
        (ROW.replace("true", "false"), "n", [0], 1, [0, 1, 2, 3, 4, 5]),
        (INTERVAL, "tick", [1], 25, [1, 2, 3]),
        (cron("once"), "scheduled", [], 110, ["01!", "02", "03"]),
        (cron("skip"), "scheduled", [], 110, ["02", "03"]),
    ],
    ids=["sequence that resumes", "sequence", "interval", "cron, once", "cron, skip"],
)
def test_an_item_that_outlasts_the_grace_comes_again_or_is_a_dead_letter(
    start: str, field: str, letters: list[int], later: float, expected: list[Any], play: Any, held: Held
) -> None:
    async def act(world: World) -> None:
        lab = world.lab
        lab.tell(Command.STOP)
        await lab.until(LoopState.STOPPED)
        assert await contents(lab) == []
        assert [letter.payload[field] for letter in await lab.letters()] == letters
        held.gate.set()
        await asyncio.sleep(20)  # 00:01:30, if it began with a time
        lab.tell(Command.START)
        await asyncio.sleep(later)
        assert await world.field(field) == expected

    play(start, act, hold=True)


def test_what_ends_within_the_grace_is_stored_and_its_place_with_it(play: Any, held: Held) -> None:
    async def act(world: World) -> None:
        lab = world.lab
        lab.tell(Command.STOP)
        await asyncio.sleep(5)
        held.gate.set()
        await lab.until(LoopState.STOPPED)
        assert await world.field("n") == [0]
        lab.tell(Command.START)
        await lab.until(LoopState.COMPLETED)
        assert [seen[1]["n"] for seen in held.seen] == [*range(6)]

    play(ROW, act, hold=True)


# ---- reload ----


def test_a_row_goes_on_behind_the_last_item_with_the_new_config(play: Any, held: Held) -> None:
    async def act(world: World) -> None:
        swapping = asyncio.create_task(world.swap("type: sequence\nconfig: {count: 4, start: 100, resume: true}"))
        await asyncio.sleep(5)
        held.gate.set()
        await swapping
        await world.lab.until(LoopState.COMPLETED)
        assert await world.field("n") == [0, 101, 102, 103]

    play(ROW, act, hold=True)


def test_a_reloaded_interval_begins_anew_and_the_old_one_is_silent(play: Any) -> None:
    async def act(world: World) -> None:
        await asyncio.sleep(15)
        assert await world.field("tick") == [1, 2]
        await world.swap("type: interval\nconfig: {every: 4s}")
        await asyncio.sleep(9)
        assert await world.field("tick") == [1, 2, 1, 2, 3]

    play(INTERVAL, act)


def test_a_reloaded_cron_repeats_no_time(play: Any) -> None:
    async def act(world: World) -> None:
        await asyncio.sleep(100)  # 00:02:10
        await world.swap(cron("all") + "\nloop: {breaker: 3}")  # another revision, the same times
        await asyncio.sleep(60)  # 00:03:10
        assert await world.scheduled() == ["01", "02", "03"]

    play(cron("all"), act)


@pytest.mark.parametrize("missed", ["once", "all"])
def test_a_changed_expression_counts_from_the_reload_on(missed: str, play: Any) -> None:
    async def act(world: World) -> None:
        await asyncio.sleep(540)  # 00:09:30
        await world.swap(cron(missed, "*/2 * * * *"))  # the times since 00:01 never were due
        await asyncio.sleep(160)  # 00:12:10
        assert await world.scheduled() == ["01", "10", "12"]
        await world.lab.stop()
        world.lab.tell(Command.START)
        await asyncio.sleep(120)  # 00:14:10
        assert await world.scheduled() == ["01", "10", "12", "14"]

    play(cron(missed, "1 * * * *"), act)


# ---- crash ----


def test_every_item_of_a_row_arrives_once_though_the_loop_crashes_with_each_of_them(play: Any, held: Held) -> None:
    async def act(world: World) -> None:
        for n in range(6):
            await held.until_seen(2 * n + 1)
            await asyncio.sleep(1)  # for the commit of the one before
            await crash(world.lab)
            await held.until_seen(2 * n + 2)
            held.let_one_pass()
        await world.lab.until(LoopState.COMPLETED)
        assert [seen["n"] for _, seen, _ in held.seen] == [n for n in range(6) for _ in range(2)]
        assert await world.field("n") == [*range(6)]

    play("type: sequence\nconfig: {count: 6, resume: true}\nloop: {restarts: 10}", act, hold=True)


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("skip", ["01", "06"]), ("once", ["01", "05!", "06"]), ("all", ["01", "02!", "03!", "04!", "05!", "06"])],
)
def test_after_a_crash_the_times_since_the_last_stored_item_are_missed(
    missed: str, expected: list[str], play: Any, held: Held
) -> None:
    async def act(world: World) -> None:
        await asyncio.sleep(50)  # 00:01:20
        held.gate.clear()
        await held.until_seen(2)  # 00:02:00, cut off
        world.clocks.ahead += 210  # the machine was off until 00:05:30
        await crash(world.lab)
        held.gate.set()
        await asyncio.sleep(50)  # 00:06:20
        assert await world.scheduled() == expected

    play(cron(missed), act)


def test_a_time_that_a_crash_has_cut_off_comes_again_at_once_and_no_other_is_repeated(play: Any, held: Held) -> None:
    async def act(world: World) -> None:
        await crash(world.lab)
        held.gate.set()
        await asyncio.sleep(70)
        assert await world.scheduled() == ["01", "02"]
        assert await world.field("tick") == [1, 2]

    play(cron("skip"), act, hold=True)


@pytest.mark.parametrize(
    ("missed", "expected"), [("skip", []), ("once", ["05!"]), ("all", ["01!", "02!", "03!", "04!", "05!"])]
)
def test_times_are_missed_though_there_was_no_item_before(missed: str, expected: list[str], play: Any) -> None:
    async def act(world: World) -> None:
        await world.lab.stop()
        await asyncio.sleep(300)  # 00:05:30
        world.lab.tell(Command.START)
        await asyncio.sleep(10)
        assert await world.scheduled() == expected

    play(cron(missed), act)


def test_an_interval_begins_anew_after_a_crash_and_what_was_in_flight_is_gone(play: Any, held: Held) -> None:
    async def act(world: World) -> None:
        await crash(world.lab)
        held.gate.set()
        await asyncio.sleep(15)
        assert await world.field("tick") == [1, 2]
        assert await world.lab.letters() == []

    play(INTERVAL, act, hold=True)
