"""The benches run, add up, and judge rightly; how fast anything is they are not asked here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bench_idle
import bench_load
import bench_log_flood
import bench_peers
import bench_pools
import bench_queues
import bench_templates
from flowtui.graph.folder import load_folder
from job_queues import RAW, hops, latency, million
from lab import chain_seconds, write_folder
from peers import AWAIT, FLOWTUI, SYSTEMS
from rounds import BenchFailed, interleaved, items_for, median_of


def _result(name: str, node_us: float) -> bench_peers.Result:
    return bench_peers.Result(name, "1", 0.0, node_us, node_us, node_us, "")


def test_flowtui_is_measured_from_the_bare_calls_without_any_peer_installed() -> None:
    command = [sys.executable, bench_peers.__file__, "--rounds", "1", "--seconds", "0.02", "--only", FLOWTUI, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    bare, ours = json.loads(done.stdout)["systems"]
    assert (bare["name"], ours["name"]) == (AWAIT, FLOWTUI)
    assert 0 < bare["item_us"] < ours["item_us"]
    assert ours["node_us"] == pytest.approx((ours["item_us"] - bare["item_us"]) / 4)


def test_a_peer_that_cannot_be_imported_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reactivex.py").write_text("raise ImportError('nowhere to be found')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    ran, items_us, skipped = bench_peers.measure([system for system in SYSTEMS if system.name == "reactivex"], 1, 0.01)
    assert (ran, items_us) == ([], {})
    assert skipped == [bench_peers.Skipped("reactivex", "not installed (nowhere to be found)")]
    assert not bench_peers.judge([], skipped, all_asked=False)


def test_overhead_is_what_a_node_adds_to_the_bare_calls_of_the_same_round() -> None:
    ran = [system for system in SYSTEMS if system.name in (AWAIT, FLOWTUI)]
    bare, ours = bench_peers.results(ran, {AWAIT: [1.0, 2.0, 3.0], FLOWTUI: [9.0, 14.0, 11.0]})
    assert (bare.item_us, bare.node_us) == (2.0, 0.5)
    assert (ours.item_us, ours.node_us, ours.low_us, ours.high_us) == (11.0, 2.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("bytewax", "prefect", "holds"), [(1.8, 11_000.0, True), (1.0, 11_000.0, False), (1.8, 9_999.0, False)]
)
def test_flowtui_must_be_below_bytewax_and_far_below_prefect(bytewax: float, prefect: float, holds: bool) -> None:
    others = [_result(name, 1.0) for name in ("reactivex", "streamz", "Burr")]
    found = [
        _result(FLOWTUI, 1.0),
        _result("bytewax", bytewax),
        _result("Prefect", prefect),
        *others,
    ]
    assert bench_peers.judge(found, [], all_asked=True) is holds


def test_four_peers_are_too_few_and_two_ways_to_feed_one_peer_are_one() -> None:
    names = ["bytewax", "bytewax in tens", "Dask tasks", "Dask delayed", "Burr", "Ray"]
    found = [_result(FLOWTUI, 1.0), *(_result(name, 2.0) for name in names)]
    assert not bench_peers.judge(found, [], all_asked=True)
    assert bench_peers.judge([*found, _result("Faust", 2.0)], [], all_asked=True)


def test_tracks_are_counted_only_while_all_of_them_work() -> None:
    early, late = [0.0, 1.0, 2.0, 3.0, 4.0], [2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]
    assert bench_pools.rate_while_all_work([early]) == 1.0
    assert bench_pools.rate_while_all_work([early, late]) == 3.0
    with pytest.raises(BenchFailed):
        bench_pools.rate_while_all_work([[0.0, 1.0], [2.0, 3.0]])


def test_memory_per_loop_is_the_slope_between_two_engines() -> None:
    fewer, more = (bench_idle.Idle(loops, 0.0, 0.0, rss) for loops, rss in ((1, 70_000.0), (1001, 110_000.0)))
    assert bench_idle.per_loop_kb(fewer, more) == 40.0


def test_a_round_is_filled_with_as_many_items_as_fit() -> None:
    assert items_for(1.0, lambda items: items * 0.001) == pytest.approx(1000)
    assert items_for(0.5, lambda items: items * 2.0) == 2  # slow ones get two all the same


def test_rounds_are_interleaved_and_ratios_taken_within_a_round() -> None:
    asked: list[str] = []
    runs = {name: lambda name=name: float(asked.append(name) or len(asked)) for name in "ab"}
    found = interleaved(3, runs)
    assert asked == list("ababab")
    assert median_of(lambda a, b: b - a, found["a"], found["b"]) == 1.0


def test_a_chain_of_plain_nodes_runs_on_a_thread_track() -> None:
    assert chain_seconds(20, pool="thread", node="pass-sync") > 0


def test_the_folders_of_the_other_benches_have_no_problems(tmp_path: Path) -> None:
    write_folder(tmp_path / "idle", "", bench_idle.workflows(120))
    (tmp_path / "result").mkdir()
    write_folder(tmp_path / "burn", bench_pools.BURN, {"burn": bench_pools.burn_workflow(10, 2, 5, tmp_path)})
    idle, burn = load_folder(tmp_path / "idle", {}), load_folder(tmp_path / "burn", {})
    assert not idle.problems
    assert not burn.problems
    assert sum(len(workflow.plans) for workflow in idle.workflows) == 120
    assert [plan.replicas for plan in burn.workflows[0].plans if plan.reads] == [2]


def test_a_queue_hop_is_measured_beside_a_loop_without_an_engine_and_without_any_peer_installed() -> None:
    names = [system for system in bench_queues.SYSTEMS if system.name in (FLOWTUI, RAW)]
    found = hops.measure(bench_queues.__file__, names, "always", 1, 0.02)
    assert not found.skipped
    assert set(found.rates) == {FLOWTUI, RAW}
    assert all(rate > 0 for rates in found.rates.values() for rate in rates)
    assert found.best_peer == ""


def _hops(ours: float, best: float, raw: float, **skipped: str) -> hops.Hops:
    rates = {FLOWTUI: [ours], RAW: [raw], "huey": [best], "dramatiq": [1.0], "taskiq list": [1.0], "arq": [1.0]}
    return hops.Hops("always", {name: rates[name] for name in rates if name not in skipped}, skipped)


@pytest.mark.parametrize(("best", "raw", "holds"), [(4.0, 200.0, True), (4.1, 200.0, False), (4.0, 201.0, False)])
def test_a_hop_must_be_far_above_the_best_job_queue_and_not_far_below_the_raw_loop(
    best: float, raw: float, holds: bool
) -> None:
    assert hops.judge(_hops(100.0, best, raw), all_asked=True) is holds


def test_a_job_queue_that_does_not_run_is_missed_only_where_all_were_asked(capsys: pytest.CaptureFixture[str]) -> None:
    found = _hops(100.0, 4.0, 200.0, arq="not installed")
    assert not hops.judge(found, all_asked=True)
    assert "SKIPPED  arq, always: not installed" in capsys.readouterr().out
    both_ways = _hops(100.0, 4.0, 200.0)
    assert "taskiq stream" not in both_ways.rates
    assert hops.judge(both_ways, all_asked=True)  # one of two ways to use a peer is enough


def test_the_latency_of_an_item_is_measured_in_both_ways() -> None:
    found = latency.measure("everysec", 1, 0.1)
    for median, p99 in (*found.raw, *found.ours):
        assert 0 < median <= p99


def test_latency_is_judged_by_the_ratios_within_a_round() -> None:
    raw = [(1.0, 2.0), (2.0, 2.0), (9.0, 9.0)]
    assert latency.judge(latency.Latencies("always", raw, [(2.0, 6.0), (4.0, 6.0), (18.0, 27.0)]))
    assert not latency.judge(latency.Latencies("always", raw, [(2.1, 6.0), (4.2, 6.0), (1.0, 1.0)]))
    assert not latency.judge(latency.Latencies("always", raw, [(1.0, 6.1), (1.0, 6.1), (1.0, 1.0)]))


def test_a_long_queue_is_timed_beside_a_short_one_and_stays_as_long_as_it_was() -> None:
    found = million.measure(1_500, turns=3)
    assert set(found) == set(million.OPERATIONS)
    assert all(few > 0 and full > 0 for few, full in found.values())
    assert million.judge({"fetch": (1.0, million.TIMES)})
    assert not million.judge({"fetch": (1.0, million.TIMES + 0.01)})


def test_loading_is_measured_beside_both_loaders_with_files_that_nothing_has_seen() -> None:
    took = bench_load.measure(files=2, nodes=6, rounds=2)
    assert {name: len(rounds) for name, rounds in took.items()} == {
        bench_load.OURS: 2,
        bench_load.ROUND_TRIP: 2,
        bench_load.SAFE: 2,
    }
    assert all(seconds > 0 for rounds in took.values() for seconds in rounds)
    assert bench_load.workflow("w", 6) != bench_load.workflow("w", 6)


@pytest.mark.parametrize(("ours", "discover_ms", "holds"), [(2.0, 50.0, True), (2.1, 9.0, False), (1.0, 50.1, False)])
def test_loading_may_take_twice_what_each_loader_takes(ours: float, discover_ms: float, holds: bool) -> None:
    took = {bench_load.OURS: [ours, 9.0, ours], bench_load.ROUND_TRIP: [1.0] * 3, bench_load.SAFE: [1.0] * 3}
    assert bench_load.judge(took, [bench_load.Discovery(100.0, discover_ms, 9)]) is holds


def test_a_template_is_measured_beside_jinjas_own() -> None:
    found = bench_templates.measure("{{ data.total }}", rounds=1, seconds=0.002)
    assert list(found) == ["flowtui", "Jinja", "sandboxed", "validated"]
    assert all(took > 0 for each in found.values() for took in each)


async def test_in_a_flood_of_lines_the_log_hears_of_each_whatever_it_is_filtered_to() -> None:
    floods = await bench_log_flood.measure(5_000, 0.1)
    assert len({flood.filter for flood in floods}) == len(floods) == 4
    assert all(flood.rate > 0 and flood.lags and flood.untold == 0 for flood in floods)
