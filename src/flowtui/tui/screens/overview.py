"""The overview: loops, nodes, queues, troubles and the log at one glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from flowtui.model.access import OF_PRODUCTION
from flowtui.model.errors import Problem
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot, LoopView, NodeView
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import (
    describe_letters,
    describe_loop,
    describe_node,
    letters_detail,
    log_detail,
    loop_detail,
    node_detail,
    problem_detail,
)
from flowtui.tui.file_words import excerpt_of
from flowtui.tui.letter_list import Choice
from flowtui.tui.places import GoTo, Place
from flowtui.tui.queue_words import describe_queue, queue_detail
from flowtui.tui.screens.confirm import ask_replay
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.screens.layout import arrange
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.panes import LoopsPane, NodesPane, QueuesPane, TroublePane

#: Who presses a key within so many seconds after another loop came under the cursor means the one before.
_SETTLED_S = 0.7


class OverviewScreen(FrameScreen):
    """The first screen; `when_painted` is called once."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LOOPS)

    def __init__(self, commands: Commands, when_painted: Callable[[], None]) -> None:
        super().__init__(commands)
        self._when_painted = when_painted
        self.upper_row = Horizontal(id="upper")
        self.lower_row = Horizontal(id="lower")
        self.loops = LoopsPane("Loops", id="loops")
        self.nodes = NodesPane("Nodes", id="nodes")
        self.queues = QueuesPane("Queues", id="queues")
        self.trouble = TroublePane("Problems", id="trouble")
        self.begin_with(self.loops, self.nodes, self.queues, self.trouble, self.log_view)
        self.upper: Pane = self.loops  # the last one chosen above the log
        self.loops.when_moved = self._show_nodes
        self.loops.markable = True

    def compose_body(self) -> ComposeResult:
        with self.upper_row:
            yield self.loops
            yield self.nodes
        with self.lower_row:
            yield self.queues
            yield self.trouble
        yield self.log_view

    def on_mount(self) -> None:
        self.call_after_refresh(self._when_painted)

    # What is shown, and chosen

    def lay_out(self) -> None:
        arrange(self, self.snapshot)

    def fill(self, snapshot: EngineSnapshot) -> None:
        if self.loops.is_shown or self.nodes.is_shown:
            self.loops.show_snapshot(snapshot)
            self._show_nodes()
        if self.queues.is_shown:
            self.queues.show_snapshot(snapshot, self._commands.watch.alerts)
        if self.trouble.is_shown:
            self.trouble.show_snapshot(snapshot)

    def _show_nodes(self) -> None:
        self.nodes.waits = self.loops.waits
        self.nodes.show_loop(self.loops.chosen)

    def filtered(self) -> None:
        if self.current is self.loops:
            self._show_nodes()

    def make_current(self, pane: Pane) -> None:
        if pane is not self.log_view:
            self.upper = pane
        super().make_current(pane)

    @property
    def chosen_loop(self) -> LoopView | None:
        return self.loops.chosen

    @property
    def marked_loops(self) -> list[LoopView]:
        # The table may be out of view, and not up to date.
        ids = {loop.id for loop in self.loops.marked}
        return [loop for loop in self.snapshot.loops if loop.id in ids] if self.snapshot is not None else []

    def hidden(self, loops: Sequence[LoopView]) -> int:
        return len(loops) if not self.loops.is_shown else sum(not self.loops.lets_through(loop) for loop in loops)

    @property
    def chosen_node(self) -> tuple[LoopView, NodeView] | None:
        loop, node = self.nodes.loop, self.nodes.chosen
        if self.current in (self.loops, self.nodes) and loop is not None and node is not None:
            return loop, node
        return None

    # Dead letters

    @property
    def _chosen_group(self) -> DeadLetterGroup | None:
        group = self.trouble.chosen if self.current is self.trouble else None
        return group if isinstance(group, DeadLetterGroup) else None

    def action_replay(self) -> None:
        group = self._chosen_group
        if group is None:
            self._commands.say("Choose a group of dead letters among the problems first.", severity="warning")
        elif group.of_production:
            self._commands.say(f"The group stays as it is: {OF_PRODUCTION}.", severity="warning")
        else:
            self.if_yes(ask_replay(group), lambda: self._commands.replay(Choice(group)))

    def action_inspect(self) -> None:
        group = self._chosen_group
        if group is None:
            super().action_inspect()
        else:
            self._commands.newest_letter(group, self.while_here(self._inspect_letter))

    def _inspect_letter(self, letter: DeadLetter) -> None:
        self.inspect(letter.loop, letter.node, letter=letter)

    # Drilling in

    def leave(self) -> None:
        self.go_to(self.panes[0])

    def the_loop(self) -> LoopView | None:
        if monotonic() - self.loops.jumped_at < _SETTLED_S:
            self._commands.say(
                "Another loop has just come under the cursor: look again, then press.", severity="warning"
            )
            return None
        return super().the_loop()

    def action_show_loop(self) -> None:
        if loop := self.the_loop():
            self.show_loop(loop)

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        group = self._chosen_group
        if event.pane is self.loops:
            self.action_show_loop()
        elif group is not None:
            self.post_message(
                GoTo(
                    Place.LETTERS,
                    loop=group.loop,
                    node=group.node,
                    group=group.fingerprint,
                    of_production=group.of_production,
                )
            )
        else:
            self.open_pane(event.pane)

    def open_pane(self, pane: Pane) -> None:
        if self.snapshot is None:
            return
        now = self.snapshot.taken_at
        if pane is self.loops and (loop := self.loops.chosen):
            self.read(loop_detail(loop, now), describe_loop(loop.id))
        elif pane is self.nodes and (loop := self.nodes.loop) and (node := self.nodes.chosen):
            self.read(node_detail(loop, node, now), describe_node(loop.id, node.id))
        elif pane is self.queues and (queue := self.queues.chosen):
            self.read(queue_detail(queue), describe_queue(queue.name))
        elif pane is self.trouble and (item := self.trouble.chosen):
            if isinstance(item, Problem):
                self.read(problem_detail(item, excerpt_of(item, self.snapshot)), None)
            else:
                self.read(letters_detail(item, now), describe_letters(item))
        elif pane is self.log_view and (line := self.log_view.chosen):
            self.read(log_detail(line), None)
