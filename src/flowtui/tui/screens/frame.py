"""What all screens of operation have in common: header, alert, panes one of which has the keys, filter line, footer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from flowtui.model.development import NodeInput, SourcePlace
from flowtui.model.finding import Hit, Where
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import EngineSnapshot, LoopView, NodeView
from flowtui.model.workflows import SourceText
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.alerts import alert_lines, trouble_detail
from flowtui.tui.commands import Commands
from flowtui.tui.details import Describe, Detail
from flowtui.tui.editing import EditSource, chosen_code
from flowtui.tui.file_words import runs_words
from flowtui.tui.places import GoTo, Place, ShowLoop
from flowtui.tui.sample_words import sampled_input
from flowtui.tui.screens.find import FindScreen
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.loop_actions import LoopActions
from flowtui.tui.screens.reader import ReaderScreen
from flowtui.tui.screens.sizes import LEAST_HEIGHT, LEAST_WIDTH, ROOMY_HEIGHT
from flowtui.tui.screens.source import SourceScreen
from flowtui.tui.screens.tap import TapScreen
from flowtui.tui.widgets.bars import AlertBar, FooterBar, HeaderBar, NoticeBox
from flowtui.tui.widgets.filter_line import FilterLine, Typing
from flowtui.tui.widgets.live_table import LiveTable
from flowtui.tui.widgets.log_view import LogView
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient


class FrameScreen(LoopActions):
    """A screen of panes. Subclasses say which, how they are laid out, and what is chosen.

    Attributes:
        panes: in the order of the tab key; set by `begin_with`.
        current: the pane that has the keys.
        log_view: the pane of the log; only screens that lay it out show it.
        scope: that of the actions which only this screen has.
    """

    scope: ClassVar[Scope] = Scope.LOOPS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.FRAME)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands)
        self._failure = ""
        self._zoomed = False
        self._filled: set[Pane] = set()  # panes in view that show the snapshot
        self.body = Vertical(id="body")
        self.header = HeaderBar(id="header")
        self.alert = AlertBar(id="alert")
        self.log_view = LogView("Log", commands.say, id="log")
        self.progress_line = ProgressLine(id="progress")
        self.footer = FooterBar(id="footer", scope=self.scope)
        self.filter_line = FilterLine(id="filter-line")
        self.too_small = NoticeBox(id="too-small")
        self.panes: tuple[Pane, ...] = (self.log_view,)
        self.current: Pane = self.log_view

    # What a subclass supplies

    def begin_with(self, *panes: Pane) -> None:
        """Have these panes; the first one has the keys."""
        self.panes, self.current = panes, panes[0]

    def compose_body(self) -> ComposeResult:
        """Yield the panes as they stand in the body."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Show the panes that fit; called only if the terminal is large enough for any."""
        for pane in self.panes:
            pane.display = not self.zoomed or pane is self.current

    def fill(self, snapshot: EngineSnapshot) -> None:
        """Have the panes in view show this snapshot."""

    def filtered(self) -> None:
        """Take note that the filter of the current pane is another one."""

    def open_pane(self, pane: Pane) -> None:
        """Show all about the row that is chosen in a pane."""
        raise NotImplementedError

    @property
    def chosen_node(self) -> tuple[LoopView, NodeView] | None:
        """The node that is chosen, and its loop."""
        return None

    @property
    def chosen_loop(self) -> LoopView | None:
        return None

    def arrive(self, wish: GoTo) -> None:
        """Choose what a person wants to see who comes from another screen; the snapshot is up to date."""

    # Beginning, and what the engine says

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.alert
        with self.body:
            yield from self.compose_body()
        yield self.progress_line
        yield self.filter_line
        yield self.footer
        yield self.too_small

    def on_mount(self) -> None:
        self.filter_line.display = False
        self.fit_in()
        self.current.focus()

    def poll(self, client: EngineClient, snapshot: EngineSnapshot) -> None:
        """Show this snapshot and the log lines since the last one."""
        failure = client.failure()
        # A pane that comes into view gets its room some time after it was asked for, and is empty until then.
        if snapshot is not self.snapshot or failure != self._failure or not self._in_view() <= self._filled:
            self.snapshot, self._failure = snapshot, failure
            self._show(snapshot)
        self.log_view.pull(client.logs, snapshot.taken_at)
        if self.filter_line.display:
            self.filter_line.say_fault()

    def _in_view(self) -> set[Pane]:
        return {pane for pane in self.panes if pane.is_shown}

    def _show(self, snapshot: EngineSnapshot) -> None:
        self.header.show(snapshot)
        self.alert.show(alert_lines(self._commands.watch.alerts, snapshot.taken_at), snapshot.last_reload)
        self.progress_line.show(self._commands.progress(snapshot))
        self.fit_in()
        self.fill(snapshot)
        self._filled = self._in_view()

    # Layout and focus

    def fit_in(self) -> None:
        """Show what fits."""
        width, height = self.size
        enough = width >= LEAST_WIDTH and height >= LEAST_HEIGHT
        self.too_small.display = not enough
        self.body.display = enough
        self.header.display = enough
        self.alert.display = enough and (height >= ROOMY_HEIGHT or self.alert.has_alerts)
        self.footer.display = enough and not self.filter_line.display
        if enough:
            self.lay_out()
        else:
            self.progress_line.display = False
            self.too_small.show(f"terminal too small: {width}×{height}, needs {LEAST_WIDTH}×{LEAST_HEIGHT}")

    @property
    def zoomed(self) -> bool:
        """Whether the current pane has the whole screen."""
        return self._zoomed

    def go_to(self, pane: Pane) -> None:
        """Bring a pane into view and give it the keys."""
        self.make_current(pane)
        pane.focus()
        if self.snapshot is not None:
            # What was hidden has not been drawn meanwhile.
            self.call_after_refresh(self._show, self.snapshot)

    def make_current(self, pane: Pane) -> None:
        """Take note that a pane has the keys."""
        self.current = pane
        self.fit_in()

    def on_resize(self, event: events.Resize) -> None:
        self.fit_in()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, Pane) and event.widget is not self.current:
            self.make_current(event.widget)

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
        if isinstance(self.current, LiveTable) and self.current.clear_marks():
            return
        if self.current.take_back():
            self.filtered()
        elif self._zoomed:
            self.action_zoom()
        else:
            self.leave()

    def leave(self) -> None:
        """Go back to where one came from."""
        self.app.pop_screen()

    # Other screens

    def action_show_overview(self) -> None:
        self.post_message(GoTo(Place.OVERVIEW))

    def action_show_loop(self) -> None:
        if loop := self.chosen_loop:
            self.show_loop(loop)
        else:
            self._commands.say("Choose a loop on the overview first: 1.", severity="warning")

    def show_loop(self, loop: LoopView) -> None:
        """Show the screen of a loop."""
        self.post_message(ShowLoop(loop.id))

    def action_show_queues(self) -> None:
        self.post_message(GoTo(Place.QUEUES))

    def action_show_logs(self) -> None:
        self.post_message(GoTo(Place.LOGS))

    def action_show_its_log(self) -> None:
        loop = self.chosen_loop
        chosen = chosen_code(self.edited_row, loop)
        if isinstance(chosen, tuple):
            self.post_message(GoTo(Place.LOGS, loop=chosen[0], node=chosen[1]))
        elif loop is not None:
            self.post_message(GoTo(Place.LOGS, loop=loop.id))
        else:
            self._commands.say("Choose a loop, a node or a group of dead letters first.", severity="warning")

    def action_show_letters(self) -> None:
        self.post_message(GoTo(Place.LETTERS))

    def action_show_workflows(self) -> None:
        self.post_message(GoTo(Place.WORKFLOWS))

    def action_follow(self) -> None:
        self.log_view.follow()

    # Filter

    def action_filter(self) -> None:
        pane = self.current

        def take(text: str) -> None:
            pane.set_filter(text)
            self.filtered()

        self._type(Typing(f"{pane.heading} /", pane.filter_typed, take, lambda: pane.filter_fault))

    def on_log_view_search_asked(self, event: LogView.SearchAsked) -> None:
        event.stop()
        self._type(event.typing)

    def _type(self, typing: Typing) -> None:
        self.footer.display = False
        self.filter_line.open(typing)

    def on_filter_line_closed(self, event: FilterLine.Closed) -> None:
        self.footer.display = True
        self.current.focus()

    # A node, from close by

    def inspect(self, loop: str, node: str, given: NodeInput | None = None, letter: DeadLetter | None = None) -> None:
        """Open a node in the inspector."""
        self.app.push_screen(InspectorScreen(self._commands.client, loop, node, given, letter))

    def action_inspect(self) -> None:
        if chosen := self.chosen_node:
            loop, node = chosen
            self.inspect(loop.id, node.id)
        else:
            self._commands.say("Choose a node or a group of dead letters first.", severity="warning")

    def action_replay(self) -> None:
        self._commands.say("Choose a group of dead letters first: 5.", severity="warning")

    def action_find(self) -> None:
        self.find("")

    def find(self, text: str) -> None:
        """Look for an item everywhere, then go to where a person chooses; without a text that is asked for first."""
        self.app.push_screen(FindScreen(self._commands, text), self._go_to_hit)

    def _go_to_hit(self, hit: Hit | None) -> None:
        if hit is None:
            return
        if hit.where in (Where.PASSED, Where.KEPT):
            self.inspect(hit.loop, hit.node, sampled_input(hit.sample) if hit.sample is not None else None)
        elif hit.where is Where.DEAD:
            self.post_message(GoTo(Place.LETTERS, letter=hit.letter, of_production=hit.of_production))
        elif hit.where is Where.LOGGED:
            self.post_message(GoTo(Place.LOGS, loop=hit.loop, node=hit.node))
        elif hit.queue:
            self.post_message(GoTo(Place.QUEUES, queue=hit.queue, loop=hit.loop, item=hit.id))
        else:
            self.post_message(ShowLoop(hit.loop))

    def action_tap(self) -> None:
        if chosen := self.chosen_node:
            loop, node = chosen
            client = self._commands.client
            tap = TapScreen(client, loop.id, node.id, node.kind, lambda given: self.inspect(loop.id, node.id, given))
            self.app.push_screen(tap)
        else:
            self._commands.say("Choose a node first.", severity="warning")

    def action_edit(self) -> None:
        chosen = chosen_code(self.edited_row, self.chosen_loop)
        if isinstance(chosen, SourcePlace):
            self._edit(chosen)
        elif chosen is not None:
            self._commands.source_of(*chosen, self.while_here(self._edit))
        else:
            self._commands.say("Choose a loop, a node or a problem to edit.", severity="warning")

    def action_show_source(self) -> None:
        if loop := self.chosen_loop:
            self._commands.source_of(loop.id, "", self.while_here(self._show_source))
        else:
            self._commands.say("Choose a loop or a file first: 1, 6.", severity="warning")

    def _show_source(self, place: SourcePlace) -> None:
        self.show_source(place.path, place.line)

    def show_source(self, path: Path, line: int) -> None:
        """Show a file of the folder from a line on."""

        def show(text: SourceText) -> None:
            self.app.push_screen(SourceScreen(text, line, self._note(path)))

        self._commands.source_text(path, self.while_here(show))

    def _note(self, path: Path) -> str:
        """Return what runs of a file if it is not what is on disk."""
        views = self.snapshot.workflows if self.snapshot is not None else ()
        broken = next((view for view in views if view.path == path and view.is_broken), None)
        return f"broken, {runs_words(broken)}" if broken is not None else ""

    @property
    def edited_row(self) -> object:
        """The row whose code is to be edited."""
        return getattr(self.current, "chosen", None)

    def _edit(self, place: SourcePlace) -> None:
        self.post_message(EditSource(place))

    # Details

    def action_trouble(self) -> None:
        watch = self._commands.watch
        if self.snapshot is not None:
            self.read(
                trouble_detail(watch.alerts, self.snapshot.taken_at),
                lambda snapshot: trouble_detail(watch.alerts, snapshot.taken_at),
            )

    def action_details(self) -> None:
        self.open_pane(self.current)

    def read(self, detail: Detail, describe: Describe | None) -> None:
        """Show a text over the screen; with `describe` it stays up to date."""
        self.app.push_screen(ReaderScreen(detail, describe))
