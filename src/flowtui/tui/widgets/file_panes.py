"""The panes of the workflow files: the files, what is wrong with one of them, what reloads have changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from flowtui.model.errors import Problem
from flowtui.model.snapshot import EngineSnapshot, LoopView
from flowtui.model.workflows import Reload, WorkflowView
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Tone, piece, wrap
from flowtui.tui.excerpt_rows import excerpt_rows
from flowtui.tui.file_words import (
    change_lines,
    file_rank,
    file_sign,
    file_state,
    loops_of,
    problem_sign,
    problems_word,
    runs_words,
)
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.wording import problem_place

_STATE, _PROBLEMS = "STATE", "PROBLEMS"


def _number_of_loops(view: WorkflowView) -> int:
    return len(view.loops)


def _most_problems(view: WorkflowView) -> tuple[int, int]:
    return -view.errors, -len(view.problems)


def _newest_change(view: WorkflowView) -> float | None:
    return -view.changed_at if view.changed_at else None


def _newest_load(view: WorkflowView) -> float | None:
    return -view.loaded_at if view.loaded_at else None


class FilesPane(LiveTable[WorkflowView]):
    """All files of the folder, the worst first."""

    table = "files"
    columns: tuple[Column, ...] = (
        Column("", 1),
        Column("FILE", 40, measured=True, wanted=20, least=12, by=attrgetter("name")),
        Column("REV", 4, "right", drop=3, by=attrgetter("revision"), news=attrgetter("revision")),
        Column("LOOPS", 5, "right", drop=2, by=_number_of_loops),
        Column("NODES", 5, "right", drop=4, by=attrgetter("nodes")),
        Column(_STATE, 16, grows=True, gap=2, news=attrgetter("is_broken")),
        Column(_PROBLEMS, 20, drop=6, gap=2, by=_most_problems),
        Column("CHANGED", 7, "right", drop=1, steady=True, by=_newest_change),
        Column("LOADED", 7, "right", drop=5, steady=True, by=_newest_load),
    )

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._snapshot: EngineSnapshot | None = None
        self._loops: dict[object, list[LoopView]] = {}
        self.columns = tuple(replace(each, by=self._rank) if each.title == _STATE else each for each in self.columns)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show the files of this snapshot."""
        self._snapshot = snapshot
        by_id = {loop.id: loop for loop in snapshot.loops}
        self._loops = {self.key(view): loops_of(view, by_id) for view in snapshot.workflows}
        self.waits = snapshot.loading and not snapshot.workflows
        self.show(sorted(snapshot.workflows, key=self._rank))

    def key(self, item: WorkflowView) -> object:
        return item.path, item.kind

    def measure(self, item: WorkflowView) -> str:
        return item.name

    def searched(self, item: WorkflowView) -> str:
        problems = " ".join(str(each.problem) for each in item.problems)
        return f"{item.name} {item.workflow} {item.kind} {self._state(item)[0]} {' '.join(item.loops)} {problems}"

    def cells(self, item: WorkflowView) -> Sequence[Cell]:
        now = self._snapshot.taken_at if self._snapshot is not None else 0.0
        return (
            file_sign(item, self.loops_of(item), now),
            (item.name, Tone.TEXT if item.loops or item.problems else Tone.MUTED),
            (f"r{item.revision}" if item.revision else fmt.NOTHING, Tone.TEXT if item.revision else Tone.MUTED),
            (f"{len(item.loops):,}" if item.loops else fmt.NOTHING, Tone.TEXT if item.loops else Tone.MUTED),
            (f"{item.nodes:,}" if item.nodes else fmt.NOTHING, Tone.TEXT if item.nodes else Tone.MUTED),
            self._state(item),
            problems_word(item),
            (fmt.age(now - item.changed_at) if item.changed_at else fmt.NOTHING, Tone.TEXT),
            (fmt.age(now - item.loaded_at) if item.loaded_at else fmt.NOTHING, Tone.MUTED),
        )

    def _state(self, item: WorkflowView) -> Cell:
        return file_state(item, self.loops_of(item))

    def _rank(self, item: WorkflowView) -> int:
        return file_rank(item, self.loops_of(item))

    def loops_of(self, item: WorkflowView) -> Sequence[LoopView]:
        """Return the loops of a file, or those that use its nodes, the worst first."""
        return self._loops.get(self.key(item), ())

    def covers(self, item: WorkflowView) -> Collection[str]:
        return () if item.problems else (_PROBLEMS,)

    def title_words(self) -> str:
        bad = sum(1 for each in self._all if each.errors)
        said = f"{fmt.plural(bad, 'file')} with errors" if bad else ""
        return f"{said} /{self.filter_text}".strip() if self.filter_text else said

    def empty_words(self) -> str:
        if self.filter_text:
            return "No file has these words; esc clears the filter."
        return "" if self.waits else "No files. Save a workflow file in the folder, or try: flowtui new workflow hello"


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of text and what it belongs to."""

    text: str
    tone: Tone
    of: Problem | Reload | None = None


class _TextRows(Pane):
    """Rows of text that are made for a width."""

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._rows: list[_Row] = []
        self._made_for = 0

    def make_rows(self, width: int) -> list[_Row]:
        """Return all rows, none wider than `width` if it can be helped."""
        raise NotImplementedError

    def remake(self) -> None:
        """Make the rows anew: there is something else to show."""
        self._made_for = max(8, self.size.width - 4)
        self._rows = self.make_rows(self._made_for)
        self.cursor = max(0, min(self.cursor, len(self._rows) - 1))
        self.top = max(0, min(self.top, len(self._rows) - self.page))
        self.repaint()

    def apply_filter(self) -> None:
        self.cursor = self.top = 0
        self.remake()

    def on_resize(self) -> None:
        if self._made_for != max(8, self.size.width - 4):
            self.remake()
        super().on_resize()

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int, width: int) -> Line:
        row = self._rows[index]
        return (piece(row.text, width, row.tone),)

    def is_lit(self, index: int) -> bool:
        return self.has_focus and index == self.cursor

    @property
    def chosen(self) -> Problem | Reload | None:
        """What the row under the cursor belongs to."""
        return self._rows[self.cursor].of if 0 <= self.cursor < len(self._rows) else None


class ProblemsPane(_TextRows):
    """What is wrong with the chosen file, each problem with the lines around it."""

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._view: WorkflowView | None = None

    def show_file(self, view: WorkflowView | None) -> None:
        """Show the problems of a file."""
        if view == self._view:
            return
        if view is None or self._view is None or view.path != self._view.path:
            self.cursor = self.top = 0
        self._view = view
        self.remake()

    def make_rows(self, width: int) -> list[_Row]:
        view = self._view
        if view is None:
            return []
        rows = [_Row(line, Tone.BAD) for line in wrap(self._what_runs(view), width)] if view.is_broken else []
        for each in view.problems:
            problem = each.problem
            if not self.has_words(str(problem)):
                continue
            sign, tone = problem_sign(problem)
            rows += [_Row("", Tone.TEXT)] if rows else []
            rows.append(_Row(f"{sign} {problem_place(problem)} [{problem.code}]", Tone.STRONG, problem))
            rows += [_Row(f"  {line}", tone, problem) for line in wrap(problem.message, width - 2)]
            if each.excerpt is not None:
                rows += [_Row(text, shade, problem) for text, shade in excerpt_rows(each.excerpt, width)]
        return rows

    def _what_runs(self, view: WorkflowView) -> str:
        if view.is_innocent:
            return f"What {view.name} needs is broken, {runs_words(view)}. Its own text has loaded well before."
        back = " b gives it back what runs." if view.kept and view.loops else ""
        return f"The file on disk is broken, {runs_words(view)}.{back}"

    def title_words(self) -> str:
        of = f"of {self._view.name}" if self._view is not None else ""
        return f"{of} /{self.filter_text}".strip() if self.filter_text else of

    def empty_words(self) -> str:
        view = self._view
        if view is None:
            return "Choose a file to see what is wrong with it."
        if self.filter_text and view.problems:
            return "No problem has these words; esc clears the filter."
        if view.is_gone:
            return f"{view.name} was deleted. b brings it back, delete forgets it."
        if view.ignored:
            return f"{view.name} is not loaded: {view.ignored}."
        return f"No problems in {view.name}. y shows it, e edits it."


class ReloadsPane(_TextRows):
    """What came of the last reloads, the newest first; the newest, and those that are opened, with what changed."""

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._reloads: tuple[Reload, ...] = ()
        self._toggled: set[float] = set()

    def show_reloads(self, reloads: tuple[Reload, ...]) -> None:
        """Show these reloads, the newest first."""
        if reloads != self._reloads:
            came = len(reloads) > len(self._reloads) or reloads[:1] != self._reloads[:1]
            self._reloads = reloads
            if came and self.cursor == 0:
                self.top = 0
            self.remake()

    def make_rows(self, width: int) -> list[_Row]:
        rows: list[_Row] = []
        for index, reload in enumerate(self._reloads):
            lines = list(change_lines(reload.changes))
            if not self.has_words(" ".join((reload.why, reload.text, *(text for _, (text, _) in lines)))):
                continue
            head = f"{fmt.clock(reload.at)} {f'{reload.why}: ' if reload.why else ''}{reload.text}"
            tone = Tone.BAD if reload.is_bad else Tone.STRONG if index == 0 else Tone.TEXT
            first, *rest = wrap(f"{'✖ ' if reload.is_bad else ''}{head}", width)
            is_open = (index == 0) != (reload.at in self._toggled)
            rows.append(_Row(first, tone, reload))
            rows += [_Row(f"  {line}", tone, reload) for text in rest for line in wrap(text, width - 2)]
            if is_open:
                rows += [_Row(f"  {indent}{text}", shade, reload) for indent, (text, shade) in lines]
        return rows

    def toggle(self) -> None:
        """Show what the chosen reload changed, or no longer."""
        chosen = self.chosen
        if isinstance(chosen, Reload):
            self._toggled ^= {chosen.at}
            self.remake()

    def title_words(self) -> str:
        said = "all files"
        return f"{said} /{self.filter_text}" if self.filter_text else said

    def empty_words(self) -> str:
        if self.filter_text:
            return "No reload has these words; esc clears the filter."
        return "No reload yet. Save a file of the folder, and what it changed stands here."
