"""Workflow files: what runs of them, what is wrong with them, what the last reloads changed, and the way back."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from flowtui.model.development import SourcePlace
from flowtui.model.errors import Problem
from flowtui.model.snapshot import EngineSnapshot, LoopView
from flowtui.model.workflows import FileKind, KeptText, Reload, RollBack, WorkflowView
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import Detail, Entry, problem_detail
from flowtui.tui.file_words import (
    change_lines,
    excerpt_of,
    file_detail,
    find_file,
    roll_back_entries,
    roll_back_question,
    text_words,
)
from flowtui.tui.format import clock
from flowtui.tui.places import GoTo
from flowtui.tui.screens.ask import ChooseScreen, Option
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.screens.sizes import ROOMY_HEIGHT
from flowtui.tui.widgets.file_panes import FilesPane, ProblemsPane, ReloadsPane
from flowtui.tui.widgets.pane import Pane

#: From this size on all panes are seen at once.
_ALL_WIDTH, _ALL_HEIGHT = 112, ROOMY_HEIGHT
#: Below this height all panes take turns.
_TWO_HEIGHT = 18
_FRAME_AND_HEADS = 3
_LEAST_FILES = 6


class WorkflowsScreen(FrameScreen):
    """The files of the folder."""

    scope = Scope.WORKFLOWS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.WORKFLOWS)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands)
        self.files = FilesPane("Files", id="files")
        self.problems = ProblemsPane("Problems", id="problems")
        self.reloads = ReloadsPane("Reloads", id="reloads")
        self.lower_row = Horizontal(id="below-files")
        self.lower: Pane = self.problems  # the last one chosen below the files
        self.begin_with(self.files, self.problems, self.reloads)
        self.files.when_moved = self._show_problems

    def compose_body(self) -> ComposeResult:
        yield self.files
        with self.lower_row:
            yield self.problems
            yield self.reloads

    # What is shown, and chosen

    def lay_out(self) -> None:
        width, height = self.size
        room = height - 2 - self.alert.display
        if self.zoomed or height < _TWO_HEIGHT:
            shown = {self.current}
        elif width >= _ALL_WIDTH and height >= _ALL_HEIGHT:
            shown = set(self.panes)
        else:
            shown = {self.files, self.lower}
        for pane in self.panes:
            pane.display = pane in shown
            others = tuple(other.heading.lower() for other in self.panes if other not in shown)
            pane.taking_turns = others if not self.zoomed and (pane is not self.files or len(shown) == 1) else ()
        self.lower_row.display = self.problems.display or self.reloads.display
        rows = len(self.snapshot.workflows) if self.snapshot is not None else 0
        wanted = max(_LEAST_FILES, min(rows + _FRAME_AND_HEADS, room * 45 // 100))
        self.files.styles.height = "1fr" if len(shown) == 1 else wanted

    def make_current(self, pane: Pane) -> None:
        if pane is not self.files:
            self.lower = pane
        super().make_current(pane)

    def fill(self, snapshot: EngineSnapshot) -> None:
        self.files.show_snapshot(snapshot)
        self._show_problems()
        self.reloads.show_reloads(snapshot.reloads)

    def _show_problems(self) -> None:
        self.problems.show_file(self.files.chosen)

    def filtered(self) -> None:
        self._show_problems()

    def arrive(self, wish: GoTo) -> None:
        for view in self.snapshot.workflows if self.snapshot is not None else ():
            if wish.loop in view.loops and view.kind is FileKind.WORKFLOW:
                self.files.choose(self.files.key(view))

    @property
    def chosen_loop(self) -> LoopView | None:
        view = self.files.chosen
        loops = self.files.loops_of(view) if view is not None else ()
        return loops[0] if loops else None

    @property
    def edited_row(self) -> object:
        chosen = self.problems.chosen if self.current is self.problems else None
        if isinstance(chosen, Problem):
            return chosen
        view = self.files.chosen
        if view is None or view.kind is FileKind.FOLDER:
            return None
        return view.problems[0].problem if view.problems else SourcePlace(view.path)

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        if event.pane is self.reloads:
            self.reloads.toggle()
        else:
            self.open_pane(event.pane)

    def open_pane(self, pane: Pane) -> None:
        if self.snapshot is None:
            return
        problem, reload = self.problems.chosen, self.reloads.chosen
        if pane is self.reloads and isinstance(reload, Reload):
            self.read(_reload_detail(reload), None)
        elif pane is self.problems and isinstance(problem, Problem):
            self.read(problem_detail(problem, excerpt_of(problem, self.snapshot)), None)
        elif view := self.files.chosen:

            def describe(snapshot: EngineSnapshot, view: WorkflowView = view) -> Detail | None:
                found = find_file(snapshot, view)
                return file_detail(found, snapshot) if found is not None else None

            self.read(file_detail(view, self.snapshot), describe)

    # The chosen file

    def _chosen_file(self) -> WorkflowView | None:
        view = self.files.chosen
        if view is None or view.kind is FileKind.FOLDER:
            self._commands.say("Choose a file first.", severity="warning")
            return None
        return view

    def action_show_source(self) -> None:
        chosen = self.problems.chosen if self.current is self.problems else None
        if view := self._chosen_file():
            if view.is_gone:
                self._commands.say(f"{view.name} was deleted: b brings it back.", severity="warning")
            elif view.ignored:
                self._commands.say(f"{view.name} is not loaded: {view.ignored}.", severity="warning")
            else:
                problem = chosen if isinstance(chosen, Problem) else None
                first = problem or (view.problems[0].problem if view.problems else None)
                self.show_source(view.path, first.line if first else 1)

    def action_copy_path(self) -> None:
        if view := self._chosen_file():
            self.app.copy_to_clipboard(str(view.path.absolute()))
            self._commands.say("The path is copied.", timeout=2)

    def action_reload(self) -> None:
        self._commands.reload_now()

    # The way back

    def action_roll_back(self) -> None:
        if (view := self._chosen_file()) and self._may_change():
            self._commands.plan_roll_back(view.path, "", self.while_here(self._ask))

    def action_roll_back_to(self) -> None:
        if (view := self._chosen_file()) and self._may_change():
            choose = partial(self._choose, view.path, view.name)
            self._commands.kept_texts(view.path, self.while_here(choose))

    def _choose(self, path: Path, name: str, texts: tuple[KeptText, ...]) -> None:
        if not texts:
            self._commands.say(f"No other text of {name} is kept.", severity="warning")
            return
        options = [
            Option(
                text_words(each, self._commands.now),
                "loaded without errors" if each.is_good else "was broken, or never loaded",
            )
            for each in texts
        ]

        def chosen(index: int | None) -> None:
            if index is not None:
                self._commands.plan_roll_back(path, texts[index].digest, self.while_here(self._ask))

        self.app.push_screen(ChooseScreen(f"Roll {name} back to", options), chosen)

    def _ask(self, planned: RollBack) -> None:
        question = ConfirmScreen(
            f"Roll back {planned.name}",
            roll_back_question(planned, self._commands.now),
            "yes, write it",
            roll_back_entries(planned),
        )
        self.if_yes(question, lambda: self._commands.roll_back(planned))

    def action_forget_file(self) -> None:
        view = self._chosen_file()
        if view is None:
            return
        if not view.is_gone:
            self._commands.say(f"{view.name} is there: only a deleted file can be forgotten.", severity="warning")
            return
        question = f"Forget {view.name}? It can't be brought back then."
        self.if_yes(
            ConfirmScreen(f"Forget {view.name}", question, "yes, forget it"),
            lambda: self._commands.forget_file(view.path),
        )


def _reload_detail(reload: Reload) -> Detail:
    lines = [Entry("", indent + text, tone) for indent, (text, tone) in change_lines(reload.changes)]
    return Detail(f"Reload of {clock(reload.at)}", (Entry("", f"{reload.why} {reload.text}".strip()), *lines))
