"""`OutputPane`: what a run handed on, as a tree, as JSON text, or as its difference from another output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flowtui.model.development import DevRun
from flowtui.model.diff import Change, ChangeKind, differences, shown_path
from flowtui.model.forms import KeyPath
from flowtui.tui.cells import Line, Piece, Tone, piece, safe, width_of, wrap
from flowtui.tui.json_text import as_line, as_text
from flowtui.tui.run_words import changes_of, difference_words, output_words, sign_of
from flowtui.tui.widgets.pane import Pane

#: Elements of a list that a tree shows; the text shows all.
_MOST_ELEMENTS = 1000
_TONES = dict(map(sign_of, ChangeKind))
_NOTHING = "Not run yet. f5 runs the node with the input beside it; what comes out stands here."


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an output.

    Attributes:
        sign: of its change, empty for none.
        label: before the value, in another tone.
        value: what is shown in full when the row is opened; `path` is its place.
        folds: whether it holds others, which can be folded away.
    """

    sign: str
    label: str
    text: str
    tone: Tone
    path: KeyPath = ()
    value: Any = None
    folds: bool = False


class OutputPane(Pane):
    """The output of one run."""

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.is_raw = False
        self._run: DevRun | None = None
        self._against: tuple[str, Any] | None = None
        self._changes: tuple[Change, ...] = ()
        self._difference: tuple[Change, ...] = ()
        self._is_pinned = False
        self._folded: set[KeyPath] = set()
        self._shown: list[Row] = []
        self._wrapped_for = 0

    # Content

    def show(self, run: DevRun | None, against: tuple[str, Any] | None, *, is_pinned: bool) -> None:
        """Show the output of a run; `against` is the name of another output and its payload, for the difference."""
        if run is not self._run:
            self._folded.clear()
            self.cursor = self.top = 0
        self._run, self._against, self._is_pinned = run, against, is_pinned
        self._changes = changes_of(run) if run is not None else ()
        self._build()

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        return self._shown[self.cursor] if 0 <= self.cursor < len(self._shown) else None

    def toggle_raw(self) -> None:
        """Show JSON text instead of the tree, and back."""
        self.is_raw = not self.is_raw
        self.cursor = self.top = 0
        self._build()

    def _build(self) -> None:
        run = self._run
        self._wrapped_for = max(8, self.size.width - 4)
        if run is None or run.output is None:
            self._shown = []
        elif self._against is not None:
            self._difference = differences(self._against[1], run.output.payload)
            self._shown = [_changed_row(each) for each in self._difference]
        elif self.is_raw:
            lines = wrap(as_text(run.output.payload), self._wrapped_for)
            self._shown = [Row("", "", line, Tone.TEXT) for line in lines]
        else:
            about = [Row("", line, "", Tone.MUTED) for line in wrap(run.note, self._wrapped_for - 2) if run.note]
            self._shown = about + self._tree(run.output.payload)
        self.move_to(self.cursor)

    def _tree(self, payload: Mapping[str, Any]) -> list[Row]:
        changed = {each.path: each for each in self._changes if each.kind is not ChangeKind.REMOVED}
        rows: list[Row] = []
        self._grow(rows, payload, (), changed)
        gone = [each for each in self._changes if each.kind is ChangeKind.REMOVED]
        return rows + [replace(_changed_row(each), label=f"{shown_path(each.path)} was ") for each in gone]

    def _grow(self, rows: list[Row], value: Any, path: KeyPath, changed: Mapping[KeyPath, Change]) -> None:
        is_list = isinstance(value, list)
        inner = enumerate(value) if is_list else value.items()
        for number, (key, each) in enumerate(inner):
            if number == _MOST_ELEMENTS:
                rest = len(value) - number
                rows.append(Row("", "  " * len(path), f"… {rest:,} more; v shows all as text", Tone.MUTED))
                return
            here = (*path, key)
            change = changed.get(here)
            sign, tone = sign_of(change.kind) if change else ("", Tone.TEXT)
            indent = "  " * len(path)
            if isinstance(each, dict | list) and each:
                is_folded = here in self._folded
                size = f"[{len(each)}]" if isinstance(each, list) else f"{{{len(each)}}}"
                fold = "▸" if is_folded else "▾"
                rows.append(Row(sign, f"{indent}{fold} {key} ", size, Tone.MUTED, here, each, folds=True))
                if not is_folded:
                    self._grow(rows, each, here, changed)
            else:
                text = as_line(each)
                if change is not None and change.kind is ChangeKind.CHANGED:
                    text = f"{as_line(change.old)} → {text}"
                rows.append(Row(sign, f"{indent}  {key}: ", text, tone, here, each))

    # Keys

    def action_open(self) -> None:
        row = self.chosen
        if row is not None and row.folds and self._against is None:
            self._folded ^= {row.path}
            self._build()
        else:
            super().action_open()

    def on_resize(self) -> None:
        if self.is_raw and self._wrapped_for != max(8, self.size.width - 4):
            self._build()
        super().on_resize()

    # Drawing

    def row_count(self) -> int:
        return len(self._shown)

    def row(self, index: int, width: int) -> Line:
        row = self._shown[index]
        if self.is_raw and self._against is None:
            return (piece(row.text, width, row.tone),)
        label = piece(row.label, min(width_of(safe(row.label)), width // 2 if row.text else width - 2), Tone.MUTED)
        sign = Piece(f"{row.sign or ' '} ", _TONES.get(row.sign, row.tone), 2)
        return (sign, label, piece(row.text, max(1, width - 2 - label.width), row.tone))

    def is_lit(self, index: int) -> bool:
        return self.has_focus and index == self.cursor

    def title_words(self) -> str:
        if self._run is None:
            return ""
        if self._compares:
            return f"diff to {self._against[0]}" if self._against else ""
        return output_words(self._run, self._changes)

    def corner_words(self) -> str:
        if self._run is None or self._run.output is None:
            return ""
        if self._compares:
            said = [difference_words(self._difference)]
            said += ["f7 next"] if len(said[0]) < self.size.width - len("╰─  · f7 next ─╯") else []
        else:
            said = ["pinned"] if self._is_pinned else []
            said += ["f7 diff", "v tree" if self.is_raw else "v text"]
        return " · ".join(filter(None, (super().corner_words(), *said)))

    @property
    def _compares(self) -> bool:
        return self._against is not None and self._run is not None and self._run.output is not None

    def empty_words(self) -> str:
        run = self._run
        if run is None:
            return _NOTHING
        if self._against is not None and run.output is not None:
            return f"No difference to {self._against[0]}."
        if run.failure is not None:
            return f"No output: it failed with {run.failure.error}; the error stands below."
        if "output" in run.cut:
            return "The output was too big to be kept."
        return f"No output: {run.note or 'it handed nothing on'}."


def _changed_row(change: Change) -> Row:
    sign, tone = sign_of(change.kind)
    texts: Sequence[str] = {
        ChangeKind.ADDED: (as_line(change.new),),
        ChangeKind.REMOVED: (as_line(change.old),),
        ChangeKind.CHANGED: (f"{as_line(change.old)} → {as_line(change.new)}",),
        ChangeKind.MOVED: (f"was [{change.was}]: {as_line(change.new)}",),
    }[change.kind]
    value = change.old if change.kind is ChangeKind.REMOVED else change.new
    return Row(sign, f"{shown_path(change.path)} ", texts[0], tone, change.path, value)
