"""What can be done with dead letters."""

from __future__ import annotations

from flowtui.tui.actions.action import Action

LETTER_ACTIONS: tuple[Action, ...] = ()
