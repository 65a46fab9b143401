"""What becomes of calls that take longer than they may."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine_lab import Lab, PlannedNode, plan_of, reader, run, writer
from flowtui.engine.deadlines import Deadlines, Limit
from flowtui.model.data import NodeData
from flowtui.model.states import Command, LoopState, NodeHealth
from flowtui.nodes.base import BlockingNode, NonBlockingNode
from flowtui.workflow.schema import RetryOptions


def now() -> float:
    return asyncio.get_running_loop().time()


async def never() -> None:
    await asyncio.Event().wait()


async def limited(limit: Limit, work: Callable[[], Awaitable[Any]]) -> Any:
    """Return `timed out` if the deadline says so, else what `work` returns."""
    deadline = limit.begin()
    try:
        result = await work()
    except BaseException as error:
        if deadline.end(error):
            return "timed out"
        raise
    return "timed out" if deadline.end() else result


def task_of(limit: Limit, work: Callable[[], Awaitable[Any]]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(limited(limit, work))  # type: ignore[arg-type]


def cancels_left() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


# ---- who is cancelled, and when ----


def test_each_call_is_cancelled_at_its_own_deadline_whatever_began_first() -> None:
    async def scene() -> None:
        deadlines = Deadlines()
        ended: list[tuple[str, float]] = []

        async def call(name: str, seconds: float, wait: float) -> None:
            await asyncio.sleep(wait)
            assert await limited(deadlines.limit(seconds), never) == "timed out"
            ended.append((name, now()))

        await asyncio.gather(call("long", 60, 0), call("short", 2, 1), call("second long", 60, 5), call("tiny", 1, 70))
        assert ended == [("short", 3), ("long", 60), ("second long", 65), ("tiny", 71)]

    run(scene())


def test_calls_that_end_in_time_need_one_timer_for_all(monkeypatch) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        call_at, timers = loop.call_at, []

        def counted(when: float, *rest: Any) -> asyncio.TimerHandle:
            timers.append(when)
            return call_at(when, *rest)

        monkeypatch.setattr(loop, "call_at", counted)
        limit = Deadlines().limit(10)
        for number in range(1000):
            assert await limited(limit, lambda number=number: asyncio.sleep(0, number)) == number
        assert timers == [10]
        assert (cancels_left(), limit.running) == (0, {})

    run(scene())


# ---- whose cancellation it is ----


async def _returns() -> str:
    try:
        await never()
    except asyncio.CancelledError:
        return "late"
    raise AssertionError


async def _raises() -> None:
    try:
        await never()
    except asyncio.CancelledError as error:
        raise ConnectionError("torn off") from error


@pytest.mark.parametrize("work", [never, _returns, _raises], ids=["ends", "returns a result", "raises something else"])
def test_a_call_that_was_cancelled_for_its_time_has_timed_out_whatever_it_makes_of_that(work) -> None:
    async def scene() -> None:
        assert await limited(Deadlines().limit(1), work) == "timed out"
        assert (now(), cancels_left()) == (1, 0)
        await asyncio.sleep(0)  # nothing is left that could cancel somebody else

    run(scene())


def test_what_a_call_raises_in_time_is_its_own() -> None:
    async def own_timeout() -> None:
        async with asyncio.timeout(1):
            await never()

    async def scene() -> None:
        with pytest.raises(TimeoutError):
            await limited(Deadlines().limit(2), own_timeout)
        assert cancels_left() == 0

    run(scene())


def test_a_timeout_of_the_calls_own_at_the_same_moment_takes_nothing_from_ours() -> None:
    async def own_timeout() -> None:
        async with asyncio.timeout(1):
            await never()

    async def scene() -> None:
        assert await limited(Deadlines().limit(1), own_timeout) == "timed out"
        assert cancels_left() == 0

    run(scene())


@pytest.mark.parametrize("first", ["the deadline", "the other"])
def test_who_cancels_in_the_same_moment_gets_its_cancellation(first) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        if first == "the other":
            loop.call_at(1, lambda: task.cancel())  # noqa: PLW0108 - there is no task yet
        task = task_of(Deadlines().limit(1), never)
        await asyncio.sleep(0)
        if first == "the deadline":
            loop.call_at(1, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert now() == 1

    run(scene())


def test_a_cancellation_from_before_that_was_swallowed_does_not_hide_a_timeout() -> None:
    async def scene() -> None:
        async def swallows_then_is_limited() -> Any:
            with pytest.raises(asyncio.CancelledError):
                await never()
            return await limited(limit, never), cancels_left()

        limit = Deadlines().limit(1)
        task = asyncio.get_running_loop().create_task(swallows_then_is_limited())
        await asyncio.sleep(0)
        task.cancel()
        assert await task == ("timed out", 1)

    run(scene())


def test_a_call_whose_result_comes_in_the_moment_of_its_deadline_has_timed_out_and_nobody_else() -> None:
    async def scene() -> None:
        result: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_at(1, result.set_result, "just")

        async def wait() -> str:
            return await result

        assert await limited(Deadlines().limit(1), wait) == "timed out"
        await asyncio.sleep(0)
        assert cancels_left() == 0

    run(scene())


def test_who_swallows_its_cancellation_and_goes_on_is_cancelled_again() -> None:
    async def deaf() -> None:
        for _ in range(2):
            with pytest.raises(asyncio.CancelledError):
                await never()
        await never()

    async def scene() -> None:
        assert await limited(Deadlines().limit(1), deaf) == "timed out"
        assert (now(), cancels_left()) == (11, 0)

    run(scene())


# ---- in a loop ----


def work(execute: Callable[..., Any], kind: type = BlockingNode, **options: Any) -> PlannedNode:
    if asyncio.iscoroutinefunction(execute):

        class Work(kind):  # type: ignore[misc, valid-type]
            async def execute(self, data: NodeData) -> Any:
                return await execute(data)
    else:

        class Work(kind):  # type: ignore[misc, valid-type, no-redef]
            def execute(self, data: NodeData) -> Any:
                return execute(data)

    return PlannedNode("work", Work, ("read",), **options)


@pytest.mark.parametrize("kind", [BlockingNode, NonBlockingNode])
def test_an_item_that_takes_too_long_is_a_dead_letter_and_the_next_one_goes_on(kind) -> None:
    async def hangs_once(data: NodeData) -> NodeData:
        if data["n"] == 0:
            await never()
        return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(hangs_once, kind, timeout=30), writer("work")))
        await lab.running()
        await lab.push(2)
        await lab.until_drained()
        assert [letter.message for letter in await lab.letters()] == ["work took longer than its timeout of 30 s"]
        assert len(await lab.contents("out")) == 1
        await lab.stop()

    run(scene())


def test_an_item_that_is_cut_off_by_the_end_of_the_grace_goes_back_though_it_has_a_timeout() -> None:
    async def hangs(data: NodeData) -> None:
        await never()

    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(hangs, timeout=60)))
        await lab.running()
        await lab.push(1)
        await asyncio.sleep(1)
        assert await lab.stop() is LoopState.STOPPED
        assert await lab.letters() == []
        assert (await lab.stats()).depth == 1

    run(scene())


def test_the_pause_before_the_next_try_does_not_count() -> None:
    tries = []

    async def hangs_twice(data: NodeData) -> NodeData:
        tries.append(now())
        if len(tries) < 3:
            await never()
        return data

    async def scene() -> None:
        retry = RetryOptions(attempts=3, delay=60, factor=1, max_delay=60, jitter=False)
        lab = Lab(plan_of(reader(), work(hangs_twice, timeout=10, retry=retry), writer("work")))
        await lab.running()
        await lab.push(1)
        await lab.until_drained(patience=1000)
        assert [round(later - earlier) for earlier, later in itertools.pairwise(tries)] == [70, 70]
        assert len(await lab.contents("out")) == 1
        await lab.stop()

    run(scene())


# ---- threads ----


def test_a_thread_that_overruns_is_counted_and_shown_until_it_ends(caplog) -> None:
    gate = threading.Event()

    def hangs_once(data: NodeData) -> NodeData:
        if data["n"] == 0:
            gate.wait(20)
        return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(hangs_once, timeout=0.05), writer("work")))
        await lab.running()
        await lab.push(2)
        await lab.until_drained()
        (letter,) = await lab.letters()
        assert (
            letter.message == "work took longer than its timeout of 0.05 s; its thread cannot be stopped and still runs"
        )
        assert len(await lab.contents("out")) == 1
        node = lab.loop.view().nodes[1]
        assert node.health is NodeHealth.STALLED
        assert node.health_reason == "a call went beyond the timeout in a thread, which cannot be stopped"
        gate.set()
        await lab.until_true(lambda: lab.loop.view().nodes[1].health is NodeHealth.HEALTHY)
        await lab.until_true(lambda: "a call of work that went beyond its timeout has ended after" in caplog.text)
        await lab.stop()

    caplog.set_level(logging.WARNING, "flowtui.deadlines")
    asyncio.run(scene())


def test_a_call_that_gets_no_thread_in_time_says_so_and_is_never_made() -> None:
    gate = threading.Event()
    begun = []

    def hangs(data: NodeData) -> NodeData:
        begun.append(data["n"])
        gate.wait(20)
        return data

    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(hangs, timeout=0.05), max_in_flight=1))
        await lab.running()
        await lab.push(5)
        await lab.until_drained()
        messages = [letter.message for letter in await lab.letters()]
        threads = len(begun)
        assert ["got no thread" in message for message in messages] == [number >= threads for number in range(5)]
        assert 0 < threads < 5
        assert lab.loop.view().nodes[1].health_reason.startswith(f"{threads} calls went beyond the timeout")
        gate.set()
        await lab.until_true(lambda: lab.loop.view().nodes[1].health is not NodeHealth.STALLED)
        assert len(begun) == threads
        await lab.stop()

    asyncio.run(scene())


def test_a_killed_loop_counts_no_overruns_of_its_life_before() -> None:
    gate = threading.Event()

    async def scene() -> None:
        lab = Lab(plan_of(reader(), work(lambda _: gate.wait(20) and None, timeout=0.05)))
        await lab.running()
        await lab.push(1)
        await lab.until_drained()
        assert lab.loop.view().nodes[1].health is NodeHealth.STALLED
        lab.tell(Command.STOP)
        await lab.until(LoopState.STOPPED)
        assert lab.loop.view().nodes[1].health is NodeHealth.FAILING
        gate.set()

    asyncio.run(scene())
