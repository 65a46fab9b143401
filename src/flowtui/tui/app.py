"""The app: wires the client's door to the screens, and knows how to begin and how to end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from rich.console import Console, RenderableType
from rich.text import Text
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event
from textual.screen import Screen

from flowtui.client.alert_program import AlertProgram
from flowtui.client.alerts import Alert, AlertWatch
from flowtui.model.errors import AccessRefused, FlowtuiError
from flowtui.model.preferences import USUAL, Preferences
from flowtui.model.snapshot import EngineSnapshot
from flowtui.model.states import NodeKind
from flowtui.tui import format as fmt
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings, keymap_ids
from flowtui.tui.ascii_forms import AsciiForms
from flowtui.tui.clipboard import sequences, tell_tmux
from flowtui.tui.closing import Closing
from flowtui.tui.commands import Commands
from flowtui.tui.editing import EditSource, editor_command, run_editor
from flowtui.tui.key_order import KeyOrder, Typed
from flowtui.tui.line import Line
from flowtui.tui.looks import choose_theme, dress, prefer
from flowtui.tui.navigation import Navigation
from flowtui.tui.painting import Sent
from flowtui.tui.places import GoTo, ShowLoop
from flowtui.tui.screens.confirm import ClosingScreen, ConfirmScreen
from flowtui.tui.screens.find_command import FindCommand
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.screens.help import help_detail
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.screens.overview import OverviewScreen
from flowtui.tui.screens.palette import Palette, offered
from flowtui.tui.screens.reader import ReaderScreen
from flowtui.tui.surroundings import wants_ascii
from flowtui.tui.terminal import Terminal
from flowtui.tui.toasts import Toasts
from flowtui.tui.wording import active_loops

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

#: Exit code after leaving without waiting for the engine; the shell's number for "interrupted".
LEFT_AT_ONCE = 130
#: How long it is said what is wrong in the file of preferences, in seconds.
_PROBLEM_S = 20.0


class FlowtuiApp(App[None]):
    """The terminal app of one engine."""

    TITLE = "flowtui"
    CSS_PATH = "styles/flowtui.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = App.COMMANDS | {FindCommand}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Scope.APP),
        Binding("ctrl+c,ctrl+q", "quit", "quit", show=False, priority=True),
    ]

    def __init__(
        self,
        client: EngineClient,
        terminal: Terminal | None = None,
        *,
        preferences: Preferences = USUAL,
        inspector_first: bool = False,
    ) -> None:
        """Make the app; without `terminal` it runs on whatever Textual finds, as in tests.

        With `inspector_first` it opens the first node in the inspector as soon as there is one.
        """
        super().__init__(
            driver_class=terminal.driver_class() if terminal else None,
            # Otherwise Textual turns colours into greys, a background among them, instead of leaving them out.
            ansi_color=True if "NO_COLOR" in os.environ else None,
        )
        self.client = client
        self.preferences = preferences
        self._sent = Sent()
        self.key_order = KeyOrder(self, lambda: self.focused or self.screen, super().on_event)
        self.closing = Closing(client)
        self._terminal = terminal
        self._snapshot: EngineSnapshot | None = None
        self.quit_question: ConfirmScreen | None = None
        self._toasts = Toasts(self)
        self._inspector_first = inspector_first
        self._outside = (sys.stdout, sys.stderr)
        self._watch = AlertWatch(preferences.queue_depth, preferences.problems)
        self._alert_program = AlertProgram(preferences.on_alert)
        self._commands = Commands(
            client, lambda work: self.run_worker(work, exit_on_error=True), self.say, self.poll, self._watch
        )
        self.overview = OverviewScreen(self._commands, self._begin)
        self.navigation = Navigation(self, self._commands, self.overview)
        self.line = Line(self, preferences, terminal.output if terminal else None, os.environ)
        self.set_keymap(keymap_ids(preferences.keymap))
        self.animation_level = "none"
        dress(self)
        if terminal is not None:
            # Standard error leads into the log meanwhile; a crash must be told on the terminal.
            self.error_console = Console(file=cast(IO[str], terminal.output), markup=False, highlight=False)

    # Keys

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Typed) and not event.is_forwarded:
            await self.key_order.take(event)
        else:
            await super().on_event(event)

    # Beginning

    def on_load(self) -> None:
        if self._terminal is not None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self.exit)

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())
        # Textual has put its own objects there; the engine's, which know whose print it is, must be seen by nodes.
        sys.stdout, sys.stderr = self._outside

    def _begin(self) -> None:
        self.client.start()
        self.poll()
        self.line.begin(self.poll)
        for problem in self.preferences.problems[:1]:
            more = len(self.preferences.problems) - 1
            self.say(f"{problem}{f' (+{more} more)' if more else ''}", severity="warning", timeout=_PROBLEM_S)

    def poll(self) -> None:
        """Bring the screen up to date."""
        if not self.screen_stack:  # the app ends, and a timer was late
            return
        if self._terminal is not None:
            if self._terminal.is_gone:
                self.exit()
                return
            if self._terminal.output.has_caught_up():
                self.action_redraw()
        now = self.client.snapshot()
        self._commands.now = now.taken_at
        self._call_for(self._watch.look(now, self.client.failure()), now)
        self._snapshot = snapshot = self.line.calmed(now)
        if self._inspector_first and not snapshot.loading:
            self._inspector_first = False
            self._inspect_first(snapshot)
        screen = self.screen
        self._toasts.keep_clear()
        if isinstance(screen, FrameScreen | InspectorScreen):
            self.line.tell(screen.footer, screen.size.width)
        if isinstance(screen, FrameScreen):
            screen.log_view.paint_every_s = self.line.log_every_s
            screen.poll(self.client, snapshot)
        elif isinstance(screen, ReaderScreen | InspectorScreen):
            screen.show_snapshot(snapshot)
        elif isinstance(screen, ClosingScreen):
            screen.show(fmt.plural(self.loops_to_stop, "loop") if self.loops_to_stop else "")

    def _call_for(self, begun: Sequence[Alert], snapshot: EngineSnapshot) -> None:
        """Call somebody who does not look for what has just gone wrong."""
        if begun and self.preferences.bell:
            self.bell()
        for alert in begun:
            self._alert_program.call(*alert.call(snapshot))

    def _inspect_first(self, snapshot: EngineSnapshot) -> None:
        for loop in snapshot.loops:
            # A producer takes no input, so that there is less to see.
            node = next((node for node in loop.nodes if node.kind is not NodeKind.PRODUCER), loop.nodes[0])
            self.push_screen(InspectorScreen(self.client, loop.id, node.id))
            return

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, self._sent.only_changes(renderable))

    def _print_error_renderables(self) -> None:
        if self._exception is not None:
            # Textual's own shows every local value: pages of it, payloads among them.
            lines = traceback.format_exception(self._exception)
            self._exit_renderables = [Text("".join(lines).rstrip())]
        super()._print_error_renderables()

    def on_resize(self) -> None:
        # A terminal may reflow, clear or crop what it showed.
        self._sent.forget()

    def action_redraw(self) -> None:
        self._sent.forget()
        self.screen.refresh()

    # Screens

    def say(self, text: str, severity: Any = "information", timeout: float | None = None) -> None:
        """Show a toast, unless the same one is still there; the text is never markup."""
        self._toasts.say(text, severity, timeout)

    def get_default_screen(self) -> Screen[Any]:
        """Return the overview as the first screen (called by Textual)."""
        return self.overview

    def on_go_to(self, wish: GoTo) -> None:
        """Show a screen that one goes to by digit."""
        wish.stop()
        self.navigation.go_to(wish, self._snapshot)

    def on_show_loop(self, wish: ShowLoop) -> None:
        """Show the screen of a loop."""
        wish.stop()
        self.navigation.show_loop(wish, self._snapshot)

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def action_mode(self) -> None:
        try:
            mode = self.client.switch_mode()
        except AccessRefused as error:
            self.say(str(error), severity="warning")
        else:
            self.say(f"{mode} mode")
            self.poll()

    def action_help(self) -> None:
        scope = self.screen.scope if isinstance(self.screen, FrameScreen) else Scope.INSPECTOR
        self.push_screen(ReaderScreen(help_detail(scope, self.preferences.keymap)))

    def action_theme(self) -> None:
        choose_theme(self)

    def action_traffic(self) -> None:
        self.line.toggle_figure(self.screen.size.width)
        self.poll()

    def action_low_bandwidth(self) -> None:
        self.line.switch()
        prefer(self, replace(self.preferences, low_bandwidth=self.line.is_low))
        self.say("As little as possible is sent." if self.line.is_low else "All is sent again.")
        self.poll()

    def copy_to_clipboard(self, text: str) -> None:
        """Put a text on the clipboard of the terminal that a person sits at."""
        self._clipboard = text
        if self._driver is not None:
            for sequence in sequences(text, os.environ):
                self._driver.write(sequence)
        if self._terminal is not None and os.environ.get("TMUX"):
            self.run_worker(tell_tmux(text))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Return what the palette offers, from the registry (called by Textual)."""
        return offered(screen, self.preferences.keymap)

    def on_edit_source(self, message: EditSource) -> None:
        """Give the terminal to the user's editor, then see what has become of the folder."""
        message.stop()
        access = (self._snapshot or self.client.snapshot()).access
        try:
            access.check()
            command = editor_command(message.place, os.environ)
            if self._terminal is None:
                raise FlowtuiError("there is no terminal that an editor could have: run flowtui in one")
        except FlowtuiError as error:
            self.say(str(error), severity="warning")
            return
        streams = sys.stdout, sys.stderr
        with self.suspend():
            sys.stdout, sys.stderr = streams  # Textual would have nodes print onto the terminal
            problem = run_editor(command, self._terminal.output.fileno())
        if problem:
            self.say(problem, severity="error")
        self._commands.reload(message.then)

    # Ending

    async def action_quit(self) -> None:
        """Leave: ask if loops run, close the engine, go; asked again while it closes, go at once."""
        if self.closing.begun:
            self.exit(return_code=LEFT_AT_ONCE)
        elif self.quit_question is not None and self.quit_question.is_current:
            self.quit_question.dismiss(True)
        elif self.quit_question is None and (number := self.loops_to_stop):
            loops = fmt.plural(number, "loop")
            question = f"{loops} {'is' if number == 1 else 'are'} not stopped. Stop and leave?"
            self.quit_question = ConfirmScreen("Leave flowtui", question, "stop them and leave")
            self.push_screen(self.quit_question, self._quit_answered)
        else:
            self._close()

    @property
    def loops_to_stop(self) -> int:
        """How many loops were not at rest when last seen."""
        return active_loops(self._snapshot) if self._snapshot else 0

    def _quit_answered(self, yes: bool | None) -> None:
        self.quit_question = None
        if yes:
            self._close()

    def _close(self) -> None:
        self.push_screen(ClosingScreen())
        self.call_after_refresh(self.poll)
        loop = asyncio.get_running_loop()

        def closed() -> None:
            # Who left at once has closed the loop already.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.exit)

        self.closing.begin(closed)


