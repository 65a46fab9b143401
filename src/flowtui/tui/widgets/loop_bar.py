"""Two lines about a loop: its state and why, then its figures."""

from __future__ import annotations

from flowtui.model.snapshot import EngineSnapshot, LoopView
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Piece, Tone, fill, piece, safe, width_of_line, words
from flowtui.tui.widgets.painted import Painted
from flowtui.tui.wording import loop_glyph, loop_replicas, loop_state

_GAP = "   "


class LoopBar(Painted):
    """How a loop is; `lines` is how high it is."""

    lines = 2

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._loop: LoopView | None = None
        self._now = 0.0
        self._dead = 0

    def show(self, loop: LoopView | None, snapshot: EngineSnapshot) -> None:
        """Show a loop of this snapshot; None if it is gone."""
        self._loop, self._now = loop, snapshot.taken_at
        groups = snapshot.dead_letters if loop is not None else ()
        self._dead = sum(group.count for group in groups if loop is not None and group.loop == loop.id)
        self.repaint()

    def draw(self, width: int, height: int) -> list[Line]:
        loop = self._loop
        if loop is None:
            return [(words(" This loop is gone: its file no longer has it.", Tone.WARN),)]
        sign, tone = loop_glyph(loop, self._now)
        state, state_tone = loop_state(loop, self._now)
        head: list[Piece] = [words(f" {sign} ", tone), words(loop.id, Tone.STRONG)]
        if replicas := loop_replicas(loop):
            head.append(words(f" {replicas}", Tone.MUTED))
        head += [words(f"{_GAP}{loop.pool}, r{loop.revision}{_GAP}", Tone.MUTED)]
        room = max(1, width - width_of_line(head) - 1)
        head.append(piece(safe(state), room, state_tone))
        return [fill(head, width), fill(self._figures(loop), width)]

    def _figures(self, loop: LoopView) -> list[Piece]:
        parts: list[tuple[str, str, Tone]] = [
            ("items/s", fmt.rate(loop.rate), Tone.TEXT),
            ("", fmt.sparkline(loop.history, 12), Tone.MUTED),
            ("p50", fmt.milliseconds(loop.p50_ms), Tone.TEXT),
            ("p95", fmt.milliseconds(loop.p95_ms), Tone.TEXT),
            ("p99", fmt.milliseconds(loop.p99_ms), Tone.TEXT),
            ("items", fmt.count(loop.iterations), Tone.TEXT),
            ("in flight", fmt.count(loop.in_flight), Tone.TEXT),
            ("errors", fmt.count(loop.errors), Tone.BAD if loop.errors else Tone.MUTED),
            ("dead", fmt.count(self._dead), Tone.WARN if self._dead else Tone.MUTED),
        ]
        if loop.reads:
            parts.append(("reads", loop.reads, Tone.TEXT))
        if loop.writes:
            parts.append(("writes", ", ".join(loop.writes), Tone.TEXT))
        line: list[Piece] = [words("  ")]
        for name, figure, tone in parts:
            line += [words(f" {name} " if name else "", Tone.MUTED), words(f"{safe(figure)} ", tone)]
        return line
