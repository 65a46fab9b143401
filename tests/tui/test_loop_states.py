"""How states, replicas and health are shown: in words and signs, never in colour alone, and uncut where it matters."""

from __future__ import annotations

import pytest
from fake_client import NOW, FakeClient, a_busy_afternoon, a_loop, a_node, a_snapshot
from running import running

from flowtui.client.alerts import AlertWatch
from flowtui.model.snapshot import LoopView
from flowtui.model.states import LoopState, NodeHealth
from flowtui.tui.wording import active_loops, loop_glyph, loop_replicas, loop_state

CRASH = "its process 4711 was killed by SIGKILL; starts again in 2 s (2 of 5)"


def recovering(**fields: object) -> LoopView:
    usual = {"state": LoopState.STARTING, "pool": "process", "replicas": 2, "tracks": 1, "reason": CRASH}
    return a_loop("orders.check", **(usual | fields))


@pytest.mark.parametrize("waiting", ["214 queued, 2 in flight", "orders.incoming to end first"])
@pytest.mark.parametrize("columns", [80, 120])
async def test_a_draining_loop_says_uncut_what_it_waits_for(waiting: str, columns: int) -> None:
    loop = a_loop("orders.fulfil", state=LoopState.DRAINING, since=NOW - 1, waiting=waiting, waiting_since=NOW)
    async with running(FakeClient(a_snapshot(loop, a_loop("orders.incoming"))), columns, 30) as it:
        assert f"draining: {waiting}" in it.line_with("▼ orders.fulfil")
        assert "1 draining" in it.text.splitlines()[0]


def test_a_draining_loop_is_no_alert_but_counts_as_one_that_leaving_would_stop() -> None:
    snapshot = a_snapshot(a_loop("a.b", state=LoopState.DRAINING))
    watch = AlertWatch()
    watch.look(snapshot, "")
    assert watch.alerts == ()
    assert active_loops(snapshot) == 1


def test_every_state_has_a_sign_and_all_but_starting_and_stopping_have_their_own() -> None:
    signs = {state: loop_glyph(a_loop("a.b", state=state), NOW)[0] for state in LoopState}
    del signs[LoopState.STARTING], signs[LoopState.PAUSING]
    assert len(set(signs.values())) == len(signs)


async def test_a_loop_that_stops_names_the_node_that_is_still_running() -> None:
    nodes = (a_node("poll"), a_node("fetch", running=1), a_node("keep"))
    loop = a_loop("sync.poll", state=LoopState.STOPPING, nodes=nodes)
    async with running(FakeClient(a_snapshot(loop)), 80, 24) as it:
        assert "stopping (1 node still running: fetch)" in it.line_with("◌ sync.poll")
    both = a_loop("a.b", state=LoopState.STOPPING, nodes=(a_node("fetch", running=1), a_node("keep", running=3)))
    assert loop_state(both, NOW)[0] == "stopping (2 nodes still running: fetch, keep)"


async def test_a_loop_whose_process_died_says_so_at_the_top_and_when_it_starts_again() -> None:
    async with running(FakeClient(a_snapshot(a_loop("a.b"), recovering())), 100, 24) as it:
        assert it.text.splitlines()[1].startswith(f" ↻ orders.check: {CRASH}")
        assert "1/2" in it.line_with("↻ orders.check ")
        it.client.change_loop("orders.check", tracks=2, state=LoopState.RUNNING)
        await it.settle()
        assert CRASH not in it.text
        assert "×2" in it.line_with("▶ orders.check ")


async def test_a_loop_that_stands_still_or_whose_process_died_comes_before_those_that_work() -> None:
    stalled = a_node("think", health=NodeHealth.STALLED, health_since=NOW - 36)
    full = "shop.parcels is full: shop.pick has not taken them"
    loops = (
        a_loop("a.works"),
        a_loop("b.full", waiting=full, waiting_since=NOW - 60, rate=0.0),
        a_loop("c.stands", nodes=(stalled,), rate=0.0),
        a_loop("d.limps", nodes=(stalled,)),  # another track of it goes on
        a_loop("e.dies", state=LoopState.STARTING, replicas=2, tracks=1, reason="its process 7 was killed by SIGKILL"),
        a_loop("f.rests", state=LoopState.STOPPED),
        a_loop("g.failed", state=LoopState.FAILED),
    )
    async with running(FakeClient(a_snapshot(*loops))) as it:
        order = sorted(loops, key=lambda loop: it.text.index(f" {loop.id} "))
        assert "".join(loop.id[0] for loop in order) == "gcefabd"
        assert "stalled 36 s: think" in it.line_with("! c.stands")
        assert "running " in it.line_with("▶ d.limps")
        # What it waits for says more than the rate that it does not have.
        assert "waiting: shop.parcels is full: " in it.line_with("▷ b.full")


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, ""),
        ({"replicas": 2}, "×2"),
        ({"replicas": 2, "tracks": 1}, "1/2"),
        ({"replicas": 2, "tracks": 0, "state": LoopState.STOPPED}, "×2"),
        ({"replicas": 2, "tracks": 1, "state": LoopState.DRAINING}, "1/2"),
        ({"replicas": 1, "tracks": 0, "state": LoopState.STARTING}, ""),
    ],
)
def test_replicas_are_counted_only_where_there_should_be_several(fields: dict[str, int], shown: str) -> None:
    assert loop_replicas(a_loop("a.b", **fields)) == shown