def run_app(client: EngineClient, preferences: Preferences = USUAL, *, inspector_first: bool = False) -> int:
    """Run the app on the terminal until a person leaves, a signal comes or the terminal goes; close the engine.

    With `inspector_first` it begins with a node in the inspector.

    Returns the exit code: 0, 1 after a crash (its traceback is on the terminal), 130 after leaving at once.

    Raises:
        FlowtuiError: if standard input and output are no terminal.
    """
    forms = AsciiForms() if preferences.ascii or wants_ascii(os.environ) else None
    with Terminal(client.report_output, forms) as terminal:
        app = FlowtuiApp(client, terminal, preferences=preferences, inspector_first=inspector_first)
        try:
            app.run(mouse=preferences.mouse)
        finally:
            code = app.return_code or 0
            # A second SIGHUP, from a shell that ends, must not cut the closing short.
            previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
            if code != LEFT_AT_ONCE:
                code = _finish(app, terminal, code)
            signal.signal(signal.SIGHUP, previous)
    return code


def _finish(app: FlowtuiApp, terminal: Terminal, code: int) -> int:
    try:
        if not app.closing.done:
            loops = fmt.plural(app.loops_to_stop, "loop")
            terminal.say(f"flowtui: stopping {loops} …" if app.loops_to_stop else "flowtui: closing …")
        app.closing.wait()
    except KeyboardInterrupt:
        return LEFT_AT_ONCE
    if app.closing.error is not None:
        terminal.say(f"flowtui: the engine did not close well: {app.closing.error}")
        return 1
    return code
