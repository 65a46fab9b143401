"""Themes: readable each, and told apart; chosen while they are worn."""

from __future__ import annotations

from itertools import combinations

import pytest
from fake_client import FakeClient, a_busy_afternoon
from running import running
from textual.color import Color

from flowtui.model.preferences import Preferences
from flowtui.tui.cells import Lit, Tone
from flowtui.tui.surroundings import is_light
from flowtui.tui.themes import ABOUT, theme_for, themes

#: What must be read, and what only divides the screen.
TEXT, DIVIDES = 4.5, 3.0
FRAMES = (Tone.FRAME, Tone.FRAME_FOCUS)
#: What does not stand on lit rows.
OFF_ROWS = (*FRAMES, Tone.LOUD)
OWN_COLOURS = [name for name in ABOUT if name != "terminal"]


@pytest.fixture(autouse=True)
def all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


def light(colour: Color) -> float:
    """The relative luminance of WCAG."""
    parts = [part / 255 for part in colour.rgb]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    darker, lighter = sorted((light(one), light(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", OWN_COLOURS)
async def test_every_tone_stands_out_from_what_it_is_written_on(name: str) -> None:
    async with running(FakeClient(a_busy_afternoon()), preferences=Preferences(theme=name)) as it:
        assert it.app.theme == name
        await it.press("question_mark")
        for pane in (it.app.overview.loops, it.app.screen._view):
            for tone in Tone:
                for lit in Lit if tone not in OFF_ROWS else (Lit.NO,):
                    style = pane._style(tone, lit)
                    assert style.color is not None
                    assert style.bgcolor is not None
                    ratio = contrast(Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))
                    assert ratio >= (DIVIDES if tone in FRAMES else TEXT), (tone, lit, round(ratio, 2))


#: How the colours of a screen come through to an eye without red or green cones (Viénot, Brettel and Mollon 1999),
#: as factors for linear red, green and blue.
BLIND = {
    "protan": ((0.112, 0.888, 0.0), (0.112, 0.888, 0.0), (0.004, -0.004, 1.0)),
    "deutan": ((0.292, 0.708, 0.0), (0.292, 0.708, 0.0), (-0.022, 0.022, 1.0)),
}


@pytest.mark.parametrize("kind", BLIND)
def test_states_look_different_to_the_colour_blind_in_the_theme_made_for_them(kind: str) -> None:
    theme = next(theme for theme in themes(on_light=False) if theme.name == "colour-blind")

    def seen(text: str | None) -> list[float]:
        linear = [(part / 255) ** 2.2 for part in Color.parse(str(text)).rgb]
        mixed = [sum(a * b for a, b in zip(row, linear, strict=True)) for row in BLIND[kind]]
        return [max(0.0, part) ** (1 / 2.2) * 255 for part in mixed]

    for one, other in combinations((theme.success, theme.warning, theme.error, theme.foreground), 2):
        apart = sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5
        assert apart > 60, (one, other, round(apart))


def test_the_theme_suits_the_terminal_unless_one_is_wanted_for_which_there_are_colours() -> None:
    assert theme_for("", "truecolor", no_color=False, on_light=False) == "dark"
    assert theme_for("", "256", no_color=False, on_light=True) == "light"
    assert theme_for("contrast", "truecolor", no_color=False, on_light=True) == "contrast"
    assert theme_for("contrast", "standard", no_color=False, on_light=False) == "terminal"
    assert theme_for("light", "truecolor", no_color=True, on_light=False) == "terminal"
    assert is_light({"COLORFGBG": "0;15"})
    assert not is_light({"COLORFGBG": "15;0"})
    assert not is_light({})


async def test_a_theme_is_worn_while_the_cursor_is_on_it_and_kept_by_enter_alone() -> None:
    async with running(FakeClient(a_busy_afternoon()), preferences=Preferences(theme="light")) as it:
        await it.app.run_action("theme")
        await it.until_true(lambda: all(name in it.text for name in ABOUT))
        await it.press("j")
        assert it.app.theme == "contrast"
        await it.press("escape")
        assert it.app.theme == "light"
        await it.app.run_action("theme")
        await it.settle()
        await it.press("k", "enter")
        assert it.app.theme == "dark"
        assert it.toasts[-1].startswith("Theme dark until you leave; to keep it write this into ")
