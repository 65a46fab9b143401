"""Glyphs, words and order for what a snapshot holds: the same in every pane and every detail."""

from __future__ import annotations

import math
from collections.abc import Iterable

from flowtui.model.errors import Problem, Severity
from flowtui.model.snapshot import EngineSnapshot, LoopView, NodeView, StoreView
from flowtui.model.states import ACTIVE_STATES, LoopState, NodeHealth, NodeKind
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone

Word = tuple[str, Tone]

_LOOP_GLYPHS: dict[LoopState, Word] = {
    LoopState.FAILED: ("✖", Tone.BAD),
    LoopState.PAUSED: ("‖", Tone.WARN),
    LoopState.PAUSING: ("‖", Tone.WARN),
    LoopState.DRAINING: ("▼", Tone.WARN),
    LoopState.STOPPING: ("◌", Tone.WARN),
    LoopState.STOPPED: ("■", Tone.MUTED),
    LoopState.STARTING: ("◌", Tone.GOOD),
    LoopState.RUNNING: ("▶", Tone.GOOD),
    LoopState.COMPLETED: ("✔", Tone.MUTED),
}

_WAITING_FROM_S = 2.0
#: What is below that is shown as no rate at all.
_LEAST_RATE = 0.05
#: The reason of what a person has asked for.
BY_HAND = "by hand"

#: Of a loop that has failed, and of one that lives but is in trouble.
FAILED_RANK, TROUBLED_RANK = 0, 2
#: Lower comes first. Moving states stand where they come from, so that a row does not jump twice.
_LOOP_RANK = {
    LoopState.FAILED: FAILED_RANK,
    LoopState.PAUSED: 1,
    LoopState.PAUSING: 1,
    LoopState.STOPPED: 3,
    LoopState.STOPPING: 3,
    LoopState.COMPLETED: 5,
}
_LIVES_RANK = 4
_NODE_SEVERITY = (NodeHealth.IDLE, NodeHealth.HEALTHY, NodeHealth.RETRYING, NodeHealth.STALLED, NodeHealth.FAILING)

#: A loop's states in the order in which the header counts them.
_COUNTED = (
    LoopState.RUNNING,
    LoopState.STARTING,
    LoopState.PAUSING,
    LoopState.PAUSED,
    LoopState.DRAINING,
    LoopState.STOPPING,
    LoopState.STOPPED,
    LoopState.COMPLETED,
    LoopState.FAILED,
)


def loop_rank(loop: LoopView) -> int:
    """Return how far down a loop belongs, failed ones 0: the order of `worst_first`."""
    lives = TROUBLED_RANK if is_recovering(loop) or stalled_node(loop) is not None else _LIVES_RANK
    return _LOOP_RANK.get(loop.state, lives)


def worst_first(loops: Iterable[LoopView]) -> list[LoopView]:
    """Return failed loops first, then paused ones, those whose process died or that stand still, stopped ones.

    Then come those that run, and completed ones.
    """
    return sorted(loops, key=loop_rank)


def has_rate(loop: LoopView) -> bool:
    """Return whether a loop does anything, as far as its rate shows."""
    return loop.rate >= _LEAST_RATE


def stalled_node(loop: LoopView) -> NodeView | None:
    """Return the node in which a running loop stands still, None if it does not: other tracks may go on."""
    if loop.state is not LoopState.RUNNING or has_rate(loop):
        return None
    return next((node for node in loop.nodes if node.health is NodeHealth.STALLED), None)


def node_severity(node: NodeView) -> int:
    """Return how much a node's health should worry, the more the higher."""
    return _NODE_SEVERITY.index(node.health)


def is_waiting(loop: LoopView, now: float) -> bool:
    """Return whether a loop has waited long enough to say so: one that waits between items just runs."""
    return bool(loop.waiting) and now - loop.waiting_since >= _WAITING_FROM_S


def stands_by(loop: LoopView, now: float) -> bool:
    """Return whether another instance runs the loop; this way of waiting has a name of its own, and no rate."""
    return is_waiting(loop, now) and loop.waiting.startswith("standby:")


def loop_glyph(loop: LoopView, now: float) -> Word:
    """Return the sign of a loop's state."""
    if stalled_node(loop) is not None:
        return "!", Tone.WARN
    if loop.state is LoopState.RUNNING and is_waiting(loop, now):
        return "▷", Tone.MUTED
    return ("↻", Tone.WARN) if is_recovering(loop) else _LOOP_GLYPHS[loop.state]


