"""What changes and matters lights up for a moment; nothing else does, and nothing at all on a slow line."""

from __future__ import annotations

from time import monotonic

import pytest
from fake_client import NOW, FakeClient, a_loop, a_queue, a_snapshot
from running import Running, running

from flowtui.model.preferences import Preferences
from flowtui.model.states import LoopState
from flowtui.tui.cells import Lit
from flowtui.tui.widgets import glow
from flowtui.tui.widgets.glow import GLOW_S, Glow
from flowtui.tui.widgets.live_table import LiveTable


def fresh(table: LiveTable) -> list[str]:
    """The texts of all cells of a table that are lit up."""
    width, height = table.size
    return [part.text.strip() for line in table.draw(width, height) for part in line if part.lit is Lit.FRESH]


def client() -> FakeClient:
    return FakeClient(a_snapshot(a_loop("w.ask"), a_loop("w.big"), queues=(a_queue("in"), a_queue("out", depth=7))))


async def test_state_errors_and_a_queue_that_begins_to_fill_light_up_and_fade(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(client()) as it:
        loops, queues = it.app.overview.loops, it.app.overview.queues
        assert fresh(loops) == []
        clock = [monotonic()]  # stands still however slow the machine is
        monkeypatch.setattr("flowtui.tui.widgets.live_table.monotonic", lambda: clock[0])
        monkeypatch.setattr(glow, "GLOW_S", 0.05)
        it.client.change_loop("w.ask", rate=3.0, iterations=5, p95_ms=9.0, in_flight=9)
        it.client.change(taken_at=NOW + 1, queues=(a_queue("in", depth=3), a_queue("out", depth=9)))
        await it.settle()
        assert (fresh(loops), fresh(queues)) == ([], ["3"])
        it.client.change_loop("w.ask", errors=1)
        it.client.change_loop("w.big", state=LoopState.PAUSED, since=NOW)
        await it.settle()
        assert sorted(fresh(loops)) == ["1", "paused 1 s"]
        # They fade though nothing changes any more.
        clock[0] += 1
        await it.until_true(lambda: not fresh(loops) and not fresh(queues))
        assert loops._fading is queues._fading is None


async def test_a_loop_that_comes_and_one_that_is_scrolled_into_view_are_no_news() -> None:
    ids = [f"w.{n:02}" for n in range(30)]
    async with running(FakeClient(a_snapshot(*map(a_loop, ids))), 80, 24) as it:
        it.client.change(loops=(a_loop("w.new", errors=3), *map(a_loop, ids)))
        await it.settle()
        it.client.change_loop("w.29", errors=4)
        await it.press("G")
        await it.settle()
        assert "w.29" in it.text
        assert fresh(it.app.overview.loops) == []


async def test_a_slow_line_gets_no_lights() -> None:
    async with running(client()) as it:
        it.app.overview.loops.prefer(Preferences(low_bandwidth=True))
        it.client.change_loop("w.ask", errors=1, state=LoopState.FAILED)
        await it.settle()
        assert fresh(it.app.overview.loops) == []
        assert "failed" in it.line_with("w.ask ")


def test_what_was_not_looked_at_for_a_while_is_no_news() -> None:
    glow, spot = Glow(), ("w.ask", "ERR")
    for now, value, lit in ((0.0, 1, False), (0.25, 2, True), (9.0, 3, False), (9.25, 4, True)):
        glow.look({spot: value}, now)
        glow.fade(now)
        assert glow.is_lit(spot) is lit
    assert glow.fade(9.25 + GLOW_S / 2) == pytest.approx(GLOW_S / 2)
    assert glow.fade(9.25 + GLOW_S) is None
    assert not glow.is_lit(spot)


async def test_a_lit_cell_stands_out_in_the_cursors_row_too() -> None:
    async with running(client()) as it:
        it.client.change_loop("w.ask", errors=12)
        await it.settle()
        assert at_cursor(it) == {Lit.YES, Lit.FRESH}


def at_cursor(it: Running) -> set[Lit]:
    table = it.app.overview.loops
    width, height = table.size
    return {part.lit for part in table.draw(width, height)[table.cursor_line] if part.lit}
