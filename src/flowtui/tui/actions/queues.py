"""What can be done with queues."""

from __future__ import annotations

from flowtui.tui.actions.action import Action

QUEUE_ACTIONS: tuple[Action, ...] = ()
