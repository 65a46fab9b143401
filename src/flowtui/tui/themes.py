"""Two themes of flowtui's own, quiet and readable, and which theme suits a terminal."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="flowtui-dark",
    primary="#58a6ff",
    secondary="#58a6ff",
    accent="#58a6ff",
    success="#3fb950",
    warning="#d29922",
    error="#ff7b72",
    foreground="#d6dde6",
    background="#0d1117",
    surface="#161b22",
    panel="#1f2733",
    dark=True,
)

LIGHT = Theme(
    name="flowtui-light",
    primary="#0550ae",
    secondary="#0550ae",
    accent="#0550ae",
    success="#116329",
    warning="#7d4e00",
    error="#b3201c",
    foreground="#1f2328",
    background="#ffffff",
    surface="#f3f5f8",
    panel="#e6eaf0",
    dark=False,
)


def theme_for(color_system: str | None, no_color: bool) -> str:
    """Return the theme to begin with: the terminal's own colours where it has but a few, or where none are wanted."""
    return "ansi-dark" if no_color or color_system not in ("truecolor", "256") else DARK.name
