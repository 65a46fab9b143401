"""Nodes that talk to others, in a real engine: a pause, a stop, a reload and a kill while the other side is slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.states import Command, LoopState
from other_sides import TYPES, OtherSide, other_sides

PATIENCE_S = 20.0
COUNT = 10
#: As many items of a loop may be under way.
AT_ONCE = 2
CHAIN = """
nodes:
  make: {type: sequence, config: {count: COUNT}}
  put: {type: queue-writer, needs: make, config: {queue: work}}
  take: {type: queue-reader, config: {queue: work}, loop: {max_in_flight: AT_ONCE}}
  act: {needs: take, NODE}
"""
TAKE = "w.take"


#: What a kill breaks off there has not happened: so each item arrives once, and not just at least once.
ROLLED_BACK = ("sqlite", "sqlite-insert")


class Chain:
    """A running engine whose loop `w.take` talks to another side, which holds it up."""

    def __init__(self, app: Any, side: OtherSide) -> None:
        self.app = app
        self.side = side

    def tell(self, command: Command) -> None:
        self.app.tell(command, TAKE)

    def until_state(self, state: LoopState) -> None:
        self.app.until_state(TAKE, state)

    def until_held(self) -> None:
        self.app.until(lambda: self.app.node(TAKE, "act").running and self.side.is_asked(), "for it to be held up")

    def let_go_until(self, state: LoopState) -> None:
        """Let end what is under way, and hold up what comes then."""
        before = len(self.side.got())
        self.side.let_go()
        self.until_state(state)
        self.side.hold()
        assert len(self.side.got()) <= before + AT_ONCE, "something was begun meanwhile"

    def finish(self) -> list[tuple[str, int]]:
        """Let it go on until every item has arrived and nothing is left to do; return what has, by number."""
        self.side.let_go()
        self.app.until(lambda: {*self.side.numbers()} == {*range(COUNT)}, "for all items to arrive")
        self.app.until_idle()
        assert EngineClient(self.app.engine).dead_letters().result(PATIENCE_S) == []
        return sorted(self.side.got(), key=lambda each: each[1])


Begin = Callable[[str], Chain]


@pytest.fixture
def begin(tmp_path: Path, start: Any, write: Callable[[str, str], Path]) -> Iterator[Begin]:
    """Start the chain with a node of a type, and give it when the other side holds that up."""
    with other_sides(tmp_path) as sides:

        def begin(type: str) -> Chain:
            side = sides.open(type)
            side.hold()
            write("w.yaml", chain(side))
            it = Chain(start(watch=True), side)
            it.until_held()
            return it

        yield begin


def chain(side: OtherSide) -> str:
    return CHAIN.replace("COUNT", str(COUNT)).replace("AT_ONCE", str(AT_ONCE)).replace("NODE", side.node)


@pytest.mark.parametrize("type", TYPES)
def test_a_pause_a_stop_and_a_reload_let_end_what_is_under_way_and_each_item_arrives_once(
    type: str, begin: Begin, write: Callable[[str, str], Path]
) -> None:
    it = begin(type)
    it.tell(Command.PAUSE)
    it.until_state(LoopState.PAUSING)
    it.let_go_until(LoopState.PAUSED)
    it.tell(Command.RESUME)
    it.until_held()
    it.tell(Command.STOP)
    it.until_state(LoopState.STOPPING)
    it.let_go_until(LoopState.STOPPED)
    it.tell(Command.START)
    it.until_held()
    write("w.yaml", chain(it.side) + "  tell: {type: log, needs: act}\n")
    it.app.until(lambda: it.app.loop(TAKE).state is LoopState.STOPPING, "for the reload to begin")
    got = it.finish()
    assert it.app.loop(TAKE).revision == 2
    assert [n for _, n in got] == [*range(COUNT)]


@pytest.mark.parametrize("type", TYPES)
def test_what_a_kill_breaks_off_comes_again_under_the_same_id_and_nothing_is_lost(type: str, begin: Begin) -> None:
    it = begin(type)
    it.tell(Command.KILL)
    it.until_state(LoopState.STOPPED)
    it.side.let_go()
    it.tell(Command.START)
    times = Counter(it.finish())
    assert len(times) == COUNT, "an item came again under another id"
    again = {n for (_, n), count in times.items() if count > 1}
    assert again <= (set() if type in ROLLED_BACK else {*range(AT_ONCE)})
