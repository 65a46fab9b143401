"""Runs of triggers as a person reads them in a shell."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flowtui.model.printable import SHOWN
from flowtui.model.runs import SETTLED_NODES, NodeRun, NodeRunState, Run, RunState

_SHOWN_STATES = SETTLED_NODES | {NodeRunState.RUNNING}
_ERROR_LENGTH = 200


def node_line(run: Run, layer: int, node: NodeRun) -> str:
    """Return one line about a node: its layer, what has become of it, how long it took."""
    width = max(map(len, run.nodes), default=0)
    number = f"{layer:>{len(str(len(run.layers)))}}"
    facts = [
        _time(node.ms) if node.ms is not None else "",
        node.note,
        f"try {node.tries} of {node.of}" if node.tries > 1 else "",
        node.error.translate(SHOWN)[:_ERROR_LENGTH],
    ]
    return f"  {number}  {node.id:<{width}}  {node.state:<7}  {'  '.join(filter(None, facts))}".rstrip()


def run_lines(run: Run) -> list[str]:
    """Return a run with all its nodes, layer by layer, without its result."""
    nodes = [node_line(run, layer, node) for layer, node in run.in_layers() if node.state in _SHOWN_STATES]
    return [f"run {run.id} of {run.loop}", *nodes, end_line(run)]


def end_line(run: Run) -> str:
    """Return where a run is as a whole."""
    again = f", attempt {run.attempt}" if run.attempt > 1 else ""
    if run.has_ended:
        return f"{run.state} in {_time(run.ms or 0.0)}{again}"
    return f"{run.state}{again}{f': {run.error}' if run.error else ''}"


def failure(run: Run, where: str) -> str:
    """Return in one sentence why a run failed, and how to see its dead letters; `where` ends that command."""
    kept = ""
    if run.letters:
        several = len(run.letters) > 1
        kept = f"; kept as dead letter{'s' if several else ''} {', '.join(map(str, run.letters))}, to see: "
        kept += f"flowtui dead show {run.letters[0]}{where}"
    return f"run {run.id} failed: {run.error.translate(SHOWN)}{kept}"


def result_text(run: Run) -> str:
    """Return the result as indented JSON."""
    return json.dumps(run.result, indent=2, ensure_ascii=False)


class Progress:
    """Tells which lines are new each time that a run has changed."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._attempt = 0
        self._state: RunState | None = None

    def news(self, run: Run) -> Iterator[str]:
        """Yield a line for each node that has settled since, layer by layer, and one for what becomes of it all."""
        if run.attempt > max(self._attempt, 1):
            self._told.clear()
            yield f"begins again, attempt {run.attempt}"
        self._attempt = run.attempt
        for layer, node in run.in_layers():
            if node.state in SETTLED_NODES and node.id not in self._told:
                self._told.add(node.id)
                yield node_line(run, layer, node)
        if run.state is not self._state and (run.has_ended or run.error):
            yield end_line(run)
        self._state = run.state


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