def loop_state(loop: LoopView, now: float) -> Word:
    """Return a loop's state in words: since when, why, what it waits for."""
    if (stalled := stalled_node(loop)) is not None:
        return f"stalled {fmt.age(now - stalled.health_since)}: {stalled.id}", Tone.WARN
    if loop.state is LoopState.RUNNING:
        if not is_waiting(loop, now):
            return "running", Tone.TEXT
        return loop.waiting if stands_by(loop, now) else f"waiting: {loop.waiting}", Tone.MUTED
    tone = Tone.MUTED if loop.state in (LoopState.STOPPED, LoopState.COMPLETED) else loop_glyph(loop, now)[1]
    if loop.state is LoopState.DRAINING and loop.waiting:
        return f"{loop.state}: {loop.waiting}", tone
    if loop.state is LoopState.PAUSING and loop.in_flight:
        why = "" if loop.reason in ("", BY_HAND) else f", {loop.reason}"
        return f"{loop.state}: {fmt.count(loop.in_flight)} in flight{why}", tone
    if loop.state is LoopState.STOPPING and (words := _what_stops(loop, now)):
        return f"{loop.state}{words}", tone
    return f"{loop.state} {fmt.age(now - loop.since)}" + (f": {loop.reason}" if loop.reason else ""), tone


def _what_stops(loop: LoopView, now: float) -> str:
    """Return what a stopping loop waits for, empty if nothing is known of that."""
    busy = [node.id for node in loop.nodes if node.running]
    left = math.ceil(loop.grace_until - now)
    if loop.in_flight and left > 0:
        still = f", {', '.join(busy)} still running" if busy else ""
        return f": {fmt.count(loop.in_flight)} in flight, {left} s left{still}"
    return f" ({fmt.plural(len(busy), 'node')} still running: {', '.join(busy)})" if busy else ""


def is_recovering(loop: LoopView) -> bool:
    """Return whether a track has died and starts again in a while; the loop's reason tells more."""
    return loop.is_recovering


def loop_replicas(loop: LoopView) -> str:
    """Return `×2`, or `1/2` while the loop lives and a track is missing; nothing for the usual single one."""
    if loop.replicas == 1:
        return ""
    missing = loop.state in ACTIVE_STATES and loop.tracks < loop.replicas
    return f"{loop.tracks}/{loop.replicas}" if missing else f"×{loop.replicas}"


def loop_counts(loops: Iterable[LoopView]) -> list[tuple[int, LoopState]]:
    """Return how many loops are in each state that occurs."""
    states = [loop.state for loop in loops]
    return [(states.count(state), state) for state in _COUNTED if state in states]


def tone_of(state: LoopState) -> Tone:
    """Return the tone in which a state is named."""
    return Tone.TEXT if state is LoopState.RUNNING else _LOOP_GLYPHS[state][1]


def node_glyph(node: NodeView) -> Word:
    """Return the sign of a node's health."""
    if node.health is NodeHealth.FAILING:
        return "✖", Tone.BAD
    if node.health is NodeHealth.RETRYING:
        return "↻", Tone.WARN
    if node.health is NodeHealth.STALLED:
        return "!", Tone.WARN
    hollow = node.health is NodeHealth.IDLE
    if node.kind is NodeKind.CONDITIONAL:
        return ("◇", Tone.MUTED) if hollow else ("◆", Tone.GOOD)
    return ("○", Tone.MUTED) if hollow else ("●", Tone.GOOD)


def node_figure(node: NodeView) -> Word:
    """Return the one figure that says most about a node: its health if bad, its first port, its rate or its time."""
    if node.health is NodeHealth.FAILING:
        return "failing", Tone.BAD
    if node.health is NodeHealth.RETRYING:
        return "retrying", Tone.WARN
    if node.health is NodeHealth.STALLED:
        return "stalled", Tone.WARN
    if node.health is NodeHealth.IDLE:
        return "idle", Tone.MUTED
    if node.ports:
        return node_ports(node).split("  ")[0], Tone.TEXT
    if node.kind is NodeKind.PRODUCER or node.p95_ms is None:
        return f"{fmt.rate(node.rate)}/s", Tone.TEXT
    return fmt.milliseconds(node.p95_ms), Tone.TEXT


def node_ports(node: NodeView) -> str:
    """Return how often each port of a conditional was taken: `yes 7%  no 93%`."""
    total = sum(times for _, times in node.ports)
    return "  ".join(f"{port} {fmt.share(times, total)}" for port, times in node.ports)


def store_words(store: StoreView) -> Word:
    """Return what the header says of the store."""
    name = {"local": "local store", "redis": "redis", "memory": "memory store"}.get(store.kind, "store")
    if store.trouble:
        return f"✖ {name}: trouble", Tone.BAD
    if not store.kind:
        return "○ opening the store", Tone.MUTED
    return (f"● {name}, durable", Tone.TEXT) if store.durable else (f"{name}", Tone.TEXT)


def instance_words(snapshot: EngineSnapshot) -> str:
    """Return `3 instances` if other engines share the store, else nothing."""
    return fmt.plural(len(snapshot.instances), "instance") if len(snapshot.instances) > 1 else ""


def problem_place(problem: Problem) -> str:
    """Return `orders.yaml:14:7`, without the folder, which the header names."""
    return problem.place


def errors_first(problems: Iterable[Problem]) -> list[Problem]:
    """Return errors before warnings, each in their given order."""
    return sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)


def active_loops(snapshot: EngineSnapshot) -> int:
    """Return how many loops would be stopped by leaving."""
    return sum(loop.state in ACTIVE_STATES for loop in snapshot.loops)
