"""Every screen looks as it did when a person last looked at it: in two sizes and two themes.

`FLOWTUI_PICTURES=take pytest tests/tui/test_pictures.py` takes them anew; then look at what has changed.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fake_client import a_busy_afternoon, chatter
from fake_inspector import FakeInspectorClient
from running import Running, running

from flowtui.tui.themes import DARK, LIGHT

PICTURES = Path(__file__).parent / "pictures"
SIZES = {"120x40": (120, 40), "80x24": (80, 24)}
THEMES = {"dark": DARK.name, "light": LIGHT.name}
#: Others draw other frames around the same cells.
DRAWN_BY = f"rich {version('rich')}, textual {version('textual')}"
_UNIQUE = re.compile(r"terminal-\d+")
_FONT_FACE = re.compile(r"\s*@font-face\s*{[^}]*}")


async def inspector(it: Running) -> None:
    await it.press("tab", "i")
    await it.app.workers.wait_for_complete()
    await it.press("f5")
    await it.app.workers.wait_for_complete()
    await it.until("✔ ran well")


def keys(*pressed: str) -> Callable[[Running], Awaitable[None]]:
    """Return what shows a screen by pressing keys."""

    async def press(it: Running) -> None:
        await it.press(*pressed)
        await it.app.workers.wait_for_complete()
        await it.settle()

    return press


SCREENS: dict[str, Callable[[Running], Awaitable[None]]] = {
    "1-overview": keys(),
    "2-loop": keys("2"),
    "3-queues": keys("3"),
    "4-logs": keys("4"),
    "5-letters": keys("5"),
    "6-workflows": keys("6"),
    "7-inspector": inspector,
    "help": keys("question_mark"),
    "question": keys("X"),
}


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def an_afternoon() -> FakeInspectorClient:
    """Everything that the screens show, at one moment."""
    client = FakeInspectorClient()
    client.change(
        **{name: getattr(a_busy_afternoon(), name) for name in ("loops", "queues", "dead_letters", "problems")}
    )
    client.change(dead_total=14)
    chatter(client, 40)
    return client


def taken(it: Running, name: str) -> str:
    """Return the picture of a screen, without what differs from run to run."""
    svg = _FONT_FACE.sub("", it.app.export_screenshot(title=name))
    return _UNIQUE.sub("cells", svg).replace(
        "<!-- Generated with Rich https://www.textualize.io -->", f"<!-- {DRAWN_BY} -->"
    )


def words(svg: str) -> list[str]:
    """Return the texts of a picture, which stay the same whoever draws its frame."""
    return [text.replace("\xa0", " ") for each in ElementTree.fromstring(svg).iter() if (text := each.text)]


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_looks_as_it_did(screen: str, tmp_path: Path) -> None:
    now: dict[str, str] = {}
    async with running(an_afternoon()) as it:
        await SCREENS[screen](it)
        for (size, cells), (theme, name) in itertools.product(SIZES.items(), THEMES.items()):
            it.app.theme = name
            await it.resize(*cells)
            await it.settle()
            picture = f"{screen}-{size}-{theme}"
            now[picture] = taken(it, picture)
    if os.environ.get("FLOWTUI_PICTURES") == "take":
        take(now)
    changed = [told for name, picture in now.items() if (told := change(name, picture))]
    for name, picture in now.items():
        (tmp_path / f"{name}.svg").write_text(picture)
    assert not changed, f"as it is now: {tmp_path}\n" + "\n".join(changed)


def take(pictures: dict[str, str]) -> None:
    PICTURES.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        (PICTURES / f"{name}.svg").write_text(picture)


def change(name: str, now: str) -> str:
    """Return what has changed in a picture, empty if nothing."""
    before = (PICTURES / f"{name}.svg").read_text()
    if now == before if DRAWN_BY in before else words(now) == words(before):
        return ""
    lines = difflib.unified_diff(words(before), words(now), f"{name}, before", "now", n=0, lineterm="")
    return "\n".join(lines) or f"{name}: only its colours"
