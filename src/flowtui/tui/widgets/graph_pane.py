"""The graph of one loop: a row for each node, its edges in lanes beside it, its figures behind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from flowtui.model.snapshot import LoopView, NodeView
from flowtui.model.states import NodeHealth, NodeKind
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Piece, Tone, piece
from flowtui.tui.graph_lines import GraphRow, graph_rows
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable
from flowtui.tui.wording import node_glyph, node_ports

#: A node that works less than this much of the time holds nobody up.
_BUSY_ENOUGH = 0.2
_UNWELL = {NodeHealth.FAILING: Tone.BAD, NodeHealth.RETRYING: Tone.WARN, NodeHealth.STALLED: Tone.WARN}


class GraphLine(NamedTuple):
    """A row of the graph; `node` is None in a row of edges only. `number` counts the rows."""

    number: int
    row: GraphRow
    node: NodeView | None


@lru_cache(16)
def _columns(lanes: int) -> tuple[Column, ...]:
    return (
        Column("", lanes),
        Column("NODE", 32, measured=True, wanted=14, least=6),
        Column("TYPE", 18, drop=4),
        Column("NEEDS", 22, drop=6),
        Column("RATE", 7, "right"),
        Column("P95", 7, "right", drop=2),
        Column("BUSY", 5, "right", drop=1),
        Column("RUNS", 6, "right", drop=5),
        Column("ERR", 5, "right", news=lambda line: line.node and line.node.errors),
        Column("", 12, grows=True, drop=3, gap=2),
    )


class GraphPane(LiveTable[GraphLine]):
    """All nodes of a loop in the order in which they run."""

    table = "graph"
    columns = _columns(1)

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.loop: LoopView | None = None
        self._shape: object = None
        self._graph: list[GraphRow] = []
        self._bottleneck = ""

    def show_loop(self, loop: LoopView | None) -> None:
        """Show the graph of this loop."""
        if self.loop is None or loop is None or loop.id != self.loop.id:
            self.cursor = self.top = 0
        self.loop = loop
        nodes = loop.nodes if loop is not None else ()
        shape = tuple((node.id, node.needs) for node in nodes)
        if shape != self._shape:
            self._shape = shape
            needs = {node.id: [need for need, _ in node.needs] for node in nodes}
            self._graph = graph_rows([node.id for node in nodes], needs)
            self.columns = _columns(max((max(len(row.lanes), row.column + 1) for row in self._graph), default=1))
        self._bottleneck = bottleneck(nodes)
        by_id = {node.id: node for node in nodes}
        self.show([GraphLine(index, row, by_id.get(row.node)) for index, row in enumerate(self._graph)])

    def choose_worst(self) -> None:
        """Put the cursor on the first node that is not well, else leave it."""
        for line in self._all:
            if line.node is not None and line.node.health in _UNWELL:
                self.choose(line.node.id)
                return

    @property
    def node(self) -> NodeView | None:
        """The node under the cursor."""
        return self.chosen.node if self.chosen is not None else None

    def key(self, item: GraphLine) -> object:
        return item.row.node or item.number

    def measure(self, item: GraphLine) -> str:
        return item.row.node

    def searched(self, item: GraphLine) -> str:
        node = item.node
        return "" if node is None else f"{node.id} {node.title} {node.type} {node.health} {node.queue or ''}"

    def move_to(self, index: int) -> None:
        step = 1 if index > self.cursor else -1
        while 0 <= index < self.row_count() and self._rows[index][0].node is None:
            index += step
        super().move_to(index)

    def cells(self, item: GraphLine) -> Sequence[Cell]:
        node = item.node
        if node is None:
            return ((item.row.lanes, Tone.FRAME), *[("", Tone.TEXT)] * (len(self.columns) - 1))
        return (
            (item.row.lanes, Tone.FRAME),
            (node.id, Tone.TEXT),
            (node.type, Tone.MUTED),
            (_needs(node), Tone.MUTED),
            (f"{fmt.rate(node.rate)}/s", Tone.TEXT),
            (fmt.milliseconds(node.p95_ms), Tone.TEXT),
            _busy(node, node.id == self._bottleneck),
            (fmt.count(node.runs), Tone.TEXT),
            (fmt.count(node.errors), Tone.BAD if node.errors else Tone.MUTED),
            self._note(node),
        )

    def row(self, index: int, width: int) -> Line:
        line = super().row(index, width)
        node, row = self._rows[index][0].node, self._rows[index][0].row
        if node is None or self.filter_text:
            return line
        sign, tone = node_glyph(node)
        lanes = line[0]
        before, after = lanes.text[: row.column], lanes.text[row.column + 1 :]
        first = (Piece(before, lanes.tone, len(before)), piece(sign, 1, tone), Piece(after, lanes.tone, len(after)))
        return (*(part for part in first if part.width), *line[1:])

    def _note(self, node: NodeView) -> Cell:
        if node.health in _UNWELL:
            return f"{node.health}: {node.health_reason}", _UNWELL[node.health]
        if node.id == self._bottleneck:
            return "▲ bottleneck", Tone.WARN
        if node.ports:
            return node_ports(node), Tone.TEXT
        if node.queue:
            return f"{'from' if node.kind is NodeKind.PRODUCER else '⇒'} {node.queue}", Tone.MUTED
        return "", Tone.TEXT

    def title_words(self) -> str:
        of = f"of {self.loop.id}" if self.loop else ""
        return f"{of} /{self.filter_text}".strip() if self.filter_text else of

    def empty_words(self) -> str:
        return super().empty_words() or "This loop is gone. esc goes back."


def bottleneck(nodes: Sequence[NodeView]) -> str:
    """Return the id of the node that works most of the time, empty if none does for long."""
    working = [node for node in nodes if node.busy is not None and node.busy >= _BUSY_ENOUGH]
    return max(working, key=lambda node: node.busy or 0.0).id if working else ""


def _needs(node: NodeView) -> str:
    return ", ".join(f"{need}.{port}" if port else need for need, port in node.needs)


def _busy(node: NodeView, is_worst: bool) -> Cell:
    if node.busy is None:
        return fmt.NOTHING, Tone.MUTED
    return fmt.share(node.busy, 1.0), Tone.WARN if is_worst else Tone.TEXT
