"""What long commands say while they are under way, how far they are, and how they are called off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fake_client import NOW, FakeClient, a_loop, a_node, a_queue, a_snapshot
from running import Running, running

from flowtui.model.states import Command, LoopState
from flowtui.tui.wording import loop_state

S = LoopState
THREE = ("w.ask", "w.big", "w.cut")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": S.PAUSING, "reason": "by hand"}, "pausing: 2 in flight"),
        ({"state": S.PAUSING, "reason": "10 failures in a row"}, "pausing: 2 in flight, 10 failures in a row"),
        ({"state": S.PAUSING, "reason": "by hand", "in_flight": 0, "since": NOW - 5}, "pausing 5 s: by hand"),
        ({"state": S.STOPPING, "grace_until": NOW + 7.2}, "stopping: 2 in flight, 8 s left"),
        (
            {"state": S.STOPPING, "grace_until": NOW + 7.2, "nodes": (a_node("fetch", running=1), a_node("keep"))},
            "stopping: 2 in flight, 8 s left, fetch still running",
        ),
        (
            {"state": S.STOPPING, "grace_until": NOW - 1, "nodes": (a_node("fetch", running=1),)},
            "stopping (1 node still running: fetch)",
        ),
        ({"state": S.DRAINING, "waiting": "214 queued, 2 in flight"}, "draining: 214 queued, 2 in flight"),
    ],
)
def test_a_state_on_the_way_says_what_it_waits_for(fields: dict[str, object], words: str) -> None:
    assert loop_state(a_loop("w.ask", **fields), NOW)[0] == words


class Engine(FakeClient):
    """A client whose loops obey."""

    obey: LoopState | None = None  # what the next command for several loops brings them into

    def __init__(self) -> None:
        super().__init__(a_snapshot(*[a_loop(id, reads=f"to-{id}", in_flight=2) for id in THREE], a_loop("w.off")))
        self.change(queues=tuple(a_queue(f"to-{id}", depth=100) for id in THREE))

    def go(self, state: LoopState, *ids: str, at: float = 0.0, **fields: object) -> None:
        """Bring some loops into a state."""
        self.change(
            loops=tuple(replace(each, state=state, **fields) if each.id in ids else each for each in self.shown.loops),
            taken_at=NOW + at,
        )

    def command_all(self, command: Command, workflow: str = ""):
        self.go({Command.DRAIN: S.DRAINING, Command.STOP: S.STOPPING, Command.PAUSE: S.PAUSING}[command], *THREE)
        return super().command_all(command, workflow)

    def command_each(self, command: Command, loops: Sequence[str]):
        if self.obey is not None:
            self.go(self.obey, *loops)
            self.obey = None
        return super().command_each(command, loops)


def line(it: Running) -> str:
    """The line above the footer."""
    return it.text.splitlines()[-2]


async def test_a_drain_of_all_shows_how_far_it_is_and_u_lets_the_rest_go_on() -> None:
    async with running(Engine(), 120, 30) as it:
        assert "╯" in line(it)
        await it.press("D", "y")
        assert line(it).startswith(" draining ░░░░░░░░░░░░░░░░░░░░ 0 of 3 loops drained, 300 queued, 6 in flight")
        assert line(it).endswith("U lets them go on ")
        it.client.go(S.STOPPED, "w.ask", at=1.0)
        await it.settle()
        assert " draining ███████░░░░░░░░░░░░░ 1 of 3 loops drained, 200 queued, 4 in flight" in line(it)
        # It is seen on every screen, and in a narrow terminal rather the words than the bar.
        await it.press("3")
        assert "1 of 3 loops drained" in line(it)
        await it.press("escape")
        await it.resize(60, 20)
        assert line(it).startswith(" draining ███░░░░░░ 1 of 3 loops drained ")
        await it.resize(40, 10)
        assert line(it).startswith(" 1 of 3 loops drained ")
        assert line(it).endswith("U calls off ")
        await it.press("U")
        assert it.client.bulk_commands == [(Command.RESUME, "w.big", "w.cut")]
        it.client.go(S.RUNNING, "w.big", "w.cut", at=2.0)
        await it.settle()
        assert "╯" in line(it)
        await it.press("U")
        assert it.toasts[-1] == "Nothing is under way that could be called off."


async def test_a_stop_says_how_long_its_grace_is_and_cannot_be_called_off() -> None:
    async with running(Engine()) as it:
        await it.press("X", "y")
        it.client.go(S.STOPPING, *THREE, grace_until=NOW + 8, at=0.5)
        await it.settle()
        assert "0 of 3 loops stopped, 6 in flight, 8 s of grace left" in line(it)
        assert "U" not in line(it)
        await it.press("U")
        assert it.toasts[-1] == "Stopping cannot be called off."
        assert it.client.bulk_commands == []


@pytest.mark.parametrize(
    ("at", "last", "says"),
    [
        (14.0, S.STOPPED, "drained: 3 loops in 14 s"),
        (14.0, S.FAILED, "drained: 2 loops in 14 s; w.cut is failed"),
        (1.0, S.STOPPED, "drain: 4 loops"),  # who saw the command saw that too
    ],
)
async def test_what_came_of_a_long_command_is_said_in_the_end(at: float, last: LoopState, says: str) -> None:
    async with running(Engine()) as it:
        await it.press("D", "y")
        it.client.go(S.STOPPED, *THREE, at=at)
        it.client.change_loop("w.cut", state=last)
        await it.settle()
        assert it.toasts[-1] == says
        assert "╯" in line(it)


async def test_a_pause_of_marked_loops_is_shown_as_well_and_waits_for_nobody_who_was_not_asked() -> None:
    client = Engine()
    async with running(client) as it:
        client.go(S.PAUSING, "w.cut")  # as by hand a moment ago
        await it.settle()
        assert client.shown.loops[2].state is S.PAUSING
        await it.press("j", "space", "space")
        client.obey = S.PAUSING
        await it.press("p")
        assert client.bulk_commands == [(Command.PAUSE, "w.ask", "w.big")]
        assert "0 of 2 loops paused, 4 in flight" in line(it)
        client.go(S.PAUSED, "w.ask", at=0.5)
        await it.settle()
        assert "1 of 2 loops paused, 2 in flight" in line(it)
        await it.press("U")
        assert client.bulk_commands[-1] == (Command.RESUME, "w.big")
