"""What of a log is shown, and what is a hit: whose lines, how grave, with which words or regular expressions."""

from __future__ import annotations

import logging
import re
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from flowtui.model.log_lines import LogLine

#: A text with one of these is a regular expression.
_SIGNS = re.compile(r"[\\^$*+?|()\[\]{}]")
#: A `!` that begins a word: what stands behind it is not wanted.
_NOT = re.compile(r"(?<!\S)!")
#: What one line may cost, in seconds; a regular expression can be written so that it costs years.
_LONGEST_S = 0.05
_LONGEST_QUOTE = 40


class NoPattern(ValueError):
    """A text cannot be searched for; says why in one sentence."""


@lru_cache(1)
def _regex() -> ModuleType:
    # Unlike that of the standard library it can be given a time to be done in. Loaded when first needed.
    import regex  # noqa: PLC0415

    return regex


class _Part:
    """Plain words, all of which must occur, in any order and any case; or one regular expression."""

    def __init__(self, text: str) -> None:
        self._words = tuple(text.casefold().split())
        self._expression: Any = None
        looked_for = "|".join(re.escape(word) for word in text.split())
        if _SIGNS.search(text):
            self._words = ()
            looked_for = text
        regex = _regex()
        try:
            self._hits = regex.compile(looked_for, regex.IGNORECASE | regex.MULTILINE)
        except regex.error as error:
            raise NoPattern(f"{_quoted(text)} is no regular expression: {error.msg}") from None
        except (OverflowError, RecursionError, MemoryError):
            raise NoPattern(f"{_quoted(text)} is too much for a regular expression") from None
        if not self._words:
            self._expression = self._hits

    def is_in(self, text: str, folded: str) -> bool:
        if self._expression is not None:
            return self._expression.search(text, timeout=_LONGEST_S) is not None
        for word in self._words:  # noqa: SIM110 - a generator takes twice as long, and this is done for every line
            if word not in folded:
                return False
        return True

    def spans(self, text: str) -> list[tuple[int, int]]:
        return [found.span() for found in self._hits.finditer(text, timeout=_LONGEST_S)]


class Pattern:
    """What a person looks for in message, loop, node and item of a line.

    `a b !c d`: what stands before the first `!` that begins a word must be in the line, what stands behind each such
    `!` must not. Each of these parts is plain words, all of which count, in any order; with a sign of a regular
    expression in it, it is one, blanks included, in which `^` and `$` are the ends of each of the four. Case
    never counts.
    """

    def __init__(self, text: str) -> None:
        """Read a text.

        Raises:
            NoPattern: if it is no regular expression.
        """
        self.text = text
        wanted, *unwanted = (part.strip() for part in _NOT.split(text))
        self._parts = [(_Part(wanted), True)] if wanted else []
        self._parts += [(_Part(part), False) for part in unwanted if part]
        self._is_slow = False

    @property
    def is_empty(self) -> bool:
        """Whether every line passes."""
        return not self._parts

    def passes(self, line: LogLine) -> bool:
        """Return whether a line is one that is looked for.

        Raises:
            NoPattern: if that cannot be told in reasonable time, neither for this line nor for any later one.
        """
        if self._is_slow:
            raise self._slow()
        text = f"{line.message}\n{line.loop or 'flowtui'}"
        if line.node:
            text = f"{text}\n{line.node}"
        if line.item:
            text = f"{text}\n{line.item}"
        folded = text.casefold()
        try:
            for part, is_wanted in self._parts:
                if part.is_in(text, folded) is not is_wanted:
                    return False
        except TimeoutError:
            self._is_slow = True
            raise self._slow() from None
        return True

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where in a text the hits are, as (first, one behind the last), from left to right; none overlap."""
        if self._is_slow:
            return []
        try:
            found = [span for part, is_wanted in self._parts if is_wanted for span in part.spans(text)]
        except TimeoutError:
            self._is_slow = True
            return []
        return [(first, end) for first, end in found if end > first]

    def _slow(self) -> NoPattern:
        return NoPattern(f"{_quoted(self.text)} takes too long to look for; write it simpler")


def _quoted(text: str) -> str:
    return f"“{text}”" if len(text) <= _LONGEST_QUOTE else f"“{text[:_LONGEST_QUOTE]}…”"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are shown.

    Attributes:
        level: only lines as grave as this (a `logging` level), or graver.
        loop, node: ids; only their lines, all if empty.
        pattern: only what it lets pass.
        around: so many lines before and behind each that passes are shown too, as far as the others admit them.
    """

    level: int = logging.INFO
    loop: str = ""
    node: str = ""
    pattern: Pattern | None = None
    around: int = 0

    def admits(self, line: LogLine) -> bool:
        """Return whether a line is grave enough, and of whom one wants to hear."""
        return line.level >= self.level and self.loop in ("", line.loop) and self.node in ("", line.node)

    def is_hit(self, line: LogLine) -> bool:
        """Return whether a line that is shown stands there for itself, not for another one near it.

        Raises:
            NoPattern: if the pattern takes too long.
        """
        return self.pattern is None or self.pattern.passes(line)


class Sieve:
    """Tells of lines, given one by one in their order, which ones to show."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._before: deque[LogLine] = deque(maxlen=wanted.around)
        self._behind = 0  # how many more lines are shown because they stand behind a hit

    def let_through(self, line: LogLine) -> tuple[LogLine, ...]:
        """Return which lines to show after this one has come: none, itself, or also those before it.

        Raises:
            NoPattern: if the pattern takes too long.
        """
        wanted = self._wanted
        if not wanted.admits(line):
            return ()
        if wanted.is_hit(line):
            shown = (*self._before, line)
            self._before.clear()
            self._behind = wanted.around
            return shown
        if self._behind:
            self._behind -= 1
            return (line,)
        self._before.append(line)
        return ()
