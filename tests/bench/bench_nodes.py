"""What an item costs in each built-in node, as a ratio to the bare library call in the same run.

Run it with `python tests/bench/bench_nodes.py`. Nodes are called without an engine: what a loop adds is the subject of
`bench_overhead.py`. Exits with 1 if a node takes more times the bare call than its row allows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from node_costs import Row, Run, all_rows
from rounds import BenchFailed, interleaved, items_for, median_of, temporary, verdict


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds per item, medians of the rounds; the ratio is the median of those within a round."""

    name: str
    node_us: float
    bare_name: str
    bare_us: float
    ratio: float
    most: float


def measure(row: Row, rounds: int, seconds: float) -> Cost:
    """Measure one row, each round for `seconds` with the node and with the same number of items bare."""
    count = items_for(seconds, lambda items: _run(row.node, items))
    found = interleaved(rounds, {"node": lambda: _run(row.node, count), "bare": lambda: _run(row.bare, count)})
    node, bare = found["node"], found["bare"]
    each = 1e6 / count
    return Cost(
        row.name,
        median_of(lambda took: took * each, node),
        row.bare_name,
        median_of(lambda took: took * each, bare),
        median_of(lambda ours, theirs: ours / theirs, node, bare),
        row.most,
    )


def judge(costs: Sequence[Cost]) -> bool:
    """Print each row with PASS or FAIL; return whether all hold."""
    verdicts = [
        verdict(
            cost.ratio <= cost.most,
            f"{cost.name}: {cost.node_us:.1f} µs, {cost.ratio:.1f} times {cost.bare_name} ({cost.bare_us:.1f} µs), "
            f"at most {cost.most:g} wanted",
        )
        for cost in costs
    ]
    return all(verdicts)


def _run(run: Run, items: int) -> float:
    with temporary() as folder:
        return run(folder, items)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each row (5)")
    parser.add_argument("--seconds", type=float, default=0.3, help="how long a node works in a round (0.3)")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="rows whose name begins with this")
    parser.add_argument("--json", action="store_true", help="print JSON instead of verdicts")
    options = parser.parse_args()
    rows = [row for row in all_rows() if not options.only or row.name.startswith(tuple(options.only))]
    if not rows:
        parser.error(f"no row begins with {' or '.join(options.only)}")
    try:
        costs = [measure(row, options.rounds, options.seconds) for row in rows]
    except BenchFailed as error:
        print(f"nothing could be measured: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps([asdict(cost) for cost in costs]))
        return 0
    return 0 if judge(costs) else 1


if __name__ == "__main__":
    sys.exit(main())
