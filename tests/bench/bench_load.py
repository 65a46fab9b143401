"""What it takes to load and check workflow files, in ratios to reading the same text with ruamel.yaml alone.

    python tests/bench/bench_load.py [FILES] [NODES] [ROUNDS]

Compared is processor time, in rounds that take turns, with the garbage collector on:

- *load_folder*: what the engine and `flowtui check` do with a folder: find the node types, read every file, note where
  each key and value stands, check it, compile its templates, build and check the graphs, plan the loops.
- *round trip*: `YAML().load(text)`, ruamel's loader that keeps positions: what a program that says `file:line:col`
  needs.
- *safe*: `YAML(typ="safe", pure=True).load(text)`, its fastest loader in Python: values only, no positions.

Every round has files of its own, with texts that no file had before, so that nothing which is kept from one load to the
next counts. Half of the nodes hold templates, as in the samples.

Finding the node types is measured alone as well, in fresh processes, since only the first time counts there: against
importing pydantic in the same process.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ruamel.yaml import YAML

from flowtui.graph.folder import load_folder
from rounds import BenchFailed, interleaved, median_of, temporary, verdict

OURS, ROUND_TRIP, SAFE = "load_folder", "round trip", "safe"
#: Most that loading may take, as a multiple of each.
LIMIT = 2.0
#: Most milliseconds for finding the built-in types.
DISCOVERY_MS = 50.0
_HEAD = """\
# A loop that measures, decides and keeps.
name: {name}
description: Measure, decide, keep, and hand over.
nodes:
  tick:
    type: interval
    config: {{every: 2s}}
    loop: {{pool: thread, on_error: dead_letter}}
"""
#: The four kinds of node of which a file is made, each behind the one before.
_NODES = (
    """\
  {id}:
    type: if
    title: above {number}?
    needs: {before}
    config: {{when: "{{{{ data.total > {number} and data.{id} is defined }}}}"}}
""",
    """\
  {id}:
    type: delay
    needs: {before}
    config: {{seconds: {number}ms}}
    timeout: 10s
""",
    """\
  {id}:
    type: log
    needs: {before}   # tell people
    config:
      level: warning
      message: "order {{{{ data.order }}}} of {{{{ data.{id} }}}} in {number}"
""",
    """\
  {id}:
    type: file-append
    needs: {before}
    retry: {{attempts: 3, delay: 1s}}
    config:
      path: "${{WHERE:/tmp}}/{id}.jsonl"
      record:
        id: "{{{{ item }}}}"
        total: "{{{{ data.{id} }}}}"
""",
)
_CHILD = """
import json, sys, time
from pathlib import Path
began = time.perf_counter()
import pydantic
pydantic_took = time.perf_counter() - began
from flowtui.nodes.registry import discover
began = time.perf_counter()
registry = discover(Path(sys.argv[1]))
took = time.perf_counter() - began
print(json.dumps({"pydantic_ms": pydantic_took * 1e3, "discover_ms": took * 1e3, "types": len(registry.types)}))
"""
_numbers = count()


@dataclass(frozen=True)
class Discovery:
    """One fresh process: milliseconds for importing pydantic and for finding the built-in types; how many these are."""

    pydantic_ms: float
    discover_ms: float
    types: int


def workflow(name: str, nodes: int) -> str:
    """Return the text of a file with so many nodes; no two that this process makes have a template in common."""
    text, before = _HEAD.format(name=name), "tick"
    for index in range(1, nodes):
        number = next(_numbers)
        text += _NODES[index % len(_NODES)].format(id=f"n{number}", before=before, number=number)
        before = f"n{number}" if index % len(_NODES) else f"n{number}.yes"
    return text


def measure(files: int, nodes: int, rounds: int) -> dict[str, list[float]]:
    """Return processor seconds for all files, by what reads them, one figure for each round.

    Raises:
        BenchFailed: if the files have problems.
    """
    texts: list[str] = []

    def ours() -> float:
        # The first of each round, so it makes the texts that the others read too.
        texts[:] = [workflow(f"w{index}", nodes) for index in range(files)]
        with temporary() as folder:
            for index, text in enumerate(texts):
                (folder / f"w{index}.yaml").write_text(text)
            return _timed(lambda: _load(folder, files, nodes))

    def theirs(yaml: Callable[[], YAML]) -> float:
        return _timed(lambda: [yaml().load(text) for text in texts])

    runs = {
        OURS: ours,
        ROUND_TRIP: lambda: theirs(YAML),
        SAFE: lambda: theirs(lambda: YAML(typ="safe", pure=True)),
    }
    return interleaved(rounds, runs)


def _load(folder: Path, files: int, nodes: int) -> None:
    loaded = load_folder(folder, {})
    found = sum(len(plan.nodes) for each in loaded.workflows for plan in each.plans)
    if loaded.problems or found != files * nodes:
        raise BenchFailed(f"{found} of {files * nodes} nodes loaded; " + "; ".join(map(str, loaded.problems[:3])))


def _timed(run: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    run()
    return time.process_time() - began


def discovery(processes: int) -> list[Discovery]:
    """Find the built-in types in fresh processes."""
    with temporary() as folder:
        command = [sys.executable, "-c", _CHILD, str(folder)]
        done = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(processes)]
    return [Discovery(**json.loads(each.stdout)) for each in done]


def ratio(took: dict[str, list[float]], base: str) -> float:
    """Return how many times as long our loading takes as a loader of ruamel: the median over the rounds."""
    return median_of(lambda ours, theirs: ours / theirs, took[OURS], took[base])


def judge(took: dict[str, list[float]], found: list[Discovery]) -> bool:
    """Print what was measured and whether it is within the limits; return whether all is."""
    ratios = {base: ratio(took, base) for base in (ROUND_TRIP, SAFE)}
    held = [
        verdict(value <= LIMIT, f"loading takes {value:.2f} times as long as ruamel's {base} loader, at most {LIMIT:g}")
        for base, value in ratios.items()
    ]
    discover_ms = statistics.median(each.discover_ms for each in found)
    pydantic_ms = statistics.median(each.pydantic_ms for each in found)
    text = f"the {found[0].types} built-in types are found in {discover_ms:.1f} ms, at most {DISCOVERY_MS:g}"
    held.append(verdict(discover_ms <= DISCOVERY_MS, f"{text} (importing pydantic: {pydantic_ms:.1f} ms)"))
    return all(held)


def main() -> int:
    files, nodes, rounds = (int(given) for given in (*sys.argv[1:], *("100", "20", "5")[len(sys.argv) - 1 :]))
    took = measure(files, nodes, rounds)
    for name, seconds in took.items():
        each = ", ".join(f"{second / files * 1e3:.1f}" for second in seconds)
        print(f"{name:>12}: {statistics.median(seconds) / files * 1e3:.1f} ms a file of {nodes} nodes (rounds: {each})")
    return 0 if judge(took, discovery(rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
