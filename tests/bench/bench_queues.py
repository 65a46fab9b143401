"""Queues: what a hop costs against job queues on Redis, how long one item takes, whether a million items slow it down.

Run it with `python tests/bench/bench_queues.py`, with the extra `bench` installed. All systems get a server of their
own, of the same binary with the same settings, over a unix socket, once with `appendfsync everysec` and once with
`always`. Items are made while they are worked on, and the clock stops when the last one is acknowledged (a peer's: when
its job has run). Peers work in processes of their own beside the one that makes the jobs; flowtui is one process.
Exits with 1 if flowtui does not bring through what it has to, or takes too long.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from job_queues import FLOWTUI, RAW, SYSTEMS, hops, latency, million
from rounds import BenchFailed

FSYNC = ("everysec", "always")


def hop_part(options: argparse.Namespace) -> bool:
    names = {FLOWTUI, RAW, *options.only} if options.only else {system.name for system in SYSTEMS}
    systems = [system for system in SYSTEMS if system.name in names]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, payload about 200 bytes")
    for system in systems:
        print(f"{system.name}: {system.settings}")
    print()
    found = [hops.measure(__file__, systems, fsync, options.rounds, options.seconds) for fsync in FSYNC]
    for each in found:
        hops.show(each, systems)
    verdicts = [hops.judge(each, not options.only) for each in found]
    return all(verdicts)


def latency_part(options: argparse.Namespace) -> bool:
    found = [latency.measure(fsync, options.rounds, options.seconds) for fsync in FSYNC]
    verdicts = [latency.judge(each) for each in found]
    return all(verdicts)


def million_part(options: argparse.Namespace) -> bool:
    return million.judge(million.measure(options.items), options.items)


PARTS: dict[str, Callable[[argparse.Namespace], bool]] = {
    "hop": hop_part,
    "latency": latency_part,
    "million": million_part,
}


def main() -> int:
    options = _arguments()
    if options.child:
        name, fsync, state = options.child
        system = next(system for system in SYSTEMS if system.name == name)
        hops.serve_hop(system, fsync, Path(state), options.seconds)
        return 0
    try:
        holds = [PARTS[part](options) for part in options.part or PARTS]
    except BenchFailed as error:
        print(f"nothing could be measured: {error}", file=sys.stderr)
        return 1
    return 0 if all(holds) else 1


def _arguments() -> argparse.Namespace:
    names = [system.name for system in SYSTEMS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="measure only this (all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all systems (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each system works in a round (3)")
    parser.add_argument("--items", type=int, default=million.MANY, help="items in the long queue (1,000,000)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help=f"with {FLOWTUI} and {RAW} one of: {', '.join(names)}",
    )
    parser.add_argument("--child", nargs=3, metavar=("NAME", "FSYNC", "STATE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.only) - set(names):
        parser.error(f"unknown system: {', '.join(sorted(unknown))}; choose from {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
