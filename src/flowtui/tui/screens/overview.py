"""The overview: loops, nodes, queues, troubles and the log at one glance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from flowtui.model.access import OF_PRODUCTION
from flowtui.model.development import NodeInput, SourcePlace
from flowtui.model.errors import Problem
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot, LoopView
from flowtui.model.states import LoopState
from flowtui.tui.actions import Scope, bindings
from flowtui.tui.alerts import alerts, trouble_detail
from flowtui.tui.commands import Commands
from flowtui.tui.details import (
    Describe,
    Detail,
    describe_letters,
    describe_loop,
    describe_node,
    describe_queue,
    letters_detail,
    log_detail,
    loop_detail,
    node_detail,
    problem_detail,
    queue_detail,
)
from flowtui.tui.editing import EditSource, chosen_code
from flowtui.tui.screens.confirm import (
    ask_replay,
)
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.layout import arrange
from flowtui.tui.screens.loop_actions import LoopActions
from flowtui.tui.screens.reader import ReaderScreen
from flowtui.tui.screens.tap import TapScreen
from flowtui.tui.widgets.bars import AlertBar, FooterBar, HeaderBar, NoticeBox
from flowtui.tui.widgets.filter_line import FilterLine
from flowtui.tui.widgets.log_view import LogView
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.panes import LoopsPane, NodesPane, QueuesPane, TroublePane

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

_PAUSABLE = (LoopState.RUNNING, LoopState.STARTING)
_PAUSED = (LoopState.PAUSED, LoopState.PAUSING)


class OverviewScreen(LoopActions):
    """The first screen; `when_painted` is called once."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.SCREEN)

    def __init__(self, commands: Commands, when_painted: Callable[[], None]) -> None:
        super().__init__(commands)
        self._when_painted = when_painted
        self._failure = ""
        self._zoomed = False
        self.body = Vertical(id="body")
        self.upper_row = Horizontal(id="upper")
        self.lower_row = Horizontal(id="lower")
        self.header = HeaderBar(id="header")
        self.alert = AlertBar(id="alert")
        self.loops = LoopsPane("Loops", id="loops")
        self.nodes = NodesPane("Nodes", id="nodes")
        self.queues = QueuesPane("Queues", id="queues")
        self.trouble = TroublePane("Problems", id="trouble")
        self.log_view = LogView("Log", id="log")
        self.footer = FooterBar(id="footer")
        self.filter_line = FilterLine(id="filter-line")
        self.too_small = NoticeBox(id="too-small")
        self.panes: tuple[Pane, ...] = (self.loops, self.nodes, self.queues, self.trouble, self.log_view)
        self.current: Pane = self.loops
        self.upper: Pane = self.loops  # the last one chosen above the log
        self._filled: set[Pane] = set()  # panes in view that show the snapshot
        self.loops.when_moved = self._show_nodes

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.alert
        with self.body:
            with self.upper_row:
                yield self.loops
                yield self.nodes
            with self.lower_row:
                yield self.queues
                yield self.trouble
            yield self.log_view
        yield self.filter_line
        yield self.footer
        yield self.too_small

    def on_mount(self) -> None:
        self.filter_line.display = False
        self._arrange()
        self.loops.focus()
        self.call_after_refresh(self._when_painted)

    @property
    def chosen_loop(self) -> LoopView | None:
        return self.loops.chosen

    # What the engine says

    def poll(self, client: EngineClient, snapshot: EngineSnapshot) -> None:
        """Show this snapshot and the log lines since the last one."""
        failure = client.failure()
        # A pane that comes into view gets its room some time after it was asked for, and is empty until then.
        if snapshot is not self.snapshot or failure != self._failure or not self._in_view() <= self._filled:
            self.snapshot, self._failure = snapshot, failure
            self._show(snapshot)
        self.log_view.pull(client.logs)

    def _in_view(self) -> set[Pane]:
        return {pane for pane in self.panes if pane.is_shown}

    def _show(self, snapshot: EngineSnapshot) -> None:
        self.header.show(snapshot)
        self.alert.show(alerts(snapshot, self._failure), snapshot.last_reload)
        self._arrange()
        if self.loops.is_shown or self.nodes.is_shown:
            self.loops.show_snapshot(snapshot)
            self._show_nodes()
        if self.queues.is_shown:
            self.queues.show_snapshot(snapshot)
        if self.trouble.is_shown:
            self.trouble.show_snapshot(snapshot)
        self._filled = self._in_view()

    def _show_nodes(self) -> None:
        self.nodes.waits = self.loops.waits
        self.nodes.show_loop(self.loops.chosen)

    # Layout and focus

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, Pane) and event.widget is not self.current:
            self._make_current(event.widget)

    def _arrange(self) -> None:
        arrange(self, self.snapshot)

    @property
    def zoomed(self) -> bool:
        """Whether the current pane has the whole screen."""
        return self._zoomed

    def go_to(self, pane: Pane) -> None:
        """Bring a pane into view and give it the keys."""
        self._make_current(pane)
        pane.focus()
        if self.snapshot is not None:
            # What was hidden has not been drawn meanwhile.
            self.call_after_refresh(self._show, self.snapshot)

    def _make_current(self, pane: Pane) -> None:
        self.current = pane
        if pane is not self.log_view:
            self.upper = pane
        self._arrange()

    def action_next_pane(self) -> None:
        self._step(1)

    def action_previous_pane(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        index = self.panes.index(self.current) + by
        self.go_to(self.panes[index % len(self.panes)])

    def action_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self.go_to(self.current)

    def action_back(self) -> None:
        if self.current.filter_text:
            self.current.set_filter("")
        elif self._zoomed:
            self.action_zoom()
        else:
            self.go_to(self.loops)

    def action_follow(self) -> None:
        self.log_view.follow()

    # Filter

    def action_filter(self) -> None:
        self.footer.display = False
        self.filter_line.open(self.current.heading, self.current.filter_text)

    def on_input_changed(self, event: Input.Changed) -> None:
        if self.filter_line.display:
            self.current.set_filter(event.value)
            if self.current is self.loops:
                self._show_nodes()

    def on_filter_line_closed(self, event: FilterLine.Closed) -> None:
        if not event.keep:
            self.current.set_filter("")
        self.footer.display = True
        self.current.focus()

    # Dead letters and nodes

    def action_replay(self) -> None:
        group = self.trouble.chosen if self.current is self.trouble else None
        if isinstance(group, DeadLetterGroup) and group.of_production:
            self._commands.say(f"The group stays as it is: {OF_PRODUCTION}.", severity="warning")
        elif isinstance(group, DeadLetterGroup):
            self.if_yes(ask_replay(group), lambda: self._commands.replay(group))
        else:
            self._commands.say("Choose a group of dead letters among the problems first.", severity="warning")

    def action_inspect(self) -> None:
        group = self.trouble.chosen if self.current is self.trouble else None
        loop, node = self.nodes.loop, self.nodes.chosen
        if isinstance(group, DeadLetterGroup):
            self._commands.newest_letter(group, self._inspect_letter)
        elif self.current in (self.loops, self.nodes) and loop is not None and node is not None:
            self.app.push_screen(InspectorScreen(self._commands.client, loop.id, node.id))
        else:
            self._commands.say("Choose a node or a group of dead letters first.", severity="warning")

    def _inspect_letter(self, letter: DeadLetter) -> None:
        self.app.push_screen(InspectorScreen(self._commands.client, letter.loop, letter.node, letter=letter))

    # Editing

    def action_edit(self) -> None:
        chosen = chosen_code(self.current.chosen, self.nodes.loop)
        if isinstance(chosen, SourcePlace):
            self._edit(chosen)
        elif chosen is not None:
            self._commands.source_of(*chosen, self._edit)
        else:
            self._commands.say("Choose a loop, a node or a problem to edit.", severity="warning")

    def _edit(self, place: SourcePlace) -> None:
        self.post_message(EditSource(place))

    # Details

    def action_tap(self) -> None:
        loop, node = self.nodes.loop, self.nodes.chosen
        if self.current in (self.loops, self.nodes) and loop is not None and node is not None:
            client, loop_id, node_id = self._commands.client, loop.id, node.id

            def inspect(given: NodeInput | None) -> None:
                self.app.push_screen(InspectorScreen(client, loop_id, node_id, given))

            self.app.push_screen(TapScreen(client, loop_id, node_id, node.kind, inspect))
        else:
            self._commands.say("Choose a node first.", severity="warning")

    def action_trouble(self) -> None:
        if self.snapshot is not None:
            self._read(trouble_detail(self.snapshot, self._failure), lambda now: trouble_detail(now, self._failure))

    def action_details(self) -> None:
        self._open(self.current)

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        if event.pane is self.loops:
            self.go_to(self.nodes)
            self.nodes.choose_worst()
        else:
            self._open(event.pane)

    def _open(self, pane: Pane) -> None:
        if self.snapshot is None:
            return
        now = self.snapshot.taken_at
        if pane is self.loops and (loop := self.loops.chosen):
            self._read(loop_detail(loop, now), describe_loop(loop.id))
        elif pane is self.nodes and (loop := self.nodes.loop) and (node := self.nodes.chosen):
            self._read(node_detail(loop, node, now), describe_node(loop.id, node.id))
        elif pane is self.queues and (queue := self.queues.chosen):
            self._read(queue_detail(queue), describe_queue(queue.name))
        elif pane is self.trouble and (item := self.trouble.chosen):
            if isinstance(item, Problem):
                self._read(problem_detail(item), None)
            else:
                self._read(letters_detail(item, now), describe_letters(item))
        elif pane is self.log_view and (line := self.log_view.chosen):
            self._read(log_detail(line), None)

    def _read(self, detail: Detail, describe: Describe | None) -> None:
        self.app.push_screen(ReaderScreen(detail, describe))
