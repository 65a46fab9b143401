"""What the person at the screen prefers, for widgets and screens."""

from __future__ import annotations

from typing import Protocol, cast

from textual.dom import DOMNode

from flowtui.model.preferences import Preferences


class _App(Protocol):
    preferences: Preferences


def preferences_of(node: DOMNode) -> Preferences:
    """Return the preferences of the app that a widget or screen belongs to."""
    return cast(_App, node.app).preferences