async def test_replicas_stand_beside_the_pool_and_remain_where_there_is_no_room_for_it() -> None:
    client = FakeClient(a_busy_afternoon())
    client.change_loop("orders.fulfil", pool="process", replicas=2, tracks=2)
    async with running(client) as it:
        assert "process ×2 running" in it.line_with("▶ orders.fulfil")
        assert "thread     running" in it.line_with("▶ orders.incoming")
        client.change_loop("orders.fulfil", tracks=1)
        await it.settle()
        assert "process 1/2 running" in it.line_with("▶ orders.fulfil")
        await it.resize(80, 24)
        assert "1/2 running" in it.line_with("▶ orders.fulfil")


@pytest.mark.parametrize("replicas", [1, 2, 64])
async def test_at_80_columns_replicas_push_neither_rate_nor_minute_nor_times_nor_errors_out(replicas: int) -> None:
    client = FakeClient(a_busy_afternoon())
    client.change_loop("orders.fulfil", replicas=replicas, tracks=replicas, errors=3)
    async with running(client, 80, 24) as it:
        heads = it.line_with("ITEMS/S")
        assert [head for head in ("LOOP", "STATE", "ITEMS/S", "LAST MINUTE", "P95", "ERR") if head not in heads] == []
        row = it.line_with("▶ orders.fulfil").strip("│ ").split()
        assert row[-3:] == ["18", "ms", "3"]
        assert "…" not in " ".join(row)
        assert {len(line) for line in it.text.splitlines()[2:-1]} == {80}


async def test_a_long_reason_covers_the_rate_of_a_loop_that_has_none_but_never_its_time_and_errors() -> None:
    reason = "10 failures in a row, the last one: ConnectError at fetch"
    loop = a_loop("a.b", state=LoopState.PAUSED, since=NOW - 60, reason=reason, rate=0.0, p95_ms=18.2, errors=10)
    async with running(FakeClient(a_snapshot(loop)), 80, 24) as it:
        row = it.line_with("‖ a.b")
        assert "paused 1 min: 10 failures in a row" in row
        assert row.rstrip(" │").split()[-3:] == ["18", "ms", "10"]
        it.client.change_loop("a.b", reason="")
        await it.settle()
        assert "paused 1 min            " in it.line_with("‖ a.b")
        assert "  0 " in it.line_with("‖ a.b").partition("paused")[2].partition("▃")[0]


async def test_v_tells_rates_percentiles_the_last_item_and_the_replicas_of_a_loop() -> None:
    async with running(FakeClient(a_snapshot(recovering(since=NOW - 2)))) as it:
        await it.press("v")
        for words in (
            "2 wanted, 1 alive",
            "41/s over 5 s, 44/s over the last second",
            "40/s  ▃▄▄",
            "p50 1.2 ms, p95 3.1 ms, p99 8.0 ms",
            "(3 s ago)",
            CRASH,
        ):
            assert words in it.text
        it.client.change_loop("orders.check", last_at=0.0)
        await it.settle()
        assert "none yet" in it.line_with("last item")


async def test_details_of_a_node_tell_its_health_its_times_its_cache_hits_and_when_its_last_error_was() -> None:
    node = a_node(
        "fetch",
        health=NodeHealth.STALLED,
        health_reason="a run has been going on for 14 s",
        health_since=NOW - 4,
        runs=400,
        hits=100,
        errors=1,
        last_error="TimeoutError: no answer",
        last_error_at=NOW - 600,
    )
    async with running(FakeClient(a_snapshot(a_loop("a.b", nodes=(node,))))) as it:
        assert "! a.b: node fetch is stalled for 4 s: a run has been going on for 14 s" in it.text.splitlines()[1]
        await it.press("enter", "enter")
        assert "! stalled" in it.line_with("health ")
        assert "a run has been going on for 14 s" in it.line_with("why ")
        assert "(4 s ago)" in it.line_with("since ")
        assert "p50 0.1 ms, p95 0.2 ms, p99 0.7 ms" in it.line_with("times ")
        assert "100 (25%)" in it.line_with("cache hits ")
        rows = it.text.splitlines()
        index = next(index for index, row in enumerate(rows) if "Last error" in row)
        assert "(10 min ago)" in rows[index + 1]
        assert "TimeoutError: no answer" in rows[index + 2]


async def test_without_colours_every_row_still_says_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    loops = [a_loop(f"a.{state}", state=state, replicas=3, tracks=2) for state in LoopState]
    async with running(FakeClient(a_snapshot(*loops)), 80, 24) as it:
        await it.press("z")
        for state in LoopState:
            row = it.line_with(f" a.{state} ")
            assert row.count(str(state)) == 2
