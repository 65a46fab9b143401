"""What can be done with the log."""

from __future__ import annotations

from flowtui.tui.actions.action import Action

LOG_ACTIONS: tuple[Action, ...] = ()
