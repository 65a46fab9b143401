"""How many items a second each system brings through its queue: round by round, each in a child with its own server."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import math
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from child import Child, Send, serve
from job_queues import FLOWTUI, RAW, SYSTEMS, System
from job_queues.jobs import SOCKET, TALLY
from job_queues.server import running_server
from rounds import BenchFailed, interleaved, median_of, temporary, verdict

#: How many times the items of the best peer flowtui has to bring through, and of the loop without an engine.
TIMES_PEERS, TIMES_RAW = 25.0, 0.5
_PATIENCE_S = 300.0
#: Fewer items than these say nothing: a worker takes in some hundred at once.
_FIRST = 1024


@dataclass(frozen=True, slots=True)
class Hops:
    """What one run has found: items a second of each system by round, and why others did not run."""

    fsync: str
    rates: Mapping[str, Sequence[float]]
    skipped: Mapping[str, str]

    def median(self, name: str) -> float:
        return statistics.median(self.rates[name])

    @property
    def best_peer(self) -> str:
        """Name of the fastest system of a peer, empty if none ran."""
        peers = [system.name for system in SYSTEMS if system.peer and system.name in self.rates]
        return max(peers, key=self.median, default="")


def measure(script: str, systems: Sequence[System], fsync: str, rounds: int, seconds: float) -> Hops:
    """Run all systems in turn, `rounds` times about `seconds` each; `script` leads to `serve_hop` in a child."""
    why: dict[str, str] = {}

    def rate(child: Child) -> float:
        try:
            return 1e6 / child.round()
        except BenchFailed as error:
            why[child.name] = str(error)
            return math.nan

    with temporary() as state, contextlib.ExitStack() as stack:
        runs = {}
        for number, system in enumerate(systems):
            print(f"starting {system.name} ({fsync})", file=sys.stderr, flush=True)
            folder = state / str(number)  # short, as a socket will be in it
            arguments = [script, "--child", system.name, fsync, str(folder), "--seconds", str(seconds)]
            child = stack.enter_context(Child(system.name, arguments, {}, folder, _PATIENCE_S))
            try:
                child.ready()
            except BenchFailed as error:
                why[system.name] = str(error)
            else:
                runs[system.name] = functools.partial(rate, child)
        rates = interleaved(rounds, runs)
    return Hops(fsync, {name: rates[name] for name in rates if name not in why}, why)


def serve_hop(system: System, fsync: str, state: Path, seconds: float) -> None:
    """What a child does: run the system, until standard input ends."""
    serve(functools.partial(_hop, system, fsync, state), seconds, _FIRST)


@contextlib.contextmanager
def _hop(system: System, fsync: str, state: Path) -> Iterator[Send]:
    with running_server(state / "server", fsync) as socket, redis.Redis(unix_socket_path=socket) as client:
        os.environ |= {SOCKET: socket, TALLY: str(state / "tally")}
        with getattr(importlib.import_module(f"job_queues.{system.module}"), system.hop)() as send:

            def send_to_empty_server(items: int) -> float:
                client.flushall()
                return float(send(items))

            yield send_to_empty_server


def show(found: Hops, systems: Sequence[System]) -> None:
    """Print a table, the fastest first, and what each system is."""
    print(f"Queue hop, appendfsync {found.fsync}: acknowledged items a second, made while they are worked on")
    print(f"{'system':15}{'version':10}{'items/s':>10}{'low - high':>20}{'flowtui is':>13}   a dead worker's item is")
    ours = found.median(FLOWTUI) if FLOWTUI in found.rates else math.nan
    ran = [system for system in systems if system.name in found.rates]
    for system in sorted(ran, key=lambda each: -found.median(each.name)):
        rates, median = found.rates[system.name], found.median(system.name)
        span = f"{min(rates):,.0f} - {max(rates):,.0f}"
        version = importlib.metadata.version(system.distribution) if system.distribution else ""
        print(f"{system.name:15}{version:10}{median:10,.0f}{span:>20}{ours / median:12.2f}x   {system.keeps}")
    print()


def judge(found: Hops, all_asked: bool) -> bool:
    """Print the comparisons; return whether they hold. Peers that do not run are a failure only if all were asked."""
    holds = True
    for name, times in ((found.best_peer, TIMES_PEERS), (RAW, TIMES_RAW)):
        if FLOWTUI not in found.rates or name not in found.rates:
            print(f"NOT RUN  {FLOWTUI} against {name or 'the best peer'}, {found.fsync}")
            continue
        ratio = median_of(lambda ours, theirs: ours / theirs, found.rates[FLOWTUI], found.rates[name])
        best = f"{name}, the best peer" if name == found.best_peer else name
        text = f"{found.fsync}: {ratio:.2f} times the items of {best}; {times:g} at least"
        holds = verdict(ratio >= times, text) and holds
    for name, why in found.skipped.items():
        print(f"SKIPPED  {name}, {found.fsync}: {why}")
    if not all_asked:
        return holds and not found.skipped
    wanted = {system.peer or system.name for system in SYSTEMS}
    missing = wanted - {system.peer or system.name for system in SYSTEMS if system.name in found.rates}
    text = f"{found.fsync}: {len(wanted) - len(missing)} of {len(wanted)} ran: {', '.join(sorted(wanted - missing))}"
    return verdict(not missing, text) and holds
