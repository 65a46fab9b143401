"""One loop: its state, its graph with live figures and the bottleneck, and its log."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from flowtui.model.snapshot import EngineSnapshot, LoopView, NodeView
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import describe_node, find_loop, log_detail, node_detail
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.widgets.graph_pane import GraphPane
from flowtui.tui.widgets.loop_bar import LoopBar
from flowtui.tui.widgets.pane import Pane

#: Below this height graph and log take turns.
_BOTH_HEIGHT = 18
_LEAST_LOG = _LEAST_GRAPH = 6
#: Frame and column heads around the graph.
_AROUND = 3


class LoopScreen(FrameScreen):
    """One loop, as long as one looks at it; esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LOOPS)

    def __init__(self, commands: Commands, loop: str, snapshot: EngineSnapshot | None) -> None:
        """`loop` is its id; `snapshot` what was shown last."""
        super().__init__(commands)
        self._loop_id = loop
        self.snapshot = snapshot  # until the next one comes: what is seen can be acted upon at once
        self.bar = LoopBar(id="loop-bar")
        self.graph = GraphPane("Graph", id="graph")
        self.log_view.belong_to(loop)
        self.begin_with(self.graph, self.log_view)

    def compose_body(self) -> ComposeResult:
        yield self.bar
        yield self.graph
        yield self.log_view

    def on_mount(self) -> None:
        if self.snapshot is not None:
            self.call_after_refresh(self._show, self.snapshot)

    @property
    def chosen_loop(self) -> LoopView | None:
        return find_loop(self.snapshot, self._loop_id) if self.snapshot is not None else None

    @property
    def chosen_node(self) -> tuple[LoopView, NodeView] | None:
        loop, node = self.graph.loop, self.graph.node
        return (loop, node) if loop is not None and node is not None else None

    @property
    def edited_row(self) -> object:
        return self.graph.node if self.current is self.graph else self.log_view.chosen

    def lay_out(self) -> None:
        height = self.size.height - 2 - self.alert.display
        alone = self.zoomed or height < _BOTH_HEIGHT
        for pane in self.panes:
            pane.display = not alone or pane is self.current
            others = tuple(other.heading.lower() for other in self.panes if other is not pane)
            pane.taking_turns = others if alone and not self.zoomed else ()
        wanted = max(_LEAST_GRAPH, min(self.graph.row_count() + _AROUND, height - _LEAST_LOG - self.bar.lines))
        # Each set once: any change of a height, be it there and back, has all of the screen laid out anew.
        self.graph.styles.height = "1fr" if alone else wanted

    def fill(self, snapshot: EngineSnapshot) -> None:
        loop = find_loop(snapshot, self._loop_id)
        self.bar.show(loop, snapshot)
        is_first = self.graph.loop is None
        self.graph.show_loop(loop)
        if is_first:
            self.graph.choose_worst()
        # How high it wants to be is known only now.
        self.lay_out()

    def action_show_loop(self) -> None:
        self.go_to(self.graph)

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        self.open_pane(event.pane)

    def open_pane(self, pane: Pane) -> None:
        if pane is self.log_view and (line := self.log_view.chosen):
            self.read(log_detail(line), None)
        elif pane is self.graph and (chosen := self.chosen_node) and self.snapshot is not None:
            loop, node = chosen
            self.read(node_detail(loop, node, self.snapshot.taken_at), describe_node(loop.id, node.id))
