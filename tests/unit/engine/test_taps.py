"""Where samples come together: when they are stored, and what whoever taps a node is given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine_lab import run
from flowtui.engine import taps as module
from flowtui.engine.handle import Tap
from flowtui.engine.taps import Taps
from flowtui.model.development import Sample, Stored, TapBatch
from flowtui.model.errors import StoreUnavailable, UnknownLoop, UnknownNode
from flowtui.storage.sample_store import SAMPLES_KEPT

SAMPLE = Sample("w.loop", "a", 1.0, "i-0", None, Stored({"n": 1}), revision="r1")


def samples(count: int, **fields: Any) -> list[Sample]:
    return [replace(SAMPLE, item=f"i-{number}", **fields) for number in range(count)]


@dataclass
class Scene:
    """Stands in for the engine around: one loop with the nodes `a` and `b`, a store, and a clock."""

    now: float = 1000.0
    runs: int = 7
    given: list[Tap | None] = field(default_factory=list)
    stored: list[list[Sample]] = field(default_factory=list)
    is_away: bool = False
    is_open: bool = True

    def __post_init__(self) -> None:
        nodes = [SimpleNamespace(id="a"), SimpleNamespace(id="b")]
        loop = SimpleNamespace(
            plan=SimpleNamespace(nodes=nodes),
            tap=self.given.append,
            runs_of=lambda node: self.runs if node == "a" else 0,
        )
        self.loops: dict[str, Any] = {"w.loop": loop}
        store = SimpleNamespace(samples=lambda: self)
        self.taps = Taps(lambda: self.loops, lambda: cast(Any, store) if self.is_open else None)

    async def add(self, samples: list[Sample]) -> None:
        if self.is_away:
            raise StoreUnavailable("it is away")
        self.stored.append(samples)

    async def newest(self, loop: str, node: str) -> list[Sample]:
        return [each for part in reversed(self.stored) for each in reversed(part) if each.node == node]

    def take(self, *taken: Sample) -> None:
        for sample in taken:
            self.taps.take(sample)

    async def after(self, seconds: float) -> int:
        """Let time pass; return how many samples were stored meanwhile."""
        before = sum(map(len, self.stored))
        for _ in range(int(seconds)):
            self.now += 1.0
            await asyncio.sleep(1.0)
        return sum(map(len, self.stored)) - before


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene = Scene()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: scene.now))
    return scene


def keeping(scene: Scene, work: Any) -> Any:
    """Do something while samples are stored as in an engine, in leaping time."""

    async def both() -> Any:
        task = asyncio.create_task(scene.taps.keep())
        await asyncio.sleep(0.5)
        try:
            return await work()
        finally:
            task.cancel()

    return run(both())


def test_the_first_samples_of_a_node_are_stored_at_once_and_later_ones_seldom(scene: Scene) -> None:
    async def work() -> None:
        for _ in range(SAMPLES_KEPT):
            scene.take(SAMPLE)
            assert await scene.after(2) == 1
        scene.take(SAMPLE)
        assert await scene.after(5) == 0
        scene.take(*samples(9))
        assert await scene.after(8) == SAMPLES_KEPT, "no more than are kept"
        assert await scene.after(30) == 0, "nothing is stored twice"

    keeping(scene, work)


def test_those_of_a_new_revision_and_of_another_node_do_not_wait(scene: Scene) -> None:
    async def work() -> None:
        scene.take(*samples(SAMPLES_KEPT))
        await scene.after(2)
        scene.take(replace(SAMPLE, revision="r2"))
        assert await scene.after(2) == 1
        scene.take(replace(SAMPLE, node="b"))
        assert await scene.after(2) == 1

    keeping(scene, work)


def test_a_store_that_is_away_loses_them_and_gets_the_next(scene: Scene) -> None:
    async def work() -> None:
        scene.is_away = True
        scene.take(*samples(3))
        await scene.after(2)
        scene.is_away = False
        scene.take(SAMPLE)
        assert await scene.after(2) == 1

    keeping(scene, work)


def test_whoever_asks_is_given_those_of_this_moment_too(scene: Scene) -> None:
    scene.take(*samples(2))
    assert run(scene.taps.newest("w.loop", "a")) == tuple(reversed(samples(2)))
    scene.is_open = False
    with pytest.raises(StoreUnavailable, match="not open yet"):
        run(scene.taps.newest("w.loop", "a"))


def test_a_tap_gives_what_comes_to_its_node_each_once_and_counts_what_passed_unseen(scene: Scene) -> None:
    run(scene.taps.tap("w.loop", "a"))
    assert scene.taps.tapped(0) == TapBatch((), 0, 0)
    scene.take(*samples(3), replace(SAMPLE, node="b"), replace(SAMPLE, loop="w.other"))
    scene.runs += 30
    assert scene.taps.tapped(0) == TapBatch(tuple(samples(3)), 3, 30)
    assert scene.taps.tapped(2) == TapBatch((samples(3)[2],), 3, 30)
    assert scene.taps.tapped(3) == TapBatch((), 3, 30)
    scene.take(*samples(500))
    late = scene.taps.tapped(3)
    assert (late.samples, late.taken) == (tuple(samples(500)[-200:]), 503), "the oldest have made room"
    assert late.passed == 503, "the counters may be a little behind"


def test_another_tap_takes_the_place_of_the_one_before(scene: Scene) -> None:
    run(scene.taps.tap("w.loop", "a"))
    scene.take(SAMPLE)
    run(scene.taps.tap("w.loop", "b"))
    assert scene.taps.tapped(0) == TapBatch()
    run(scene.taps.untap())
    scene.take(replace(SAMPLE, node="b"))
    assert scene.taps.tapped(0) == TapBatch()
    tap, untap, other, end = (each and each.node for each in scene.given)
    assert (tap, untap, other, end) == ("a", None, "b", None)


def test_a_tap_of_which_nobody_asks_rests_until_somebody_does(scene: Scene) -> None:
    async def work() -> None:
        await scene.taps.tap("w.loop", "a")
        for _ in range(15):
            await scene.after(1)
            scene.taps.tapped(0)
        assert all(scene.given)
        await scene.after(11)
        assert scene.given[-1] is None
        scene.taps.tapped(0)
        await scene.after(2)
        assert scene.given[-1] is not None

    keeping(scene, work)


def test_only_what_there_is_can_be_tapped_and_what_goes_gives_nothing_more(scene: Scene) -> None:
    with pytest.raises(UnknownLoop, match="no loop 'x' to tap"):
        run(scene.taps.tap("x", "a"))
    with pytest.raises(UnknownNode, match=r"w\.loop has no node 'x' to tap"):
        run(scene.taps.tap("w.loop", "x"))
    run(scene.taps.tap("w.loop", "a"))
    scene.take(SAMPLE)
    scene.loops = {}
    assert scene.taps.tapped(1) == TapBatch((), 1, 1)
    run(scene.taps.untap())
