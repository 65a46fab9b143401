from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from types import SimpleNamespace

from engine_lab import plan_of, reader, run
from flowtui.engine.drain import Drains
from flowtui.model.errors import StoreError
from flowtui.model.states import LoopState
from flowtui.storage.queue_store import QueueStats


class DrainingReader:
    def __init__(self) -> None:
        self.plan = plan_of(reader())
        self.lifecycle = SimpleNamespace(state=LoopState.DRAINING)
        self.reasons: list[str] = []

    def wait_in_drain(self, reason: str) -> None:
        self.reasons.append(reason)

    def finish(self) -> None:
        self.lifecycle.state = LoopState.STOPPED


class Store:
    """Answers every look with what the test wants."""

    def __init__(self, answer: Callable[[], QueueStats]) -> None:
        self._answer = answer

    def queues(self) -> Store:
        return self

    async def queue_stats(self, names: Sequence[str]) -> dict[str, QueueStats]:
        with contextlib.suppress(asyncio.CancelledError):  # as the Redis client does while it connects
            await asyncio.sleep(1)
        return dict.fromkeys(names, self._answer())


def test_a_store_that_refuses_a_look_does_not_end_the_looking() -> None:
    answers: list[StoreError | None] = [StoreError("NOPERM"), None]

    def answer() -> QueueStats:
        if error := answers.pop(0):
            raise error
        return QueueStats()

    async def scene() -> None:
        loop = DrainingReader()
        drains = Drains(lambda: [loop])  # type: ignore[list-item]
        drains.begun()
        following = asyncio.create_task(drains.follow(Store(answer)))  # type: ignore[arg-type]
        async with asyncio.timeout(100):
            while loop.lifecycle.state is LoopState.DRAINING:
                await asyncio.sleep(0.1)
        assert loop.reasons == ["store: NOPERM"]
        following.cancel()

    run(scene())


def test_looking_ends_when_it_is_cancelled_though_the_store_swallows_that() -> None:
    def away() -> QueueStats:
        raise StoreError("still away")

    async def scene() -> None:
        loop = DrainingReader()
        drains = Drains(lambda: [loop])  # type: ignore[list-item]
        drains.begun()
        following = asyncio.create_task(drains.follow(Store(away)))  # type: ignore[arg-type]
        await asyncio.sleep(0.5)  # within the first look
        following.cancel()
        _, stuck = await asyncio.wait([following], timeout=10)
        assert not stuck

    run(scene())
