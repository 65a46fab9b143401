"""`SourcePane`: the lines of a file, numbered, lightly coloured, each problem below its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flowtui.model.errors import Problem
from flowtui.model.workflows import SourceText
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Piece, Tone, chars_in, safe, width_of, words, wrap
from flowtui.tui.file_words import problem_sign
from flowtui.tui.widgets.pane import Pane

#: More lines than these are for an editor.
_MOST_LINES = 20_000
#: A line is coloured up to this length, in characters.
_LONGEST_COLOURED = 1000
_YAML = re.compile(
    r"(?P<comment>(?:^|(?<=\s))\#.*$)"
    r"|(?P<key>(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[\w.$-]+)(?=\s*:(?:\s|$)))"
    r"|(?P<template>\{\{.*?\}\}|\$\{[^}]*\})"
    r"|(?P<text>\"(?:[^\"\\{]|\\.)*\"|'[^'{]*')"
)
_PYTHON = re.compile(
    r"(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<comment>\#.*$)"
    r"|\b(?P<key>async|await|class|def|from|import|return|raise|yield|for|while|if|else|elif|try|except|with)\b"
)
_TONES = {"comment": Tone.MUTED, "key": Tone.ACCENT, "template": Tone.STRONG, "text": Tone.TEXT}


@dataclass(frozen=True, slots=True)
class _Row:
    """A piece of a line, or of what is wrong there; `number` only where a line begins."""

    line: int
    text: str
    number: int = 0
    problem: Problem | None = None
    tone: Tone = Tone.TEXT


class SourcePane(Pane):
    """A file, as it was when it was asked for."""

    def __init__(self, text: SourceText, note: str, *, id: str | None = None) -> None:
        super().__init__(text.path.name, id=id)
        self._text = text
        self._note = note
        self._rows: list[_Row] = []
        self._made_for = 0
        self._colours = _PYTHON if text.path.suffix == ".py" else _YAML
        self._digits = len(str(min(len(text.lines), _MOST_LINES)))

    @property
    def place(self) -> tuple[int, int]:
        """Line and column under the cursor, from 1; the column is 0 if it is not known."""
        if not self._rows:
            return 1, 0
        row = self._rows[self.cursor]
        return row.line, row.problem.column if row.problem is not None else 0

    def go_to_line(self, line: int) -> None:
        """Put the cursor on a line, with some lines before it in view."""
        self._make()
        index = next((index for index, row in enumerate(self._rows) if row.number >= line), len(self._rows) - 1)
        self.top = max(0, index - self.page // 3)
        self.move_to(index)

    def go_to_problem(self, step: int) -> None:
        """Put the cursor on the next problem, or with -1 on the one before; behind the last one comes the first."""
        starts = [
            index
            for index, row in enumerate(self._rows)
            if row.problem is not None and self._rows[index - 1].problem is not row.problem
        ]
        if starts:
            rest = [index for index in starts if (index > self.cursor if step > 0 else index < self.cursor)]
            self.move_to((rest or starts)[0 if step > 0 else -1])

    # Rows

    def _make(self) -> None:
        width = max(8, self.size.width - 4) - self._digits - 5
        if width == self._made_for:
            return
        self._made_for = width
        problems: dict[int, list[Problem]] = {}
        for problem in self._text.problems:
            problems.setdefault(max(1, min(problem.line, len(self._text.lines))), []).append(problem)
        self._rows = [row for number, text in self._numbered() for row in self._of_line(number, text, problems, width)]
        if len(self._text.lines) > _MOST_LINES:
            more = f"… {len(self._text.lines) - _MOST_LINES:,} more lines: e opens your editor"
            self._rows.append(_Row(_MOST_LINES, more, tone=Tone.MUTED))

    def _numbered(self) -> Iterator[tuple[int, str]]:
        return enumerate(self._text.lines[:_MOST_LINES], 1)

    def _of_line(self, number: int, text: str, problems: dict[int, list[Problem]], width: int) -> Iterator[_Row]:
        shown = safe(text.replace("\t", " "))
        stretches = list(_stretches(shown, width))
        found = problems.get(number, ())
        for index, stretch in enumerate(stretches):
            yield _Row(number, stretch, number if index == 0 else 0)
        for problem in found:
            sign, tone = problem_sign(problem)
            before = width_of(safe(text[: max(0, problem.column - 1)]))
            if problem.line and problem.column and before < width and len(stretches) == 1:
                yield _Row(number, f"{' ' * before}^", 0, problem, tone)
            for line in wrap(f"{sign} {problem.message} [{problem.code}]", width):
                yield _Row(number, line, 0, problem, tone)

    def row_count(self) -> int:
        self._make()
        return len(self._rows)

    def row(self, index: int, width: int) -> Line:
        row = self._rows[index]
        has_problem = row.number and index + 1 < len(self._rows) and self._rows[index + 1].problem is not None
        sign = words("✖ " if has_problem and self._is_error(index + 1) else "! " if has_problem else "  ")
        if has_problem:
            sign = sign._replace(tone=Tone.BAD if self._is_error(index + 1) else Tone.WARN)
        number = Piece(f"{row.number or '':>{self._digits}} │ ", Tone.MUTED, self._digits + 3)
        if row.problem is not None or not row.number:
            return (sign, number, words(row.text, row.tone))
        return (sign, number, *self._coloured(row.text))

    def _is_error(self, index: int) -> bool:
        problem = self._rows[index].problem
        return problem is not None and problem_sign(problem)[1] is Tone.BAD

    def _coloured(self, text: str) -> Iterator[Piece]:
        at = 0
        for match in self._colours.finditer(text[:_LONGEST_COLOURED]):
            if match.start() > at:
                yield words(text[at : match.start()])
            yield words(match[0], _TONES[match.lastgroup or "text"])
            at = match.end()
        if at < len(text):
            yield words(text[at:])

    @property
    def chosen(self) -> int | None:
        """The line under the cursor."""
        return self._rows[self.cursor].line if self._rows else None

    def on_resize(self) -> None:
        line = self.chosen
        self._make()
        if line is not None:
            self.go_to_line(line)
        super().on_resize()

    def title_words(self) -> str:
        return self._note

    def corner_words(self) -> str:
        problems = f"{fmt.plural(len(self._text.problems), 'problem')}, n next" if self._text.problems else ""
        return " · ".join(filter(None, (super().corner_words(), problems, "e edit", "c copy path", "esc back")))

    def empty_words(self) -> str:
        return "The file is empty."


def _stretches(text: str, width: int) -> Iterator[str]:
    """Yield a line in stretches that fit."""
    while width_of(text) > width:
        cut = chars_in(text, width)
        yield text[:cut]
        text = text[cut:]
    yield text
