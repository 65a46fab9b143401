"""The themes, and which one suits a terminal. Signs and words tell the states in all of them."""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="dark",
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
    name="light",
    primary="#0550ae",
    secondary="#0550ae",
    accent="#0550ae",
    success="#116329",
    warning="#7d4e00",
    error="#a31515",
    foreground="#1f2328",
    background="#ffffff",
    surface="#f3f5f8",
    panel="#e6eaf0",
    dark=False,
)

CONTRAST = Theme(
    name="contrast",
    primary="#5ef1ff",
    secondary="#5ef1ff",
    accent="#5ef1ff",
    success="#4dff4d",
    warning="#ffe600",
    error="#ff8f8f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    dark=True,
)

#: Blue, yellow and orange: these stay apart for every kind of colour-blindness, by lightness too.
COLOUR_BLIND = Theme(
    name="colour-blind",
    primary="#b8a6ff",
    secondary="#b8a6ff",
    accent="#b8a6ff",
    success="#56b4e9",
    warning="#f0e442",
    error="#f59660",
    foreground="#dfe3e8",
    background="#10131a",
    surface="#191d26",
    panel="#252b38",
    dark=True,
)

#: The terminal's own sixteen colours, as its user has set them.
TERMINAL = replace(BUILTIN_THEMES["ansi-dark"], name="terminal")
_TERMINAL_ON_LIGHT = replace(BUILTIN_THEMES["ansi-light"], name="terminal", warning="ansi_magenta")

#: By name, each with what it is for.
ABOUT = {
    "dark": "light text on dark",
    "light": "dark text on white",
    "contrast": "white on black, strong colours",
    "colour-blind": "blue, yellow and orange for well, warning and wrong",
    "terminal": "the terminal's own sixteen colours, and few bytes",
}


def themes(*, on_light: bool) -> tuple[Theme, ...]:
    """Return all themes, in the order of `ABOUT`, for a terminal with a dark or a light background."""
    return DARK, LIGHT, CONTRAST, COLOUR_BLIND, _TERMINAL_ON_LIGHT if on_light else TERMINAL


def theme_for(wanted: str, color_system: str | None, *, no_color: bool, on_light: bool) -> str:
    """Return the theme to begin with: the one wanted, if the terminal has the colours for it and may show any."""
    if no_color or color_system not in ("truecolor", "256"):
        return TERMINAL.name
    return wanted or (LIGHT.name if on_light else DARK.name)
