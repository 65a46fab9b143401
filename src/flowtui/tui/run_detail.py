"""What the screen of a run says: its nodes layer by layer, and what has come of it."""

from __future__ import annotations

import json

from flowtui.model.runs import NodeRun, NodeRunState, Run, RunState
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Detail, Entry, heading

_GLYPHS = {
    NodeRunState.WAITING: ("○", Tone.MUTED),
    NodeRunState.RUNNING: ("▶", Tone.ACCENT),
    NodeRunState.DONE: ("●", Tone.GOOD),
    NodeRunState.SKIPPED: ("–", Tone.MUTED),
    NodeRunState.FAILED: ("✖", Tone.BAD),
}
_TONES = {RunState.QUEUED: Tone.WARN, RunState.DONE: Tone.GOOD, RunState.FAILED: Tone.BAD}


def run_detail(run: Run, now: float, waits: str = "") -> Detail:
    """Return all about a run at a time, in seconds since the epoch; `waits` is why it does not begin."""
    entries = [Entry("run", run.id), Entry("state", _state(run, now), _TONES.get(run.state, Tone.ACCENT))]
    if run.state is RunState.QUEUED and (waits or run.error):
        entries.append(Entry("", waits or run.error, Tone.WARN, indented=True))
    entries.append(heading("Nodes, layer by layer"))
    for layer, node in run.in_layers():
        entries += _node(layer, node, now)
    if run.state is RunState.FAILED:
        entries += [heading("Error"), Entry("", run.error, Tone.BAD)]
        if run.letters:
            kept = fmt.plural(len(run.letters), "dead letter")
            entries.append(Entry("", f"{kept} kept: number {', '.join(map(str, run.letters))}"))
    if run.state is RunState.DONE or run.outputs:
        entries.append(heading("Result"))
        if run.is_cut:
            entries.append(Entry("", "It is too big to be kept: this is only its beginning.", Tone.WARN))
        entries += json_entries(run.result)
    entries += [heading("Input"), *json_entries(run.input)]
    return Detail(run.loop, tuple(entries))


def result_text(run: Run) -> str:
    """Return the result as indented JSON."""
    return json.dumps(run.result, indent=2, ensure_ascii=False)


def _state(run: Run, now: float) -> str:
    again = f", attempt {run.attempt}" if run.attempt > 1 else ""
    if run.ms is not None:
        return f"{run.state} in {fmt.milliseconds(run.ms)}{again}"
    since = run.started_at if run.state is RunState.RUNNING else run.asked_at
    return f"{run.state} for {fmt.age(max(0.0, now - (since or now)))}{again}"


def _node(layer: int, node: NodeRun, now: float) -> list[Entry]:
    glyph, tone = _GLYPHS[node.state]
    facts = [f"{glyph} {node.state}"]
    if node.ms is not None:
        facts.append(fmt.milliseconds(node.ms))
    elif node.state is NodeRunState.RUNNING and node.started_at is not None:
        facts.append(fmt.milliseconds(max(0.0, now - node.started_at) * 1000))
    if node.tries > 1:
        facts.append(f"try {node.tries} of {node.of}")
    facts += [node.note] if node.note else []
    entries = [Entry(f"{layer}  {node.id}", "  ".join(facts), tone)]
    if node.error:
        entries.append(Entry("", node.error, tone, indented=True))
    return entries


def json_entries(value: object) -> list[Entry]:
    """Return indented JSON line by line; only a very long line is wrapped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return [Entry("", line, verbatim=len(line) < 400) for line in text.splitlines()]
