"""What can be done with workflow files."""

from __future__ import annotations

from flowtui.tui.actions.action import Action

WORKFLOW_ACTIONS: tuple[Action, ...] = ()
