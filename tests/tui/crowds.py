"""Snapshots in which much is shown and much changes, tick by tick; four ticks are a second."""

from __future__ import annotations

from dataclasses import replace

from fake_client import NOW, a_busy_afternoon, a_loop, a_node, a_queue, a_snapshot

from flowtui.model.snapshot import EngineSnapshot
from flowtui.model.states import NodeKind

TICKS_PER_S = 4


def fifty_loops(tick: int) -> EngineSnapshot:
    """Return fifty loops of which every figure changes with every tick."""
    loops = [
        a_loop(
            f"flow{n % 9}.loop-{n:02}",
            rate=20 + (tick * 7 + n) % 60 + 0.5,
            p95_ms=1 + ((tick * 3 + n) % 80) / 10,
            errors=tick + n,
            iterations=tick * 41 + n,
            in_flight=(tick + n) % 16,
            history=tuple(float((tick + n + i) % 9) for i in range(12)),
        )
        for n in range(50)
    ]
    return a_snapshot(*loops, taken_at=NOW + tick / TICKS_PER_S, uptime_s=8040 + tick / TICKS_PER_S)


def at_rest(tick: int) -> EngineSnapshot:
    """Return a folder in which nothing happens while time passes."""
    return replace(a_busy_afternoon(), taken_at=NOW + tick / TICKS_PER_S, uptime_s=8040 + tick / TICKS_PER_S)


def a_crowd(tick: int, loops: int, nodes: int = 10, queues: int = 0) -> EngineSnapshot:
    """Return so many loops of so many nodes each, and queues, all of which change."""
    made = [
        a_loop(
            f"flow{n % 90:02}.loop-{n:03}",
            rate=20 + (tick * 7 + n) % 60 + 0.5,
            p95_ms=1 + ((tick * 3 + n) % 80) / 10,
            errors=tick + n if n % 7 == 0 else 0,
            iterations=tick * 41 + n,
            history=tuple(float((tick + n + i) % 9) for i in range(12)),
            nodes=(
                a_node("start", "timer", kind=NodeKind.PRODUCER),
                *(a_node(f"step-{i}", runs=tick * 41 + i) for i in range(1, nodes)),
            ),
        )
        for n in range(loops)
    ]
    kept = tuple(a_queue(f"flow{n % 90:02}.queue-{n:03}", depth=(tick * 37 + n * 13) % 5000) for n in range(queues))
    return a_snapshot(*made, queues=kept, taken_at=NOW + tick / TICKS_PER_S, uptime_s=8040 + tick / TICKS_PER_S)
