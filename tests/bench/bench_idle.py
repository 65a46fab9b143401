"""What idle loops cost: 1,000 loops with an interval of 60 s in the asyncio pool, over the default private store.

Run it with `python tests/bench/bench_idle.py`. Each engine lives in a child process; printed are its share of one core
after the start has settled, and its memory per loop, from the difference to an engine with one loop and from the slope
between 1,000 and 2,000 loops. Exits with 1 if that is more than 2 % or 40 kB.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

import psutil

from flowtui.model.states import LoopState
from lab import loop_of, running, wait_until, write_folder
from rounds import BenchFailed, temporary, verdict

_MOST_CPU = 0.02
_MOST_KB = 40.0
#: Loops in one workflow file.
_PER_FILE = 50
#: After the start, until what it began is over, in seconds.
_SETTLE_S = 8.0
_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Idle:
    """One engine at rest: shares of one core, of its process and of its private server; resident memory in kB."""

    loops: int
    cpu: float
    server_cpu: float
    rss_kb: float


def per_loop_kb(fewer: Idle, more: Idle) -> float:
    """Return the memory of one loop, from two engines."""
    return (more.rss_kb - fewer.rss_kb) / (more.loops - fewer.loops)


def rest(loops: int, seconds: float) -> Idle:
    """Run an engine with idle loops in this process; return what it costs over `seconds`."""
    with temporary() as folder:
        write_folder(folder / "flows", "", workflows(loops))
        with running(folder / "flows", store="auto") as engine:
            wait_until(engine, lambda now: all(v.state is LoopState.RUNNING and v.iterations for v in now.loops))
            if loop_of(engine.snapshot(), "w0.tick0").pool != "asyncio":
                raise BenchFailed("the loops do not run in the asyncio pool")
            time.sleep(_SETTLE_S)
            me = psutil.Process()
            servers = me.children(recursive=True)
            began, mine, theirs = time.perf_counter(), _cpu([me]), _cpu(servers)
            time.sleep(seconds)
            took = time.perf_counter() - began
            return Idle(loops, (_cpu([me]) - mine) / took, (_cpu(servers) - theirs) / took, me.memory_info().rss / 1024)


def in_child(loops: int, seconds: float) -> Idle:
    """As `rest`, in a process of its own."""
    command = [sys.executable, __file__, "--child", str(loops), "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S + seconds, check=False)
    if done.returncode:
        raise BenchFailed(done.stderr.strip() or f"the engine with {loops} loops has ended")
    return Idle(**json.loads(done.stdout))


def workflows(loops: int) -> dict[str, str]:
    """Return the files of so many idle loops, by name."""
    texts: dict[str, str] = {}
    for begin in range(0, loops, _PER_FILE):
        lines = ["nodes:"]
        for number in range(begin, min(begin + _PER_FILE, loops)):
            lines.append(f"  tick{number}: {{type: interval, config: {{every: 60s}}, loop: {{pool: asyncio}}}}")
            lines.append(f"  note{number}: {{type: log, needs: tick{number}, config: {{level: debug}}}}")
        texts[f"w{begin // _PER_FILE}"] = "\n".join(lines)
    return texts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1, help="engines of each size (1)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each engine is watched (20)")
    parser.add_argument("--child", type=int, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(asdict(rest(options.child, options.seconds))))
        return 0
    sizes = (1, options.loops, 2 * options.loops)
    found: dict[int, list[Idle]] = {size: [] for size in sizes}
    for _ in range(options.rounds):
        for size in sizes:
            each = in_child(size, options.seconds)
            found[size].append(each)
            server = f"private server {each.server_cpu:.2%}"
            print(f"{size:6} loops  {each.cpu:6.2%} of a core  {server}  {each.rss_kb / 1024:7.1f} MB", flush=True)
    one, some, twice = (found[size] for size in sizes)
    cpu = statistics.median(idle.cpu for idle in some)
    first = statistics.median(per_loop_kb(*pair) for pair in zip(one, some, strict=True))
    slope = statistics.median(per_loop_kb(*pair) for pair in zip(some, twice, strict=True))
    holds = verdict(cpu <= _MOST_CPU, f"{options.loops} idle loops take {cpu:.2%} of a core, {_MOST_CPU:.0%} at most")
    text = f"a loop takes {first:.1f} kB up to {sizes[1]} loops, {slope:.1f} kB from there to {sizes[2]}"
    return 0 if verdict(max(first, slope) <= _MOST_KB, f"{text}; {_MOST_KB:.0f} kB at most") and holds else 1


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


if __name__ == "__main__":
    sys.exit(main())
