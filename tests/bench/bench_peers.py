"""Overhead per node against peers: four functions that return their item, under each system, in one run.

Run it with `python tests/bench/bench_peers.py`, with the extra `bench` installed. Each system lives in a child process;
round by round each of them is asked in turn. Overhead = (time of an item - time of the bare calls) / 4, median over
the rounds. Exits with 1 if fewer than five peers ran, or if flowtui keeps not below what it is compared with.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import importlib.metadata
import json
import math
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from child import Child, serve
from peers import CHAIN, FLOWTUI, SYSTEMS, System
from rounds import BenchFailed, interleaved, median_of, temporary, verdict

_FEWEST_PEERS = 5
_PATIENCE_S = 300.0
#: Systems that flowtui's overhead is compared with, and how many times less it has to be.
_COMPARED = (("bytewax", 1.0), ("Prefect", 10_000.0))


@dataclass(frozen=True, slots=True)
class Result:
    """Microseconds: of an item, and per node more than the bare calls; for these, per call."""

    name: str
    version: str
    item_us: float
    node_us: float
    low_us: float
    high_us: float
    what: str


@dataclass(frozen=True, slots=True)
class Skipped:
    name: str
    why: str


def results(systems: Sequence[System], items_us: Mapping[str, Sequence[float]]) -> list[Result]:
    """Return what each system costs; `items_us` holds the time of an item in each round."""
    found = []
    for system in systems:
        mine, bare = items_us[system.name], items_us[system.bare]
        floor = [0.0] * len(mine) if system.name == system.bare else bare
        nodes = [(item - less) / CHAIN for item, less in zip(mine, floor, strict=True)]
        found.append(
            Result(
                system.name,
                _version(system.distribution),
                statistics.median(mine),
                median_of(lambda item, less: (item - less) / CHAIN, mine, floor),
                min(nodes),
                max(nodes),
                system.what,
            )
        )
    return found


def is_less(ours_us: float, theirs_us: float, times: float) -> bool:
    """Tell whether ours is less than theirs, `times` times at least."""
    return ours_us < theirs_us and ours_us * times <= theirs_us


def measure(
    systems: Sequence[System], rounds: int, seconds: float
) -> tuple[list[System], dict[str, list[float]], list[Skipped]]:
    """Run all systems, round by round; return those that ran, the time of an item by round, and the others.

    Raises:
        BenchFailed: if the bare calls do not run, from which all else is measured.
    """
    why: dict[str, str] = {}

    def attempt(child: Child, act: Callable[[], float]) -> float:
        name = child.name
        try:
            return math.nan if name in why else act()
        except BenchFailed as error:
            why[name] = str(error)
            return math.nan

    with temporary() as state, contextlib.ExitStack() as stack:
        children: list[Child] = []
        for system in systems:
            print(f"starting {system.name}", file=sys.stderr, flush=True)
            child = stack.enter_context(_start(system, state / system.module, seconds))
            attempt(child, child.ready)
            children.append(child)
        runs = {
            child.name: functools.partial(attempt, child, child.round) for child in children if child.name not in why
        }
        items_us = interleaved(rounds, runs)
    ran = [system for system in systems if system.name not in why]
    if missing := {system.bare for system in ran} & why.keys():
        raise BenchFailed("; ".join(f"{name}: {why[name]}" for name in missing))
    return ran, items_us, [Skipped(*each) for each in why.items()]


def _start(system: System, state: Path, seconds: float) -> Child:
    env = {name: value.format(state=state) for name, value in system.env.items()}
    arguments = [__file__, "--child", system.name, str(state), "--seconds", str(seconds)]
    return Child(system.name, arguments, env, state, _PATIENCE_S)


def judge(found: Sequence[Result], skipped: Sequence[Skipped], all_asked: bool) -> bool:
    """Print the comparisons; return whether they hold and enough peers ran: five of all, or each that was asked."""
    node_us = {result.name: result.node_us for result in found}
    holds = True
    for name, times in _COMPARED:
        if FLOWTUI not in node_us or name not in node_us:
            print(f"NOT RUN  {FLOWTUI} against {name}")
            continue
        ours, theirs = node_us[FLOWTUI], node_us[name]
        wanted = "less than" if times == 1 else f"{times:,.0f} times less than"
        text = f"{FLOWTUI} {wanted} {name}: {ours:.2f} against {theirs:,.2f} us a node, {theirs / ours:,.1f} times"
        holds = verdict(is_less(ours, theirs, times), text) and holds
    for each in skipped:
        print(f"SKIPPED  {each.name}: {each.why}")
    ran = {system.peer for system in SYSTEMS if system.peer and system.name in node_us}
    if not all_asked:
        return holds and not skipped
    return verdict(len(ran) >= _FEWEST_PEERS, f"{len(ran)} peers ran, {_FEWEST_PEERS} at least") and holds


def show(found: Sequence[Result]) -> None:
    """Print a table, the cheapest first."""
    ours = next((result.node_us for result in found if result.name == FLOWTUI), None)
    print(f"Python {platform.python_version()}, {CHAIN} nodes; us more per node than the bare calls (these: per call)")
    print(f"{'system':17}{'version':12}{'us per item':>13}{'us per node':>13}{'low - high':>22}{'x flowtui':>12}")
    for result in sorted(found, key=lambda each: each.node_us):
        span = f"{result.low_us:,.2f} - {result.high_us:,.2f}"
        ratio = f"{result.node_us / ours:,.1f}" if ours else "-"
        print(f"{result.name:17}{result.version:12}{result.item_us:13,.2f}{result.node_us:13,.2f}{span:>22}{ratio:>12}")
    print()
    for result in found:
        print(f"{result.name}: {result.what}")
    print()


def main() -> int:
    options = _arguments()
    by_name = {system.name.lower(): system for system in SYSTEMS}
    if options.child:
        name, state = options.child
        module = f"peers.{by_name[name.lower()].module}"
        serve(lambda: importlib.import_module(module).chain(Path(state)), options.seconds)
        return 0
    asked = [by_name[name.lower()] for name in options.only] or list(SYSTEMS)
    wanted = {system.bare for system in asked} | {system.name for system in asked}
    try:
        ran, items_us, skipped = measure([s for s in SYSTEMS if s.name in wanted], options.rounds, options.seconds)
    except BenchFailed as error:
        print(f"nothing could be measured: {error}", file=sys.stderr)
        return 1
    found = results(ran, items_us)
    if options.json:
        report = {"systems": [asdict(each) for each in found], "skipped": [asdict(each) for each in skipped]}
        with contextlib.redirect_stdout(sys.stderr):
            holds = judge(found, skipped, not options.only)
        print(json.dumps({**report, "holds": holds}))
    else:
        show(found)
        holds = judge(found, skipped, not options.only)
    return 0 if holds else 1


def _arguments() -> argparse.Namespace:
    names = [system.name for system in SYSTEMS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all systems (5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each system works in a round (1)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=f"one of: {', '.join(names)}")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "STATE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := {name.lower() for name in options.only} - {name.lower() for name in names}:
        parser.error(f"unknown system: {', '.join(sorted(unknown))}; choose from {', '.join(names)}")
    return options


def _version(distribution: str) -> str:
    return importlib.metadata.version(distribution) if distribution else ""


if __name__ == "__main__":
    sys.exit(main())
