"""A loop's graph as lines of text, from top to bottom: one row for each node, lanes beside it for the edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Which strokes leave a cell: up, down, left, right.
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_STROKES = {
    0: " ",
    _UP: "╵",
    _DOWN: "╷",
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _UP | _RIGHT: "╰",
    _UP | _LEFT: "╯",
    _DOWN | _RIGHT: "╭",
    _DOWN | _LEFT: "╮",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _DOWN | _LEFT | _RIGHT: "┬",
    _UP | _LEFT | _RIGHT: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
}


@dataclass(frozen=True, slots=True)
class GraphRow:
    """One line.

    Attributes:
        lanes: the strokes to the left of the text; at `column` stands the sign of `node`, if there is one.
        node: id of the node whose row it is; empty for a row of edges only.
    """

    lanes: str
    node: str = ""
    column: int = 0


@dataclass(slots=True)
class _Lanes:
    """The edges that are under way: which node each lane leads to, None where it is free."""

    targets: list[str | None] = field(default_factory=list)

    def leading_to(self, node: str) -> list[int]:
        return [index for index, target in enumerate(self.targets) if target == node]

    def free(self, after: int) -> int:
        """Return a free lane to the right of `after`, a new one if there is none."""
        for index in range(after + 1, len(self.targets)):
            if self.targets[index] is None:
                return index
        self.targets.append(None)
        return len(self.targets) - 1

    def shrink(self) -> None:
        while self.targets and self.targets[-1] is None:
            self.targets.pop()

    def through(self) -> dict[int, int]:
        """Return the strokes of all lanes that go on."""
        return {index: _UP | _DOWN for index, target in enumerate(self.targets) if target is not None}


def graph_rows(nodes: Sequence[str], needs: Mapping[str, Sequence[str]]) -> list[GraphRow]:
    """Return the lines of a graph.

    Args:
        nodes: ids, each behind all that it needs.
        needs: the nodes that each one needs, by id; one that is needed twice counts once.
    """
    lanes = _Lanes()
    rows: list[GraphRow] = []
    for node in nodes:
        arriving = lanes.leading_to(node)
        column = arriving[0] if arriving else lanes.free(-1)
        if len(arriving) > 1:
            rows.append(_joined(lanes, column, arriving))
        lanes.targets[column] = None
        following = [other for other in nodes if node in needs.get(other, ())]
        rows.append(GraphRow(_line(lanes.through() | {column: 0}), node, 2 * column))
        if following:
            lanes.targets[column] = following[0]
            if len(following) > 1:
                rows.append(_parted(lanes, column, following[1:]))
        lanes.shrink()
    return rows


def _joined(lanes: _Lanes, column: int, arriving: list[int]) -> GraphRow:
    """Lead several lanes into the first of them."""
    strokes = lanes.through()
    for index in arriving[1:]:
        strokes[index] = _UP
        lanes.targets[index] = None
    return GraphRow(_line(strokes, column, arriving))


def _parted(lanes: _Lanes, column: int, following: list[str]) -> GraphRow:
    """Let lanes leave for other nodes beside the one that goes on."""
    strokes = lanes.through()
    ends = [column]
    for other in following:
        index = lanes.free(column)
        lanes.targets[index] = other
        strokes[index] = _DOWN
        ends.append(index)
    return GraphRow(_line(strokes, column, ends))


def _line(strokes: dict[int, int], column: int = 0, ends: Sequence[int] = ()) -> str:
    """Return the strokes as text, with a line from `column` to the last of `ends`, which all of them meet."""
    last = max(ends, default=column)
    cells: list[int] = []
    for index in range(max([*strokes, last]) + 1):
        across = (_LEFT if column < index else 0) | (_RIGHT if index < last else 0) if column <= index <= last else 0
        cells.append(strokes.get(index, 0) | across)
        cells.append(_LEFT | _RIGHT if column <= index < last else 0)
    return "".join(_STROKES[cell] for cell in cells).rstrip()
