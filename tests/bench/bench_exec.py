"""How long `flowtui exec` takes to start, in ratios to importing what it cannot do without.

    python tests/bench/bench_exec.py [ROUNDS]

Compared is processor time of whole processes, in rounds that take turns, medians:

- *libraries*: `import pydantic, ruamel.yaml, jinja2, redis`, and nothing else.
- *start*: `flowtui exec` up to where it would read its workflow file: all that it needs is imported, and its arguments
  are read. It is given a file that does not exist.
- *whole*: `flowtui exec` of a node with a template, from the start of the process to its result, the process in which
  the node runs included.

A first round that does not count has Python keep the byte code.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rounds import BenchFailed, interleaved, median_of, temporary, verdict

LIBRARIES, START, WHOLE = "libraries", "start", "whole"
#: Most that the start may take, as a multiple of the libraries.
LIMIT = 1.5
_FLOW = """
nodes:
  tick: {type: interval, config: {every: 1s}}
  hello: {type: template, needs: tick, config: {text: "hello {{ data.name }}", into: said}}
"""
_COMMANDS: Mapping[str, tuple[list[str], int]] = {
    LIBRARIES: (["-c", "import pydantic, ruamel.yaml, jinja2, redis"], 0),
    START: (["-m", "flowtui", "exec", "nowhere.yaml:hello"], 2),
    WHOLE: (["-m", "flowtui", "exec", "hello.yaml:hello", "--input", '{"name": "you"}', "--json"], 0),
}


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of processor time that each took, round by round."""
    with temporary() as folder:
        (folder / "hello.yaml").write_text(_FLOW)
        runs = {name: lambda name=name: _seconds(name, folder) for name in _COMMANDS}
        interleaved(1, runs)
        return interleaved(rounds, runs)


def ratio(took: Mapping[str, list[float]], name: str) -> float:
    """Return how many times as long as the libraries something took."""
    return median_of(lambda own, libraries: own / libraries, took[name], took[LIBRARIES])


def _seconds(name: str, folder: Path) -> float:
    args, code = _COMMANDS[name]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *args],
        cwd=folder,
        env=env | {"XDG_STATE_HOME": str(folder)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != code:
        raise BenchFailed(f"{name} ended with {done.returncode}: {done.stderr.decode()}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    took = measure(rounds)
    for name, seconds in took.items():
        ms = statistics.median(seconds) * 1000
        print(f"{name:<10} {ms:6.0f} ms  {ratio(took, name):.2f} times the libraries")
    return 0 if verdict(ratio(took, START) <= LIMIT, f"the start takes at most {LIMIT} times the libraries") else 1


if __name__ == "__main__":
    sys.exit(main())
