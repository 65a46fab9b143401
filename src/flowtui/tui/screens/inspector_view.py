"""What is seen of the inspector: its parts, what they show, and how they are laid out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget

from flowtui.model.development import DevRun, NodeInput
from flowtui.model.diff import shown_path
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.keymap import keymap_of, shown_key
from flowtui.tui.cells import Tone
from flowtui.tui.details import Detail, Entry
from flowtui.tui.json_text import as_text
from flowtui.tui.node_desk import NodeDesk
from flowtui.tui.run_words import line_entries, run_entries
from flowtui.tui.screens.inspector_layout import arrange
from flowtui.tui.screens.inspector_questions import Baseline, baselines
from flowtui.tui.screens.reader import ReaderScreen
from flowtui.tui.trial import letter_input
from flowtui.tui.widgets.bars import FooterBar, HeaderBar, NoticeBox
from flowtui.tui.widgets.config_form import ConfigForm, ConfigRow
from flowtui.tui.widgets.frame import FramedBox
from flowtui.tui.widgets.input_pane import InputPane
from flowtui.tui.widgets.output_pane import OutputPane
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.runs_pane import NodeBar, RunsPane, Standing
from flowtui.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

#: How often a run that goes on is looked at, in seconds.
_LOOK_S = 0.1
#: How often the age of an input is told anew, in seconds.
_AGE_S = 5.0

Part = FramedBox | Pane


class InspectorView(Screen[None]):
    """The parts of an inspector, kept up to date with the engine and with what is typed."""

    def __init__(
        self,
        client: EngineClient,
        loop: str,
        node: str,
        given: NodeInput | None = None,
        letter: DeadLetter | None = None,
    ) -> None:
        """Inspect a node; `given` is to be its input, `letter` the dead letter with whose input it is to begin."""
        super().__init__()
        self.client = client
        self.letter = letter
        self.fresh = given if given is not None else letter_input(letter) if letter is not None else None
        self._wanted = f"{node} of {loop}"
        self.desk = NodeDesk(
            client,
            loop,
            node,
            given=self.fresh,
            spawn=lambda work: self.run_worker(work, exit_on_error=True),
            say=self.say,
            changed=self.show,
        )
        self.snapshot: EngineSnapshot | None = None
        self._revision = 0
        self.baseline = 0  # place of what the output is compared with, from 1; 0 for none
        self._chosen_run = ""
        self._seen_run = ""
        self._form_turn = asyncio.Lock()
        self.maximised = False
        self._make_parts()

    def _make_parts(self) -> None:
        self.header = HeaderBar(id="header")
        self.node_bar = NodeBar(id="node-bar")
        self.form = ConfigForm(id="config-form")
        self.config = FramedBox("Config", self.form, id="config")
        self.input = InputPane(id="input")
        self.output = OutputPane("Output", id="output")
        self.runs = RunsPane("Runs", id="runs")
        self.report = TextView("Log and errors", id="report")
        self.footer = FooterBar(id="footer", scope=Scope.INSPECTOR)
        self.too_small = NoticeBox(id="too-small")
        self.upper_row = Horizontal(id="inspector-upper")
        self.lower_row = Horizontal(id="inspector-lower")
        self.body = Vertical(id="body")
        self.uppers: tuple[Part, ...] = (self.config, self.input, self.output)
        self.lowers: tuple[Part, ...] = (self.runs, self.report)
        self.upper: Part = self.input
        self.lower: Part = self.runs
        self.current: Part = self.input
        self.runs.when_moved = self._run_chosen

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.node_bar
        with self.body:
            with self.upper_row:
                yield from self.uppers
            with self.lower_row:
                yield from self.lowers
        yield self.footer
        yield self.too_small

    def on_mount(self) -> None:
        self._arrange()
        self.input.editor.focus()
        self.set_interval(_LOOK_S, self._tick)
        self.set_interval(_AGE_S, self._tell_age)
        self.run_worker(self.desk.load())

    def say(self, text: str, severity: str = "information", timeout: float | None = None) -> None:
        """Show a notice."""
        self.app.say(text, severity, timeout)  # type: ignore[attr-defined]

    # What the engine says

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show mode and letters of this snapshot; ask anew about the node when its workflow was reloaded."""
        self.snapshot = snapshot
        self.header.show(snapshot)
        revision = next((loop.revision for loop in snapshot.loops if loop.id == self.desk.loop), 0)
        if self._revision and revision and revision != self._revision:
            self.run_worker(self.desk.load())
        self._revision = revision or self._revision
        self._show_bar()

    def _tick(self) -> None:
        if self.desk.running_s is not None:
            self._show_bar()
            self._show_report()

    def _tell_age(self) -> None:
        self.input.tell(self.now)

    @property
    def now(self) -> float:
        """The time of the last snapshot, in seconds since the epoch."""
        return self.snapshot.taken_at if self.snapshot is not None else 0.0

    @property
    def run(self) -> DevRun | None:
        """The run that is shown: the one chosen among the last, else the newest."""
        return next((each for each in self.desk.runs if each.id == self._chosen_run), self.desk.run)

    def show(self) -> None:
        """Show how everything stands now."""
        if self.desk.gone:
            self.say(self.desk.gone, severity="error")
            self.leave()
            return
        if not self.is_mounted or self.desk.trial is None:
            return
        self.runs.show(self.desk.runs)
        self.input.show(self.desk.trial.inspection, self.desk.trial.slots, self.now)
        self.show_run()
        self.run_worker(self._show_form())

    def leave(self) -> None:
        """Close the inspector, once the form stands: what is removed while it is being made ends the app."""
        self.run_worker(self._leave())

    async def _leave(self) -> None:
        async with self._form_turn:
            if self.is_current:
                self.dismiss(None)

    async def _show_form(self) -> None:
        async with self._form_turn:
            trial = self.desk.trial
            if trial is None or not self.is_mounted:
                return
            found, changed = trial.inspection, trial.changed_keys()
            key = shown_key("save_config", keymap_of(self))
            self.config.entitle(found.type, f"{key} saves" if changed and key else "")
            await self.form.show(trial.form, trial.rendered, changed, trial.pending, read_only=bool(found.may_edit))
            self.config.can_focus = self.form.is_empty

    @property
    def against(self) -> Baseline | None:
        """The output with which that of the run is compared, None if it is shown itself."""
        run, found = self.run, self.desk.inspection
        if not self.baseline or run is None or found is None:
            return None
        known = baselines(run, self.desk.runs, found)
        return known[self.baseline - 1] if self.baseline <= len(known) else None

    def show_run(self) -> None:
        """Show the run, its output and what it said."""
        run = self.run
        if run is not None and run.id != self._seen_run:
            self._seen_run = run.id
            self.report.action_first()
            if self.current not in self.lowers:
                # Where runs and log take turns, the log is to say why it failed.
                self.lower = self.runs if run.ok else self.report
                self._arrange()
        against = self.against
        pinned = run is not None and self.desk.is_pinned(run.output)
        self.output.show(run, against and (against.name, against.output.payload), is_pinned=pinned)
        self._show_bar()
        self._show_report()

    def _show_bar(self) -> None:
        trial = self.desk.trial
        standing = Standing(
            self.desk.running_s, self.run, trial.changed_keys() if trial is not None else (), self._letters_left()
        )
        self.node_bar.show(self._wanted, self.desk.inspection, standing)

    def report_entries(self) -> list[Entry]:
        """Return what the run says that goes on, else the one that is shown."""
        running = self.desk.running_s
        if running is not None:
            entries = [Entry("", f"running for {running:.1f} s, esc cancels", Tone.ACCENT)]
            return entries + line_entries(self.desk.lines)
        if self.desk.cancelled and not self._chosen_run:
            return [Entry("", f"✖ {self.desk.cancelled}", Tone.WARN), *line_entries(self.desk.lines)]
        if self.run is not None:
            return run_entries(self.run, self.now)
        return [Entry("", "What the node logs or prints, and why it failed, stands here.", Tone.MUTED)]

    def _show_report(self) -> None:
        self.report.show("Log and errors", self.report_entries())
        if self.desk.running_s is not None and not self.report.has_focus:
            self.report.action_last()

    def show_newest(self) -> None:
        """Show the newest run again, and the next one when it comes."""
        self._chosen_run, self.baseline = "", 0
        self.runs.to_top()

    def _letters_left(self) -> int | None:
        return None if self.letter is None else self.letters_like(self.letter)

    def letters_like(self, letter: DeadLetter) -> int:
        """Return how many dead letters there are with the fingerprint of this one."""
        wanted = (letter.loop, letter.fingerprint, letter.of_production)
        groups = self.snapshot.dead_letters if self.snapshot is not None else ()
        return sum(each.count for each in groups if (each.loop, each.fingerprint, each.of_production) == wanted)

    # Layout and focus

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()

    def _arrange(self) -> None:
        if arrange(self):
            # What was hidden has not been drawn meanwhile.
            self.call_after_refresh(self.show)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        part = self._part_of(event.widget)
        if part is not None and part is not self.current:
            self._make_current(part)

    def _part_of(self, widget: Widget) -> Part | None:
        around = widget.ancestors_with_self
        return next((part for part in (*self.uppers, *self.lowers) if part in around), None)

    def _make_current(self, part: Part) -> None:
        self.current = part
        if part in self.uppers:
            self.upper = part
        else:
            self.lower = part
        self._arrange()

    def go_to(self, part: Part) -> None:
        """Bring a part into view and give it the keys."""
        self._make_current(part)
        if part is self.input and self.input.editor.display:
            self.input.editor.focus()
        elif part is not self.config or not self.form.focus_first():
            part.focus()

    # What is typed and chosen

    def on_config_row_edited(self, event: ConfigRow.Edited) -> None:
        self.desk.edit(event.path, event.value)

    def on_input_pane_typed(self, event: InputPane.Typed) -> None:
        event.slot.is_own = True
        self.desk.look()

    def _run_chosen(self) -> None:
        chosen = self.runs.chosen
        self._chosen_run = chosen.id if chosen is not None and self.runs.cursor else ""
        self.baseline = 0
        self.show_run()

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        if event.pane is self.runs:
            self.go_to(self.output)
        elif event.pane is self.output and (row := self.output.chosen) is not None and row.path:
            lines = as_text(row.value).splitlines()
            entries = tuple(Entry("", line) for line in lines)
            self.app.push_screen(ReaderScreen(Detail(shown_path(row.path), entries)))
