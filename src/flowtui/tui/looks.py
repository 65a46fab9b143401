"""Which theme the app wears, and which preferences it has in the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual.screen import Screen

from flowtui.model.preferences import Preferences
from flowtui.tui.screens.theme import ThemeScreen, kept_for_now
from flowtui.tui.surroundings import is_light
from flowtui.tui.themes import TERMINAL, theme_for, themes
from flowtui.tui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from flowtui.tui.app import FlowtuiApp


def dress(app: FlowtuiApp) -> None:
    """Make all themes known and wear the one that is wanted, or suits the terminal."""
    on_light = is_light(os.environ)
    for theme in themes(on_light=on_light):
        app.register_theme(theme)
    wanted = app.preferences.theme
    if not wanted and app.preferences.low_bandwidth:
        wanted = TERMINAL.name  # its colours are told in two bytes, others in twenty
    app.theme = theme_for(wanted, app.console.color_system, no_color=app.no_color, on_light=on_light)


def prefer(app: FlowtuiApp, preferences: Preferences) -> None:
    """Have these preferences from now on, in tables too."""
    app.preferences = preferences
    for screen in {*app.screen_stack, *app._installed_screens.values()}:
        if isinstance(screen, Screen):
            for table in screen.query(LiveTable):
                table.prefer(preferences)


def choose_theme(app: FlowtuiApp) -> None:
    """Have a person choose a theme, and say how to keep it."""

    def then(place: int | None) -> None:
        if place is not None:
            app.say(kept_for_now(app.theme, app.preferences.file))

    app.push_screen(ThemeScreen(app.theme), then)
