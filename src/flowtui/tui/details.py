"""What a detail screen says about each thing, in full."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from flowtui.model.access import OF_PRODUCTION
from flowtui.model.errors import Problem
from flowtui.model.excerpts import Excerpt
from flowtui.model.log_lines import LogLine
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot, LoopView, NodeView
from flowtui.model.states import ACTIVE_STATES, LoopState, NodeHealth
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.excerpt_rows import excerpt_rows
from flowtui.tui.wording import loop_glyph, loop_state, node_glyph

#: What the narrowest usual terminal has room for.
_EXCERPT_CELLS = 66
_UNWELL = (NodeHealth.FAILING, NodeHealth.RETRYING, NodeHealth.STALLED)


@dataclass(frozen=True, slots=True)
class Entry:
    """A labelled text.

    Attributes:
        heading: the label is a heading and there is no text.
        indented: without a label, stand below the text of the entry before.
        verbatim: cut long lines instead of wrapping them.
    """

    label: str
    text: str = ""
    tone: Tone = Tone.TEXT
    heading: bool = False
    indented: bool = False
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Detail:
    """A title and what stands below it."""

    title: str
    entries: tuple[Entry, ...]


#: Makes a detail anew from a snapshot; None means that the thing is gone.
Describe = Callable[[EngineSnapshot], Detail | None]


def heading(text: str) -> Entry:
    """Return a heading."""
    return Entry(text, heading=True)


def loop_detail(loop: LoopView, now: float) -> Detail:
    """Return all about a loop."""
    glyph, tone = loop_glyph(loop, now)
    state, _ = loop_state(loop, now)
    entries = [
        Entry("state", f"{glyph} {state}", tone),
        Entry("since", _ago(loop.since, now)),
        *_given("reason", loop.reason),
    ]
    if loop.waiting:
        entries.append(Entry("waiting", f"{loop.waiting}, for {fmt.age(now - loop.waiting_since)}"))
    entries += [
        Entry("workflow", loop.workflow),
        Entry("file", str(loop.path)),
        Entry("producer", loop.producer),
        Entry("pool", loop.pool),
        Entry("replicas", _replicas(loop)),
        Entry("revision", f"r{loop.revision}"),
        Entry("reads", "what it is asked to run, with T" if loop.is_triggered else loop.reads or fmt.NOTHING),
        Entry("writes", ", ".join(loop.writes) or fmt.NOTHING),
        heading("Work"),
        Entry("items", f"{loop.iterations:,}"),
        Entry("last item", _ago(loop.last_at, now) or "none yet"),
        Entry("now", f"{fmt.rate(loop.rate)}/s over 5 s, {fmt.rate(loop.rate_1s)}/s over the last second"),
        Entry("last minute", f"{fmt.rate(loop.rate_1m)}/s  {fmt.sparkline(loop.history, 12)}".rstrip()),
        Entry("times", _times(loop)),
        Entry("in flight", f"{loop.in_flight:,}"),
        Entry("errors", f"{loop.errors:,}", Tone.BAD if loop.errors else Tone.TEXT),
        heading("Nodes"),
    ]
    for node in loop.nodes:
        sign, node_tone = node_glyph(node)
        times = f"{node.runs:,} runs, {node.errors:,} errors, p95 {fmt.milliseconds(node.p95_ms)}"
        times += f", {node.running:,} running now" if node.running and loop.state is LoopState.STOPPING else ""
        entries.append(Entry(node.id, f"{sign} {node.health}, {node.type}: {times}", node_tone))
        if node.health in _UNWELL and node.health_reason:
            entries.append(Entry("", node.health_reason, node_tone, indented=True))
    return Detail(f"Loop {loop.id}", tuple(entries))


def node_detail(loop: LoopView, node: NodeView, now: float) -> Detail:
    """Return all about a node; its last error in full."""
    glyph, tone = node_glyph(node)
    is_error = bool(node.last_error) and node.health_reason == node.last_error
    entries = [
        Entry("health", f"{glyph} {node.health}", tone),
        *_given("why", "its last run raised the error below" if is_error else node.health_reason),
        *_given("since", _ago(node.health_since, now)),
        *_given("title", "" if node.title == node.id else node.title),
        Entry("type", node.type),
        Entry("kind", str(node.kind)),
        Entry("loop", loop.id),
        Entry("file", str(loop.path)),
        heading("Work"),
        Entry("runs", f"{node.runs:,}, now {fmt.rate(node.rate)}/s"),
        Entry("running", f"{node.running:,} now"),
        Entry("times", _times(node)),
        Entry("errors", f"{node.errors:,}", Tone.BAD if node.errors else Tone.TEXT),
        Entry("retries", f"{node.retries:,}"),
        Entry("cache hits", f"{node.hits:,}" + (f" ({fmt.share(node.hits, node.runs)})" if node.hits else "")),
    ]
    total = sum(times for _, times in node.ports)
    entries += [Entry(f"port {port}", f"{times:,} ({fmt.share(times, total)})") for port, times in node.ports]
    if node.last_error:
        entries += [heading("Last error"), *_given("", _ago(node.last_error_at, now))]
        entries.append(Entry("", node.last_error, Tone.BAD))
    return Detail(f"Node {node.id} of {loop.id}", tuple(entries))


def letters_detail(group: DeadLetterGroup, now: float) -> Detail:
    """Return all about a group of dead letters."""
    entries = (
        Entry("letters", f"{group.count:,}"),
        Entry("loop", group.loop),
        Entry("node", group.node),
        Entry("first", _ago(group.first_at, now)),
        Entry("last", _ago(group.last_at, now)),
        Entry("group", group.fingerprint),
        heading("Error"),
        Entry("", f"{group.error}: {group.message}", Tone.BAD),
        heading("To do"),
        Entry("enter", "shows each, also to edit, to replay or to remove it", Tone.ACCENT),
        Entry("i", "inspects the newest one", Tone.ACCENT),
        _replay_entry(group),
        Entry("", f"flowtui dead list --group {group.fingerprint} shows them in a shell"),
    )
    return Detail(f"Dead letters of {group.loop}", entries)


def _replay_entry(group: DeadLetterGroup) -> Entry:
    if group.of_production:
        return Entry("", OF_PRODUCTION)
    return Entry("R", "replays them from the node that failed", Tone.ACCENT)


def problem_detail(problem: Problem, place: Excerpt | None) -> Detail:
    """Return a problem with the lines of the file around it, as far as they are known."""
    where = str(problem.path) + (f":{problem.line}:{max(1, problem.column)}" if problem.line else "")
    entries = [
        Entry("where", where),
        Entry("what", problem.message, Tone.BAD if problem.severity == "error" else Tone.WARN),
        Entry("check", f"{problem.code} ({problem.severity})"),
        Entry(""),
        *excerpt_entries(place),
    ]
    return Detail(f"Problem in {problem.path.name}", tuple(entries))


def log_detail(line: LogLine) -> Detail:
    """Return a log line in full."""
    entries = (
        Entry("time", f"{fmt.moment(line.time)}.{int(line.time % 1 * 1000):03}"),
        Entry("level", logging.getLevelName(line.level).lower()),
        Entry("loop", line.loop or "flowtui itself"),
        *_given("node", line.node),
        *_given("item", line.item),
        Entry(""),
        Entry("", line.message, Tone.BAD if line.level >= logging.ERROR else Tone.TEXT),
    )
    return Detail("Log line", entries)


def find_loop(snapshot: EngineSnapshot, loop_id: str) -> LoopView | None:
    """Return the loop with this id."""
    return next((loop for loop in snapshot.loops if loop.id == loop_id), None)


def _given(label: str, text: str) -> list[Entry]:
    return [Entry(label, text)] if text else []


def _ago(moment: float, now: float) -> str:
    return f"{fmt.moment(moment)} ({fmt.age(now - moment)} ago)" if moment else ""


def _times(view: LoopView | NodeView) -> str:
    three = (("p50", view.p50_ms), ("p95", view.p95_ms), ("p99", view.p99_ms))
    return ", ".join(f"{name} {fmt.milliseconds(duration)}" for name, duration in three)


def _replicas(loop: LoopView) -> str:
    alive = "" if loop.tracks == loop.replicas or loop.state not in ACTIVE_STATES else f" wanted, {loop.tracks} alive"
    return f"{loop.replicas}{alive}"


def excerpt_entries(place: Excerpt | None) -> list[Entry]:
    """Return the lines around a problem, nothing if they are not known."""
    rows = excerpt_rows(place, _EXCERPT_CELLS) if place is not None else []
    return [Entry("", text, tone, verbatim=True) for text, tone in rows]


def describe_loop(loop_id: str) -> Describe:
    """Return what tells all about a loop from any snapshot."""

    def describe(snapshot: EngineSnapshot) -> Detail | None:
        loop = find_loop(snapshot, loop_id)
        return loop_detail(loop, snapshot.taken_at) if loop else None

    return describe


def describe_node(loop_id: str, node_id: str) -> Describe:
    """Return what tells all about a node of a loop from any snapshot."""

    def describe(snapshot: EngineSnapshot) -> Detail | None:
        loop = find_loop(snapshot, loop_id)
        node = next((node for node in loop.nodes if node.id == node_id), None) if loop else None
        return node_detail(loop, node, snapshot.taken_at) if loop and node else None

    return describe


def describe_letters(group: DeadLetterGroup) -> Describe:
    """Return what tells all about a group of dead letters from any snapshot."""
    wanted = group.key

    def describe(snapshot: EngineSnapshot) -> Detail | None:
        found = (one for one in snapshot.dead_letters if one.key == wanted)
        return next((letters_detail(one, snapshot.taken_at) for one in found), None)

    return describe
