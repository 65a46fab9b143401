"""Chooses a theme: each is worn while the cursor is on it."""

from __future__ import annotations

from pathlib import Path

from flowtui.tui.screens.ask import ChooseScreen, Option
from flowtui.tui.themes import ABOUT


class ThemeScreen(ChooseScreen):
    """The themes; enter keeps the chosen one, esc the one from before."""

    def __init__(self, now: str) -> None:
        """`now` is the theme that is worn."""
        super().__init__("Theme", [Option(name, about) for name, about in ABOUT.items()])
        self._names = list(ABOUT)
        self._now = now

    def begin(self) -> None:
        super().begin()
        if self._now in self._names:
            self._table.choose(self._names.index(self._now))
        self._table.when_moved = self._wear

    def _wear(self) -> None:
        if self._table.chosen is not None:
            self.app.theme = self._table.chosen[1].label

    def action_leave(self) -> None:
        self.app.theme = self._now
        super().action_leave()


def kept_for_now(theme: str, file: Path | None) -> str:
    """Say that a theme is worn until the end, and how to keep it."""
    place = "the file that `flowtui config` names" if file is None else file
    return f"Theme {theme} until you leave; to keep it write this into {place}: theme: {theme}"
